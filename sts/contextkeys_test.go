package sts

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/oidc"
)

func readClaims(t testing.TB, web map[string]any) *oidc.Claims {
	t.Helper()
	c, err := oidc.ReadClaims([]byte(mustJSON(web)))
	if err != nil {
		t.Fatal(err)
	}
	return c
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
	got := ContextKeys(WebIdentity{
		Claims: readClaims(t, web), Provider: providerARN(home, issuer), RoleSessionName: "session",
		RoleARN: "arn:aws:iam::" + home + ":role/R", RoleTags: []aws.Tag{{Key: "Stage", Value: "prod"}}, Now: epoch,
	})
	prefix := strings.ToLower(strings.TrimPrefix(issuer, "https://"))
	want := map[string]string{
		prefix + ":aud": "[client-b]", prefix + ":oaud": "[other]", prefix + ":sub": "[" + subject + "]",
		prefix + ":amr": "multi [mfa pwd]", prefix + ":email": "[someone@example.com]",
		"sts:rolesessionname": "[session]", "sts:sourceidentity": "[probe]", "sts:roleauthorizedbyidp": "[true]",
		"sts:transitivetagkeys": "multi [Team]", "aws:tagkeys": "multi [Cost Team]",
		"aws:requesttag/team": "[engineering]", "aws:requesttag/cost": "[42]",
		"aws:resourcetag/stage": "[prod]", "iam:resourcetag/stage": "[prod]", "aws:resourceaccount": "[" + home + "]",
		"aws:principalaccount": "[" + home + "]", "aws:principaltype": "[User]", "aws:userid": "[" + providerARN(home, issuer) + "]",
		"aws:currenttime": "[2026-11-22T12:00:00Z]", "aws:epochtime": "[1795348800]",
	}
	texts := map[string]string{}
	for key, values := range got {
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
			keys := ContextKeys(WebIdentity{Claims: readClaims(t, web), Provider: providerARN(home, issuer), RoleARN: "arn:aws:iam::" + home + ":role/R"})
			if got, _ := keys.Get("sts:RoleAuthorizedByIdp"); got.List[0] != tt.want {
				t.Error(got)
			}
		})
	}
}

// The keys of a plain service account token.
func ExampleContextKeys() {
	claims, err := oidc.ReadClaims([]byte(`{"iss":"https://oidc.example.com/id/1","sub":"system:serviceaccount:default:app","aud":["sts.amazonaws.com"],"iat":1795348790,"exp":1795352400}`))
	if err != nil {
		panic(err)
	}
	keys := ContextKeys(WebIdentity{
		Claims: claims, Provider: "arn:aws:iam::111122223333:oidc-provider/oidc.example.com/id/1",
		RoleSessionName: "app", RoleARN: "arn:aws:iam::111122223333:role/app", Now: epoch,
	})
	var names []string
	for name := range keys {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Println(name, keys[name].List)
	}
	// Output:
	// aws:currenttime [2026-11-22T12:00:00Z]
	// aws:epochtime [1795348800]
	// aws:principalaccount [111122223333]
	// aws:principaltype [User]
	// aws:resourceaccount [111122223333]
	// aws:userid [arn:aws:iam::111122223333:oidc-provider/oidc.example.com/id/1]
	// oidc.example.com/id/1:aud [sts.amazonaws.com]
	// oidc.example.com/id/1:oaud [sts.amazonaws.com]
	// oidc.example.com/id/1:sub [system:serviceaccount:default:app]
	// sts:roleauthorizedbyidp [false]
	// sts:rolesessionname [app]
}
