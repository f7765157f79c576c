package lint_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lint"
	"github.com/irsa-emu/irsa-emu/policy"
)

// worlds are issuers with words that people write for them, right and wrong.
var worlds = []struct {
	issuer         string
	subjects, auds []string
	// What its tokens can have.
	real, realAuds []string
}{
	{"oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE", []string{"system:serviceaccount:payments:api", "system:serviceaccount:payments:*", "system:serviceaccounts:payments:api",
		"system:serviceaccount:Payments:api", "payments:api", "system:serviceaccount: payments:api", "sts.amazonaws.com", "*", "system:serviceaccount:pay*:*"},
		[]string{"sts.amazonaws.com", "sts.amazon.com", "STS.amazonaws.com", "sts.amazonaws.com/", "vault", "system:serviceaccount:payments:api"},
		[]string{"system:serviceaccount:payments:api", "system:serviceaccount:payments:worker", "system:serviceaccount:pay-x:api"}, []string{"sts.amazonaws.com", "vault"}},
	{"token.actions.githubusercontent.com", []string{"repo:octo-org/octo-repo:*", "repo:octo-org/octo-repo:ref:refs/heads/main", "octo-org/octo-repo:ref:refs/heads/main",
		"repo:octo-org/octo-repo:refs/heads/main", "repo:octo-org@65/octo-repo@74:environment:prod", "repo:octo-org/octo-repo:env:prod"},
		[]string{"sts.amazonaws.com", "https://github.com/octo-org", "sts.amazon.com"},
		[]string{"repo:octo-org/octo-repo:ref:refs/heads/main", "repo:octo-org/octo-repo:environment:prod", "repo:octo-org@65/octo-repo@74:environment:prod", "repo:Octo-org/octo-repo:pull_request"}, []string{"sts.amazonaws.com", "https://github.com/octo-org"}},
	{"issuer.example.com", []string{"me", "m*", "system:service-account:a:b", "you"}, []string{"vault", "sts.amazonaws.com", "aws.workload.identity"},
		[]string{"me", "you", "ME", "system:service-account:a:b", "system:serviceaccount:a:b", "sts.amazonaws.com"}, []string{"vault", "sts.amazonaws.com", "aws.workload.identity"}},
}

var wordOperators = []string{"StringEquals", "StringEquals", "StringLike", "StringLike", "StringEqualsIgnoreCase", "StringNotEquals", "StringNotLike", "StringEqualsIfExists",
	"ForAnyValue:StringEquals", "ForAllValues:StringLike", "StringEqual", "stringlike"}

// somePolicy is a trust policy with mistakes.
func somePolicy(r *rand.Rand) []byte {
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	var statements []map[string]any
	for range 1 + r.IntN(2) {
		w := worlds[r.IntN(len(worlds))]
		arn := pick([]string{"arn:aws:iam::111122223333:oidc-provider/" + w.issuer, "arn:aws:iam::111122223333:oidc-provider/" + w.issuer,
			"arn:aws:iam::111122223333:oidc-provider/https://" + w.issuer, "arn:aws:iam::444455556666:oidc-provider/" + w.issuer})
		principals := []string{arn}
		if r.IntN(5) == 0 {
			principals = append(principals, "arn:aws:iam::111122223333:oidc-provider/"+worlds[r.IntN(len(worlds))].issuer)
		}
		condition := map[string]map[string]any{}
		for range r.IntN(4) {
			key := pick([]string{"sub", "sub", "aud", "aud", "iss", "subb", "amr", "email"})
			prefix := pick([]string{w.issuer, w.issuer, w.issuer, "https://" + w.issuer, worlds[r.IntN(len(worlds))].issuer})
			words := w.subjects
			if key == "aud" {
				words = w.auds
			}
			var values any = pick(words)
			if r.IntN(3) == 0 {
				values = []string{pick(words), pick(slices.Concat(w.subjects, w.auds))}
			}
			operator := pick(wordOperators)
			if condition[operator] == nil {
				condition[operator] = map[string]any{}
			}
			condition[operator][prefix+":"+key] = values
		}
		s := map[string]any{"Effect": pick([]string{"Allow", "Allow", "Allow", "Deny"}), "Principal": map[string]any{"Federated": principals},
			"Action": pick([]string{"sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRole"})}
		if len(condition) > 0 {
			s["Condition"] = condition
		}
		statements = append(statements, s)
	}
	src, err := json.MarshalIndent(map[string]any{"Version": "2012-10-17", "Statement": statements}, "", "  ")
	if err != nil {
		panic(err)
	}
	return src
}

// letsIn asks the policy language about a token of an issuer.
func letsIn(d *policy.Document, issuer string, claims map[string]string) bool {
	r := policy.Request{Action: "sts:AssumeRoleWithWebIdentity", Resource: "arn:aws:iam::111122223333:role/api", Context: policy.Context{},
		Principal: policy.Principal{Account: "111122223333", Federated: "arn:aws:iam::111122223333:oidc-provider/" + issuer}}
	for claim, value := range claims {
		if claim == "amr" {
			r.Context.SetMulti(issuer+":amr", []string{value})
			continue
		}
		r.Context.Set(issuer+":"+claim, value)
	}
	return policy.Evaluate(policy.Policies{Trust: &policy.Named{Name: "role", Type: policy.TrustPolicy, Document: d}, ResourceAccount: "111122223333"}, r).Allowed
}

// No fix keeps out a token that was let in, but for those that the finding names: of
// another audience, or without the claim. And what is fixed stays as it is.
func TestFixesTakeNothingAway(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	fixed, asked := 0, 0
	for range 1500 {
		src := somePolicy(r)
		o := lint.Options{Account: []string{"", "111122223333"}[r.IntN(2)]}
		before, err := policy.ValidateTrust(src, policy.TrustOptions{MaxSize: 1 << 20})
		if err != nil {
			continue // nobody could have such a role
		}
		text, applied := lint.Fix(src, o, nil)
		if again, more := lint.Fix(text, o, nil); len(more) > 0 {
			t.Fatalf("fixed again: %s\n%s\n%s", more[0].Rule, text, again)
		}
		if len(applied) == 0 {
			continue
		}
		fixed++
		after, err := policy.Parse(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		var rules []string
		for _, f := range applied {
			rules = append(rules, f.Rule)
		}
		for _, w := range worlds {
			for _, sub := range w.real {
				for _, aud := range w.realAuds {
					for _, claims := range []map[string]string{{"sub": sub, "aud": aud}, {"sub": sub, "aud": aud, "email": "me"}} {
						asked++
						if letsIn(before, w.issuer, claims) && !letsIn(after, w.issuer, claims) && !namedAsFault(rules, w.issuer, claims) {
							t.Fatalf("%v of %s was let in and is kept out by %v\nbefore %s\nafter %s", claims, w.issuer, rules, src, text)
						}
					}
				}
			}
		}
	}
	if fixed < 200 {
		t.Errorf("only %d of the policies had a fix", fixed)
	}
	t.Logf("%d policies fixed, %d tokens asked", fixed, asked)
}

// namedAsFault says whether a finding speaks of tokens like this one.
func namedAsFault(rules []string, issuer string, claims map[string]string) bool {
	audience := aws.IssuerOf(issuer).Audience
	return slices.Contains(rules, "no-aud") && claims["aud"] != audience || slices.Contains(rules, "all-values-absent")
}
