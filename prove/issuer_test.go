package prove

import (
	"testing"

	"github.com/irsa-emu/irsa-emu/aws"
)

// A shape for a claim that is no condition key of its issuer would never be used.
func TestShapesAreOfKeysThatExist(t *testing.T) {
	urls := map[Kind]string{
		GitHub: "token.actions.githubusercontent.com", GitLab: "gitlab.com", CircleCI: "oidc.circleci.com/org/1", Google: "accounts.google.com",
	}
	for kind, named := range claims {
		issuer := aws.IssuerOf(urls[kind])
		if issuer.Kind != kind {
			t.Errorf("%s: %q is an issuer of kind %q", kind, urls[kind], issuer.Kind)
		}
		for name := range named {
			if !issuer.HasKey(name) {
				t.Errorf("%s has no key %s", kind, name)
			}
		}
	}
}

// An enterprise's own issuer of GitHub has another name, and none of GitHub's keys.
func TestEnterpriseIssuerHasDefaultKeysOnly(t *testing.T) {
	p := NewProvider("arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com/octo-enterprise")
	if _, has := p.keys()[p.prefix()+"repository"]; has {
		t.Error("it has the key repository")
	}
	worlds, err := tokenWorlds(p, &Role{}, map[string]bool{p.prefix() + "repository": true})
	if err != nil || len(worlds) != 1 {
		t.Errorf("%d worlds, %v; want one", len(worlds), err)
	}
}
