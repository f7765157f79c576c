package secretsmanager

import (
	"context"
	"net/http"
	"slices"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// open finds the secret that a call is about and authorises the call for it.
// The permission comes first: who may not, does not learn whether the secret
// exists.
//
// AWS holds the policies against the ARN of the secret, suffix included, also
// when the caller gave a name: a policy for "…:secret:NAME" without the suffix
// allows nothing (measured on AWS: ministackorg/ministack#1737; the same in
// aws/aws-cdk#12411). Secrets that calls create behave so here. The seed
// tutorial's policy is such a one, and would be refused on AWS. A secret that
// a State document declares by its name alone has a suffix that nobody could
// know when the policy was written; for it, and only for it, the ARN without
// suffix stands for the secret too. A document that says the suffix gets AWS's
// behaviour.
func (s *Service) open(req *api.Request, secretID string, keys policy.Context) (*Secret, error) {
	p, err := locate(secretID, req.Principal.Account, req.Region)
	if err != nil {
		return nil, err
	}
	secret, found := p.find(req.State, req.Region, req.Now)
	if keys == nil {
		keys = policy.Context{}
	}
	keys.Set("secretsmanager:SecretId", secretID)
	for _, action := range actionsOf(req.Action) {
		if err := authorize(req, action, secretID, p, secret, keys); err != nil {
			return nil, err
		}
	}
	if !found {
		return nil, notFound()
	}
	return secret, nil
}

// actionsOf are the permissions that a call needs: its own, and to validate a policy
// that to put one (API reference, ValidateResourcePolicy, "Required permissions").
func actionsOf(operation string) []string {
	actions := []string{"secretsmanager:" + operation}
	if operation == "ValidateResourcePolicy" {
		actions = append(actions, "secretsmanager:PutResourcePolicy")
	}
	return actions
}

// authorize holds one action on one secret against all policies; secret is nil
// when there is none at the place.
func authorize(req *api.Request, action, secretID string, p place, secret *Secret, keys policy.Context) error {
	access := api.Access{Action: action, Resource: p.arn, ResourceAccount: p.account, Keys: keys}
	if secret != nil {
		access.Resource = secret.ARN()
		access.ResourcePolicy = secret.resourcePolicy(req.State)
		services.ResourceTagKeys(keys, secret.Tags, "secretsmanager:ResourceTag/")
	}
	req.Decision.Resource = access.Resource
	d := req.Authorize(access)
	if !d.Allowed && d.Outcome == policy.ImplicitDeny && secret != nil && secret.ByName {
		access.Resource = arnOf(secret.Account, secret.Region, secret.Name)
		if second := req.Authorize(access); second.Allowed {
			return nil
		}
	}
	if d.Allowed {
		return nil
	}
	f := denied(req, d, action, secretID)
	if f.Reason.Hint == "" && secret != nil && grantsWithoutSuffix(d, secret) {
		f.Reason.Hint = "the ARN of a secret ends in a hyphen and six random characters, which a policy must match too: write " +
			arnOf(secret.Account, secret.Region, secret.Name) + "-??????"
	}
	return f
}

// authorizeAny is for actions without a resource. Their refusals name none.
func authorizeAny(req *api.Request) error {
	for _, action := range actionsOf(req.Action) {
		if d := req.Authorize(api.Access{Action: action, Resource: "*"}); !d.Allowed {
			return denied(req, d, action, "")
		}
	}
	return nil
}

// denied words the refusal: 400, and the secret as the caller named it.
// Seen on AWS: "…GetSecretValue on resource: db-connection because no …".
func denied(req *api.Request, d policy.Decision, action, secretID string) *api.Refusal {
	return api.Denied(d, wire.Errorf(http.StatusBadRequest, "AccessDeniedException", "%s",
		api.DenialText(req.Principal, d, action, secretID)))
}

// grantsWithoutSuffix says whether a statement failed only for the missing suffix.
func grantsWithoutSuffix(d policy.Decision, secret *Secret) bool {
	bare := arnOf(secret.Account, secret.Region, secret.Name)
	for _, p := range d.Policies {
		for _, st := range p.Statements {
			if st.Effect == "Allow" && st.ActionMatch && !st.ResourceMatch && !st.Resources.Not && slices.Contains(st.Resources.Values, bare) {
				return true
			}
		}
	}
	return false
}

// change applies fn to a copy of the secret, on its newest state, and keeps it.
func (s *Service) change(ctx context.Context, secret *Secret, fn func(*Secret) error) (*Secret, error) {
	var changed *Secret
	err := s.store.Update(ctx, func(tx *state.Txn) error {
		now, ok := state.Get[*Secret](tx, secret.StateKey())
		if !ok || now.Suffix != secret.Suffix {
			return notFound()
		}
		changed = now.clone()
		if err := fn(changed); err != nil {
			return err
		}
		tx.Put(changed)
		return nil
	})
	return changed, err
}
