package sts

import (
	"slices"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
)

// The stages of Judge. Each is a function of what the stages before it found.

const assumeWithWebIdentity = "sts:AssumeRoleWithWebIdentity"

// readToken takes the token apart, or takes the claims that stand in for one.
func readToken(call *WebIdentityCall) (*oidc.Unverified, *api.Refusal) {
	claims := call.Claims
	var err error
	if claims == nil {
		var token *oidc.Token
		if token, err = oidc.ParseUnverified(call.Token); err == nil {
			claims = token.Claims()
		}
	}
	if id := call.ProviderID; id != nil {
		switch *id {
		case aws.AmazonIssuer:
			if err == nil {
				return nil, notLoginWithAmazon()
			}
			return nil, api.Unsupported("sts", "AssumeRoleWithWebIdentity for Login with Amazon")
		case aws.FacebookIssuer:
			if err == nil {
				return nil, rejectedByFacebook()
			}
			return nil, api.Unsupported("sts", "AssumeRoleWithWebIdentity for Facebook")
		}
		return nil, unknownOAuthProvider(*id)
	}
	return claims, tokenRefused(err)
}

func findRole(view View, arn string) (*iam.Role, *api.Refusal) {
	role, why := view.Role(arn)
	if role == nil {
		return nil, webIdentityDenied(assumeWithWebIdentity, decision.RoleNotFound).Because("%s", why)
	}
	return role, nil
}

func checkDuration(role *iam.Role, seconds int) *api.Refusal {
	if seconds > role.MaxSessionDuration {
		return durationOverRole(seconds, role.MaxSessionDuration)
	}
	return nil
}

// findProvider finds who vouches for the tokens of an issuer: the built-in
// provider where the trust policy names it, or else the account's own. An account
// may have registered Google's issuer too; nobody has recorded which of the two a
// token then counts for, and so it is the one that the role was written for.
func (v *Verdict) findProvider(view View, issuer string) oidc.Provider {
	if host, ok := aws.BuiltInProvider(issuer); ok && allowsFederated(v.Role.Trust.Parsed(), host) {
		v.Provider, v.Registered = host, true
		return oidc.Provider{URL: "https://" + host, BuiltIn: true}
	}
	provider, registered := view.Provider(v.Role.Account, issuer)
	v.Provider, v.Registered = providerARNOf(v.Role, issuer), registered
	return provider
}

func allowsFederated(trust *policy.Document, principal string) bool {
	return trust != nil && slices.ContainsFunc(trust.Statements, func(st policy.Statement) bool {
		return st.Effect == "Allow" && !st.Principals.Not && slices.ContainsFunc(st.Principals.Values, func(p policy.NamedPrincipal) bool {
			return p.Type == policy.PrincipalFederated && p.Value == principal
		})
	})
}

// checkConcern asks whether the trust policy could concern the call at all: an
// Allow statement names a provider that exists, or one of the token's issuer.
func checkConcern(view View, role *iam.Role, name, issuer, provider string) *api.Refusal {
	if concerns(view, role.Trust.Parsed(), provider) {
		return nil
	}
	return webIdentityDenied(assumeWithWebIdentity, decision.TrustPolicy).
		Because("the trust policy of %s names no OIDC provider that exists, and none of the token's issuer %q", name, issuer)
}

func concerns(view View, trust *policy.Document, provider string) bool {
	if trust == nil {
		return false
	}
	for i := range trust.Statements {
		st := &trust.Statements[i]
		if st.Effect != "Allow" || st.Principals.Not {
			continue
		}
		for _, principal := range st.Principals.Values {
			arn := principal.Value
			if principal.Type != policy.PrincipalFederated || providerURL(arn) == "" {
				continue
			}
			if providerURL(arn) == providerURL(provider) {
				return true
			}
			if _, ok := aws.BuiltInProvider(arn); ok {
				return true
			}
			if _, ok := view.Provider(aws.AccountIn(arn), "https://"+providerURL(arn)); ok {
				return true
			}
		}
	}
	return false
}

// checkBeyond makes the checks of a token that is refused already, but for those
// that need its issuer's keys.
func checkBeyond(claimed *oidc.Unverified, p oidc.Provider, registered bool, keys oidc.KeySource, now time.Time) []*api.Refusal {
	var errs []error
	if registered {
		errs = append(errs, claimed.CheckAudience(p))
	}
	if claimed.Check() == nil && keys != oidc.NotChecked {
		errs = append(errs, claimed.CheckTimes(now))
	}
	var found []*api.Refusal
	for _, err := range append(errs, claimed.CheckSession()) {
		if refused := tokenRefused(err); refused != nil {
			found = append(found, refused)
		}
	}
	return found
}

