package sts

import (
	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/wire"
)

type getFederationTokenInput struct {
	Name                    string             `wire:"required,min=2,max=32,pattern=SESSIONNAME"`
	Policy                  *string            `wire:"min=1,max=2048,pattern=LATIN1"`
	PolicyArns              []policyDescriptor `wire:"max=10"`
	DurationSeconds         *int               `wire:"min=900,max=129600"`
	Tags                    []tagElement       `wire:"max=50"`
	MinimumSessionTokenSize int                `wire:"min=0,max=4096"`
}

type federatedUserElement struct {
	FederatedUserId string
	Arn             string
}

type getFederationTokenResult struct {
	Credentials   credentialsElement
	FederatedUser federatedUserElement
	// PackedPolicySize is 0, not absent, without a policy (recorded).
	PackedPolicySize int
	tokenSize
}

// getFederationToken makes a session that may do what both its policies and the
// user who asked may do.
func (s *Service) getFederationToken(req *api.Request) (any, *api.Refusal) {
	var in getFederationTokenInput
	if err := req.DecodeQuery(&in, wire.EchoValues); err != nil {
		return nil, badParameters(err)
	}
	tags, refused := readTags(in.Tags, nil, nil)
	if refused != nil {
		return nil, refused
	}
	p := req.Principal
	policies, refused := readSessionPolicies(req.State, p.Account, in.Policy, in.PolicyArns)
	if refused != nil {
		return nil, refused
	}
	arn := federatedUserARN(req.State, p.Account, in.Name)
	keys := policy.Context{}
	tags.setKeys(keys)
	const action = "sts:GetFederationToken"
	if d := req.Authorize(api.Access{Action: action, Resource: arn, Keys: keys}); !d.Allowed {
		return nil, denied(p, action, arn, d)
	}
	if len(tags.list) > 0 {
		const tagging = "sts:TagSession"
		if d := req.Authorize(api.Access{Action: tagging, Resource: arn, Keys: keys}); !d.Allowed {
			return nil, denied(p, tagging, arn, d)
		}
	}
	session := &Session{Kind: FederatedSession, Account: p.Account, Name: in.Name, Issued: wholeSecond(req.Now), Tags: tags.list}
	session.Expires = session.Issued.Add(userDuration(in.DurationSeconds, p))
	if p.Type == api.IAMUser {
		session.UserID = p.UserID
	}
	policies.apply(session)
	// Without a policy the session may do nothing but what resources let it do.
	session.HasPolicies = true
	credentials, refused := s.issue(req, session, arn, in.MinimumSessionTokenSize)
	if refused != nil {
		return nil, refused
	}
	result := getFederationTokenResult{
		Credentials:   element(credentials),
		FederatedUser: federatedUserElement{FederatedUserId: p.Account + ":" + in.Name, Arn: arn},
		tokenSize:     sizeOf(credentials),
	}
	if policies.given() || len(tags.list) > 0 {
		result.PackedPolicySize = result.SessionTokenUtilization
	}
	return result, nil
}
