package sts

import (
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/wire"
)

type assumeRoleInput struct {
	RoleArn                 string             `wire:"required,min=20,max=2048,pattern=IAMTEXT"`
	RoleSessionName         string             `wire:"required,min=2,max=64,pattern=SESSIONNAME"`
	PolicyArns              []policyDescriptor `wire:"max=10"`
	Policy                  *string            `wire:"min=1,pattern=LATIN1"` // no max, unlike the other actions': the token's size bounds it
	DurationSeconds         *int               `wire:"min=900,max=43200"`
	Tags                    []tagElement       `wire:"max=50"`
	TransitiveTagKeys       []string           `wire:"max=50,each.min=1,each.max=128,each.pattern=TAGKEY"`
	ExternalId              *string            `wire:"min=2,max=1224,pattern=EXTERNALID"`
	SerialNumber            *string            `wire:"min=9,max=256,pattern=SERIALNUMBER"`
	TokenCode               *string            `wire:"min=6,max=6,pattern=DIGITS"`
	SourceIdentity          *string            `wire:"min=2,max=64,pattern=SESSIONNAME"`
	ProvidedContexts        []providedContext  `wire:"max=5"`
	MinimumSessionTokenSize int                `wire:"min=0,max=4096"`
}

type providedContext struct {
	ProviderArn      string `wire:"min=20,max=2048"`
	ContextAssertion string `wire:"min=4,max=2048"`
}

type assumeRoleResult struct {
	SourceIdentity  string `wire:"omitempty"`
	AssumedRoleUser assumedRoleUserElement
	Credentials     credentialsElement
	// PackedPolicySize is absent without session policy or tags (recorded).
	PackedPolicySize *int
	tokenSize
}

// rootAssumes: the administrator is the root user, and may assume roles here.
var rootAssumes = decision.Reason{
	Kind:    decision.Policy,
	Message: `AWS refuses the root user, 403 AccessDenied "Roles may not be assumed by root accounts."`,
	Hint:    "assume the role with a user's access key or from another role",
}

// assumeRole: parameters, then the role and whether both its trust policy and
// the caller's side allow the action, then the duration. Nothing is told about a
// role before the caller may assume it.
func (s *Service) assumeRole(req *api.Request) (any, *api.Refusal) {
	var in assumeRoleInput
	if err := req.DecodeQuery(&in, wire.EchoValues); err != nil {
		return nil, badParameters(err)
	}
	req.Decision.Resource = in.RoleArn
	arn, err := aws.ParseARN(in.RoleArn)
	if err != nil {
		return nil, roleARNInvalid(in.RoleArn)
	}
	if len(in.ProvidedContexts) > 0 {
		return nil, api.Unsupported("sts", "AssumeRole with ProvidedContexts")
	}
	p := req.Principal
	tags, refused := readTags(in.Tags, in.TransitiveTagKeys, p)
	if refused != nil {
		return nil, refused
	}
	policies, refused := readSessionPolicies(req.State, arn.Account, in.Policy, in.PolicyArns)
	if refused != nil {
		return nil, refused
	}
	if in.SerialNumber != nil || in.TokenCode != nil {
		return nil, noMFADevice(text(in.SerialNumber))
	}
	seconds := aws.DefaultRoleSession
	if in.DurationSeconds != nil {
		seconds = *in.DurationSeconds
	}
	if p.Temporary && seconds > aws.LongestChained {
		return nil, durationOverChaining(seconds)
	}

	role, refused := s.authorizeAssumeRole(req, &in, &tags)
	if refused != nil {
		return nil, refused
	}
	if seconds > role.MaxSessionDuration {
		return nil, durationOverRole(seconds, role.MaxSessionDuration)
	}

	session := &Session{
		Kind: RoleSession, Account: role.Account, Name: in.RoleSessionName, RoleID: role.ID, Chained: p.Temporary,
		Issued: wholeSecond(req.Now), Tags: tags.all(), TransitiveKeys: tags.transitiveKeys(), SourceIdentity: sourceIdentity(&in, p),
	}
	session.Expires = session.Issued.Add(time.Duration(seconds) * time.Second)
	policies.apply(session)
	user := assumedRoleUserElement{AssumedRoleId: role.ID + ":" + in.RoleSessionName, Arn: role.SessionARN(in.RoleSessionName)}
	credentials, refused := s.issue(req, session, user.Arn, in.MinimumSessionTokenSize)
	if refused != nil {
		return nil, refused
	}
	if p.Type == api.RootUser {
		req.Decision.Beyond = append(req.Decision.Beyond, rootAssumes)
	}
	result := assumeRoleResult{
		SourceIdentity: session.SourceIdentity, AssumedRoleUser: user, Credentials: element(credentials), tokenSize: sizeOf(credentials),
	}
	if policies.given() || len(session.Tags) > 0 {
		result.PackedPolicySize = &result.SessionTokenUtilization
	}
	return result, nil
}

// authorizeAssumeRole finds the role and holds the call against its trust policy
// and the caller's own policies: sts:AssumeRole, and with tags or a source
// identity the actions that those need.
func (s *Service) authorizeAssumeRole(req *api.Request, in *assumeRoleInput, tags *sessionTags) (*iam.Role, *api.Refusal) {
	p := req.Principal
	const assume = "sts:AssumeRole"
	role, why := s.view(req).Role(in.RoleArn)
	if role == nil {
		return nil, assumeRoleDenied(p.ARN, assume, in.RoleArn, decision.RoleNotFound).Because("%s", why)
	}
	if !aws.SamePartition(p.ARN, role.ARN()) {
		return nil, acrossPartitions(p.ARN, assume, in.RoleArn)
	}
	identity := sourceIdentity(in, p)
	if p.SourceIdentity != "" && identity != p.SourceIdentity {
		const action = "sts:SetSourceIdentity"
		return nil, assumeRoleDenied(p.ARN, action, in.RoleArn, decision.Parameter).
			Because("the calling session's source identity is %q and cannot be changed to %q", p.SourceIdentity, identity)
	}
	keys := policy.Context{}
	keys.Set("sts:RoleSessionName", in.RoleSessionName)
	if in.ExternalId != nil {
		keys.Set("sts:ExternalId", *in.ExternalId)
	}
	if identity != "" {
		keys.Set("sts:SourceIdentity", identity)
	}
	tags.setKeys(keys)
	role.SetTagKeys(keys)
	trust := &policy.Named{Name: role.ARN(), Type: policy.TrustPolicy, Document: role.Trust.Parsed()}
	var first *api.Refusal
	for _, action := range neededActions(assume, len(tags.list)+len(tags.inherited) > 0, identity) { // all of them, for the explanation
		d := req.Authorize(api.Access{Action: action, Resource: role.ARN(), ResourceAccount: role.Account, Trust: trust, Keys: keys})
		if !d.Allowed && first == nil {
			kind := decision.Policy
			if d.By == policy.TrustPolicy {
				kind = decision.TrustPolicy
			}
			first = assumeRoleDenied(p.ARN, action, in.RoleArn, kind).Explain(d)
		}
	}
	return role, first
}

// sourceIdentity is the one asked for, or that of the calling session, which persists.
func sourceIdentity(in *assumeRoleInput, p *api.Principal) string {
	if in.SourceIdentity != nil {
		return *in.SourceIdentity
	}
	return p.SourceIdentity
}
