package policy

import (
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// This file takes conditions, resources and principals apart for those who
// reason about all requests at once (package prove) rather than about one.

// Test is a condition taken apart: ForAnyValue:StringNotLikeIfExists is the
// StringLike comparison, negated, with a qualifier, true of an absent key.
type Test struct {
	// Comparison is the operator without negation, qualifier and suffix:
	// StringEquals, ArnLike, Bool, NumericLessThan, Null, …
	Comparison string
	Negated    bool
	IfExists   bool
	Qualifier  Qualifier
	Key        string // lower case
	Values     []Pattern
	// Unreadable says that a wanted value is not of the operator's kind, which
	// makes ArnLike and its negation never met.
	Unreadable bool
}

// Qualifier is the set qualifier of an operator.
type Qualifier uint8

// Qualifiers.
const (
	Unqualified  = Qualifier(single)
	ForAllValues = Qualifier(forAllValues)
	ForAnyValue  = Qualifier(forAnyValue)
)

// Pattern is a policy's text with its variables found. Whether * and ? in it are
// wildcards is the operator's to say.
type Pattern []PatternPart

// PatternPart is text, or a variable.
type PatternPart struct {
	Text string
	// Literal text comes from ${*} and its like: its wildcards are characters.
	Literal bool
	// Variable is the key of a variable in lower case; "" for text.
	Variable   string
	Default    string
	HasDefault bool
}

// Dynamic says whether the pattern has a variable.
func (p Pattern) Dynamic() bool {
	for _, part := range p {
		if part.Variable != "" {
			return true
		}
	}
	return false
}

func patternOf(t template) Pattern {
	p := make(Pattern, 0, len(t))
	for _, part := range t {
		if v := part.variable; v != nil {
			p = append(p, PatternPart{Variable: v.key, Default: v.fallback, HasDefault: v.withFallback})
		} else {
			p = append(p, PatternPart{Text: part.text, Literal: part.literal})
		}
	}
	return p
}

// Test takes the condition apart. It is false for an operator that AWS does not
// know, which is never met.
func (c *Condition) Test() (Test, bool) {
	if c.op.test == nil {
		return Test{}, false
	}
	t := Test{
		Comparison: c.op.test.name, Negated: c.op.negated, IfExists: c.op.ifExists,
		Qualifier: Qualifier(c.op.quantifier), Key: c.key, Values: make([]Pattern, len(c.Values)),
	}
	for i, v := range c.Values {
		t.Values[i] = Pattern{{Text: v}}
		if c.variables && c.op.test.variables {
			t.Values[i] = patternOf(splitTemplate(v))
		}
		t.Unreadable = t.Unreadable || i < len(c.values) && c.values[i].unreadable
	}
	return t, true
}

// Met says whether a request with these keys meets the condition.
func (c *Condition) Met(ctx Context) bool { return c.evaluate(ctx).Met }

// CutARN cuts a pattern of an ARN at its first five colons; fewer pieces mean
// that it is not one.
func (p Pattern) CutARN() []Pattern {
	var t template
	for _, part := range p {
		tp := templatePart{text: part.Text, literal: part.Literal}
		if part.Variable != "" {
			tp.variable = &variable{key: part.Variable, fallback: part.Default, withFallback: part.HasDefault}
		}
		t = append(t, tp)
	}
	pieces := t.cut(6)
	out := make([]Pattern, len(pieces))
	for i := range pieces {
		out[i] = patternOf(pieces[i])
	}
	return out
}

// ResourcePattern is a value of a Resource element: everything, an ARN whose six
// parts are matched one by one, or a text that is not an ARN.
type ResourcePattern struct {
	All   bool
	Parts []Pattern // six, or none
	Whole string
}

// ResourcePatterns are the values of the statement's Resource or NotResource
// element; ok is false when it has neither.
func (s *Statement) ResourcePatterns(variables bool) (patterns []ResourcePattern, ok bool) {
	for _, value := range s.Resources.Values {
		patterns = append(patterns, resourcePattern(value, variables))
	}
	return patterns, s.resources != nil
}

func resourcePattern(value string, variables bool) ResourcePattern {
	if value == "*" {
		return ResourcePattern{All: true}
	}
	parts := Pattern{{Text: value}}.CutARN()
	if len(parts) == 1 {
		return ResourcePattern{Whole: value}
	}
	for len(parts) < 6 {
		parts = append(parts, Pattern{{Text: "*"}})
	}
	if variables && len(parts[5]) > 0 {
		parts[5] = patternOf(splitTemplate(parts[5][0].Text))
	}
	return ResourcePattern{Parts: parts}
}

// Concerns says whether the statement's Action or NotAction element takes in an action.
func (s *Statement) Concerns(action string) bool {
	action = strings.ToLower(action)
	for i := range s.actions {
		if s.actions[i].match(action) {
			return !s.Actions.Not
		}
	}
	return s.Actions.Not
}

// Grant says how closely a statement names a caller, which decides whether an
// identity policy must allow the action as well.
type Grant = grant

// Grants, the more closely the larger.
const (
	NotNamed       Grant = noGrant
	NamedByAccount Grant = byAccount
	NamedByRole    Grant = byRole
	NamedItself    Grant = byName
)

// Names says how the statement's principal element names a caller. A statement
// without one, as in identity policies, names nobody.
func (s *Statement) Names(p *Principal) Grant {
	if s.principal == nil {
		return NotNamed
	}
	return s.principal.match(p, s.Effect == "Deny")
}

// Variables says whether the document's version knows policy variables.
func (d *Document) Variables() bool { return d.Version == Version2012 }

// ParseNumber reads a value as the Numeric operators do, exactly.
func ParseNumber(s string) (*big.Rat, bool) {
	if _, ok := parseNumber(s); !ok {
		return nil, false
	}
	return new(big.Rat).SetString(strings.TrimPrefix(s, "+"))
}

// ParseDate reads a value as the Date operators do.
func ParseDate(s string) (time.Time, bool) { return parseDate(s) }

// ParseAddressBlock reads a wanted value as the IpAddress operators do.
func ParseAddressBlock(s string) (netip.Prefix, bool) { return parseAddressBlock(s) }

// ResourcePatternOf is a text as a value of a Resource element without variables.
func ResourcePatternOf(text string) ResourcePattern { return resourcePattern(text, false) }

// Federated lists the federated principals of the Allow statements, each once, in
// the order of the text.
func (d *Document) Federated() []string {
	var out []string
	for i := range d.Statements {
		st := &d.Statements[i]
		if st.Effect != "Allow" || st.principal == nil || st.principal.not {
			continue
		}
		for _, e := range st.principal.entries {
			if e.kind == federatedProvider && !slices.Contains(out, e.value) {
				out = append(out, e.value)
			}
		}
	}
	return out
}

// Like matches a value as StringLike does.
func Like(pattern, value string) bool { return Liker(pattern)(value) }

// Liker is Like of one pattern for many values.
func Liker(pattern string) func(value string) bool {
	g := compileGlob(pattern)
	return g.match
}

// NamedPrincipals lists the principals of the Allow statements, in the order of
// the text. Everyone is AWS and *.
func (d *Document) NamedPrincipals() []NamedPrincipal {
	var out []NamedPrincipal
	for i := range d.Statements {
		st := &d.Statements[i]
		if st.Effect != "Allow" || st.principal == nil || st.principal.not {
			continue
		}
		for _, v := range st.Principals.Values {
			if v.Type == "" {
				v.Type = PrincipalAWS
			}
			out = append(out, v)
		}
	}
	return out
}

// PrincipalValues are the values of the statement's Principal or NotPrincipal
// element; nil when it has neither. The bare * is AWS and **, since it takes in
// more than {"AWS": "*"}.
func (s *Statement) PrincipalValues() (values []NamedPrincipal, not bool) {
	if s.principal == nil {
		return nil, false
	}
	for _, v := range s.Principals.Values {
		if v.Type == "" {
			v = NamedPrincipal{PrincipalAWS, "**"}
		}
		values = append(values, v)
	}
	return values, s.principal.not
}

// KnownOperator says whether AWS knows a condition operator.
func KnownOperator(name string) bool {
	_, known := parseOperator(name)
	return known
}
