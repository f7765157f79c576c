package iam

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

const (
	maxRoles        = 1000
	serviceRolePath = "/aws-service-role/"
)

var roleActions = map[string]action{
	"CreateRole":                    on((*call).createRole),
	"GetRole":                       on((*call).getRole),
	"ListRoles":                     on((*call).listRoles),
	"DeleteRole":                    on((*call).deleteRole),
	"UpdateRole":                    on((*call).updateRole),
	"UpdateRoleDescription":         on((*call).updateRoleDescription),
	"UpdateAssumeRolePolicy":        on((*call).updateAssumeRolePolicy),
	"PutRolePermissionsBoundary":    on((*call).putRoleBoundary),
	"DeleteRolePermissionsBoundary": on((*call).deleteRoleBoundary),
	"TagRole":                       on((*call).tagRole),
	"UntagRole":                     on((*call).untagRole),
	"ListRoleTags":                  on((*call).listRoleTags),
}

type roleInput struct {
	RoleName string `wire:"required,min=1,max=64,pattern=NAME"`
}

func (in *roleInput) target(c *call) target { return c.onRole(in.RoleName) }

type pathInput struct {
	Path string `wire:"min=1,max=512"`
}

var (
	pathForm   = lazyregexp.New(`^/([!-~]+/)?$`)
	prefixForm = lazyregexp.New(`^/[!-\x7f]*$`)
)

