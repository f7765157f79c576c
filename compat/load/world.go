//go:build linux

package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/statefile"
)

const (
	account  = "111122223333"
	region   = "us-west-2"
	audience = "sts.amazonaws.com"
	secret   = "app-secret"
	teams    = 10 // namespaces, each with a service account "app"
)

// world is a state of many roles, and the tokens that may assume them: role r
// trusts the issuer r modulo issuers, and the service account of team r modulo teams.
type world struct {
	roles, issuers int
	key            *oidc.SigningKey // of all issuers: making a thousand takes minutes
}

func issuerURL(i int) string {
	return fmt.Sprintf("https://oidc.eks.%s.amazonaws.com/id/%032X", region, i+1)
}

func (w world) issuer(i int) *oidc.Issuer {
	return &oidc.Issuer{URL: issuerURL(i), Keys: []*oidc.SigningKey{w.key}}
}

// period is after how many tokens issuer and team are the same again.
func (w world) period() int { return max(w.issuers, teams) }

// role is one that token t may assume; n chooses among them.
func (w world) role(t, n int) int { return t%w.period() + n%(w.roles/w.period())*w.period() }

// write writes the state for --given.
func (w world) write(file string) error {
	a := statefile.Account{
		Policies: []statefile.Policy{{Name: "read", Document: statefile.NewDocument(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"*"}]}`)}},
	}
	value := statefile.Text(`{"username":"admin","password":"s3cr3t"}`)
	a.Secrets = []statefile.Secret{{Name: secret, Region: region, Value: &value}}
	state := statefile.State{}
	for i := range w.issuers {
		state.Issuers = append(state.Issuers, statefile.Issuer{URL: issuerURL(i), JWKS: statefile.JSON(w.issuer(i).JWKS())})
		a.OIDCProviders = append(a.OIDCProviders, statefile.OIDCProvider{URL: issuerURL(i), ClientIDs: []string{audience}})
	}
	for r := range w.roles {
		provider := strings.TrimPrefix(issuerURL(r%w.issuers), "https://")
		a.Roles = append(a.Roles, statefile.Role{
			Name: fmt.Sprintf("role-%d", r), AttachedPolicies: []string{"arn:aws:iam::" + account + ":policy/read"},
			TrustPolicy: statefile.NewDocument(fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
"Principal":{"Federated":"arn:aws:iam::%s:oidc-provider/%s"},"Action":"sts:AssumeRoleWithWebIdentity",
"Condition":{"StringEquals":{"%s:sub":"system:serviceaccount:team-%d:app","%s:aud":"%s"}}}]}`,
				account, provider, provider, r%teams, provider, audience)),
		})
	}
	state.Accounts = map[string]statefile.Account{account: a}
	text, err := state.MarshalJSON()
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// tokens mints count distinct tokens as a cluster's API servers do.
func (w world) tokens(count int, audience string, life time.Duration) ([]string, error) {
	issuers := make([]*oidc.Issuer, w.issuers)
	for i := range issuers {
		issuers[i] = w.issuer(i)
	}
	tokens := make([]string, count)
	now := time.Now()
	workers := runtime.GOMAXPROCS(0)
	errs := make([]error, workers)
	var running sync.WaitGroup
	for worker := range workers {
		running.Go(func() {
			for t := worker; t < count && errs[worker] == nil; t += workers {
				issuer := issuers[t%w.issuers]
				var claims map[string]any
				claims, errs[worker] = oidc.KubernetesClaims(oidc.KubernetesToken{
					Issuer: issuer.URL, Namespace: fmt.Sprintf("team-%d", t%teams), ServiceAccount: "app", Pod: fmt.Sprintf("app-%d", t),
					Audience: []string{audience}, IssuedAt: now.Add(min(0, life-time.Hour)), Expires: now.Add(life), Rand: rand.Reader,
				})
				if errs[worker] == nil {
					tokens[t], errs[worker] = issuer.Sign(claims, oidc.SignOptions{})
				}
			}
		})
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return tokens, nil
}
