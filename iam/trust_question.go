package iam

import (
	"cmp"

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
	// Keys are the condition keys of the call and its token. Those that follow
	// from role and provider are added where they are absent.
	Keys policy.Context
	// More has those of the call that Keys has not; nil: there are none.
	More policy.Keys
}

// Ask evaluates the trust policy for an action.
func (q *TrustQuestion) Ask(action string) policy.Decision {
	owner := ownerOf(q.Provider)
	q.addKeys(owner)
	return policy.Evaluate(policy.Policies{Trust: &q.Policy, ResourceAccount: q.Account}, policy.Request{
		Action: action, Resource: q.Role,
		Principal: policy.Principal{Account: cmp.Or(owner, q.Account), Federated: q.Provider}, Context: q.Keys, More: q.More,
	})
}

// addKeys sets the keys of the role and of the provider, who is the caller
// (recorded 1d); aws:PrincipalArn is absent.
func (q *TrustQuestion) addKeys(owner string) {
	for _, tag := range q.Tags {
		q.Keys.SetMissing("aws:resourcetag/"+tag.Key, tag.Value, "iam:resourcetag/"+tag.Key, tag.Value)
	}
	if owner != "" { // a built-in provider is no account's
		q.Keys.SetMissing("aws:principalaccount", owner)
	}
	q.Keys.SetMissing("aws:resourceaccount", q.Account, "aws:principaltype", "User", "aws:userid", q.Provider)
}
