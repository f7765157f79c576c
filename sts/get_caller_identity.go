package sts

import (
	"github.com/irsa-emu/irsa-emu/api"
)

// getCallerIdentityResult is in the order of AWS's own samples.
type getCallerIdentityResult struct {
	Arn     string
	UserId  string
	Account string
}

// getCallerIdentity needs no permission, and no policy can deny it.
func (s *Service) getCallerIdentity(req *api.Request) (any, *api.Refusal) {
	p := req.Principal
	return getCallerIdentityResult{Arn: p.ARN, UserId: p.UserID, Account: p.Account}, nil
}

// sessionMayCall applies what AWS lets temporary credentials do at the STS:
// those of GetFederationToken may ask who they are, those of GetSessionToken may
// assume roles too, and no temporary credentials make further ones of users.
// GetWebIdentityToken has a rule and a text of its own. Source: STS API
// reference, GetSessionToken and GetFederationToken.
func sessionMayCall(req *api.Request) *api.Refusal {
	p := req.Principal
	if p == nil || !p.Temporary || req.Action == "GetCallerIdentity" || req.Action == "GetWebIdentityToken" {
		return nil
	}
	allowed := true
	switch {
	case req.Action == "GetSessionToken" || req.Action == "GetFederationToken":
		allowed = false
	case p.Type == api.FederatedUser:
		allowed = false
	case p.RoleID == "":
		allowed = req.Action == "AssumeRole"
	}
	if allowed {
		return nil
	}
	return sessionCredentials(req.Action)
}
