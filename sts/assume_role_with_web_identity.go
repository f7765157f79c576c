package sts

import (
	"errors"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/wire"
)

type assumeRoleWithWebIdentityInput struct {
	RoleArn                 string             `wire:"required,min=20,max=2048,pattern=IAMTEXT"`
	RoleSessionName         string             `wire:"required,min=2,max=64,pattern=SESSIONNAME"`
	WebIdentityToken        string             `wire:"required,min=4,max=20000,secret"`
	ProviderId              *string            `wire:"min=4,max=2048"`
	PolicyArns              []policyDescriptor `wire:"max=10"`
	Policy                  *string            `wire:"min=1,max=2048,pattern=LATIN1"`
	DurationSeconds         *int               `wire:"min=900,max=43200"`
	MinimumSessionTokenSize int                `wire:"min=0,max=4096"`
}

// assumeRoleWithWebIdentityResult is in the order of AWS's own samples.
type assumeRoleWithWebIdentityResult struct {
	SubjectFromWebIdentityToken string
	Audience                    string
	AssumedRoleUser             assumedRoleUserElement
	Credentials                 webIdentityCredentials
	SourceIdentity              string `wire:"omitempty"`
	// Provider is the provider's ARN, not the issuer that the API reference
	// speaks of (recorded).
	Provider string
	// PackedPolicySize is there without session policies too (recorded).
	PackedPolicySize int
	tokenSize
}

type webIdentityCredentials struct {
	SessionToken    []byte `wire:"secret"` // written in base64
	SecretAccessKey string `wire:"secret"`
	Expiration      wire.Time
	AccessKeyId     string
}

// assumeRoleWithWebIdentity reads the parameters, has [Judge] decide, and issues
// credentials. Parameters come before anything else, the session policy included.
func (s *Service) assumeRoleWithWebIdentity(req *api.Request) (any, *api.Refusal) {
	var in assumeRoleWithWebIdentityInput
	if err := req.DecodeQuery(&in, wire.EchoValues); err != nil {
		return nil, badParameters(err)
	}
	req.Decision.Resource = in.RoleArn
	arn, err := aws.ParseARN(in.RoleArn)
	if err != nil {
		return nil, roleARNInvalid(in.RoleArn)
	}
	policies, refused := readSessionPolicies(req.State, arn.Account, in.Policy, in.PolicyArns)
	if refused != nil {
		return nil, refused
	}
	call := WebIdentityCall{
		RoleARN: in.RoleArn, RoleSessionName: in.RoleSessionName, Token: in.WebIdentityToken, ProviderID: in.ProviderId,
		Seconds: aws.DefaultRoleSession, More: req.Keys(),
	}
	if in.DurationSeconds != nil {
		call.Seconds = *in.DurationSeconds
	}
	verdict := Judge(req.HTTP.Context(), s.view(req), s.config.Keys, req.Now, call)
	verdict.describe(req.Decision)
	if verdict.refused != nil {
		return nil, verdict.refused
	}
	return s.issueForWebIdentity(req, verdict, &call, &policies, in.MinimumSessionTokenSize)
}

func (s *Service) issueForWebIdentity(req *api.Request, v *Verdict, call *WebIdentityCall, policies *sessionPolicies, minSize int) (any, *api.Refusal) {
	claims, role := v.Claims, v.Role
	if claims.NotChecked {
		return nil, internalFailure(errors.New("the token's signature was not checked"))
	}
	session := v.session(claims.ClaimSet, call, req.Now)
	policies.apply(&session)
	user := assumedRoleUserElement{AssumedRoleId: role.ID + ":" + session.Name, Arn: role.SessionARN(session.Name)}
	credentials, refused := s.issue(req, &session, user.Arn, minSize)
	if refused != nil {
		req.Decision.Token.Claims = claims.Map()
		return nil, refused
	}
	size := sizeOf(credentials)
	return assumeRoleWithWebIdentityResult{
		SubjectFromWebIdentityToken: claims.Subject, Audience: claims.Audience, AssumedRoleUser: user,
		Credentials: webIdentityCredentials{
			SessionToken: credentials.Sealed, SecretAccessKey: credentials.SecretAccessKey,
			Expiration: wire.At(credentials.Expiration), AccessKeyId: credentials.AccessKeyID,
		},
		SourceIdentity: session.SourceIdentity, Provider: v.Provider,
		PackedPolicySize: size.SessionTokenUtilization, tokenSize: size,
	}, nil
}

// describe writes the verdict into the decision. The claims of a token that is
// not refused are left out: nobody asks why.
func (v *Verdict) describe(d *decision.Decision) {
	d.Checks, d.Beyond = v.Checks, v.Beyond
	if v.Registered {
		d.Provider = v.Provider
	}
	c := v.Claimed
	if c == nil {
		return
	}
	header := c.Token().Header
	d.Token = &decision.Token{
		Issuer: c.Issuer, Subject: c.Subject, Audience: c.OriginalAudience, KeyID: header.KeyID, Algorithm: header.Algorithm,
		IssuedAt: unixTime(c.IssuedAt), Expires: unixTime(c.Expires), PinnedKeys: v.Claims != nil && v.Claims.PinnedKeys,
	}
	if v.refused != nil {
		d.Token.Claims = c.Map()
	}
}

func unixTime(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
