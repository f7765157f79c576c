package prove

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/irsa-emu/irsa-emu/policy"
)

func parsed(t testing.TB, src string) *policy.Document {
	t.Helper()
	doc, err := policy.Parse([]byte(src))
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return doc
}

// q39 of the questions; that a wildcard in the account is not fixed, and a literal
// account is, is Amazon S3's definition of public.
func TestPublic(t *testing.T) {
	for _, c := range questionCases(t) {
		if c.Kind != "noPublicAccess" {
			continue
		}
		var input struct{ Conditions []json.RawMessage }
		if err := json.Unmarshal(c.Raw, &input); err != nil {
			t.Fatal(err)
		}
		for i, condition := range input.Conditions {
			element := ""
			if string(condition) != "null" {
				element = `,"Condition":` + string(condition)
			}
			doc := parsed(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"`+element+`}}`)
			reasons, err := Public(doc)
			if err != nil {
				t.Fatal(err)
			}
			got := map[bool]string{true: "PASS", false: "FAIL"}[len(reasons) == 0]
			want := c.Answer.(map[string]any)[string(rune('a'+i))]
			if got != want {
				t.Errorf("%s %c: %s, want %s", c.ID, 'a'+i, got, want)
			}
		}
	}
}

// What the custom policy checks' documentation and samples for role trust
// policies say (IAM user guide, "IAM Access Analyzer custom policy checks"; aws-samples
// iam-access-analyzer-custom-policy-check-samples, role-trust-policies).
func TestNewAccess(t *testing.T) {
	statement := func(principal, rest string) string {
		return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":%s,%s}]}`, principal, rest)
	}
	anyButFederation := statement(`"*"`, `"NotAction":["sts:AssumeRoleWithSAML","sts:AssumeRoleWithWebIdentity"]`)
	provider := `{"Federated":"arn:aws:iam::111122223333:oidc-provider/idp.example.com"}`
	listed := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":%s,"Action":"sts:AssumeRoleWithWebIdentity"},
		{"Effect":"Allow","Principal":"*","NotAction":["sts:AssumeRoleWithSAML","sts:AssumeRoleWithWebIdentity"]}]}`, provider)
	account := statement(`{"AWS":"111122223333"}`, `"Action":"sts:AssumeRole"`)
	for _, c := range []struct {
		name, existing, now string
		fail                bool
	}{
		{"the listed provider", listed, statement(provider, `"Action":"sts:AssumeRoleWithWebIdentity"`), false},
		{"another provider", listed, statement(`{"Federated":"arn:aws:iam::111122223333:oidc-provider/other.example"}`, `"Action":"sts:AssumeRoleWithWebIdentity"`), true},
		{"no federation at all", anyButFederation, statement(provider, `"Action":"sts:AssumeRoleWithWebIdentity"`), true},
		{"a user instead", anyButFederation, statement(`{"AWS":"arn:aws:iam::111122223333:user/u"}`, `"Action":"sts:AssumeRole"`), false},
		{"every provider but one", listed, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"*"},"Action":"sts:AssumeRoleWithWebIdentity"},
			{"Effect":"Deny","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/other.example"},"Action":"sts:AssumeRoleWithWebIdentity"}]}`, true},
		{"a role of the account", account, statement(`{"AWS":"arn:aws:iam::111122223333:role/r"}`, `"Action":"sts:AssumeRole"`), false},
		{"the account's root", account, statement(`{"AWS":"arn:aws:iam::111122223333:root"}`, `"Action":"sts:AssumeRole"`), false},
		{"another account", account, statement(`{"AWS":"444455556666"}`, `"Action":"sts:AssumeRole"`), true},
		{"a service beside accounts", account, statement(`{"Service":"ec2.amazonaws.com"}`, `"Action":"sts:AssumeRole"`), true},
		{"one action more", account, statement(`{"AWS":"111122223333"}`, `"Action":["sts:AssumeRole","sts:TagSession"]`), true},
	} {
		reasons, err := NewAccess(parsed(t, c.existing), parsed(t, c.now))
		if err != nil || len(reasons) > 0 != c.fail {
			t.Errorf("%s: %v %v, want fail %v", c.name, reasons, err, c.fail)
		}
	}
}

func TestGranted(t *testing.T) {
	doc := parsed(t, `{"Version":"2012-10-17","Statement":[
		{"Sid":"Read","Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::reports/*"},
		{"Effect":"Allow","Action":"iam:*","Resource":"*"},
		{"Effect":"Deny","Action":"iam:PassRole","Resource":"*"}]}`)
	for _, c := range []struct {
		wanted Wanted
		want   int // statements
	}{
		{Wanted{Actions: []string{"s3:GetObject"}}, 1},
		{Wanted{Actions: []string{"s3:PutObject"}}, 0},
		{Wanted{Actions: []string{"S3:getobject"}, Resources: []string{"arn:aws:s3:::other/x"}}, 0},
		{Wanted{Actions: []string{"s3:GetObject"}, Resources: []string{"arn:aws:s3:::*"}}, 1},
		{Wanted{Actions: []string{"iam:PassRole"}}, 0},
		{Wanted{Actions: []string{"iam:CreateUser", "s3:GetObject"}}, 2},
		{Wanted{Resources: []string{"arn:aws:s3:::reports/a"}}, 2},
	} {
		reasons, err := Granted(doc, []Wanted{c.wanted})
		if err != nil || len(reasons) != c.want {
			t.Errorf("%+v: %v %v, want %d statements", c.wanted, reasons, err, c.want)
		}
	}
}
