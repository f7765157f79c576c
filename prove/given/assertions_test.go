package given

import (
	"errors"
	"strings"
	"testing"

	_ "github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

const assertionHead = "apiVersion: irsa-emu.dev/v1\nkind: Assertions\nassertions:\n"

func TestAssertionMistakes(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{`{name: a, nobody: true}`, `a.yaml:4:5: assertions[0]: the assertion names no role`},
		{`{name: a, roles: ["*"]}`, `an assertion says one of`},
		{`{name: a, roles: ["*"], nobody: true, only: {sub: ["x"]}}`, `an assertion says one of`},
		{`{name: a, roles: ["*"], only: {iss: ["x"]}}`, `a.yaml:4:41: assertions[0].only.iss: iss is never a condition key`},
		{`{name: a, roles: ["*"], only: {subject: ["x"]}}`, `STS makes no condition key of the claim "subject"`},
		{`{name: a, roles: ["*"], only: {sub: []}}`, `no pattern`},
		{`{name: a, roles: ["*"], only: {sub: [""]}}`, `can never match`},
		{`{name: a, roles: ["*"], only: {serviceAccount: ["payments"]}}`, `write NAMESPACE/NAME`},
		{`{name: a, roles: ["*"], resources: ["*"], nobody: true}`, `resources without actions`},
		{`{name: a, actions: [GetObject], nobody: true}`, `"GetObject" is not an action`},
		{`{name: a, actions: ["s3:Get Object"], nobody: true}`, `"s3:Get Object" is not an action`},
		{`{name: a, actions: ["s3:GetObject"], resources: [bucket], nobody: true}`, `"bucket" is not an ARN`},
		{`{name: a, roles: ["*"], nobdy: true}`, `nobdy`},
		{`{roles: ["*"], nobody: true}`, `name`},
	} {
		_, err := ParseAssertions("a.yaml", []byte(assertionHead+"  - "+c.line+"\n"))
		var mistakes strictyaml.Errors
		if !errors.As(err, &mistakes) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\ngot  %v\nwant %s", c.line, err, c.want)
		}
	}
}

// oneRole is a model of one trust policy for an EKS provider.
func oneRole(t *testing.T, condition string) *Model {
	t.Helper()
	doc, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/E"},
		"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + condition + `}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return OnePolicy("trust.json", doc, "arn:aws:iam::111122223333:role/payments-api", "", Options{})
}

func TestCheckMistakes(t *testing.T) {
	m := oneRole(t, `{"StringLike":{"oidc.eks.eu-west-1.amazonaws.com/id/E:sub":"system:serviceaccount:payments:*"}}`)
	for _, c := range []struct{ line, want string }{
		{`{name: a, roles: ["orders-*"], nobody: true}`, `a.yaml:4:23: no role is like "orders-*"; there are payments-api`},
		{`{name: a, roles: ["*"], only: {serviceAccount: ["Payments/*"]}}`, `a.yaml:4:53: the pattern "Payments/*" can never match`},
		{`{name: a, roles: ["*"], only: {serviceAccount: ["` + strings.Repeat("n", 64) + `/*"]}}`, `can never match`},
		{`{name: a, roles: ["*"], never: {"oidc.eks.eu-west-1.amazonaws.com/id/F:sub": ["x"]}}`, `a.yaml:4:82: oidc.eks.eu-west-1.amazonaws.com/id/F:sub is not a condition key of a call with a token of oidc.eks.eu-west-1.amazonaws.com/id/E`},
		{`{name: a, roles: ["*"], issuer: oidc.eks.eu-west-1.amazonaws.com/id/EE, nobody: true}`, `a.yaml:4:37: no role here trusts tokens of "oidc.eks.eu-west-1.amazonaws.com/id/EE"; write oidc.eks.eu-west-1.amazonaws.com/id/E`},
	} {
		list, err := ParseAssertions("a.yaml", []byte(assertionHead+"  - "+c.line+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = m.Check(t.Context(), &list[0]); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\ngot  %v\nwant %s", c.line, err, c.want)
		}
	}
}

func TestCheck(t *testing.T) {
	m := oneRole(t, `{"StringLike":{"oidc.eks.eu-west-1.amazonaws.com/id/E:sub":"system:serviceaccount:payments*:*"}}`)
	list, err := ParseAssertions("a.yaml", []byte(assertionHead+`
  - {name: too narrow, roles: ["payments-*"], only: {serviceAccount: ["payments/*"]}}
  - {name: wide enough, roles: ["*"], only: {serviceAccount: ["payments*/*"]}}
  - {name: of another issuer, roles: ["*"], issuer: token.actions.githubusercontent.com, nobody: true}
`))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []prove.Verdict{prove.Refuted, prove.Proved, prove.Proved} {
		results, err := m.Check(t.Context(), &list[i])
		if err != nil || len(results) != 1 || results[0].Verdict != want {
			t.Errorf("%s: %v %v, want %s", list[i].Name, results, err, want)
		}
	}
}

func FuzzAssertions(f *testing.F) {
	f.Add(assertionHead + `  - {name: a, roles: ["*"], only: {sub: ["x*"]}}`)
	f.Add(assertionHead + `  - {name: a, actions: ["s3:*"], resources: ["*"], never: {serviceAccount: ["a/b"]}}`)
	f.Fuzz(func(t *testing.T, src string) {
		list, err := ParseAssertions("a.yaml", []byte(src))
		if err == nil && len(list) == 0 {
			t.Error("no assertion and no mistake")
		}
	})
}
