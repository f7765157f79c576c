package cloudtrail

import (
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/iam"
)

type identity struct {
	Type             string          `json:"type"`
	PrincipalID      string          `json:"principalId,omitempty"`
	ARN              string          `json:"arn,omitempty"`
	AccountID        string          `json:"accountId,omitempty"`
	AccessKeyID      string          `json:"accessKeyId,omitempty"`
	UserName         string          `json:"userName,omitempty"`
	InvokedBy        string          `json:"invokedBy,omitempty"`
	IdentityProvider string          `json:"identityProvider,omitempty"`
	SessionContext   *sessionContext `json:"sessionContext,omitempty"`
}

type sessionContext struct {
	SessionIssuer       *sessionIssuer       `json:"sessionIssuer,omitempty"`
	WebIDFederationData *webIDFederationData `json:"webIdFederationData,omitempty"`
	Attributes          sessionAttributes    `json:"attributes"`
	SourceIdentity      string               `json:"sourceIdentity,omitempty"`
}

type sessionIssuer struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId"`
	ARN         string `json:"arn"`
	AccountID   string `json:"accountId"`
	UserName    string `json:"userName,omitempty"`
}

type webIDFederationData struct {
	FederatedProvider string            `json:"federatedProvider"`
	Attributes        map[string]string `json:"attributes"`
}

type sessionAttributes struct {
	CreationDate     string `json:"creationDate"`
	MFAAuthenticated string `json:"mfaAuthenticated"`
}

// identityOf is who made the call.
func identityOf(req *call) identity {
	p := req.Principal
	if p == nil && req.InvokedBy != "" {
		return identity{Type: "AWSService", InvokedBy: req.InvokedBy}
	}
	if p == nil {
		if kind := req.records.Identities[req.Action]; kind != "" {
			return tokenIdentity(kind, req.Request)
		}
		return identity{Type: "Unknown"} // what the user guide has for callers that cannot be determined
	}
	who := identity{Type: "IAMUser", PrincipalID: p.UserID, ARN: p.ARN, AccountID: p.Account, AccessKeyID: p.AccessKeyID, UserName: p.UserName, InvokedBy: req.InvokedBy}
	switch p.Type {
	case api.RootUser:
		who.Type = "Root"
	case api.AssumedRole:
		who.Type, who.UserName = "AssumedRole", ""
	case api.FederatedUser:
		who.Type, who.UserName = "FederatedUser", ""
	}
	if p.Temporary {
		who.SessionContext = contextOf(req.Request, p)
	}
	return who
}

// tokenIdentity is the bearer of a token: the provider's ARN, audience and subject.
// IAM user guide, "Example OIDC AWS STS API event"; a refused call of an EKS
// service account has the same (a record of November 2023, published in the
// development notes of the Argo Workflows plugin awf-aws). A token whose issuer
// is registered nowhere has the issuer for a provider, as records had before
// providers were named by their ARN.
func tokenIdentity(kind string, req *api.Request) identity {
	who := identity{Type: kind}
	token := req.Decision.Token
	if token == nil {
		return who
	}
	who.UserName = clip(token.Subject, kilobyte)
	if who.IdentityProvider = req.Decision.Provider; who.IdentityProvider == "" {
		who.IdentityProvider = clip(strings.TrimPrefix(token.Issuer, "https://"), kilobyte)
	}
	audience := ""
	if len(token.Audience) > 0 {
		audience = token.Audience[0]
	}
	who.PrincipalID = who.IdentityProvider + ":" + clip(audience, kilobyte) + ":" + who.UserName
	return who
}

func contextOf(req *api.Request, p *api.Principal) *sessionContext {
	c := &sessionContext{
		Attributes:     sessionAttributes{CreationDate: p.Issued.UTC().Format(time.RFC3339), MFAAuthenticated: "false"},
		SourceIdentity: p.SourceIdentity,
	}
	switch {
	case p.Type == api.AssumedRole:
		c.SessionIssuer = &sessionIssuer{Type: "Role", PrincipalID: p.RoleID, ARN: p.RoleARN, AccountID: p.Account, UserName: p.RoleName}
		if p.FederatedProvider != "" {
			// Sessions of EKS service accounts have no attributes (AWS Marketplace's
			// metering user guide, its record of RegisterUsage).
			c.WebIDFederationData = &webIDFederationData{FederatedProvider: p.FederatedProvider, Attributes: map[string]string{}}
		}
	case p.Type == api.FederatedUser:
		c.SessionIssuer = &sessionIssuer{Type: "Root", PrincipalID: p.Account, ARN: iam.RootARN(req.State, p.Account), AccountID: p.Account}
		if user, ok := iam.UserByName(req.State, p.Account, p.UserName); ok && p.UserName != "" {
			c.SessionIssuer = &sessionIssuer{Type: "IAMUser", PrincipalID: user.ID, ARN: user.ARN(), AccountID: p.Account, UserName: user.Name}
		}
	}
	return c
}