// checkPath has a text of its own where the model has a pattern. Seen on AWS:
// aws-cloudformation/cfn-lint#722, aws-cloudformation/cfn-lint#3020.
func (in pathInput) checkPath() error {
	if in.Path == "" || pathForm.MatchString(in.Path) {
		return nil
	}
	return wire.ValidationError("The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
}

// orRoot is the path of a new entity.
func (in pathInput) orRoot() string {
	if in.Path == "" {
		return "/"
	}
	return in.Path
}

type createRoleInput struct {
	RoleName                 string `wire:"required,min=1,max=64,pattern=NAME"`
	AssumeRolePolicyDocument string `wire:"required,min=1,max=131072,pattern=LATIN1"`
	// The model's pattern for a description also takes the empty string.
	Description         *string `wire:"max=1000,pattern=[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*"`
	MaxSessionDuration  *int    `wire:"min=3600,max=43200"`
	PermissionsBoundary *string `wire:"min=20,max=2048"`
	pathInput
	tagsInput
}

func (in *createRoleInput) target(c *call) target {
	t := target{arn: c.arnOf("role", in.Path, in.RoleName)}.withTags(in.Tags)
	if in.PermissionsBoundary != nil {
		t = t.with("iam:PermissionsBoundary", *in.PermissionsBoundary)
	}
	return t
}

type roleResult struct{ Role *roleOutput }

func (c *call) createRole(in *createRoleInput) (any, error) {
	if strings.HasPrefix(in.Path, serviceRolePath) {
		// The text is a user's report: tilfin/aws-iam-policy-tool#9.
		return nil, invalidInput("Path prefix '%s' can only be used for AWS Service linked Roles", serviceRolePath)
	}
	if err := c.allowTags("TagRole", c.arnOf("role", in.Path, in.RoleName), "", in.Tags); err != nil {
		return nil, err
	}
	return c.update(func(tx *state.Txn) (any, error) {
		if _, exists := RoleByName(tx, c.account, in.RoleName); exists {
			return nil, alreadyExists("Role with name %s already exists.", in.RoleName)
		}
		role, err := c.maker(tx).role(in)
		if err != nil {
			return nil, err
		}
		if count[*Role](tx, c.account) >= maxRoles {
			return nil, quotaExceeded("RolesPerAccount", maxRoles)
		}
		tx.Put(role)
		if err := bindPrincipal(tx, TrustPrincipal{role.ARN(), role.ID}); err != nil {
			return nil, err
		}
		return &roleResult{outRole(role).withTags(role).withBoundary(role)}, nil
	})
}

// role makes the role that the input describes.
func (m *maker) role(in *createRoleInput) (*Role, error) {
	role := &Role{
		Account: m.account, Partition: m.partition, Path: in.orRoot(), Name: in.RoleName,
		Created: m.now, MaxSessionDuration: aws.DefaultRoleSession,
	}
	var err error
	if role.Trust, role.TrustPrincipals, err = m.trust(in.AssumeRolePolicyDocument); err != nil {
		return nil, err
	}
	if in.Description != nil {
		role.Description, role.HasDescription = *in.Description, true
	}
	if in.MaxSessionDuration != nil {
		role.MaxSessionDuration = *in.MaxSessionDuration
	}
	if in.PermissionsBoundary != nil {
		if err := role.bound(m.tx, *in.PermissionsBoundary, roleLimits.in(role.Account, role.Partition)); err != nil {
			return nil, err
		}
	}
	if role.Tags, err = newTags(in.Tags, caseInsensitive); err != nil {
		return nil, err
	}
	if role.ID, err = m.id(roleID); err != nil {
		return nil, err
	}
	role.pack()
	return role, nil
}

// roleOutput is a role in an answer. Which members it has depends on the
// action (recorded): the base is what a role inside an instance profile has.
type roleOutput struct {
	Path                     string
	RoleName                 string
	RoleId                   string
	Arn                      string
	CreateDate               wire.Time
	AssumeRolePolicyDocument string
	Description              *string
	MaxSessionDuration       int `wire:"omitempty"`
	PermissionsBoundary      *boundaryOutput
	Tags                     wire.List[tagOutput] `wire:"omitempty"`
	RoleLastUsed             *struct{}
}

func outRole(r *Role) *roleOutput {
	return &roleOutput{
		Path: r.Path, RoleName: r.Name, RoleId: r.ID, Arn: r.ARN(), CreateDate: wire.At(r.Created),
		AssumeRolePolicyDocument: percentEncode(string(r.Trust.Parsed().Normalised())),
	}
}

func (o *roleOutput) withTags(r *Role) *roleOutput {
	o.Tags = outTags(r.Tags)
	return o
}

func (o *roleOutput) withBoundary(r *Role) *roleOutput {
	o.PermissionsBoundary = outBoundary(&r.Permissions)
	return o
}

func (o *roleOutput) withDescription(r *Role) *roleOutput {
	if r.HasDescription {
		o.Description = &r.Description
	}
	return o
}

func (o *roleOutput) withDuration(r *Role) *roleOutput {
	o.MaxSessionDuration = r.MaxSessionDuration
	return o
}

func (c *call) role(r state.Reader, name string) (*Role, error) {
	role, ok := RoleByName(r, c.account, name)
	if !ok {
		return nil, noRole(name)
	}
	return role, nil
}

func (c *call) getRole(in *roleInput) (any, error) {
	role, err := c.role(c.State, in.RoleName)
	if err != nil {
		return nil, err
	}
	out := outRole(role).withTags(role).withBoundary(role).withDescription(role).withDuration(role)
	out.RoleLastUsed = &struct{}{} // present and empty until used; AWS fills it hours later
	return &roleResult{out}, nil
}

type pathPrefixInput struct {
	PathPrefix string `wire:"min=1,max=512"`
	pageInput
}

// checkPath is as that of pathInput. Seen on AWS: ansible-collections/amazon.aws#2065.
func (in pathPrefixInput) checkPath() error {
	if in.PathPrefix == "" || prefixForm.MatchString(in.PathPrefix) {
		return nil
	}
	return wire.ValidationError("The specified value for pathPrefix is invalid. It must begin with the / character and contain only alphanumeric characters and/or / characters.")
}

type listRolesInput struct{ pathPrefixInput }

func (in *listRolesInput) target(c *call) target {
	return target{arn: c.arnOf("role", in.PathPrefix, "")}
}

type listRolesOutput struct {
	Roles wire.List[*roleOutput]
	pageOutput
}

func (c *call) listRoles(in *listRolesInput) (any, error) {
	roles := under(state.All[*Role](c.State, c.account+"/"), func(r *Role) string { return r.Path }, in.PathPrefix)
	some, page, err := paginate(roles, (*Role).StateKey, in.pageInput)
	if err != nil {
		return nil, err
	}
	out := &listRolesOutput{pageOutput: page}
	for _, role := range some {
		out.Roles = append(out.Roles, outRole(role).withDescription(role).withDuration(role))
	}
	return out, nil
}

func (c *call) deleteRole(in *roleInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		role, err := c.role(tx, in.RoleName)
		if err != nil {
			return nil, err
		}
		if err := mayModify(role); err != nil {
			return nil, err
		}
		return nil, dropRole(tx, role)
	})
}

func dropRole(tx *state.Txn, role *Role) error {
	if _, used := state.Lookup[*InstanceProfile](tx, ByRole, role.StateKey()); used {
		return deleteConflict("Cannot delete entity, must remove roles from instance profile first.")
	}
	if err := role.mustBeBare(); err != nil {
		return err
	}
	tx.Delete(role)
	return forgetPrincipal(tx, TrustPrincipal{role.ARN(), role.ID})
}

// mayModify refuses to change a service-linked role. Its description and its tags
// are the account's own (recorded 4).
func mayModify(role *Role) error {
	if strings.HasPrefix(role.Path, serviceRolePath) {
		return unmodifiable("Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", role.Name)
	}
	return nil
}

