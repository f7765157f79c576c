package policy

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/irsa-emu/irsa-emu/term"
)

var seeds = []string{
	irsaTrust,
	`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/${aws:PrincipalTag/team, 'none'}/*"}}`,
	`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","NotAction":["iam:*"],"NotResource":"*","Condition":{"ForAllValues:StringNotLikeIfExists":{"aws:TagKeys":["a*","${aws:username}"]},"Null":{"x":false},"NumericLessThan":{"n":[1,2.5]}}}]}`,
	`{"Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/https://i.example/"},"Action":["sts:AssumeRole"],"Condition":{"StringEquals":{"i.example:aud":"system:serviceaccount:a:b","i.example:sub":"sts.amazon.com"},"ForAllValues:StringEquals":{"i.example:iss":"*"}}}]}`,
	`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:*"},{"Effect":"Allow","Principal":{"AWS":["111122223333"]},"Action":"sts:AssumeRole","Condition":{"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"a":{}}}]}`,
	`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"*","Resource":[null,"*"]}]}`,
	"[1, \"\\ud83d\\ude00\", {\"a\": null}]", "{\"a\":1,\"a\":2}", "", "\xff",
}

// FuzzParse: no text crashes the parsers, what Parse takes encoding/json takes,
// and what a validator accepts can be evaluated and given back.
func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		d, err := Parse(src)
		if err == nil {
			if !json.Valid(src) {
				t.Fatalf("Parse accepted what is not JSON: %q", src)
			}
			normal := d.Normalised()
			again, err := Parse(normal)
			if err != nil {
				t.Fatalf("Normalised cannot be parsed: %v\n%s", err, normal)
			}
			if !bytes.Equal(again.Normalised(), normal) {
				t.Fatalf("Normalised is not stable: %s, then %s", normal, again.Normalised())
			}
			d.ContextKeys()
		} else if e, ok := err.(*SyntaxError); !ok || e.Line < 1 || e.Column < 1 || e.Message == "" {
			t.Fatalf("error without place or words: %#v", err)
		}
		validators := []func() (*Document, error){
			func() (*Document, error) { return ValidateTrust(src, TrustOptions{}) },
			func() (*Document, error) { return ValidateIdentity(src, "aws-cn") },
			func() (*Document, error) { return ValidateInline(src, "") },
			func() (*Document, error) { return ValidateSession(src) },
			func() (*Document, error) { return ValidateResource(src, "") },
		}
		for i, validate := range validators {
			d, verr := validate()
			if (d == nil) == (verr == nil) {
				t.Fatalf("validator %d: document %v, error %v", i, d, verr)
			}
			if verr == nil && err != nil {
				t.Fatalf("validator %d accepted what Parse refuses: %v", i, err)
			}
		}
	})
}

// FuzzWildcard compares the matcher with the plainest one there is.
func FuzzWildcard(f *testing.F) {
	for _, s := range [][2]string{{"*a*b?c*", "xaybzc"}, {"?", "é"}, {"**", ""}, {"a?", "a"}, {"*aab", "aaab"}, {"?*?", "ab"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, value string) {
		if len(pattern) > 64 || len(value) > 64 {
			return
		}
		pattern, value = strings.ToValidUTF8(pattern, "."), strings.ToValidUTF8(value, ".")
		g := compileGlob(pattern)
		if got, want := g.match(value), naiveMatch([]rune(pattern), []rune(value)); got != want {
			t.Fatalf("match(%q, %q) = %v, want %v", pattern, value, got, want)
		}
	})
}

// naiveMatch fills the table of all prefixes: slow, and plainly right.
func naiveMatch(pattern, value []rune) bool {
	row := make([]bool, len(value)+1)
	row[0] = true
	for _, p := range pattern {
		next := make([]bool, len(value)+1)
		next[0] = p == '*' && row[0]
		for j, v := range value {
			switch p {
			case '*':
				next[j+1] = next[j] || row[j+1]
			case '?':
				next[j+1] = row[j]
			default:
				next[j+1] = row[j] && p == v
			}
		}
		row = next
	}
	return row[len(value)]
}

// FuzzEvaluate: an evaluation keeps its own promises, whatever the policy.
func FuzzEvaluate(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), "sts:AssumeRoleWithWebIdentity", "arn:aws:iam::111122223333:role/r", issuer+":sub", "system:serviceaccount:a:b")
	}
	f.Fuzz(func(t *testing.T, src []byte, action, resource, key, value string) {
		doc, err := Parse(src)
		if err != nil {
			return
		}
		n := Named{Name: "p", Document: doc}
		r := Request{Action: action, Resource: resource, Context: Context{}}
		r.Context.Set(key, value)
		r.Context.SetMulti("aws:TagKeys", []string{key, value})
		principals := []Principal{
			{Account: "111122223333", Federated: "arn:aws:iam::111122223333:oidc-provider/" + issuer},
			{Account: "111122223333", ARN: "arn:aws:sts::111122223333:assumed-role/r/s", RoleARN: "arn:aws:iam::111122223333:role/r", UniqueID: "AROAAAAAAAAAAAAAAAAAA:s"},
			{Anonymous: true},
		}
		for _, p := range principals {
			r.Principal = p
			for _, policies := range []Policies{{Trust: &n}, {Identity: []Named{n}, Boundary: &n, Session: []Named{n}}, {Resource: &n}} {
				d := Evaluate(policies, r)
				checkDecision(t, d)
				Explain(term.NewPrinter(io.Discard, true), d, ExplainOptions{All: true})
			}
		}
	})
}

