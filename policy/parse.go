package policy

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/policy/tree"
)

// SyntaxError is a document that is not JSON or not of the policy grammar.
type SyntaxError = tree.SyntaxError

// Parse reads a policy strictly: JSON without duplicate keys or trailing text,
// known elements only, in the shapes of the policy grammar. It compiles
// everything that [Evaluate] needs. What a certain kind of policy may contain is
// the matter of the Validate functions. The error is a [*SyntaxError].
func Parse(src []byte) (*Document, error) {
	text := string(src)
	root, err := tree.Parse(text)
	if err != nil {
		return nil, err
	}
	d, err := build(text, root)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// builder turns a JSON tree into a document.
type builder struct {
	src string
	pos positions
}

func (b *builder) errorf(n *tree.Node, format string, args ...any) *SyntaxError {
	return tree.SyntaxErrorAt(b.src, n.Start, format, args...)
}

func build(src string, root *tree.Node) (*Document, *SyntaxError) {
	b := &builder{src: src, pos: positions{src: src, at: Position{Line: 1, Column: 1}}}
	if root.Kind != tree.Object {
		return nil, b.errorf(root, "a policy is a JSON object, not %s", root.Kind)
	}
	d := &Document{source: src} // not the tree: with 100,000 roles it would be a third of the memory
	for _, m := range root.Members {
		switch m.Name {
		case "Version", "Id":
			if m.Value.Kind != tree.String {
				return nil, b.errorf(m.Value, "%s must be a string, not %s", m.Name, m.Value.Kind)
			}
		case "Statement":
		default:
			return nil, tree.SyntaxErrorAt(src, m.NameStart, "unknown element %q; a policy has Version, Id and Statement", m.Name)
		}
	}
	if v := root.Get("Version"); v != nil {
		if d.Version = v.Text; d.Version != Version2008 && d.Version != Version2012 {
			return nil, b.errorf(v, "Version must be %q or %q, not %q", Version2012, Version2008, v.Text)
		}
	}
	if id := root.Get("Id"); id != nil {
		d.ID = id.Text
	}
	list, err := b.statements(root)
	if err != nil {
		return nil, err
	}
	for _, n := range list {
		s, err := b.statement(n, d.Version == Version2012)
		if err != nil {
			return nil, err
		}
		d.conditions += len(s.Conditions)
		d.Statements = append(d.Statements, *s)
	}
	return d, nil
}

// positions turns rising offsets into positions in one pass over the text.
type positions struct {
	src    string
	offset int
	at     Position
}

func (p *positions) advance(offset int) Position {
	for ; p.offset < offset; p.offset++ {
		switch c := p.src[p.offset]; {
		case c == '\n':
			p.at.Line++
			p.at.Column = 1
		case c&0xC0 != 0x80: // not the continuation of a UTF-8 character
			p.at.Column++
		}
	}
	return p.at
}

func (b *builder) statements(root *tree.Node) ([]*tree.Node, *SyntaxError) {
	n := root.Get("Statement")
	switch {
	case n == nil:
		return nil, b.errorf(root, "the policy has no Statement")
	case n.Kind == tree.Object:
		return []*tree.Node{n}, nil
	case n.Kind != tree.Array:
		return nil, b.errorf(n, "Statement must be an object or an array of objects, not %s", n.Kind)
	case len(n.Items) == 0:
		return nil, b.errorf(n, "Statement is empty")
	}
	return n.Items, nil
}

func (b *builder) statement(n *tree.Node, variables bool) (*Statement, *SyntaxError) {
	if n.Kind != tree.Object {
		return nil, b.errorf(n, "a statement must be an object, not %s", n.Kind)
	}
	s := &Statement{Start: b.pos.advance(n.Start)}
	var err *SyntaxError
	for _, m := range n.Members {
		switch m.Name {
		case "Sid":
			if m.Value.Kind != tree.String {
				return nil, b.errorf(m.Value, "Sid must be a string, not %s", m.Value.Kind)
			}
			s.Sid = m.Value.Text
		case "Effect":
			if s.Effect = m.Value.Text; m.Value.Kind != tree.String || s.Effect != "Allow" && s.Effect != "Deny" {
				return nil, b.errorf(m.Value, `Effect must be "Allow" or "Deny"`)
			}
		case "Principal", "NotPrincipal":
			if s.principal != nil {
				return nil, b.errorf(m.Value, "Principal and NotPrincipal exclude each other")
			}
			err = b.principals(s, m)
		case "Action", "NotAction":
			if s.actions != nil {
				return nil, b.errorf(m.Value, "Action and NotAction exclude each other")
			}
			s.Actions.Not = m.Name == "NotAction"
			s.Actions.Values, err = b.strings(m)
			for _, v := range s.Actions.Values {
				s.actions = append(s.actions, compileGlob(strings.ToLower(v)))
			}
		case "Resource", "NotResource":
			if s.resources != nil {
				return nil, b.errorf(m.Value, "Resource and NotResource exclude each other")
			}
			s.Resources.Not = m.Name == "NotResource"
			s.Resources.Values, err = b.strings(m)
			for _, v := range s.Resources.Values {
				s.resources = append(s.resources, newResourceMatcher(v, variables))
			}
		case "Condition":
			s.Conditions, err = b.conditions(m.Value, variables)
		default:
			return nil, tree.SyntaxErrorAt(b.src, m.NameStart, "unknown element %q in a statement", m.Name)
		}
		if err != nil {
			return nil, err
		}
	}
	if s.Effect == "" {
		return nil, b.errorf(n, "the statement has no Effect")
	}
	if s.actions == nil {
		return nil, b.errorf(n, "the statement has no Action")
	}
	s.End = b.pos.advance(n.End)
	return s, nil
}

// strings reads a string or a non-empty array of strings. A null among resources
// is ignored, as by IAM.
func (b *builder) strings(m tree.Member) ([]string, *SyntaxError) {
	if m.Value.Kind == tree.String {
		return []string{m.Value.Text}, nil
	}
	if m.Value.Kind != tree.Array {
		return nil, b.errorf(m.Value, "%s must be a string or an array of strings, not %s", m.Name, m.Value.Kind)
	}
	values := make([]string, 0, len(m.Value.Items))
	for _, item := range m.Value.Items {
		switch {
		case item.Kind == tree.String:
			values = append(values, item.Text)
		case item.Kind == tree.Null && strings.HasSuffix(m.Name, "Resource"):
		default:
			return nil, b.errorf(item, "%s must hold strings, not %s", m.Name, item.Kind)
		}
	}
	if len(values) == 0 {
		return nil, b.errorf(m.Value, "%s is empty", m.Name)
	}
	return values, nil
}

func (b *builder) principals(s *Statement, m tree.Member) *SyntaxError {
	matcher := &principalMatcher{not: m.Name == "NotPrincipal"}
	s.principal, s.Principals.Not = matcher, matcher.not
	if m.Value.Kind == tree.String {
		if m.Value.Text != "*" {
			return b.errorf(m.Value, `%s must be "*" or an object such as {"Federated": "arn:…"}`, m.Name)
		}
		matcher.entries = []principalEntry{{kind: anyone}}
		s.Principals.Values = []NamedPrincipal{{Value: "*"}}
		return nil
	}
	if m.Value.Kind != tree.Object {
		return b.errorf(m.Value, `%s must be "*" or an object, not %s`, m.Name, m.Value.Kind)
	}
	if len(m.Value.Members) == 0 {
		return b.errorf(m.Value, "%s is empty", m.Name)
	}
	for _, kind := range m.Value.Members {
		switch kind.Name {
		case "AWS", "Federated", "Service", "CanonicalUser":
		default:
			return tree.SyntaxErrorAt(b.src, kind.NameStart, "unknown principal type %q; known are AWS, Federated, Service and CanonicalUser", kind.Name)
		}
		values, err := b.strings(kind)
		if err != nil {
			return err
		}
		for _, v := range values {
			matcher.entries = append(matcher.entries, newPrincipalEntry(kind.Name, v))
			s.Principals.Values = append(s.Principals.Values, NamedPrincipal{kind.Name, v})
		}
	}
	return nil
}

func (b *builder) conditions(n *tree.Node, variables bool) ([]Condition, *SyntaxError) {
	if n.Kind != tree.Object {
		return nil, b.errorf(n, "Condition must be an object, not %s", n.Kind)
	}
	count := 0
	for _, operatorMember := range n.Members {
		count += len(operatorMember.Value.Members)
	}
	out := make([]Condition, 0, count) // a policy is kept as long as its role
	for _, operatorMember := range n.Members {
		keys := operatorMember.Value
		if keys.Kind != tree.Object {
			return nil, b.errorf(keys, "operator %s must hold an object of keys, not %s", operatorMember.Name, keys.Kind)
		}
		op, known := parseOperator(operatorMember.Name)
		if !known && len(keys.Members) > 0 {
			// Recorded: IAM takes an unknown operator that tests no key.
			return nil, tree.SyntaxErrorAt(b.src, operatorMember.NameStart, "unknown condition operator %q", operatorMember.Name)
		}
		for _, key := range keys.Members {
			values, err := b.scalars(key.Value)
			if err != nil {
				return nil, err
			}
			out = append(out, newCondition(operatorMember.Name, key.Name, values, op, b.pos.advance(key.NameStart), variables))
		}
	}
	return out, nil
}

// scalars reads the values of a condition key: strings, numbers and booleans,
// the latter two as their text.
func (b *builder) scalars(n *tree.Node) ([]string, *SyntaxError) {
	items := n.Items
	if n.Kind != tree.Array {
		items = []*tree.Node{n}
	}
	values := make([]string, len(items))
	for i, item := range items {
		switch item.Kind {
		case tree.String, tree.Number, tree.Bool:
			values[i] = item.Text
		default:
			return nil, b.errorf(item, "a condition value must be a string, a number or a boolean, not %s", item.Kind)
		}
	}
	return values, nil
}
