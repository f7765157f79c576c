package policy

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The generator makes policies and requests over few words, so that they match
// each other often. What must hold between related evaluations is checked; what
// a single one must give is the golden corpus's matter.

type generator struct{ *rand.Rand }

func (g generator) pick(words ...string) string { return words[g.IntN(len(words))] }

func (g generator) list(n int, word func() string) any {
	if g.IntN(2) == 0 {
		return word()
	}
	out := make([]string, 1+g.IntN(n))
	for i := range out {
		out[i] = word()
	}
	return out
}

func (g generator) arn() string {
	return g.pick("*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/a", "arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/?", "arn:aws:sqs:*:*:*")
}

func (g generator) value() string {
	return g.pick("a", "b", "A", "a*", "*", "?", "${aws:username}", "${none, 'a'}", "1", "2", "10.0.0.1", "10.0.0.0/8", "true", "2026-01-01", "arn:aws:s3:::b/a")
}

func (g generator) key() string { return g.pick("k1", "K1", "k2", "many", "absent", "aws:username") }

func (g generator) operator() string {
	names := make([]string, 0, len(operators))
	for name := range operators {
		names = append(names, name)
	}
	slices.Sort(names)
	name := g.pick(names...)
	if name == "Null" {
		return name
	}
	return g.pick("", "", "ForAllValues:", "ForAnyValue:") + name + g.pick("", "", "IfExists")
}

func (g generator) statement(effect string, principal bool) map[string]any {
	s := map[string]any{"Effect": effect}
	s[g.pick("Action", "Action", "Action", "NotAction")] = g.list(2, func() string { return g.pick("*", "s3:*", "s3:Get*", "S3:getobject", "s3:PutObject", "sqs:?") })
	s[g.pick("Resource", "Resource", "Resource", "NotResource")] = g.list(2, g.arn)
	if principal {
		s["Principal"] = map[string]any{"AWS": g.list(3, func() string {
			return g.pick("*", "111122223333", "444455556666", "arn:aws:iam::111122223333:role/r", "arn:aws:sts::111122223333:assumed-role/r/s", "arn:aws:iam::111122223333:user/u")
		})}
	}
	if g.IntN(2) == 0 {
		c := map[string]any{}
		for range 1 + g.IntN(2) {
			c[g.operator()] = map[string]any{g.key(): g.list(3, g.value)}
		}
		s["Condition"] = c
	}
	return s
}

func (g generator) statements(principal bool) []map[string]any {
	out := make([]map[string]any, 1+g.IntN(3))
	for i := range out {
		out[i] = g.statement(g.pick("Allow", "Allow", "Deny"), principal)
	}
	return out
}