// checkDecision checks what holds of every decision.
func checkDecision(t *testing.T, d Decision) {
	t.Helper()
	denied, allowed := false, false
	for _, p := range d.Policies {
		for _, s := range p.Statements {
			met := true
			for _, c := range s.Conditions {
				met = met && c.Met
			}
			if s.Applies != (s.ActionMatch && s.ResourceMatch && s.PrincipalMatch && met) {
				t.Fatalf("statement %d of %s: Applies does not follow from its parts\n%s", s.Index, p.Name, d)
			}
			denied = denied || s.Applies && s.Effect == "Deny"
			allowed = allowed || s.Applies && s.Effect == "Allow"
		}
	}
	switch {
	case d.Allowed != (d.Outcome == Allowed):
		t.Fatalf("Allowed and Outcome disagree\n%s", d)
	case denied != (d.Outcome == ExplicitDeny):
		t.Fatalf("a Deny applies: %v, outcome %s\n%s", denied, d.Outcome, d)
	case d.Allowed && !allowed && !d.Caller.Root:
		t.Fatalf("allowed although no Allow applies\n%s", d)
	case d.Allowed == (d.By != ""):
		t.Fatalf("By is %q, allowed %v", d.By, d.Allowed)
	}
}

// FuzzCondition: every operator keeps what its name promises, whatever is wanted
// and got: a Not is the opposite where the key is there, IfExists changes nothing
// then, and an operator agrees with the plainest comparison there is.
func FuzzCondition(f *testing.F) {
	for _, s := range [][2]string{
		{"a*b?", "axxbé"}, {"2030-01-01T00:00:00Z", "1893456000"}, {"10.0.0.0/8", "::ffff:10.1.2.3"}, {"+0900", "900"}, {"1.5", "-1.50"}, {"TRUE", "true"},
		{"arn:aws:iam::*:role/?", "arn:aws:iam::111122223333:role/r"}, {"QQ==", "A"}, {"${aws:username}", "a"}, {"${*}", "*"}, {"2001:db8::/129", "2001:db8::1%lo"}, {"", ""}, {"\xff", "\xff"},
	} {
		f.Add(s[0], s[1])
	}
	var names []string
	for name := range operators {
		names = append(names, name)
	}
	f.Fuzz(func(t *testing.T, want, got string) {
		if len(want) > 512 || len(got) > 512 {
			return
		}
		ctx := Context{}
		ctx.Set("aws:x", got)
		ctx.Set("aws:username", "a")
		met := func(name, key string) bool {
			op, ok := parseOperator(name)
			if !ok {
				t.Fatalf("no operator %s", name)
			}
			c := newCondition(name, key, []string{want}, op, Position{}, true)
			return c.evaluate(ctx).Met
		}
		for _, name := range names {
			if name == "Null" {
				continue
			}
			plain := met(name, "aws:x")
			op := operators[name]
			for other, o := range operators {
				// What is no address or ARN meets neither of the two.
				both := met(other, "aws:x") == plain && (plain || o.test != nil && o.test.reads == nil)
				if o.test == op.test && o.negated != op.negated && o.test != nil && both && strings.HasPrefix(strings.Replace(other, "Not", "", 1), strings.TrimSuffix(strings.Replace(name, "Not", "", 1), "Equals")) {
					t.Fatalf("%s and %s are both %v of %q and %q", name, other, plain, want, got)
				}
			}
			if met(name+"IfExists", "aws:x") != plain || met("ForAnyValue:"+name, "aws:x") != plain || met("ForAllValues:"+name, "aws:x") != plain {
				t.Fatalf("%s is %v of %q and %q, and another with its IfExists or qualifier", name, plain, want, got)
			}
			if met(name, "aws:absent") != op.negated || !met(name+"IfExists", "aws:absent") || met("ForAnyValue:"+name, "aws:absent") || !met("ForAllValues:"+name, "aws:absent") {
				t.Fatalf("%s of an absent key", name)
			}
		}
		if strings.Contains(want, "$") {
			return
		}
		if met("StringEquals", "aws:x") != (want == got) || met("StringEqualsIgnoreCase", "aws:x") && !strings.EqualFold(want, got) {
			t.Fatalf("StringEquals of %q and %q", want, got)
		}
		if utf8.ValidString(want) && utf8.ValidString(got) && met("StringLike", "aws:x") != naiveMatch([]rune(want), []rune(got)) {
			t.Fatalf("StringLike of %q and %q", want, got)
		}
		for _, kind := range []string{"Numeric", "Date"} {
			less, equal, greater := met(kind+"LessThan", "aws:x"), met(kind+"Equals", "aws:x"), met(kind+"GreaterThan", "aws:x")
			if less && equal || less && greater || equal && greater ||
				met(kind+"LessThanEquals", "aws:x") != (less || equal) || met(kind+"GreaterThanEquals", "aws:x") != (greater || equal) {
				t.Fatalf("%s operators contradict each other about %q and %q", kind, want, got)
			}
		}
	})
}
