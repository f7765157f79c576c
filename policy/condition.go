package policy

import "strings"

// operand is one wanted value of a condition, compiled. A value with variables
// is compiled at each evaluation, all others once.
type operand struct {
	template template              // of a value with variables; else nil
	match    func(got string) bool // of a value without
	equal    *string               // in place of match: StringEquals, as nearly all trust policies have it
	// unreadable is a value that is not of the operator's kind.
	unreadable bool
}

func (o *operand) matches(got string) bool {
	if o.equal != nil {
		return got == *o.equal
	}
	return o.match != nil && o.match(got)
}

func newCondition(operatorName, key string, values []string, op operator, start Position, variables bool) Condition {
	c := Condition{Operator: operatorName, Key: key, Values: values, Start: start, op: op, key: strings.ToLower(key), variables: variables}
	if op.test == nil {
		return c
	}
	c.values = make([]operand, 0, len(values))
	for i, v := range values {
		t := template{{text: v}}
		if variables && op.test.variables {
			t = splitTemplate(v)
		}
		if t.dynamic() {
			c.values = append(c.values, operand{template: t})
			continue
		}
		if op.test == stringEquals && len(t) == 1 && !t[0].literal {
			c.values = append(c.values, operand{equal: &values[i]})
			continue
		}
		match, _ := op.test.compile(t, nil)
		c.values = append(c.values, operand{match: match, unreadable: op.malformed(v) != ""})
	}
	return c
}

// evaluate judges the condition against a request's keys.
func (c *Condition) evaluate(keys Keys) ConditionResult {
	got, found := keys.Get(c.key)
	r := ConditionResult{Operator: c.Operator, Key: c.Key, Want: c.Values, Got: got.List,
		Present: found && len(got.List) > 0}
	matchers, want := c.resolve(keys)
	if want != nil {
		r.Want = want
	}
	anyOf := func(v string) bool {
		for i := range matchers {
			if matchers[i].matches(v) {
				return true
			}
		}
		return false
	}
	holds := func(v string) bool { return c.reads(v, matchers) && anyOf(v) != c.op.negated }
	switch {
	case c.op.test == null:
		// An empty list of values counts as absent (the guide, Null).
		r.Met = anyOf(boolText(!r.Present))
	case !r.Present:
		switch c.op.quantifier {
		case forAllValues:
			r.Met = true
			r.Code, r.Hint, r.Fix = "all-values-absent", "ForAllValues is true when the key is absent", "add Null: false to require it"
		case forAnyValue:
			// False for negated operators too, and, as users saw on AWS, with
			// IfExists (re:Post, "ForAnyValue:StringEqualsIfExists behaving
			// unexpectedly").
			r.Met = false
		default:
			r.Met = c.op.negated || c.op.ifExists
		}
	case c.op.quantifier == forAnyValue:
		for _, v := range got.List {
			if holds(v) {
				r.Met = true
				break
			}
		}
	case c.op.quantifier == forAllValues:
		r.Met = true
		for _, v := range got.List {
			if !holds(v) {
				r.Met = false
				break
			}
		}
	case got.Multi || len(got.List) > 1:
		// Recorded: a multivalued key tested without a set qualifier never matches
		// while it is present, negated operators included.
		r.Met = false
	default:
		r.Met = holds(got.List[0])
	}
	return r
}

// reads says whether a value is compared at all. Recorded: what is no address
// meets neither IpAddress nor NotIpAddress, what is no ARN neither ArnLike nor
// ArnNotLike, and the same is true of every value beside a wanted one that is no
// address or no ARN: of ARNs even where another pattern matches.
func (c *Condition) reads(got string, wanted []operand) bool {
	if c.op.test.reads == nil {
		return true
	}
	if c.op.negated && !c.op.test.reads(got) {
		return false
	}
	if !c.op.negated && c.op.test != arnLike {
		return true
	}
	for i := range wanted {
		if wanted[i].unreadable {
			return false
		}
	}
	return true
}

// maxShown bounds a wanted value whose variables were replaced, in explanations
// only: a policy with a thousand variables and a token with a long claim would
// fill the memory otherwise. A longer one keeps its variables.
const maxShown = 1024

// resolve returns the matchers of all wanted values, and the values with their
// variables replaced if any has one. A value whose variable is absent keeps its
// text and has no matcher: it matches nothing.
func (c *Condition) resolve(keys Keys) (matchers []operand, want []string) {
	dynamic := false
	for i := range c.values {
		dynamic = dynamic || c.values[i].template != nil
	}
	if !dynamic {
		return c.values, nil
	}
	matchers = make([]operand, len(c.values))
	want = make([]string, len(c.values))
	for i, v := range c.values {
		matchers[i], want[i] = v, c.Values[i]
		if v.template == nil {
			continue
		}
		text, ok := v.template.expand(keys)
		if ok && len(text) <= maxShown {
			want[i] = text
		}
		matchers[i].unreadable = ok && c.op.malformed(text) != ""
		matchers[i].match, _ = c.op.test.compile(v.template, keys)
	}
	return matchers, want
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
