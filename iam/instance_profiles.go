package iam

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

const maxInstanceProfiles = 1000

var instanceProfileActions = map[string]action{
	"CreateInstanceProfile":         on((*call).createInstanceProfile),
	"GetInstanceProfile":            on((*call).getInstanceProfile),
	"DeleteInstanceProfile":         on((*call).deleteInstanceProfile),
	"ListInstanceProfiles":          on((*call).listInstanceProfiles),
	"ListInstanceProfilesForRole":   on((*call).listInstanceProfilesForRole),
	"AddRoleToInstanceProfile":      on((*call).addRoleToInstanceProfile),
	"RemoveRoleFromInstanceProfile": on((*call).removeRoleFromInstanceProfile),
	"TagInstanceProfile":            on((*call).tagInstanceProfile),
	"UntagInstanceProfile":          on((*call).untagInstanceProfile),
	"ListInstanceProfileTags":       on((*call).listInstanceProfileTags),
}

type instanceProfileInput struct {
	InstanceProfileName string `wire:"required,min=1,max=128,pattern=NAME"`
}

func (in *instanceProfileInput) target(c *call) target {
	return c.onInstanceProfile(in.InstanceProfileName)
}

type createInstanceProfileInput struct {
	InstanceProfileName string `wire:"required,min=1,max=128,pattern=NAME"`
	pathInput
	tagsInput
}

func (in *createInstanceProfileInput) target(c *call) target {
	return target{arn: c.arnOf("instance-profile", in.Path, in.InstanceProfileName)}.withTags(in.Tags)
}

// instanceProfileOutput has Tags also when empty in GetInstanceProfile, when
// there are any in CreateInstanceProfile, and never in lists (recorded).
type instanceProfileOutput struct {
	Path                string
	InstanceProfileName string
	InstanceProfileId   string
	Arn                 string
	CreateDate          wire.Time
	Roles               wire.List[*roleOutput]
	Tags                *wire.List[tagOutput]
}

type instanceProfileResult struct{ InstanceProfile *instanceProfileOutput }

func outInstanceProfile(r state.Reader, p *InstanceProfile) *instanceProfileOutput {
	out := &instanceProfileOutput{
		Path: p.Path, InstanceProfileName: p.Name, InstanceProfileId: p.ID, Arn: p.ARN(), CreateDate: wire.At(p.Created),
	}
	if role, ok := RoleByName(r, p.Account, p.Role); ok {
		out.Roles = append(out.Roles, outRole(role))
	}
	return out
}

func (o *instanceProfileOutput) withTags(p *InstanceProfile) *instanceProfileOutput {
	tags := outTags(p.Tags)
	o.Tags = &tags
	return o
}

func (c *call) createInstanceProfile(in *createInstanceProfileInput) (any, error) {
	if err := c.allowTags("TagInstanceProfile", c.arnOf("instance-profile", in.Path, in.InstanceProfileName), "", in.Tags); err != nil {
		return nil, err
	}
	return c.update(func(tx *state.Txn) (any, error) {
		p, err := c.maker(tx).instanceProfile(in)
		if err != nil {
			return nil, err
		}
		if _, exists := state.Get[*InstanceProfile](tx, p.StateKey()); exists {
			return nil, alreadyExists("Instance Profile %s already exists.", p.Name)
		}
		if count[*InstanceProfile](tx, c.account) >= maxInstanceProfiles {
			return nil, quotaExceeded("InstanceProfilesPerAccount", maxInstanceProfiles)
		}
		tx.Put(p)
		out := outInstanceProfile(tx, p)
		if len(p.Tags) > 0 {
			out.withTags(p)
		}
		return &instanceProfileResult{out}, nil
	})
}

func (m *maker) instanceProfile(in *createInstanceProfileInput) (*InstanceProfile, error) {
	p := &InstanceProfile{Account: m.account, Partition: m.partition, Path: in.orRoot(), Name: in.InstanceProfileName, Created: m.now}
	var err error
	if p.Tags, err = newTags(in.Tags, caseSensitive); err != nil {
		return nil, err
	}
	p.ID, err = m.id(profileID)
	return p, err
}

func (c *call) instanceProfile(r state.Reader, name string) (*InstanceProfile, error) {
	p, ok := state.Get[*InstanceProfile](r, nameKey(c.account, name))
	if !ok {
		return nil, noInstanceProfile(name)
	}
	return p, nil
}

func (c *call) getInstanceProfile(in *instanceProfileInput) (any, error) {
	p, err := c.instanceProfile(c.State, in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	return &instanceProfileResult{outInstanceProfile(c.State, p).withTags(p)}, nil
}

func (c *call) deleteInstanceProfile(in *instanceProfileInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		p, err := c.instanceProfile(tx, in.InstanceProfileName)
		if err != nil {
			return nil, err
		}
		if p.Role != "" {
			return nil, deleteConflict("Cannot delete entity, must remove roles from instance profile first.")
		}
		tx.Delete(p)
		return nil, nil
	})
}

