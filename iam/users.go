package iam

import (
	"slices"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

const maxUsers = 5000

var userActions = map[string]action{
	"CreateUser":                    on((*call).createUser),
	"GetUser":                       on((*call).getUser),
	"ListUsers":                     on((*call).listUsers),
	"UpdateUser":                    on((*call).updateUser),
	"DeleteUser":                    on((*call).deleteUser),
	"PutUserPermissionsBoundary":    on((*call).putUserBoundary),
	"DeleteUserPermissionsBoundary": on((*call).deleteUserBoundary),
	"TagUser":                       on((*call).tagUser),
	"UntagUser":                     on((*call).untagUser),
	"ListUserTags":                  on((*call).listUserTags),
}

// userInput names a user; the model lets names be longer here than where a
// user is made.
type userInput struct {
	UserName string `wire:"required,min=1,max=128,pattern=NAME"`
}

func (in *userInput) target(c *call) target { return c.onUser(in.UserName) }

type createUserInput struct {
	UserName            string  `wire:"required,min=1,max=64,pattern=NAME"`
	PermissionsBoundary *string `wire:"min=20,max=2048"`
	pathInput
	tagsInput
}

func (in *createUserInput) target(c *call) target {
	t := target{arn: c.arnOf("user", in.Path, in.UserName)}.withTags(in.Tags)
	if in.PermissionsBoundary != nil {
		t = t.with("iam:PermissionsBoundary", *in.PermissionsBoundary)
	}
	return t
}

type userOutput struct {
	Path                string `wire:"omitempty"` // the root user has neither path
	UserName            string `wire:"omitempty"` // nor name
	UserId              string
	Arn                 string
	CreateDate          wire.Time
	PermissionsBoundary *boundaryOutput
	Tags                wire.List[tagOutput] `wire:"omitempty"`
}

type userResult struct{ User *userOutput }

func outUser(u *User) *userOutput {
	return &userOutput{Path: u.Path, UserName: u.Name, UserId: u.ID, Arn: u.ARN(), CreateDate: wire.At(u.Created)}
}

func (o *userOutput) withDetails(u *User) *userOutput {
	o.Tags, o.PermissionsBoundary = outTags(u.Tags), outBoundary(&u.Permissions)
	return o
}

func (c *call) createUser(in *createUserInput) (any, error) {
	if err := c.allowTags("TagUser", c.arnOf("user", in.Path, in.UserName), "", in.Tags); err != nil {
		return nil, err
	}
	return c.update(func(tx *state.Txn) (any, error) {
		if _, exists := UserByName(tx, c.account, in.UserName); exists {
			return nil, userExists(in.UserName)
		}
		u, err := c.maker(tx).user(in)
		if err != nil {
			return nil, err
		}
		if count[*User](tx, c.account) >= maxUsers {
			return nil, quotaExceeded("UsersPerAccount", maxUsers)
		}
		tx.Put(u)
		if err := bindPrincipal(tx, TrustPrincipal{u.ARN(), u.ID}); err != nil {
			return nil, err
		}
		return &userResult{outUser(u).withDetails(u)}, nil
	})
}

func userExists(name string) error { return alreadyExists("User with name %s already exists.", name) }

func (m *maker) user(in *createUserInput) (*User, error) {
	u := &User{Account: m.account, Partition: m.partition, Path: in.orRoot(), Name: in.UserName, Created: m.now}
	if in.PermissionsBoundary != nil {
		if err := u.bound(m.tx, *in.PermissionsBoundary, userLimits.in(u.Account, u.Partition)); err != nil {
			return nil, err
		}
	}
	var err error
	if u.Tags, err = newTags(in.Tags, caseInsensitive); err != nil {
		return nil, err
	}
	u.ID, err = m.id(userID)
	return u, err
}

func (c *call) user(r state.Reader, name string) (*User, error) {
	u, ok := UserByName(r, c.account, name)
	if !ok {
		return nil, noUser(name)
	}
	return u, nil
}

// optionalUserInput names a user, or leaves it to who signed the call.
type optionalUserInput struct {
	UserName string `wire:"min=1,max=128,pattern=NAME"`
}

func (in *optionalUserInput) target(c *call) target {
	if in.UserName == "" && c.Principal.Type == api.IAMUser {
		return c.onUser(c.Principal.UserName)
	}
	if in.UserName == "" {
		return anything()
	}
	return c.onUser(in.UserName)
}

// check refuses a call of a role session that names no user.
func (in *optionalUserInput) check(c *call) error {
	if c.Principal.Type == api.RootUser {
		return nil // which has a user of its own; whoever needs another asks for its name
	}
	_, err := in.name(c)
	return err
}

// name is the user that the call means.
func (in *optionalUserInput) name(c *call) (string, error) {
	switch {
	case in.UserName != "":
		return in.UserName, nil
	case c.Principal.Type == api.IAMUser:
		return c.Principal.UserName, nil
	}
	return "", wire.ValidationError("Must specify userName when calling with non-User credentials")
}

// accountCreated is the root user's creation: an account of the emulator has always been.
var accountCreated = time.Date(2010, 5, 8, 0, 0, 0, 0, time.UTC)

func (c *call) getUser(in *optionalUserInput) (any, error) {
	if in.UserName == "" && c.Principal.Type == api.RootUser {
		return &userResult{&userOutput{
			UserId: c.account, Arn: RootARN(c.State, c.account), CreateDate: wire.At(accountCreated),
		}}, nil
	}
	name, err := in.name(c)
	if err != nil {
		return nil, err
	}
	u, err := c.user(c.State, name)
	if err != nil {
		return nil, err
	}
	return &userResult{outUser(u).withDetails(u)}, nil
}

type listUsersInput struct{ pathPrefixInput }

func (in *listUsersInput) target(c *call) target {
	return target{arn: c.arnOf("user", in.PathPrefix, "")}
}

type listUsersOutput struct {
	Users wire.List[*userOutput]
	pageOutput
}

func (c *call) listUsers(in *listUsersInput) (any, error) {
	all := under(state.All[*User](c.State, c.account+"/"), func(u *User) string { return u.Path }, in.PathPrefix)
	some, page, err := paginate(all, (*User).StateKey, in.pageInput)
	if err != nil {
		return nil, err
	}
	out := &listUsersOutput{pageOutput: page}
	for _, u := range some {
		out.Users = append(out.Users, outUser(u))
	}
	return out, nil
}

type updateUserInput struct {
	userInput
	NewPath     string `wire:"min=1,max=512,pattern=PATH"`
	NewUserName string `wire:"min=1,max=64,pattern=NAME"`
}

// updateUser moves or renames a user: its unique id, keys and groups stay.
func (c *call) updateUser(in *updateUserInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		u, err := c.user(tx, in.UserName)
		if err != nil {
			return nil, err
		}
		changed := *u
		if in.NewPath != "" {
			changed.Path = in.NewPath
		}
		if in.NewUserName != "" {
			changed.Name = in.NewUserName
		}
		if changed.StateKey() != u.StateKey() {
			if _, exists := UserByName(tx, c.account, changed.Name); exists {
				return nil, userExists(changed.Name)
			}
			tx.Delete(u)
		}
		tx.Put(&changed)
		if changed.ARN() == u.ARN() {
			return nil, nil
		}
		return nil, renamePrincipal(tx, TrustPrincipal{u.ARN(), u.ID}, changed.ARN())
	})
}

