package iam

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

const (
	maxGroups        = 300
	maxGroupsPerUser = 10
)

var groupActions = map[string]action{
	"CreateGroup":         on((*call).createGroup),
	"GetGroup":            on((*call).getGroup),
	"ListGroups":          on((*call).listGroups),
	"ListGroupsForUser":   on((*call).listGroupsForUser),
	"UpdateGroup":         on((*call).updateGroup),
	"DeleteGroup":         on((*call).deleteGroup),
	"AddUserToGroup":      on((*call).addUserToGroup),
	"RemoveUserFromGroup": on((*call).removeUserFromGroup),
}

type groupInput struct {
	GroupName string `wire:"required,min=1,max=128,pattern=NAME"`
}

func (in *groupInput) target(c *call) target { return c.onGroup(in.GroupName) }

type createGroupInput struct {
	GroupName string `wire:"required,min=1,max=128,pattern=NAME"`
	pathInput
}

func (in *createGroupInput) target(c *call) target {
	return target{arn: c.arnOf("group", in.Path, in.GroupName)}
}

type groupOutput struct {
	Path       string
	GroupName  string
	GroupId    string
	Arn        string
	CreateDate wire.Time
}

type groupResult struct{ Group groupOutput }

func outGroup(g *Group) groupOutput {
	return groupOutput{Path: g.Path, GroupName: g.Name, GroupId: g.ID, Arn: g.ARN(), CreateDate: wire.At(g.Created)}
}

func (c *call) createGroup(in *createGroupInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		g, err := c.maker(tx).group(in)
		if err != nil {
			return nil, err
		}
		if _, exists := state.Get[*Group](tx, g.StateKey()); exists {
			return nil, groupExists(g.Name)
		}
		if count[*Group](tx, c.account) >= maxGroups {
			return nil, quotaExceeded("GroupsPerAccount", maxGroups)
		}
		tx.Put(g)
		return &groupResult{outGroup(g)}, nil
	})
}

func groupExists(name string) error { return alreadyExists("Group with name %s already exists.", name) }

func (m *maker) group(in *createGroupInput) (*Group, error) {
	g := &Group{Account: m.account, Partition: m.partition, Path: in.orRoot(), Name: in.GroupName, Created: m.now}
	var err error
	g.ID, err = m.id(groupID)
	return g, err
}

func (c *call) group(r state.Reader, name string) (*Group, error) {
	g, ok := state.Get[*Group](r, nameKey(c.account, name))
	if !ok {
		return nil, noGroup(name)
	}
	return g, nil
}

// members gives the users of a group, by name.
func members(r state.Reader, g *Group) []*User {
	return slices.Collect(state.LookupAll[*User](r, ByGroup, g.StateKey()))
}

type getGroupInput struct {
	groupInput
	pageInput
}

type getGroupOutput struct {
	Group groupOutput
	Users wire.List[*userOutput]
	pageOutput
}

func (c *call) getGroup(in *getGroupInput) (any, error) {
	g, err := c.group(c.State, in.GroupName)
	if err != nil {
		return nil, err
	}
	some, page, err := paginate(slices.Values(members(c.State, g)), (*User).StateKey, in.pageInput)
	if err != nil {
		return nil, err
	}
	out := &getGroupOutput{Group: outGroup(g), pageOutput: page}
	for _, u := range some {
		out.Users = append(out.Users, outUser(u))
	}
	return out, nil
}

type listGroupsInput struct{ pathPrefixInput }

func (in *listGroupsInput) target(c *call) target {
	return target{arn: c.arnOf("group", in.PathPrefix, "")}
}

type listGroupsOutput struct {
	Groups wire.List[groupOutput]
	pageOutput
}

func (c *call) listGroups(in *listGroupsInput) (any, error) {
	all := under(state.All[*Group](c.State, c.account+"/"), func(g *Group) string { return g.Path }, in.PathPrefix)
	some, page, err := paginate(all, (*Group).StateKey, in.pageInput)
	return outGroups(some, page), err
}

func outGroups(some []*Group, page pageOutput) *listGroupsOutput {
	out := &listGroupsOutput{pageOutput: page}
	for _, g := range some {
		out.Groups = append(out.Groups, outGroup(g))
	}
	return out
}

func (c *call) listGroupsForUser(in *listUserTagsInput) (any, error) {
	u, err := c.user(c.State, in.UserName)
	if err != nil {
		return nil, err
	}
	var all []*Group
	for _, name := range u.Groups {
		if g, ok := state.Get[*Group](c.State, nameKey(c.account, name)); ok {
			all = append(all, g)
		}
	}
	slices.SortFunc(all, func(a, b *Group) int { return strings.Compare(a.StateKey(), b.StateKey()) })
	some, page, err := paginate(slices.Values(all), (*Group).StateKey, in.pageInput)
	return outGroups(some, page), err
}

type updateGroupInput struct {
	groupInput
	NewPath      string `wire:"min=1,max=512,pattern=PATH"`
	NewGroupName string `wire:"min=1,max=128,pattern=NAME"`
}

func (c *call) updateGroup(in *updateGroupInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		g, err := c.group(tx, in.GroupName)
		if err != nil {
			return nil, err
		}
		changed := *g
		if in.NewPath != "" {
			changed.Path = in.NewPath
		}
		if in.NewGroupName != "" {
			changed.Name = in.NewGroupName
		}
		if changed.StateKey() != g.StateKey() {
			if _, exists := state.Get[*Group](tx, changed.StateKey()); exists {
				return nil, groupExists(changed.Name)
			}
			tx.Delete(g)
		}
		tx.Put(&changed)
		if changed.Name == g.Name {
			return nil, nil
		}
		for _, u := range members(tx, g) {
			moved := *u
			moved.Groups = slices.Clone(u.Groups)
			for i, name := range moved.Groups {
				if strings.EqualFold(name, g.Name) {
					moved.Groups[i] = changed.Name
				}
			}
			tx.Put(&moved)
		}
		return nil, nil
	})
}

func (c *call) deleteGroup(in *groupInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		g, err := c.group(tx, in.GroupName)
		if err != nil {
			return nil, err
		}
		if err := g.mustBeBare(); err != nil {
			return nil, err
		}
		if len(members(tx, g)) > 0 {
			return nil, deleteConflict("Cannot delete entity, must remove users from group first.")
		}
		tx.Delete(g)
		return nil, nil
	})
}

type groupUserInput struct {
	groupInput
	UserName string `wire:"required,min=1,max=128,pattern=NAME"`
}

// changeMember replaces a user by a copy with other groups. Recorded: a missing
// user is reported before a missing group.
func (c *call) changeMember(in *groupUserInput, change func(*User, *Group) error) (any, error) {
	return c.changeUser(in.UserName, func(tx *state.Txn, u *User) error {
		g, err := c.group(tx, in.GroupName)
		if err != nil {
			return err
		}
		return change(u, g)
	})
}

func (c *call) addUserToGroup(in *groupUserInput) (any, error) {
	return c.changeMember(in, func(u *User, g *Group) error {
		if u.inGroup(g.Name) {
			return nil
		}
		if len(u.Groups) >= maxGroupsPerUser {
			return quotaExceeded("GroupsPerUser", maxGroupsPerUser)
		}
		u.Groups = append(slices.Clone(u.Groups), g.Name)
		return nil
	})
}

func (c *call) removeUserFromGroup(in *groupUserInput) (any, error) {
	return c.changeMember(in, func(u *User, g *Group) error {
		u.Groups = slices.DeleteFunc(slices.Clone(u.Groups), func(name string) bool { return strings.EqualFold(name, g.Name) })
		return nil
	})
}