func (g generator) request() Request {
	r := Request{Action: g.pick("s3:GetObject", "s3:PutObject", "sqs:x"), Resource: g.pick("arn:aws:s3:::b/a", "arn:aws:s3:::b/ab", "*"), Context: Context{}}
	r.Context.Set("k1", g.value())
	r.Context.Set("k2", g.value())
	r.Context.SetMulti("many", []string{g.value(), g.value()})
	r.Context.Set("aws:username", g.pick("a", "*"))
	r.Principal = []Principal{
		{Account: "111122223333", ARN: "arn:aws:sts::111122223333:assumed-role/r/s", RoleARN: "arn:aws:iam::111122223333:role/r"},
		{Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/u"},
		{Account: "444455556666", ARN: "arn:aws:iam::444455556666:user/u"},
	}[g.IntN(3)]
	return r
}

func compile(t *testing.T, statements []map[string]any) *Document {
	t.Helper()
	src, err := json.Marshal(map[string]any{"Version": Version2012, "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	d, err := Parse(src)
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	return d
}

func TestConsistency(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(3, 4))}
	outcomes := map[Outcome]int{}
	for i := range 2000 {
		identity, resource := g.statements(false), g.statements(true)
		request := g.request()
		evaluate := func(identity, resource, boundary []map[string]any) Decision {
			p := Policies{Identity: []Named{{Name: "identity", Document: compile(t, identity)}}, ResourceAccount: "111122223333"}
			if resource != nil {
				p.Resource = &Named{Name: "resource", Document: compile(t, resource)}
			}
			if boundary != nil {
				p.Boundary = &Named{Name: "boundary", Document: compile(t, boundary)}
			}
			d := Evaluate(p, request)
			checkDecision(t, d)
			return d
		}
		base := evaluate(identity, resource, nil)
		outcomes[base.Outcome]++
		fail := func(what string, d Decision) {
			t.Helper()
			t.Fatalf("case %d: %s\nbefore:\n%s\nafter:\n%s", i, what, base, d)
		}

		extra := g.statement("Deny", false)
		if d := evaluate(append(slices.Clone(identity), extra), resource, nil); d.Allowed && !base.Allowed {
			fail("a further Deny allowed what was refused", d)
		}
		extra = g.statement("Allow", false)
		if d := evaluate(append(slices.Clone(identity), extra), resource, nil); !d.Allowed && base.Allowed {
			fail("a further Allow refused what was allowed", d)
		}
		if d := evaluate(identity, resource, g.statements(false)); d.Allowed && !base.Allowed {
			fail("a boundary granted", d)
		}
		reversed := slices.Clone(identity)
		slices.Reverse(reversed)
		if d := evaluate(reversed, resource, nil); d.Outcome != base.Outcome {
			fail("the order of statements matters", d)
		}
		if d := evaluate(splitActions(identity), resource, nil); d.Outcome != base.Outcome {
			fail("one statement a single action means something else", d)
		}
		if request.Principal.Account == "444455556666" {
			if d := evaluate(identity, nil, nil); d.Allowed {
				fail("another account's resource without a resource policy", d)
			}
		}
	}
	for _, o := range []Outcome{Allowed, ImplicitDeny, ExplicitDeny} {
		if outcomes[o] < 100 {
			t.Errorf("only %d of outcome %s: the generator says little", outcomes[o], o)
		}
	}
}

// splitActions gives each action of an Action list a statement of its own.
func splitActions(statements []map[string]any) []map[string]any {
	var out []map[string]any
	for _, s := range statements {
		actions, ok := s["Action"].([]string)
		if !ok {
			out = append(out, s)
			continue
		}
		for _, a := range actions {
			c := map[string]any{}
			for k, v := range s {
				c[k] = v
			}
			c["Action"] = a
			out = append(out, c)
		}
	}
	return out
}

// TestOperatorRelations checks what ties operators to each other, for every
// operator over random values.
func TestOperatorRelations(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(5, 6))}
	met := func(operator, key string, values any, ctx Context) bool {
		doc := compile(t, []map[string]any{{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": map[string]any{operator: map[string]any{key: values}}}})
		return doc.Statements[0].Conditions[0].evaluate(ctx).Met
	}
	opposite := map[string]string{}
	for name, op := range operators {
		for other, o := range operators {
			if op.test == o.test && !op.negated && o.negated {
				opposite[name] = other
			}
		}
	}
	if len(opposite) < 8 {
		t.Fatalf("only %d pairs of opposites: %v", len(opposite), opposite)
	}
	for range 250 {
		ctx, values := g.request().Context, g.list(3, g.value)
		single := g.pick("k1", "k2", "absent")
		for positive, negative := range opposite {
			name := fmt.Sprintf("%s on %s: want %v, have %v", positive, single, values, ctx[single].List)
			_, present := ctx.Get(single)
			p, n := met(positive, single, values, ctx), met(negative, single, values, ctx)
			neither := operators[positive].test.reads != nil // met by what is no address or ARN
			if present && p == n && (p || !neither) || !present && (p || !n) {
				t.Fatalf("%s: %v, its opposite %v", name, p, n)
			}
			if met(positive+"IfExists", single, values, ctx) != (p || !present) {
				t.Fatalf("%s: IfExists disagrees", name)
			}
			for _, q := range []string{"ForAllValues:", "ForAnyValue:"} {
				if present && met(q+positive, single, values, ctx) != p {
					t.Fatalf("%s: %s disagrees on one value", name, q)
				}
			}
			// De Morgan: not all match = some do not.
			all, other := met("ForAllValues:"+positive, "many", values, ctx), met("ForAnyValue:"+negative, "many", values, ctx)
			if all == other && (all || !neither) {
				t.Fatalf("%s: set qualifiers on %v", name, ctx["many"].List)
			}
		}
		if met("Null", single, "true", ctx) == met("Null", strings.ToUpper(single), "false", ctx) {
			t.Fatalf("Null on %s", single)
		}
	}
}
