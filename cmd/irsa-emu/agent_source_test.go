package main

import (
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/statefile"
)

const agentState = `
apiVersion: irsa-emu.dev/v1
kind: State
clusters:
  shop:
    issuer: https://oidc.eks.us-west-2.amazonaws.com/id/SHOP
    region: REGION
    account: "444455556666"
    podIdentityAssociations: [{serviceAccount: payments/api, role: "arn:aws:iam::444455556666:role/Payments"}]
accounts:
  "444455556666":
    roles:
      - name: Payments
        trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: pods.eks.amazonaws.com}, Action: ["sts:AssumeRole", "sts:TagSession"]}]}
`

// An agent that is told the cluster's name alone finds its region and account, and
// finds them again when the cluster comes back elsewhere.
func TestAgentFindsTheCluster(t *testing.T) {
	e, stop, err := emulator.StartBackground(t.Context(), emulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	p := &program{getenv: func(string) (string, bool) { return "", false }}
	source, err := p.nodeSource(agentFlags{cluster: "shop", url: e.URL, adminSecret: "test"})
	if err != nil {
		t.Fatal(err)
	}
	api := &control.Client{URL: e.URL}
	ask := func() error {
		token, err := api.SignToken(t.Context(), control.TokenRequest{
			Issuer: "https://oidc.eks.us-west-2.amazonaws.com/id/SHOP", ServiceAccount: "payments/api", Audience: []string{"pods.eks.amazonaws.com"}, Pod: "api-0",
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := source.Credentials(t.Context(), token)
		if err == nil && got.AccountID != "444455556666" {
			t.Errorf("credentials of account %s", got.AccountID)
		}
		return err
	}
	for _, region := range []string{"us-west-2", "eu-central-1"} {
		state, err := statefile.Parse("state.yaml", []byte(strings.Replace(agentState, "REGION", region, 1)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := api.Reset(t.Context(), control.StateReset{}); err != nil {
			t.Fatal(err)
		}
		if err := api.Load(t.Context(), state); err != nil {
			t.Fatal(err)
		}
		if err := ask(); err != nil {
			t.Errorf("in %s: %v", region, err)
		}
	}
}
