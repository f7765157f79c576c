package sts

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/oidc"
)

func readClaims(t testing.TB, web map[string]any) *oidc.ClaimSet {
	t.Helper()
	c, err := oidc.ReadClaims([]byte(mustJSON(web)))
	if err != nil {
		t.Fatal(err)
	}
	return &c.ClaimSet
}

// keysOf are the condition keys that a role's trust policy sees in a call
// without keys of its own.
func keysOf(role *iam.Role, claims *oidc.ClaimSet) *iam.TrustQuestion {
	return trustQuestion(role, providerARN(home, issuer), claims, &WebIdentityCall{RoleARN: role.ARN(), RoleSessionName: "session"})
}

// TestContextKeys is the list of recorded 1d.
func TestContextKeys(t *testing.T) {
	web := claims()
	for name, value := range map[string]any{
		"aud": []string{"other"}, "azp": "client-b", "amr": []string{"mfa", "pwd"}, "email": "someone@example.com",
		"groups": []string{"admin"}, "kubernetes.io": map[string]any{"namespace": "x"}, "nonce": "n",
		"https://aws.amazon.com/source_identity":          "probe",
		"https://aws.amazon.com/tags/principal_tags/Team": "engineering", "https://aws.amazon.com/tags/principal_tags/Cost": "42",
		"https://aws.amazon.com/tags/transitive_tag_keys": []string{"Team"},
		"https://aws.amazon.com/roles":                    "arn:aws:iam::" + home + ":role/R",
	} {
		web[name] = value
	}
	role := &iam.Role{Account: home, Path: "/", Name: "R", Tags: []aws.Tag{{Key: "Stage", Value: "prod"}}}
	got := keysOf(role, readClaims(t, web))
	prefix := strings.ToLower(strings.TrimPrefix(issuer, "https://"))
	want := map[string]string{
		prefix + ":aud": "[client-b]", prefix + ":oaud": "[other]", prefix + ":sub": "[" + subject + "]",
		prefix + ":amr": "multi [mfa pwd]", prefix + ":email": "[someone@example.com]",
		"sts:rolesessionname": "[session]", "sts:sourceidentity": "[probe]", "sts:roleauthorizedbyidp": "[true]",
		"sts:transitivetagkeys": "multi [Team]", "aws:tagkeys": "multi [Cost Team]",
		"aws:requesttag/team": "[engineering]", "aws:requesttag/cost": "[42]",
		"aws:resourcetag/stage": "[prod]", "iam:resourcetag/stage": "[prod]", "aws:resourceaccount": "[" + home + "]",
		"aws:principalaccount": "[" + home + "]", "aws:principaltype": "[User]", "aws:userid": "[" + providerARN(home, issuer) + "]",
	}
	texts := map[string]string{}
	for _, key := range slices.Concat(slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got.Keys))) {
		values, ok := got.Get(key)
		if !ok {
			continue
		}
		texts[key] = fmt.Sprint(values.List)
		if values.Multi {
			texts[key] = "multi " + texts[key]
		}
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Error(diff)
	}
}

func TestRoleAuthorizedByIdp(t *testing.T) {
	for name, tt := range map[string]struct {
		roles any
		want  string
	}{
		"absent": {nil, "false"},
		"named":  {"arn:aws:iam::" + home + ":role/R", "true"},
		"other":  {"arn:aws:iam::" + home + ":role/Q", "false"}, // refused before the trust policy is asked
	} {
		t.Run(name, func(t *testing.T) {
			web := claims()
			if tt.roles != nil {
				web["https://aws.amazon.com/roles"] = tt.roles
			}
			keys := keysOf(&iam.Role{Account: home, Path: "/", Name: "R"}, readClaims(t, web))
			if got, _ := keys.Get("sts:RoleAuthorizedByIdp"); got.List[0] != tt.want {
				t.Error(got)
			}
		})
	}
}