type listInstanceProfilesInput struct{ pathPrefixInput }

func (in *listInstanceProfilesInput) target(c *call) target {
	return target{arn: c.arnOf("instance-profile", in.PathPrefix, "")}
}

type listInstanceProfilesOutput struct {
	InstanceProfiles wire.List[*instanceProfileOutput]
	pageOutput
}

func (c *call) listInstanceProfiles(in *listInstanceProfilesInput) (any, error) {
	all := under(state.All[*InstanceProfile](c.State, c.account+"/"), func(p *InstanceProfile) string { return p.Path }, in.PathPrefix)
	some, page, err := paginate(all, (*InstanceProfile).StateKey, in.pageInput)
	return c.outInstanceProfiles(some, page), err
}

func (c *call) outInstanceProfiles(some []*InstanceProfile, page pageOutput) *listInstanceProfilesOutput {
	out := &listInstanceProfilesOutput{pageOutput: page}
	for _, p := range some {
		out.InstanceProfiles = append(out.InstanceProfiles, outInstanceProfile(c.State, p))
	}
	return out
}

type listInstanceProfilesForRoleInput struct {
	roleInput
	pageInput
}

func (c *call) listInstanceProfilesForRole(in *listInstanceProfilesForRoleInput) (any, error) {
	role, err := c.role(c.State, in.RoleName)
	if err != nil {
		return nil, err
	}
	all := state.LookupAll[*InstanceProfile](c.State, ByRole, role.StateKey())
	some, page, err := paginate(all, (*InstanceProfile).StateKey, in.pageInput)
	return c.outInstanceProfiles(some, page), err
}

type instanceProfileRoleInput struct {
	instanceProfileInput
	RoleName string `wire:"required,min=1,max=64,pattern=NAME"`
}

// changeInstanceProfile replaces an instance profile by a changed copy.
func (c *call) changeInstanceProfile(name string, change func(*state.Txn, *InstanceProfile) error) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		p, err := c.instanceProfile(tx, name)
		if err != nil {
			return nil, err
		}
		changed := *p
		if err := change(tx, &changed); err != nil {
			return nil, err
		}
		tx.Put(&changed)
		return nil, nil
	})
}

func (c *call) addRoleToInstanceProfile(in *instanceProfileRoleInput) (any, error) {
	pass := c.onRole(in.RoleName)
	pass.shown = ""
	if err := c.allow("iam:PassRole", pass.with("iam:PassedToService", "ec2.amazonaws.com")); err != nil {
		return nil, err
	}
	return c.changeInstanceProfile(in.InstanceProfileName, func(tx *state.Txn, p *InstanceProfile) error {
		role, err := c.role(tx, in.RoleName)
		if err != nil {
			return err
		}
		if err := mayModify(role); err != nil {
			return err
		}
		if p.Role != "" {
			return quotaExceeded("InstanceSessionsPerInstanceProfile", 1)
		}
		p.Role = role.Name
		return nil
	})
}

func (c *call) removeRoleFromInstanceProfile(in *instanceProfileRoleInput) (any, error) {
	return c.changeInstanceProfile(in.InstanceProfileName, func(tx *state.Txn, p *InstanceProfile) error {
		if _, err := c.role(tx, in.RoleName); err != nil {
			return err
		}
		if !strings.EqualFold(p.Role, in.RoleName) {
			return noSuchEntity("Role %s in Instance Profile %s cannot be found.", in.RoleName, in.InstanceProfileName)
		}
		p.Role = ""
		return nil
	})
}

type tagInstanceProfileInput struct {
	instanceProfileInput
	addTagsInput
}

func (in *tagInstanceProfileInput) target(c *call) target {
	return in.instanceProfileInput.target(c).withTags(in.Tags)
}

func (c *call) tagInstanceProfile(in *tagInstanceProfileInput) (any, error) {
	return c.changeInstanceProfile(in.InstanceProfileName, func(_ *state.Txn, p *InstanceProfile) (err error) {
		p.Tags, err = addTags(p.Tags, in.Tags, caseSensitive)
		return err
	})
}

type untagInstanceProfileInput struct {
	instanceProfileInput
	tagKeysInput
}

func (in *untagInstanceProfileInput) target(c *call) target {
	return in.instanceProfileInput.target(c).withTagKeys(in.TagKeys)
}

func (c *call) untagInstanceProfile(in *untagInstanceProfileInput) (any, error) {
	return c.changeInstanceProfile(in.InstanceProfileName, func(_ *state.Txn, p *InstanceProfile) error {
		p.Tags = removeTags(p.Tags, in.TagKeys, caseSensitive)
		return nil
	})
}

type listInstanceProfileTagsInput struct {
	instanceProfileInput
	pageInput
}

func (c *call) listInstanceProfileTags(in *listInstanceProfileTagsInput) (any, error) {
	p, err := c.instanceProfile(c.State, in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	return listTags(p.Tags, in.pageInput)
}
