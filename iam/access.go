package iam

import (
	"net/http"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// mayCallIAM tells whether credentials of this kind may call IAM at all: those
// of GetFederationToken may not, those of GetSessionToken only with MFA, which
// the emulator does not have (IAM user guide, "Compare AWS STS credentials").
func mayCallIAM(p *api.Principal) bool {
	return p.Type == api.AssumedRole || (p.Type == api.IAMUser || p.Type == api.RootUser) && !p.Temporary
}

func withoutMFA(p *api.Principal) error {
	// AWS answers as if the credentials did not exist.
	answer := wire.Errorf(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
	return api.Refuse(decision.Policy, answer).
		Because("credentials of %s came from GetSessionToken or GetFederationToken, which cannot call IAM", p.ARN).
		WithHint("call IAM with the user's access key, or with an assumed role")
}

// authorize holds the call against the caller's policies.
func (c *call) authorize(t target) error { return c.allow("iam:"+c.Action, t) }

func (c *call) allow(act string, t target) error {
	if c.Decision != nil && c.Decision.Resource == "" && t.arn != "*" {
		c.Decision.Resource = t.arn
	}
	shown := t.shown
	if shown == "" {
		shown = t.arn
	}
	p := c.Principal
	if owner := ownerOf(t.arn); owner != "" && owner != p.Account && owner != awsAccount {
		// IAM acts in the caller's account only; AWS gives no detail across accounts.
		answer := accessDenied("User: %s is not authorized to perform: %s on resource: %s", p.ARN, act, shown)
		return api.Refuse(decision.Policy, answer).Because("the resource belongs to account %s, the caller to account %s", owner, p.Account)
	}
	if p.Type == api.RootUser {
		return nil
	}
	d := c.Authorize(api.Access{Action: act, Resource: t.arn, Keys: t.keys})
	if d.Allowed {
		return nil
	}
	return api.Denied(d, accessDenied("%s", api.DenialText(p, d, act, shown)))
}

func ownerOf(arn string) string {
	a, err := aws.ParseARN(arn)
	if err != nil {
		return ""
	}
	return a.Account
}

// allowTags asks for the permission that tags need which come with a new entity,
// beside that of its creation.
func (c *call) allowTags(action string, arn, shown string, tags []tagInput) error {
	if len(tags) == 0 {
		return nil
	}
	return c.allow("iam:"+action, target{arn: arn, shown: shown}.withTags(tags))
}

// anything is the target of an action that acts on no resource.
func anything() target { return target{arn: "*"} }

// arnOf is the ARN that an entity of the caller's account has or would have.
func (c *call) arnOf(kind, path, name string) string {
	if path == "" {
		path = "/"
	}
	return arn(Partition(c.State, c.account), c.account, kind+path+name)
}

// onRole is a role as a target. AWS's refusal names roles and users by name
// ("on resource: role X") but where the action makes one.
func (c *call) onRole(name string) target {
	t := target{arn: c.arnOf("role", "", name), shown: "role " + name}
	if role, ok := RoleByName(c.State, c.account, name); ok {
		t.arn, t.keys = role.ARN(), resourceTagKeys(role.Tags)
		withBoundary(&t, role.Boundary)
	}
	return t
}

func (c *call) onUser(name string) target {
	t := target{arn: c.arnOf("user", "", name), shown: "user " + name}
	if user, ok := state.Get[*User](c.State, nameKey(c.account, name)); ok {
		t.arn, t.keys = user.ARN(), resourceTagKeys(user.Tags)
		withBoundary(&t, user.Boundary)
	}
	return t
}

func (c *call) onGroup(name string) target {
	t := target{arn: c.arnOf("group", "", name), shown: "group " + name}
	if group, ok := state.Get[*Group](c.State, nameKey(c.account, name)); ok {
		t.arn = group.ARN()
	}
	return t
}

func (c *call) onInstanceProfile(name string) target {
	t := target{arn: c.arnOf("instance-profile", "", name), shown: "instance profile " + name}
	if p, ok := state.Get[*InstanceProfile](c.State, nameKey(c.account, name)); ok {
		t.arn, t.keys = p.ARN(), resourceTagKeys(p.Tags)
	}
	return t
}

func (c *call) onPolicy(arn string) target {
	t := target{arn: arn, shown: "policy " + arn}
	if p, ok := PolicyByARN(c.State, arn); ok {
		t.keys = resourceTagKeys(p.Tags)
	}
	return t
}

func (c *call) onProvider(arn string) target {
	t := target{arn: arn}
	if p, ok := providerByARN(c.State, arn); ok {
		t.keys = resourceTagKeys(p.Tags)
	}
	return t
}

// with adds a condition key to a target.
func (t target) with(key, value string) target {
	if value == "" {
		return t
	}
	if t.keys == nil {
		t.keys = policy.Context{}
	}
	t.keys.Set(key, value)
	return t
}

// withTags adds the tags that the request carries.
func (t target) withTags(tags []tagInput) target {
	if t.keys == nil {
		t.keys = policy.Context{}
	}
	t.keys = requestTagKeys(t.keys, tags)
	return t
}

// withTagKeys adds the tag keys of an Untag… request.
func (t target) withTagKeys(keys []string) target {
	if t.keys == nil {
		t.keys = policy.Context{}
	}
	t.keys.SetMulti("aws:TagKeys", keys)
	return t
}

func withBoundary(t *target, arn string) {
	if arn != "" {
		t.keys.Set("iam:PermissionsBoundary", arn)
	}
}