func (c *call) deleteUser(in *userInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		u, err := c.user(tx, in.UserName)
		if err != nil {
			return nil, err
		}
		if err := u.mustBeBare(); err != nil {
			return nil, err
		}
		if _, has := state.Lookup[*AccessKey](tx, ByUser, u.ID); has || len(u.Groups) > 0 {
			return nil, deleteConflict("Cannot delete entity, must remove referenced objects first.")
		}
		tx.Delete(u)
		return nil, forgetPrincipal(tx, TrustPrincipal{u.ARN(), u.ID})
	})
}

// changeUser replaces a user by a changed copy.
func (c *call) changeUser(name string, change func(*state.Txn, *User) error) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		u, err := c.user(tx, name)
		if err != nil {
			return nil, err
		}
		changed := *u
		if err := change(tx, &changed); err != nil {
			return nil, err
		}
		tx.Put(&changed)
		return nil, nil
	})
}

type putUserBoundaryInput struct {
	userInput
	PermissionsBoundary string `wire:"required,min=20,max=2048"`
}

func (in *putUserBoundaryInput) target(c *call) target {
	return in.userInput.target(c).with("iam:PermissionsBoundary", in.PermissionsBoundary)
}

func (c *call) putUserBoundary(in *putUserBoundaryInput) (any, error) {
	return c.changeUser(in.UserName, func(tx *state.Txn, u *User) error {
		return u.bound(tx, in.PermissionsBoundary, userLimits.in(u.Account, u.Partition))
	})
}

func (c *call) deleteUserBoundary(in *userInput) (any, error) {
	return c.changeUser(in.UserName, func(_ *state.Txn, u *User) error {
		u.Boundary = ""
		return nil
	})
}

type tagUserInput struct {
	userInput
	addTagsInput
}

func (in *tagUserInput) target(c *call) target { return in.userInput.target(c).withTags(in.Tags) }

func (c *call) tagUser(in *tagUserInput) (any, error) {
	return c.changeUser(in.UserName, func(_ *state.Txn, u *User) (err error) {
		u.Tags, err = addTags(u.Tags, in.Tags, caseInsensitive)
		return err
	})
}

type untagUserInput struct {
	userInput
	tagKeysInput
}

func (in *untagUserInput) target(c *call) target {
	return in.userInput.target(c).withTagKeys(in.TagKeys)
}

func (c *call) untagUser(in *untagUserInput) (any, error) {
	return c.changeUser(in.UserName, func(_ *state.Txn, u *User) error {
		u.Tags = removeTags(u.Tags, in.TagKeys, caseInsensitive)
		return nil
	})
}

type listUserTagsInput struct {
	userInput
	pageInput
}

func (c *call) listUserTags(in *listUserTagsInput) (any, error) {
	u, err := c.user(c.State, in.UserName)
	if err != nil {
		return nil, err
	}
	return listTags(u.Tags, in.pageInput)
}

// inGroup tells whether a user is a member; names ignore case.
func (u *User) inGroup(name string) bool {
	return slices.ContainsFunc(u.Groups, func(g string) bool { return strings.EqualFold(g, name) })
}
