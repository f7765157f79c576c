package oidc_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/oidc"
)

// randomness gives every test the same jti.
func randomness() *bytes.Reader { return bytes.NewReader(bytes.Repeat([]byte{0x5a}, 64)) }

// sameClaims compares claims with testdata/claims/NAME.json. The shapes are those
// of tokens that people post: kube-apiserver 1.32 and later, GitHub's, GitLab's
// and HashiCorp's documentation.
func sameClaims(t *testing.T, name string, claims map[string]any) {
	t.Helper()
	got, err := json.MarshalIndent(claims, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden.File(t, filepath.Join("testdata", "claims", name+".json"), string(got)+"\n")
}

func TestKubernetesClaims(t *testing.T) {
	token := oidc.KubernetesToken{Issuer: issuerURL, Namespace: "your-namespace", ServiceAccount: "your-service-account", IssuedAt: now, Rand: randomness()}
	bound := token
	bound.Pod, bound.Node, bound.Rand = "app-0", "node-1", randomness()
	bound.Audience, bound.Expires = []string{"sts.amazonaws.com", "vault"}, now.Add(10*time.Minute)
	unscheduled := token
	unscheduled.Node, unscheduled.Rand = "node-1", randomness()
	named := token
	named.UID, named.Pod, named.PodUID, named.Node, named.NodeUID, named.Rand = "uid-a", "p", "uid-p", "n", "uid-n", randomness()
	for name, token := range map[string]oidc.KubernetesToken{
		"kubernetes": token, "kubernetes-pod": bound, "kubernetes-node-without-pod": unscheduled, "kubernetes-uids": named,
	} {
		t.Run(name, func(t *testing.T) {
			claims, err := oidc.KubernetesClaims(token)
			if err != nil {
				t.Fatal(err)
			}
			sameClaims(t, name, claims)
		})
	}
	for name, broken := range map[string]oidc.KubernetesToken{
		"no issuer":          {Namespace: "n", ServiceAccount: "s", IssuedAt: now},
		"no namespace":       {Issuer: issuerURL, ServiceAccount: "s", IssuedAt: now},
		"no service account": {Issuer: issuerURL, Namespace: "n", IssuedAt: now},
		"no time":            {Issuer: issuerURL, Namespace: "n", ServiceAccount: "s"},
		"no randomness":      {Issuer: issuerURL, Namespace: "n", ServiceAccount: "s", IssuedAt: now, Rand: strings.NewReader("")},
	} {
		if _, err := oidc.KubernetesClaims(broken); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestServiceAccountUID(t *testing.T) {
	uid := oidc.ServiceAccountUID(issuerURL, "ns", "sa")
	if uid != oidc.ServiceAccountUID(issuerURL, "ns", "sa") {
		t.Error("the UID changes")
	}
	for _, other := range []string{
		oidc.ServiceAccountUID(issuerURL, "ns", "sb"), oidc.ServiceAccountUID(issuerURL, "n", "ssa"),
		oidc.ServiceAccountUID("https://other.example.com", "ns", "sa"),
	} {
		if uid == other {
			t.Errorf("two service accounts have the UID %s", uid)
		}
	}
}

func TestProfiles(t *testing.T) {
	tests := []struct {
		name, profile string
		overrides     object
		audience      []string
	}{
		{"github", "github", nil, nil},
		{"github-environment", "github", object{"repository": "acme/shop", "environment": "production", "repository_id": "7"}, nil},
		{"github-pull-request", "github", object{"repository": "acme/shop", "event_name": "pull_request"}, []string{"https://github.com/acme"}},
		{"github-tag-and-own-sub", "github", object{"ref": "refs/tags/v1", "sub": "repo:x:custom", "exp": json.Number("1800000001"), "runner_environment": nil}, nil},
		{"gitlab", "gitlab", nil, nil},
		{"gitlab-environment", "gitlab", object{"project_path": "a/b/c", "ref": "v1", "ref_type": "tag", "environment": "prod", "runner_id": "12"}, []string{"x", "y"}},
		{"gitlab-self-managed", "gitlab", object{"iss": "https://git.example.com", "user_login": "eve"}, nil},
		{"circleci", "circleci", object{"oidc.circleci.com/project-id": "5f1e6c9a-0000-4c8f-8a7e-6b5d4c3b2a19"}, nil},
		{"circleci-v2-fork", "circleci-v2", object{"oidc.circleci.com/vcs-origin": "github.com/acme/shop", "oidc.circleci.com/vcs-ref": "refs/heads/pull/7"}, nil},
		{"hcp-terraform", "hcp-terraform", nil, nil},
		{"hcp-terraform-apply", "hcp-terraform", object{"terraform_organization_name": "acme", "terraform_project_name": "p", "terraform_workspace_name": "w", "terraform_run_phase": "apply", "extra": []any{json.Number("1")}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			profile, err := oidc.ProfileNamed(tt.profile)
			if err != nil {
				t.Fatal(err)
			}
			claims, err := profile.Claims(oidc.ProfileInput{IssuedAt: now, Rand: randomness(), Overrides: tt.overrides, Audience: tt.audience})
			if err != nil {
				t.Fatal(err)
			}
			sameClaims(t, tt.name, claims)
		})
	}
	t.Run("their tokens verify", func(t *testing.T) {
		for _, profile := range oidc.Profiles() {
			claims, err := profile.Claims(oidc.ProfileInput{IssuedAt: now, Rand: randomness()})
			if err != nil {
				t.Fatal(err)
			}
			i := &oidc.Issuer{URL: profile.Issuer, Keys: []*oidc.SigningKey{rsaKey()}}
			token, err := i.Sign(claims, profile.Sign)
			if err != nil {
				t.Fatal(err)
			}
			if claims["iss"] != profile.Issuer {
				t.Errorf("%s: iss is %v", profile.Name, claims["iss"])
			}
			audience, _ := claims["aud"].(string)
			if azp, has := claims["azp"].(string); has { // the STS asks for that one
				audience = azp
			}
			if _, err := verify(keysOf(i), oidc.Provider{URL: profile.Issuer, ClientIDs: []string{audience}}, token); err != nil {
				t.Errorf("%s: %v", profile.Name, err)
			}
		}
	})
}

func TestProfileErrors(t *testing.T) {
	if _, err := oidc.ProfileNamed("jenkins"); err == nil || err.Error() != `no token profile "jenkins"; there are github, github-immutable, gitlab, hcp-terraform, circleci, circleci-v2, bitbucket, buildkite, azure-devops, google, cognito, spacelift, vercel` {
		t.Errorf("got %v", err)
	}
	github, err := oidc.ProfileNamed("github")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := github.Claims(oidc.ProfileInput{}); err == nil || !strings.Contains(err.Error(), "no time of issue") {
		t.Errorf("got %v", err)
	}
}
