package emulator_test

import (
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// TestDefaultIssuer: a token that names no issuer is the only cluster's, or else the
// only provider's that may be a cluster's; of several none is guessed.
func TestDefaultIssuer(t *testing.T) {
	const one, two, github = "https://oidc.eks.us-west-2.amazonaws.com/id/ONE", "https://oidc.eks.us-west-2.amazonaws.com/id/TWO", "https://token.actions.githubusercontent.com"
	account := func(urls ...string) map[string]statefile.Account {
		var a statefile.Account
		for _, url := range urls {
			a.OIDCProviders = append(a.OIDCProviders, statefile.OIDCProvider{URL: url, ClientIDs: []string{"sts.amazonaws.com"}})
		}
		return map[string]statefile.Account{"111122223333": a}
	}
	for name, c := range map[string]struct {
		given statefile.State
		want  string // the issuer; several, a refusal that names them
	}{
		"no cluster and no provider": {statefile.State{}, "http"},
		"one cluster":                {statefile.State{Clusters: map[string]statefile.Cluster{"a": {Issuer: one}}, Accounts: account(one, two)}, one},
		"one provider":               {statefile.State{Accounts: account(one, github)}, one},
		"two clusters":               {statefile.State{Clusters: map[string]statefile.Cluster{"a": {Issuer: one}, "b": {Issuer: two}}}, one + ", " + two},
		"two providers":              {statefile.State{Accounts: account(two, one)}, one + ", " + two},
	} {
		t.Run(name, func(t *testing.T) {
			emu := emulator.Start(t, emulator.Config{Given: []statefile.State{c.given}})
			token, err := emu.Token(t.Context(), control.TokenRequest{ServiceAccount: "payments/api"})
			if strings.Contains(c.want, ", ") {
				if err == nil || !strings.Contains(err.Error(), "issuer: missing, and there are several; write the one that is meant: "+c.want) {
					t.Errorf("%q, %v", token, err)
				}
				return
			}
			if err != nil || !strings.HasPrefix(emu.Issuer(), c.want) {
				t.Errorf("issuer %q, %v", emu.Issuer(), err)
			}
		})
	}
}
