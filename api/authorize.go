package api

import (
	"maps"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/policy"
)

// Access is what a caller wants to do: one action on one resource.
type Access struct {
	// Action has its prefix: secretsmanager:GetSecretValue.
	Action string
	// Resource is an ARN, or "*" for actions that have none.
	Resource string
	// ResourceAccount owns the resource; empty means the caller's account.
	ResourceAccount string
	// ResourcePolicy is the policy on the resource; nil if it has none.
	ResourcePolicy *policy.Named
	// ResourceDecides says that identity policies count only where the resource's
	// policy delegates to them, as that of a KMS key does.
	ResourceDecides bool
	// Trust is the role trust policy when the action is one of the STS's.
	Trust *policy.Named
	// Keys are the service's own condition keys, such as secretsmanager:SecretId.
	Keys policy.Context
}

// Authorize holds an access against every policy in force for the caller:
// identity policies, permissions boundary, session policies and the
// resource's own, and records the check in the request's decision. The
// administrator of an account (its root user) may do everything there.
func (req *Request) Authorize(a Access) policy.Decision {
	d := req.Would(a)
	req.Decision.AddCheck(decision.Check{Action: a.Action, Resource: a.Resource, Decision: d})
	return d
}

// Would is what Authorize would say, for a call that asks about another: nothing
// is recorded.
func (req *Request) Would(a Access) policy.Decision {
	p := req.Principal
	ctx := make(policy.Context, len(a.Keys)+3)
	maps.Copy(ctx, a.Keys)
	resourceAccount := a.ResourceAccount
	if resourceAccount == "" && p != nil {
		resourceAccount = p.Account
	}
	ctx.Set("aws:ResourceAccount", resourceAccount)
	for _, of := range [...]string{"id", "paths"} {
		if v, ok := req.organization(of, resourceAccount); ok {
			ctx["aws:resourceorg"+of] = v
		}
	}
	var sets policy.Policies
	if req.PoliciesOf != nil {
		sets = req.PoliciesOf(req.State, p)
	}
	sets.Trust, sets.Resource, sets.ResourceDecides, sets.ResourceAccount = a.Trust, a.ResourcePolicy, a.ResourceDecides, resourceAccount
	return policy.Evaluate(sets, policy.Request{
		Action: a.Action, Resource: a.Resource, Principal: p.PolicyPrincipal(), Context: ctx, More: req.Keys(),
	})
}
