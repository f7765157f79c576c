package given

import (
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/prove"
)

// verdict is the answer to an assertion about one role.
func verdict(t *testing.T, m *Model, line string) prove.Verdict {
	t.Helper()
	list, err := ParseAssertions("a.yaml", []byte(assertionHead+"  - "+line+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	results, err := m.Check(t.Context(), &list[0])
	if err != nil {
		t.Fatal(err)
	}
	worst := prove.Proved
	for _, r := range results {
		if r.Answer.Worse(prove.Answer{Verdict: worst}) {
			worst = r.Verdict
		}
	}
	return worst
}

// What a role's session may do: its policies, their denies, its boundary, the
// policies of resources, and the roles behind it.
func TestHoldsDoing(t *testing.T) {
	m := read(t, stateHead+`
accounts:
  "111122223333":
`+provider+`
    policies:
      - {name: only-s3, document: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}}
    secrets:
      - {name: shared, region: eu-west-1, value: x, policy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::111122223333:role/named"}, Action: "secretsmanager:GetSecretValue", Resource: "*"}]}}
    roles:
      - {name: reader, trustPolicy: `+trusts("system:serviceaccount:a:reader")+`, inlinePolicies: {p: `+secretReader+`}}
      - name: denied
        trustPolicy: `+trusts("system:serviceaccount:a:denied")+`
        inlinePolicies: {p: `+secretReader+`, d: {Statement: [{Effect: Deny, Action: "secretsmanager:*", Resource: "arn:aws:secretsmanager:*:*:secret:prod/*"}]}}
      - {name: bounded, permissionsBoundary: "arn:aws:iam::111122223333:policy/only-s3", trustPolicy: `+trusts("system:serviceaccount:a:bounded")+`, inlinePolicies: {p: `+secretReader+`}}
      - {name: later, trustPolicy: `+trusts("system:serviceaccount:a:later")+`, inlinePolicies: {p: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "sts:AssumeRole", Resource: "*", Condition: {Bool: {"aws:MultiFactorAuthPresent": "true"}}}]}}}
      - {name: named, trustPolicy: `+trusts("system:serviceaccount:a:named")+`}
      - name: behind
        trustPolicy: {Statement: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::111122223333:role/hop"}, Action: "sts:AssumeRole"}]}
        inlinePolicies: {p: {Statement: [{Effect: Allow, Action: "dynamodb:GetItem", Resource: "*"}]}}
      - {name: hop, trustPolicy: `+trusts("system:serviceaccount:a:hop")+`}
      - {name: mfa, trustPolicy: {Statement: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::111122223333:role/hop"}, Action: "sts:AssumeRole", Condition: {Bool: {"aws:MultiFactorAuthPresent": "true"}}}]}, inlinePolicies: {p: {Statement: [{Effect: Allow, Action: "sqs:SendMessage", Resource: "*"}]}}}
      - name: own
        trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Federated: "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/E"}, Action: "sts:AssumeRoleWithWebIdentity"}]}
        inlinePolicies: {p: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "kms:Decrypt", Resource: "*", Condition: {StringEquals: {"oidc.eks.eu-west-1.amazonaws.com/id/E:sub": "system:serviceaccount:a:own"}}}]}}
  "444455556666":
    roles:
      - {name: foreign, trustPolicy: {Statement: [{Effect: Allow, Principal: {AWS: ["arn:aws:iam::111122223333:role/hop", "arn:aws:iam::111122223333:role/later"]}, Action: "sts:AssumeRole"}]}, inlinePolicies: {p: {Statement: [{Effect: Allow, Action: "sns:Publish", Resource: "*"}]}}}
`)
	for line, want := range map[string]prove.Verdict{
		`{name: n, roles: [reader], actions: ["secretsmanager:GetSecretValue"], nobody: true}`:                                                                              prove.Refuted,
		`{name: n, roles: [reader], actions: ["secretsmanager:PutSecretValue"], nobody: true}`:                                                                              prove.Proved,
		`{name: n, roles: [denied], actions: ["secretsmanager:GetSecretValue"], resources: ["arn:aws:secretsmanager:*:*:secret:prod/*"], nobody: true}`:                     prove.Proved,
		`{name: n, roles: [denied], actions: ["secretsmanager:GetSecretValue"], resources: ["arn:aws:secretsmanager:*:*:secret:p*"], nobody: true}`:                         prove.Refuted,
		`{name: n, roles: [bounded], actions: ["secretsmanager:GetSecretValue"], nobody: true}`:                                                                             prove.Proved,
		`{name: n, roles: [named], actions: ["secretsmanager:GetSecretValue"], resources: ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:shared-*"], nobody: true}`: prove.Refuted,
		`{name: n, roles: [named], actions: ["secretsmanager:GetSecretValue"], resources: ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:other-*"], nobody: true}`:  prove.Proved,
		`{name: n, roles: [hop], actions: ["dynamodb:GetItem"], nobody: true}`:                                                                                              prove.Refuted,
		`{name: n, roles: [hop], actions: ["dynamodb:GetItem"], only: {serviceAccount: ["a/hop"]}}`:                                                                         prove.Proved,
		`{name: n, roles: [hop], actions: ["dynamodb:PutItem"], nobody: true}`:                                                                                              prove.Proved,
		// A session of a web identity has no MFA, and another account's role needs the caller's own permission.
		`{name: n, roles: [hop], actions: ["sqs:SendMessage"], nobody: true}`:                         prove.Proved,
		`{name: n, roles: [hop], actions: ["sns:Publish"], nobody: true}`:                             prove.Proved,
		`{name: n, roles: [later], actions: ["sns:Publish"], nobody: true}`:                           prove.Proved,
		`{name: n, roles: [own], actions: ["kms:Decrypt"], only: {serviceAccount: ["a/own"]}}`:        prove.Proved,
		`{name: n, roles: [own], actions: ["kms:Decrypt"], only: {serviceAccount: ["a/x"]}}`:          prove.Refuted,
		`{name: n, actions: ["secretsmanager:GetSecretValue"], only: {serviceAccount: ["a/*"]}}`:      prove.Proved,
		`{name: n, actions: ["secretsmanager:GetSecretValue"], only: {serviceAccount: ["a/reader"]}}`: prove.Refuted,
	} {
		if got := verdict(t, m, line); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

// What a change gives and takes, of tokens, principals and permissions.
func TestCompare(t *testing.T) {
	state := func(subject, principal, action string) *Model {
		return read(t, stateHead+`
accounts:
  "111122223333":
`+provider+`
    roles:
      - {name: a, trustPolicy: `+trusts(subject)+`, inlinePolicies: {p: {Statement: [{Effect: Allow, Action: "`+action+`", Resource: "*"}]}}}
      - {name: b, trustPolicy: {Statement: [{Effect: Allow, Principal: {AWS: "`+principal+`"}, Action: "sts:AssumeRole"}]}}
`)
	}
	old := state("system:serviceaccount:a:b", "111122223333", "s3:GetObject")
	for _, c := range []struct {
		name         string
		now          *Model
		gained, lost string
	}{
		{"nothing", state("system:serviceaccount:a:b", "111122223333", "s3:GetObject"), "", ""},
		{"the same in other words", state("system:serviceaccount:a:b", "arn:aws:iam::111122223333:root", "s3:getobject"), "", ""},
		{"a wider subject", state("system:serviceaccount:a:b*", "111122223333", "s3:GetObject"), "a system:serviceaccount:a:b*", ""},
		{"another subject", state("system:serviceaccount:a:c", "111122223333", "s3:GetObject"), "a system:serviceaccount:a:c", "a system:serviceaccount:a:b"},
		{"another account", state("system:serviceaccount:a:b", "444455556666", "s3:GetObject"), "b account 444455556666", "b account 111122223333"},
		{"an action more", state("system:serviceaccount:a:b", "111122223333", "s3:*"), "a system:serviceaccount:a:b s3:*", ""},
	} {
		d, err := Compare(t.Context(), old, c.now)
		if err != nil || len(d.Undecided) > 0 {
			t.Errorf("%s: %+v, %v", c.name, d.Undecided, err)
		}
		text := func(changes []Change) string {
			var out []string
			for _, x := range changes {
				line := x.Role[strings.LastIndexByte(x.Role, '/')+1:] + " " + x.Pattern
				if x.Pattern == "" {
					line += x.Principal
				}
				if x.Call != "" {
					line += " " + strings.Join(x.Actions, ", ")
				}
				if x.Witness == nil && x.Pattern != "" {
					line += " without a witness"
				}
				out = append(out, line)
			}
			return strings.Join(out, "; ")
		}
		if got := text(d.Gained); got != c.gained {
			t.Errorf("%s: gained %q, want %q", c.name, got, c.gained)
		}
		if got := text(d.Lost); got != c.lost {
			t.Errorf("%s: lost %q, want %q", c.name, got, c.lost)
		}
	}
}
