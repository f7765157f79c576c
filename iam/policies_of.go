package iam

import (
	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
)

// PoliciesOf collects the policies that belong to a principal. A role or a
// user that is gone has none left.
func PoliciesOf(r state.Reader, p *api.Principal) policy.Policies {
	var sets policy.Policies
	if p == nil {
		return sets
	}
	sets.Session, sets.HasSession = p.SessionPolicies, p.HasSessionPolicies
	switch {
	case p.RoleID != "":
		if role, ok := state.Lookup[*Role](r, ByID, p.RoleID); ok {
			sets.Identity = appendPolicies(r, sets.Identity, &role.Permissions)
			sets.Boundary = managed(r, role.Boundary, policy.BoundaryPolicy)
		}
	case p.UserName != "":
		if user, ok := state.Get[*User](r, nameKey(p.Account, p.UserName)); ok {
			sets.Identity = appendPolicies(r, sets.Identity, &user.Permissions)
			sets.Boundary = managed(r, user.Boundary, policy.BoundaryPolicy)
			for _, name := range user.Groups {
				if group, ok := state.Get[*Group](r, nameKey(p.Account, name)); ok {
					sets.Identity = appendPolicies(r, sets.Identity, &group.Permissions)
				}
			}
		}
	}
	return sets
}

func appendPolicies(r state.Reader, to []policy.Named, from *Permissions) []policy.Named {
	for i := range from.Inline {
		to = append(to, policy.Named{Name: from.Inline[i].Name, Type: policy.IdentityPolicy, Document: from.Inline[i].Document.Parsed()})
	}
	for _, arn := range from.Attached {
		if n := managed(r, arn, policy.IdentityPolicy); n != nil {
			to = append(to, *n)
		}
	}
	return to
}

// managed is the default version of a managed policy; nil for no ARN. A
// boundary whose policy is gone still bounds: to nothing.
func managed(r state.Reader, arn string, as policy.SourceType) *policy.Named {
	if arn == "" {
		return nil
	}
	n := &policy.Named{Name: arn, Type: as, Document: &policy.Document{}}
	if p, ok := PolicyByARN(r, arn); ok {
		n.Document = p.DefaultVersion().Document.Parsed()
	}
	return n
}
