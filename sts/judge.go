package sts

import (
	"context"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
)

// View is what Judge reads of accounts: a state, or what is known of one offline.
type View interface {
	// Role finds the role of exactly that ARN; nil, and why there is none to be seen.
	Role(arn string) (role *iam.Role, why string)
	// Provider finds an account's OIDC provider for exactly that issuer.
	Provider(account, issuer string) (oidc.Provider, bool)
	// Issuers are the URLs of an account's providers, for an explanation.
	Issuers(account string) []string
}

// WebIdentityCall is what AssumeRoleWithWebIdentity is called with, its
// parameters read and well formed.
type WebIdentityCall struct {
	RoleARN, RoleSessionName string
	// PolicyName is what the explanation calls the trust policy; default RoleARN.
	PolicyName string
	// Token is WebIdentityToken. Claims stand in for it in questions asked offline.
	Token  string
	Claims *oidc.Unverified
	// ProviderID is the parameter ProviderId; nil: it is not given.
	ProviderID *string
	// Seconds is DurationSeconds.
	Seconds int
	// Keys are the condition keys of the request itself: address, region, time.
	// Judge adds the token's to them. More has those that Keys has not; nil: there are none.
	Keys policy.Context
	More policy.Keys
}

func (c *WebIdentityCall) policyName() string {
	if c.PolicyName != "" {
		return c.PolicyName
	}
	return c.RoleARN
}

// providerARNOf is the ARN that the provider for an issuer has in the role's
// account, or would have: it is in the role's partition.
func providerARNOf(role *iam.Role, issuer string) string {
	return aws.ProviderARN(role.Partition, role.Account, issuer)
}

// Verdict is the answer to a call, with all that explains it: Judge makes every
// check that can be made, also behind the one that refuses.
type Verdict struct {
	// refused is the first check that failed; nil: the role may be assumed.
	refused *api.Refusal
	// Beyond is what would refuse the call as well, in the order of the checks.
	// What the trust policy says is in Checks.
	Beyond []decision.Reason
	// Claimed are the token's claims as it has them; nil: it is not a token.
	Claimed *oidc.Unverified
	// Claims are verified; nil as long as something refuses the token.
	Claims *oidc.Claims
	// Role is nil when there is none to be seen.
	Role *iam.Role
	// Provider is the ARN that the account's provider for the token's issuer has,
	// Registered whether it is there. For a built-in provider it is the host.
	Provider   string
	Registered bool
	// Checks are the evaluations of the trust policy, an action each.
	Checks []decision.Check
	// Notes say what was not checked.
	Notes []string
}

// Allowed says whether the role may be assumed.
func (v *Verdict) Allowed() bool { return v.refused == nil }

// Reason is why the call is refused; nil: it is not.
func (v *Verdict) Reason() *decision.Reason {
	if v.refused == nil {
		return nil
	}
	return &v.refused.Reason
}

// Error is what AWS answers to a refused call; nil: it is not refused.
func (v *Verdict) Error() *decision.Error {
	if v.refused == nil {
		return nil
	}
	return v.refused.Answer()
}

// refuse records what a check found; nil is nothing.
func (v *Verdict) refuse(r *api.Refusal) {
	switch {
	case r == nil:
	case v.refused == nil:
		v.refused = r
	case r.Reason.Kind == decision.TrustPolicy:
		// The evaluation explains what the trust policy was refused for before.
		if v.refused.Reason.Kind == decision.TrustPolicy && v.refused.Reason.Advice() == "" {
			to, from := &v.refused.Reason, &r.Reason
			to.Hint, to.Fix, to.Code = from.Hint, from.Fix, from.Code
		}
	default:
		v.Beyond = append(v.Beyond, r.Reason)
	}
}

