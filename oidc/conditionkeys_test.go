package oidc_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/oidc"
)

func TestConditionKeys(t *testing.T) {
	one := func(v string) oidc.ConditionKey { return oidc.ConditionKey{Values: []string{v}} }
	session := func(v string) oidc.ConditionKey { return oidc.ConditionKey{Values: []string{v}, Session: true} }
	type keys = map[string]oidc.ConditionKey
	always := func(issuer string, more keys) keys {
		all := keys{issuer + ":aud": session("a"), issuer + ":oaud": one("a"), issuer + ":sub": session("s")}
		for name, key := range more {
			all[issuer+":"+name] = key
		}
		return all
	}
	claims := object{"sub": "s", "aud": "a"}
	tests := []struct {
		name, issuer string
		claims       object
		want         keys
	}{
		{"EKS: no other claim is a key", "https://oidc.eks.us-west-2.amazonaws.com/id/ABC",
			with(claims, object{"jti": "x", "groups": []string{"g"}, "repository": "r", "nonce": "n", "kubernetes.io": object{"namespace": "ns"}}),
			always("oidc.eks.us-west-2.amazonaws.com/id/ABC", nil)},
		{"azp, original audiences, amr, email", "https://auth.example.com/",
			object{"sub": "s", "aud": []string{"x", "y"}, "azp": "a", "amr": []string{"mfa"}, "email": "e@example.com"},
			keys{"auth.example.com/:aud": session("a"), "auth.example.com/:oaud": {Values: []string{"x", "y"}, Multi: true}, "auth.example.com/:sub": session("s"),
				"auth.example.com/:amr": {Values: []string{"mfa"}, Multi: true, Session: true}, "auth.example.com/:email": one("e@example.com")}},
		{"GitHub", "https://token.actions.githubusercontent.com",
			with(claims, object{"actor": "octocat", "repository": "o/r", "repository_id": "74", "repository_owner": "o", "sha": "abc", "event_name": "push", "environment": "", "workflow": nil, "ref": []string{"x"}}),
			always("token.actions.githubusercontent.com", keys{"actor": one("octocat"), "repository": one("o/r"), "repository_id": one("74"), "environment": one("")})},
		{"GitLab.com", "https://gitlab.com", with(claims, object{"project_id": "22", "user_access_level": "developer", "project_path": "a/b", "ref_protected": true}),
			always("gitlab.com", keys{"project_id": one("22"), "user_access_level": one("developer"), "ref_protected": one("true")})},
		{"self-managed GitLab", "https://gitlab.example.com", with(claims, object{"project_id": "22"}), always("gitlab.example.com", nil)},
		{"Buildkite", "https://agent.buildkite.com", with(claims, object{"pipeline_slug": "p", "build_number": 1}),
			always("agent.buildkite.com", keys{"pipeline_slug": one("p")})},
		{"Google", "https://accounts.google.com", with(claims, object{"google": object{"organization_number": 123456789012}}),
			always("accounts.google.com", keys{"google/organization_number": one("123456789012")})},
		{"CircleCI", "https://oidc.circleci.com/org/1", with(claims, object{"oidc.circleci.com/project-id": "p", "oidc.circleci.com/vcs-ref": "r"}),
			always("oidc.circleci.com/org/1", keys{"oidc.circleci.com/project-id": one("p")})},
		{"Oracle", "https://idcs-1.identity.oraclecloud.com", with(claims, object{"rpst_id": "r"}),
			always("idcs-1.identity.oraclecloud.com", keys{"rpst_id": one("r")})},
		{"GitHub's claims at another issuer", "https://github.example.com", with(claims, object{"actor": "octocat"}), always("github.example.com", nil)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			read, err := oidc.ReadClaims(mustJSON(with(tt.claims, object{"iss": tt.issuer, "iat": 1, "exp": 2})))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, maps.Collect(oidc.ConditionKeys(tt.issuer, &read.ClaimSet))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
