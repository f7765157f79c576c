package prove

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// A resource stands apart when identity policies alone allow nothing on it: a KMS
// key, whose policy must allow the use or leave it to the account's policies, and
// whatever belongs to another account, where both sides must allow it.

// apartPolicy is the policy of such a resource, registered for one caller.
type apartPolicy struct {
	layer
	own     ref // the resource's ARNs
	foreign bool
}

// bothSides is what no statement says of a caller: that it need not have the
// permission of its own account.
const bothSides = policy.NamedItself + 1

// apartFrom says whether the resource stands apart for a role's sessions.
func (r *ResourcePolicy) apartFrom(role *Role) bool {
	return r.Decides || r.Account != role.Account && r.Account != "" && role.Account != ""
}

// addApart registers a resource that stands apart.
func (s *space) addApart(p *permissions, r *ResourcePolicy, role *Role, principal *policy.Principal) {
	var l layer
	s.statements(&l, r.Policy.Document, principal, r.ARNs)
	p.apart = append(p.apart, apartPolicy{layer: l, own: s.ownTest(r.ARNs), foreign: r.Account != role.Account})
}

// ownTest is whether a call is about a resource with these ARNs.
func (s *space) ownTest(arns []string) ref {
	var own []policy.ResourcePattern
	for _, arn := range arns {
		own = append(own, policy.ResourcePatternOf(arn))
	}
	return s.resourceTest(false, own)
}

// addForeign makes all of other accounts stand apart that have a known resource:
// nothing is allowed on the rest of them, as far as is known.
func (s *space) addForeign(p *permissions, role *Role, resources []ResourcePolicy) {
	for _, account := range otherAccounts(role, resources) {
		p.apart = append(p.apart, apartPolicy{own: s.ownTest([]string{"arn:*:*:*:" + account + ":*"}), foreign: true})
	}
}

// doesApart is the region of what the permissions let a session do with the resources
// that stand apart.
func (s *space) doesApart(p *permissions, b bound) (region, error) {
	var out region
	for i := range p.apart {
		one, err := s.bySides(&p.apart[i].layer, p.apart[i].foreign, p, b)
		if err != nil {
			return nil, err
		}
		out = append(out, one...)
	}
	return out, nil
}

// bySides is the region of what a resource's policy, a trust policy too, and the
// permissions of a session allow together. Within an account a policy that names the
// role needs no identity policy, one that names the session nothing more; of a
// foreign one both sides must allow it.
func (s *space) bySides(resource *layer, foreign bool, p *permissions, b bound) (region, error) {
	itself, byRole := policy.NamedItself, policy.NamedByRole
	if foreign {
		itself, byRole = bothSides, bothSides
	}
	byIdentity, err := s.intersect(s.boxes(resource.allow, b, policy.NamedByAccount), s.boxes(p.identity.allow, b, policy.NotNamed))
	if err != nil {
		return nil, err
	}
	limited, err := s.limitedTo(append(s.boxes(resource.allow, b, byRole), byIdentity...), p, b)
	if err != nil {
		return nil, err
	}
	return s.minusAll(append(s.boxes(resource.allow, b, itself), limited...), s.boxes(resource.deny, !b, policy.NotNamed))
}

// limitedTo is what the boundary and the session policy leave of a region.
func (s *space) limitedTo(r region, p *permissions, b bound) (region, error) {
	if p.limited && b == surely {
		return nil, nil
	}
	for _, l := range []*layer{p.boundary, p.session} {
		if l == nil {
			continue
		}
		var err error
		if r, err = s.intersect(r, s.boxes(l.allow, b, policy.NotNamed)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// accountsOf are the role's account and the other ones; none when the role's is not
// known.
func accountsOf(role *Role, resources []ResourcePolicy) []string {
	if role.Account == "" {
		return nil
	}
	return append([]string{role.Account}, otherAccounts(role, resources)...)
}

// otherAccounts are those of known resources whose ARNs have one, without the role's
// own; none when that is not known.
func otherAccounts(role *Role, resources []ResourcePolicy) []string {
	var out []string
	for i := range resources {
		for _, arn := range resources[i].ARNs {
			if account := aws.AccountIn(arn); role.Account != "" && account != "" && account != role.Account && !slices.Contains(out, account) {
				out = append(out, account)
			}
		}
	}
	return out
}

// concerns says whether what is asked for can be about a resource: an action of its
// service, and an ARN like one of its own.
func (d *Doing) concerns(arns []string) bool {
	return slices.ContainsFunc(arns, func(arn string) bool {
		parts, _ := aws.SplitARN(arn)
		service := parts[2] + ":*"
		return slices.ContainsFunc(d.Actions, func(action string) bool { return meet(strings.ToLower(action), service) }) &&
			slices.ContainsFunc(d.patterns(), func(pattern string) bool { return meet(pattern, arn) })
	})
}

// meet says whether a text is like both patterns.
func meet(a, b string) bool {
	found, err := words([]expr{globText(a, anyChar), globText(b, anyChar)}, nil, &budget{left: defaultWork})
	return err != nil || len(found) > 0
}

// known says whether a resource, whose ARN has no wildcard, is one of those whose
// policies are known.
func (a *Account) known(arn string) bool {
	return !strings.ContainsAny(arn, "*?") && slices.ContainsFunc(a.Resources, func(r ResourcePolicy) bool { return r.Unread == "" && covers(r.ARNs, arn) })
}