// Judge decides AssumeRoleWithWebIdentity. It is a function of its arguments:
// only keys may ask somebody, and is asked for no token that is refused anyway.
//
// The order of its checks decides which of several mistakes a client is told of:
//
//  1. the token is a JWT that STS takes, even if there is no such role
//  2. the role: AccessDenied, also for one in another path; then DurationSeconds
//     against its MaxSessionDuration
//  3. the trust policy names, in an Allow statement, a provider that exists or
//     one of the token's issuer: AccessDenied otherwise. Google's and Cognito's
//     exist in every account, by their host
//  4. the claims that every token needs are there and readable
//  5. the provider of the role's account for iss: No OpenIDConnect provider found.
//     It is the built-in one if the trust policy names that, see findProvider
//  6. the roles claim
//  7. audience, key, signature, times, session tags and source identity
//  8. the trust policy with its conditions, then sts:TagSession and
//     sts:SetSourceIdentity where the token has tags or a source identity
//  9. the size of a session token with the token's tags in it
//
// 7 before 8 was recorded with tokens of a real EKS cluster: against a trust
// policy with conditions on sub and aud, a token of another audience, and one
// whose payload was altered so that its sub does not match either, are
// InvalidIdentityToken. 6 before 8 was recorded too. That 2 and 3 come first is
// believed. A trust policy that names only the provider which nobody registered
// must lead to 5 and not to AccessDenied, or users whose one mistake is the
// missing provider would not see the text that all of them report (AWS's
// troubleshooting pages; configure-aws-credentials 721), and the same goes for
// one of another account, which is the usual try at sharing. And 4 comes before
// 5: legacy tokens, whose issuer is registered nowhere, are refused with "Missing
// a required claim: aud" (aws-sdk-ruby 2698).
func Judge(ctx context.Context, view View, keys oidc.KeySource, now time.Time, call WebIdentityCall) *Verdict {
	v := new(Verdict)
	claimed, refused := readToken(&call)
	v.Claimed = claimed
	v.refuse(refused)
	if claimed == nil || refused != nil {
		return v
	}
	role, refused := findRole(view, call.RoleARN)
	v.Role = role
	v.refuse(refused)
	if role == nil {
		return v
	}
	v.refuse(checkDuration(role, call.Seconds))

	provider := v.findProvider(view, claimed.Issuer)
	registered := v.Registered
	v.refuse(checkConcern(view, role, call.policyName(), claimed.Issuer, v.Provider))
	v.refuse(tokenRefused(claimed.Check()))
	if !claimed.Identified() {
		return v // nobody can say more of a token that says not who it is from
	}
	if !registered {
		v.refuse(tokenRefused(oidc.NoProvider(claimed.Issuer, view.Issuers(role.Account))))
	}
	v.refuse(tokenRefused(claimed.CheckOutbound(role.Account)))
	if call.RoleARN != "" {
		v.refuse(tokenRefused(claimed.CheckRole(call.RoleARN)))
	}
	if v.Allowed() {
		verifier := oidc.Verifier{Keys: keys, Now: func() time.Time { return now }}
		claims, err := verifier.Verify(ctx, provider, claimed)
		v.Claims = claims
		v.refuse(tokenRefused(err))
	}
	v.noteUnchecked(keys, now)
	if v.Claims != nil {
		v.Checks = askTrust(trustQuestion(role, v.Provider, v.Claims.ClaimSet, &call), v.Claims.ClaimSet)
		v.refuse(trustDenied(v.Checks))
		if v.Allowed() {
			v.refuse(checkSize(v.session(v.Claims.ClaimSet, &call, now)))
		}
		return v
	}
	// The call is refused. What follows only explains.
	for _, refused := range checkBeyond(claimed, provider, registered, keys, now) {
		if refused.Reason.Kind != v.refused.Reason.Kind {
			v.refuse(refused)
		}
	}
	v.Checks = askTrust(trustQuestion(role, v.Provider, &claimed.ClaimSet, &call), &claimed.ClaimSet)
	v.refuse(trustDenied(v.Checks))
	return v
}

// noteUnchecked says what was left out because keys are not checked.
func (v *Verdict) noteUnchecked(keys oidc.KeySource, now time.Time) {
	if keys != oidc.NotChecked {
		return
	}
	if v.Claimed.Token() != nil {
		v.Notes = append(v.Notes, "the token's signature was not checked")
	}
	if refused := tokenRefused(v.Claimed.CheckTimes(now)); refused != nil && v.Claimed.Check() == nil {
		v.Notes = append(v.Notes, "the token's times were left out of the answer; now, the STS would refuse it: "+refused.Text())
	}
}
