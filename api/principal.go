package api

import (
	"fmt"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/wire"
)

// PrincipalType is the value of aws:PrincipalType.
type PrincipalType string

// The kinds of principal that sign calls here.
const (
	RootUser      PrincipalType = "Account"
	IAMUser       PrincipalType = "User"
	AssumedRole   PrincipalType = "AssumedRole"
	FederatedUser PrincipalType = "FederatedUser"
)

// Principal is who signed a call, with everything that a policy can ask about
// it. It is made by package sts from an access key, a session token and a
// snapshot, and is not changed afterwards.
type Principal struct {
	Type    PrincipalType
	Account string
	// ARN is what GetCallerIdentity answers: the root, the user, the role
	// session (arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION) or the federated user.
	ARN string
	// UserID is aws:userid: the account, AIDA…, AROA…:SESSION or ACCOUNT:NAME.
	UserID      string
	AccessKeyID string
	// UserName is set for IAM users and for sessions that stand on one (GetSessionToken, GetFederationToken).
	UserName string
	// RoleName, RoleID and RoleARN (with path) are set for role sessions.
	RoleName, RoleID, RoleARN string
	// Temporary is whether the credentials came from the STS.
	Temporary bool
	// Chained is whether the session was itself assumed with temporary
	// credentials: its sessions last an hour at most.
	Chained bool
	// Issued and Expires bound a session; zero for long-term keys.
	Issued, Expires time.Time
	// SessionPolicies limit the session; HasSessionPolicies tells none from an empty set.
	SessionPolicies    []policy.Named
	HasSessionPolicies bool
	// Tags are those of the role or the user, as they were when the call was
	// authenticated.
	Tags []aws.Tag
	// SessionTags are the tags passed with the session; TransitiveTagKeys
	// those that a chained session inherits.
	SessionTags       []aws.Tag
	TransitiveTagKeys []string
	SourceIdentity    string
	// FederatedProvider is the OIDC provider's ARN for web identity sessions.
	FederatedProvider string
	// SessionKeys are the provider's keys that stay usable in the session:
	// ISSUER:aud, ISSUER:sub and ISSUER:amr (recorded on AWS).
	SessionKeys map[string][]string
}

// PolicyPrincipal is p as the policy engine matches it; nil is an anonymous caller.
func (p *Principal) PolicyPrincipal() policy.Principal {
	if p == nil {
		return policy.Principal{Anonymous: true}
	}
	unique := p.UserID
	if p.RoleID != "" {
		unique = p.RoleID
	}
	return policy.Principal{
		Account: p.Account, ARN: p.ARN, RoleARN: p.RoleARN, UniqueID: unique, Root: p.Type == RootUser,
	}
}

// SignedBy notes who signed the call, and what AWS has against it that is served here.
func (r *Request) SignedBy(p *Principal, sig *wire.Signature, about *Description) {
	r.Principal = p
	r.Decision.Caller = &decision.Caller{ARN: p.ARN, Account: p.Account, AccessKeyID: p.AccessKeyID, UserID: p.UserID}
	if refused := elsewhere(p, sig, about); refused != nil {
		r.Decision.Beyond = append(r.Decision.Beyond, *refused)
	}
}

// elsewhere is why AWS does not know who signed: each partition has an IAM of its
// own, and knows no credentials of another's (recorded 7). Here they are
// taken, since one address stands for all partitions, and a client's region is often
// just what its shell has.
func elsewhere(p *Principal, sig *wire.Signature, about *Description) *decision.Reason {
	parts, _ := aws.SplitARN(p.ARN)
	own, known := aws.PartitionByID(parts[1])
	if !known || sig.Region == "" || own.Has(sig.Region) {
		return nil
	}
	unknown := wire.InvalidToken(sig, "")
	answer := about.Protocol.AuthError(unknown)
	reason := decision.Reason{Kind: string(unknown.Kind), Message: fmt.Sprintf("AWS refuses the credentials, %d %s %q", answer.Status, answer.Code, answer.Message)}
	reason.Advise(hint.Hint{
		Code:    "other-partition",
		Message: fmt.Sprintf("the call is signed for the region %s, of the partition %s, and account %s is in %s", sig.Region, aws.PartitionOf(sig.Region).ID, p.Account, own.ID),
		Fix:     "use the region " + own.GlobalRegion + " or another of " + own.ID + " (AWS_REGION, AWS_DEFAULT_REGION), or correct the account's partition: accounts." + p.Account + ".partition of the state, else that of serve --region",
	})
	return &reason
}
