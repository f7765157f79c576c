package iam

import (
	"cmp"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// TrustQuestion is what a role's trust policy is asked for a web identity: may
// the identity that this provider vouches for do an action on the role? It is
// the last stage of AssumeRoleWithWebIdentity, and all that the simulator knows
// of it.
type TrustQuestion struct {
	// Policy is the trust policy, with the name that the explanation gives it.
	Policy policy.Named
	// Role is the role's ARN, Account its account, Tags its tags.
	Role, Account string
	Tags          []aws.Tag
	// Provider is the ARN of the OIDC provider, or the host of a built-in one.
	Provider string
	// Keys are the condition keys of the call and its token. Where they have none,
	// those of role and provider count, and then More; nil: there are none.
	Keys policy.Context
	More policy.Keys
}

// Ask evaluates the trust policy for an action.
func (q *TrustQuestion) Ask(action string) policy.Decision {
	return policy.Evaluate(policy.Policies{Trust: &q.Policy, ResourceAccount: q.Account}, policy.Request{
		Action: action, Resource: q.Role,
		Principal: policy.Principal{Account: cmp.Or(ownerOf(q.Provider), q.Account), Federated: q.Provider}, More: q,
	})
}

// Get implements [policy.Keys]: those of the call, those of the role and of the
// provider, who is the caller (recorded 1d); aws:PrincipalArn is absent.
func (q *TrustQuestion) Get(key string) (policy.Values, bool) {
	if v, ok := q.Keys.Get(key); ok {
		return v, true
	}
	if value, ok := q.own(strings.ToLower(key)); ok {
		return policy.Values{List: []string{value}}, true
	}
	if q.More == nil {
		return policy.Values{}, false
	}
	return q.More.Get(key)
}

// own is a key of the role or the provider.
func (q *TrustQuestion) own(key string) (string, bool) {
	switch key {
	case "aws:resourceaccount":
		return q.Account, true
	case "aws:principalaccount":
		owner := ownerOf(q.Provider)
		return owner, owner != "" // a built-in provider is no account's
	case "aws:principaltype":
		return "User", true
	case "aws:userid":
		return q.Provider, true
	}
	if prefix, tag, ok := strings.Cut(key, "/"); ok && (prefix == "aws:resourcetag" || prefix == "iam:resourcetag") {
		for _, t := range q.Tags {
			if strings.ToLower(t.Key) == tag {
				return t.Value, true
			}
		}
	}
	return "", false
}