// changeRole replaces a role, but no service-linked one, by a changed copy, which
// it returns.
func (c *call) changeRole(name string, change func(*state.Txn, *Role) error) (*Role, error) {
	return c.changeAnyRole(name, func(tx *state.Txn, role *Role) error {
		if err := mayModify(role); err != nil {
			return err
		}
		return change(tx, role)
	})
}

// changeAnyRole is changeRole for service-linked roles, too. Slices of the copy are
// shared with the role until change clones them.
func (c *call) changeAnyRole(name string, change func(*state.Txn, *Role) error) (*Role, error) {
	changed, err := c.update(func(tx *state.Txn) (any, error) {
		role, err := c.role(tx, name)
		if err != nil {
			return nil, err
		}
		changed := *role
		if err := change(tx, &changed); err != nil {
			return nil, err
		}
		tx.Put(&changed)
		return &changed, nil
	})
	if err != nil {
		return nil, err
	}
	return changed.(*Role), nil
}

type updateRoleInput struct {
	roleInput
	Description        *string `wire:"max=1000,pattern=[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*"`
	MaxSessionDuration *int    `wire:"min=3600,max=43200"`
}

type updateRoleOutput struct{}

func (c *call) updateRole(in *updateRoleInput) (any, error) {
	_, err := c.changeAnyRole(in.RoleName, func(_ *state.Txn, role *Role) error {
		if in.MaxSessionDuration != nil {
			if err := mayModify(role); err != nil {
				return err
			}
		}
		if in.Description != nil {
			role.Description, role.HasDescription = *in.Description, true
		}
		if in.MaxSessionDuration != nil {
			role.MaxSessionDuration = *in.MaxSessionDuration
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &updateRoleOutput{}, nil
}

type updateRoleDescriptionInput struct {
	roleInput
	Description string `wire:"required,max=1000,pattern=[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*"`
}

func (c *call) updateRoleDescription(in *updateRoleDescriptionInput) (any, error) {
	role, err := c.changeAnyRole(in.RoleName, func(_ *state.Txn, role *Role) error {
		role.Description, role.HasDescription = in.Description, true
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &roleResult{outRole(role).withDescription(role)}, nil
}

type updateAssumeRolePolicyInput struct {
	roleInput
	PolicyDocument string `wire:"required,min=1,max=131072,pattern=LATIN1"`
}

func (c *call) updateAssumeRolePolicy(in *updateAssumeRolePolicyInput) (any, error) {
	_, err := c.changeRole(in.RoleName, func(tx *state.Txn, role *Role) (err error) {
		role.Trust, role.TrustPrincipals, err = c.maker(tx).trust(in.PolicyDocument)
		return err
	})
	return nil, err
}

type putRoleBoundaryInput struct {
	roleInput
	PermissionsBoundary string `wire:"required,min=20,max=2048"`
}

func (in *putRoleBoundaryInput) target(c *call) target {
	return in.roleInput.target(c).with("iam:PermissionsBoundary", in.PermissionsBoundary)
}

func (c *call) putRoleBoundary(in *putRoleBoundaryInput) (any, error) {
	_, err := c.changeRole(in.RoleName, func(tx *state.Txn, role *Role) error {
		return role.bound(tx, in.PermissionsBoundary, roleLimits.in(role.Account, role.Partition))
	})
	return nil, err
}

func (c *call) deleteRoleBoundary(in *roleInput) (any, error) {
	_, err := c.changeRole(in.RoleName, func(_ *state.Txn, role *Role) error {
		role.Boundary = ""
		return nil
	})
	return nil, err
}

type tagRoleInput struct {
	roleInput
	addTagsInput
}

func (in *tagRoleInput) target(c *call) target { return in.roleInput.target(c).withTags(in.Tags) }

func (c *call) tagRole(in *tagRoleInput) (any, error) {
	_, err := c.changeAnyRole(in.RoleName, func(_ *state.Txn, role *Role) (err error) {
		role.Tags, err = addTags(role.Tags, in.Tags, caseInsensitive)
		return err
	})
	return nil, err
}

type untagRoleInput struct {
	roleInput
	tagKeysInput
}

func (in *untagRoleInput) target(c *call) target {
	return in.roleInput.target(c).withTagKeys(in.TagKeys)
}

func (c *call) untagRole(in *untagRoleInput) (any, error) {
	_, err := c.changeAnyRole(in.RoleName, func(_ *state.Txn, role *Role) error {
		role.Tags = removeTags(role.Tags, in.TagKeys, caseInsensitive)
		return nil
	})
	return nil, err
}

type listRoleTagsInput struct {
	roleInput
	pageInput
}

func (c *call) listRoleTags(in *listRoleTagsInput) (any, error) {
	role, err := c.role(c.State, in.RoleName)
	if err != nil {
		return nil, err
	}
	return listTags(role.Tags, in.pageInput)
}
