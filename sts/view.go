package sts

import (
	"fmt"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/state"
)

// stateView is what a snapshot shows: roles and providers once they have propagated.
type stateView struct {
	state.Reader
	delay time.Duration
	now   time.Time
}

func (s *Service) view(req *api.Request) *stateView {
	return &stateView{req.State, s.config.PropagationDelay, req.Now}
}

// Role implements [View].
func (s *stateView) Role(arn string) (*iam.Role, string) {
	role, ok := iam.RoleByARN(s, arn)
	if !ok {
		return nil, s.whyNoRole(arn)
	}
	if !s.propagated(role.Created) {
		return nil, fmt.Sprintf("the role was created %s ago and is not visible before %s", s.now.Sub(role.Created), s.delay)
	}
	return role, ""
}

func (s *stateView) whyNoRole(arn string) string {
	a, err := aws.ParseARN(arn)
	name, isRole := a.Role()
	if err != nil || !isRole {
		return notARole(arn)
	}
	role, ok := iam.RoleByName(s, a.Account, name)
	if !ok {
		return noRole(a.Account, name)
	}
	return anotherRole(arn, a.Account, role.ARN())
}

// Why there is no role of an ARN.
func notARole(arn string) string { return arn + " is not the ARN of a role" }

func noRole(account, name string) string {
	return fmt.Sprintf("account %s has no role named %s", account, name)
}

func anotherRole(arn, account, other string) string {
	return fmt.Sprintf("there is no role %s; account %s has %s", arn, account, other)
}

// Provider implements [View].
func (s *stateView) Provider(account, issuer string) (oidc.Provider, bool) {
	p, ok := iam.ProviderByURL(s, account, issuer)
	if url, https := strings.CutPrefix(issuer, "https://"); !ok || !https || url != p.URL || !s.propagated(p.Created) {
		return oidc.Provider{}, false
	}
	return oidc.Provider{URL: issuer, ClientIDs: p.ClientIDs, Thumbprints: p.Thumbprints}, true
}

// Issuers implements [View].
func (s *stateView) Issuers(account string) []string {
	var issuers []string
	for p := range state.All[*iam.OIDCProvider](s.Reader, account+"/") {
		issuers = append(issuers, "https://"+p.URL)
	}
	return issuers
}

func (s *stateView) propagated(created time.Time) bool {
	return s.delay <= 0 || s.now.Sub(created) >= s.delay
}