// neededActions are what a trust policy must allow, the action itself first.
func neededActions(action string, tags bool, sourceIdentity string) []string {
	actions := []string{action}
	if tags {
		actions = append(actions, "sts:TagSession")
	}
	if sourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	return actions
}

// askTrust asks the trust policy for every action that the token needs, so that
// the explanation has them all.
func askTrust(question *iam.TrustQuestion, claims *oidc.ClaimSet) []decision.Check {
	actions := neededActions(assumeWithWebIdentity, len(claims.Tags) > 0, claims.SourceIdentity)
	checks := make([]decision.Check, len(actions))
	for i, action := range actions {
		checks[i] = decision.Check{Action: action, Resource: question.Role, Decision: question.Ask(action)}
	}
	return checks
}

// trustQuestion puts the claims and the call before the trust policy.
func trustQuestion(role *iam.Role, provider string, claims *oidc.ClaimSet, call *WebIdentityCall) *iam.TrustQuestion {
	keys := call.Keys
	if keys == nil {
		keys = policy.Context{}
	}
	addTokenKeys(keys, claims, provider)
	keys.Set("sts:rolesessionname", call.RoleSessionName)
	// Always there; true only if the roles claim names the role.
	keys.SetBool("sts:roleauthorizedbyidp", slices.Contains(claims.Roles, call.RoleARN))
	return &iam.TrustQuestion{
		Policy: policy.Named{Name: call.policyName(), Type: policy.TrustPolicy, Document: role.Trust.Parsed()},
		Role:   call.RoleARN, Account: role.Account, Tags: role.Tags, Provider: provider, Keys: keys, More: call.More,
	}
}

// session is what the call opens, without session policies.
func (v *Verdict) session(claims *oidc.ClaimSet, call *WebIdentityCall, now time.Time) Session {
	tags := claimedTags(claims)
	s := Session{
		Kind: WebIdentitySession, Account: v.Role.Account, Name: call.RoleSessionName, RoleID: v.Role.ID, Issued: wholeSecond(now),
		Tags: tags.list, TransitiveKeys: tags.transitive, SourceIdentity: claims.SourceIdentity,
		Provider: v.Provider, Audience: claims.Audience, Subject: claims.Subject, AMR: claims.AMR,
	}
	// The token's own exp does not cap the session (recorded).
	s.Expires = s.Issued.Add(time.Duration(call.Seconds) * time.Second)
	return s
}

// checkSize refuses a session whose tags do not fit into a session token. What else is
// in one always fits; session policies are read where credentials are made.
func checkSize(s Session) *api.Refusal {
	if len(s.Tags) == 0 {
		return nil
	}
	size, err := s.tokenSize()
	switch {
	case err != nil:
		return internalFailure(err)
	case size > MaxSessionToken:
		refused := tokenTooLarge(size).Because("the token brings session tags that do not fit into a session token: %d", len(s.Tags)).WithHint("send fewer or shorter tags")
		refused.Reason.Kind = string(oidc.ReasonSessionTags)
		return refused
	}
	return nil
}

// TagsTooLarge is what the STS has against the session tags of a token for a role, at
// the shortest session name; nil when they fit.
func TagsTooLarge(claims *oidc.ClaimSet, role string) error {
	a, err := aws.ParseARN(role)
	if err != nil {
		return nil // no role, or not known which
	}
	v := Verdict{Role: &iam.Role{Account: a.Account}, Provider: aws.ProviderARN(a.Partition, a.Account, aws.IssuerName(claims.Issuer))}
	if refused := checkSize(v.session(claims, &WebIdentityCall{RoleSessionName: "--", Seconds: aws.DefaultRoleSession}, time.Time{})); refused != nil {
		return refused
	}
	return nil
}

// trustDenied is the refusal of the first action that the trust policy does not allow.
func trustDenied(checks []decision.Check) *api.Refusal {
	for _, c := range checks {
		if !c.Decision.Allowed {
			return webIdentityDenied(c.Action, decision.TrustPolicy).Explain(c.Decision)
		}
	}
	return nil
}
