package policy

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
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
			func() (*Document, error) { return ValidateIdentity(src) },
			func() (*Document, error) { return ValidateInline(src) },
			func() (*Document, error) { return ValidateSession(src) },
			func() (*Document, error) { return ValidateBoundary(src) },
			func() (*Document, error) { return ValidateResource(src) },
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
				if err := Explain(io.Discard, d, ExplainOptions{All: true, Color: true}); err != nil {
					t.Fatal(err)
				}
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

// FuzzLint: no text crashes the linter, each finding is complete, and a mended
// document is as good as the one it was made from.
func FuzzLint(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		_, before := Parse(src)
		for _, finding := range Lint(src, LintOptions{Account: "111122223333", Providers: []string{"https://" + issuer}}) {
			if finding.Rule == "" || finding.Severity == "" || finding.Line < 1 || finding.Column < 1 || finding.Message == "" || finding.Why == "" || finding.Fix == "" {
				t.Fatalf("incomplete finding %+v", finding)
			}
			if finding.Mended == nil {
				continue
			}
			if !json.Valid(finding.Mended) {
				t.Fatalf("%s: mended document is not JSON:\n%s", finding.Rule, finding.Mended)
			}
			if _, err := Parse(finding.Mended); err != nil && before == nil {
				t.Fatalf("%s: mended document cannot be parsed: %v\n%s", finding.Rule, err, finding.Mended)
			}
		}
	})
}
