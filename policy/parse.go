package policy

import "strings"

// Parse reads a policy strictly: JSON without duplicate keys or trailing text,
// known elements only, in the shapes of the policy grammar. It compiles
// everything that [Evaluate] needs. What a certain kind of policy may contain is
// the matter of the Validate functions. The error is a [*SyntaxError].
func Parse(src []byte) (*Document, error) {
	text := string(src)
	root, err := parseJSON(text)
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

func (b *builder) errorf(n *node, format string, args ...any) *SyntaxError {
	return syntaxErrorAt(b.src, n.start, format, args...)
}

func build(src string, root *node) (*Document, *SyntaxError) {
	b := &builder{src: src, pos: positions{src: src, at: Position{Line: 1, Column: 1}}}
	if root.kind != kindObject {
		return nil, b.errorf(root, "a policy is a JSON object, not %s", root.kind)
	}
	d := &Document{source: src} // not the tree: with 100,000 roles it would be a third of the memory
	for _, m := range root.members {
		switch m.name {
		case "Version", "Id":
			if m.value.kind != kindString {
				return nil, b.errorf(m.value, "%s must be a string, not %s", m.name, m.value.kind)
			}
		case "Statement":
		default:
			return nil, syntaxErrorAt(src, m.nameStart, "unknown element %q; a policy has Version, Id and Statement", m.name)
		}
	}
	if v := root.get("Version"); v != nil {
		if d.Version = v.text; d.Version != Version2008 && d.Version != Version2012 {
			return nil, b.errorf(v, "Version must be %q or %q, not %q", Version2012, Version2008, v.text)
		}
	}
	if id := root.get("Id"); id != nil {
		d.ID = id.text
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

func (b *builder) statements(root *node) ([]*node, *SyntaxError) {
	n := root.get("Statement")
	switch {
	case n == nil:
		return nil, b.errorf(root, "the policy has no Statement")
	case n.kind == kindObject:
		return []*node{n}, nil
	case n.kind != kindArray:
		return nil, b.errorf(n, "Statement must be an object or an array of objects, not %s", n.kind)
	case len(n.items) == 0:
		return nil, b.errorf(n, "Statement is empty")
	}
	return n.items, nil
}

func (b *builder) statement(n *node, variables bool) (*Statement, *SyntaxError) {
	if n.kind != kindObject {
		return nil, b.errorf(n, "a statement must be an object, not %s", n.kind)
	}
	s := &Statement{Start: b.pos.advance(n.start)}
	var err *SyntaxError
	for _, m := range n.members {
		switch m.name {
		case "Sid":
			if m.value.kind != kindString {
				return nil, b.errorf(m.value, "Sid must be a string, not %s", m.value.kind)
			}
			s.Sid = m.value.text
		case "Effect":
			if s.Effect = m.value.text; m.value.kind != kindString || s.Effect != "Allow" && s.Effect != "Deny" {
				return nil, b.errorf(m.value, `Effect must be "Allow" or "Deny"`)
			}
		case "Principal", "NotPrincipal":
			if s.principal != nil {
				return nil, b.errorf(m.value, "Principal and NotPrincipal exclude each other")
			}
			err = b.principals(s, m)
		case "Action", "NotAction":
			if s.actions != nil {
				return nil, b.errorf(m.value, "Action and NotAction exclude each other")
			}
			s.Actions.Not = m.name == "NotAction"
			s.Actions.Values, err = b.strings(m)
			for _, v := range s.Actions.Values {
				s.actions = append(s.actions, compileGlob(strings.ToLower(v)))
			}
		case "Resource", "NotResource":
			if s.resources != nil {
				return nil, b.errorf(m.value, "Resource and NotResource exclude each other")
			}
			s.Resources.Not = m.name == "NotResource"
			s.Resources.Values, err = b.strings(m)
			for _, v := range s.Resources.Values {
				s.resources = append(s.resources, newResourceMatcher(v, variables))
			}
		case "Condition":
			s.Conditions, err = b.conditions(m.value, variables)
		default:
			return nil, syntaxErrorAt(b.src, m.nameStart, "unknown element %q in a statement", m.name)
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
	s.End = b.pos.advance(n.end)
	return s, nil
}

// strings reads a string or a non-empty array of strings. A null among resources
// is ignored, as by IAM.
func (b *builder) strings(m member) ([]string, *SyntaxError) {
	if m.value.kind == kindString {
		return []string{m.value.text}, nil
	}
	if m.value.kind != kindArray {
		return nil, b.errorf(m.value, "%s must be a string or an array of strings, not %s", m.name, m.value.kind)
	}
	values := make([]string, 0, len(m.value.items))
	for _, item := range m.value.items {
		switch {
		case item.kind == kindString:
			values = append(values, item.text)
		case item.kind == kindNull && strings.HasSuffix(m.name, "Resource"):
		default:
			return nil, b.errorf(item, "%s must hold strings, not %s", m.name, item.kind)
		}
	}
	if len(values) == 0 {
		return nil, b.errorf(m.value, "%s is empty", m.name)
	}
	return values, nil
}

func (b *builder) principals(s *Statement, m member) *SyntaxError {
	matcher := &principalMatcher{not: m.name == "NotPrincipal"}
	s.principal, s.Principals.Not = matcher, matcher.not
	if m.value.kind == kindString {
		if m.value.text != "*" {
			return b.errorf(m.value, `%s must be "*" or an object such as {"Federated": "arn:…"}`, m.name)
		}
		matcher.entries = []principalEntry{{kind: anyone}}
		s.Principals.Values = []NamedPrincipal{{Value: "*"}}
		return nil
	}
	if m.value.kind != kindObject {
		return b.errorf(m.value, `%s must be "*" or an object, not %s`, m.name, m.value.kind)
	}
	if len(m.value.members) == 0 {
		return b.errorf(m.value, "%s is empty", m.name)
	}
	for _, kind := range m.value.members {
		switch kind.name {
		case "AWS", "Federated", "Service", "CanonicalUser":
		default:
			return syntaxErrorAt(b.src, kind.nameStart, "unknown principal type %q; known are AWS, Federated, Service and CanonicalUser", kind.name)
		}
		values, err := b.strings(kind)
		if err != nil {
			return err
		}
		for _, v := range values {
			matcher.entries = append(matcher.entries, newPrincipalEntry(kind.name, v))
			s.Principals.Values = append(s.Principals.Values, NamedPrincipal{kind.name, v})
		}
	}
	return nil
}

func (b *builder) conditions(n *node, variables bool) ([]Condition, *SyntaxError) {
	if n.kind != kindObject {
		return nil, b.errorf(n, "Condition must be an object, not %s", n.kind)
	}
	count := 0
	for _, operatorMember := range n.members {
		count += len(operatorMember.value.members)
	}
	out := make([]Condition, 0, count) // a policy is kept as long as its role
	for _, operatorMember := range n.members {
		keys := operatorMember.value
		if keys.kind != kindObject {
			return nil, b.errorf(keys, "operator %s must hold an object of keys, not %s", operatorMember.name, keys.kind)
		}
		op, known := parseOperator(operatorMember.name)
		if !known && len(keys.members) > 0 {
			// Recorded: IAM takes an unknown operator that tests no key.
			return nil, syntaxErrorAt(b.src, operatorMember.nameStart, "unknown condition operator %q", operatorMember.name)
		}
		for _, key := range keys.members {
			values, err := b.scalars(key.value)
			if err != nil {
				return nil, err
			}
			out = append(out, newCondition(operatorMember.name, key.name, values, op, b.pos.advance(key.nameStart), variables))
		}
	}
	return out, nil
}

// scalars reads the values of a condition key: strings, numbers and booleans,
// the latter two as their text.
func (b *builder) scalars(n *node) ([]string, *SyntaxError) {
	items := n.items
	if n.kind != kindArray {
		items = []*node{n}
	}
	values := make([]string, len(items))
	for i, item := range items {
		switch item.kind {
		case kindString, kindNumber, kindBool:
			values[i] = item.text
		default:
			return nil, b.errorf(item, "a condition value must be a string, a number or a boolean, not %s", item.kind)
		}
	}
	return values, nil
}
