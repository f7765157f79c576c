package iam

import (
	"github.com/irsa-emu/irsa-emu/state"
)

var rolePolicyActions = map[string]action{
	"PutRolePolicy":            on((*call).putRolePolicy),
	"GetRolePolicy":            on((*call).getRolePolicy),
	"DeleteRolePolicy":         on((*call).deleteRolePolicy),
	"ListRolePolicies":         on((*call).listRolePolicies),
	"AttachRolePolicy":         on((*call).attachRolePolicy),
	"DetachRolePolicy":         on((*call).detachRolePolicy),
	"ListAttachedRolePolicies": on((*call).listAttachedRolePolicies),
}

type inlineInput struct {
	PolicyName string `wire:"required,min=1,max=128,pattern=NAME"`
}

type putInlineInput struct {
	inlineInput
	PolicyDocument string `wire:"required,min=1,max=131072,pattern=LATIN1"`
}

type attachInput struct {
	PolicyArn string `wire:"required,min=20,max=2048"`
}

type putRolePolicyInput struct {
	roleInput
	putInlineInput
}

func (c *call) putRolePolicy(in *putRolePolicyInput) (any, error) {
	_, err := c.changeRole(in.RoleName, func(_ *state.Txn, role *Role) error {
		return role.putInline(in.PolicyName, in.PolicyDocument, roleLimits.in(role.Account, role.Partition), role.Name)
	})
	return nil, err
}

type rolePolicyInput struct {
	roleInput
	inlineInput
}

type rolePolicyOutput struct{ RoleName, PolicyName, PolicyDocument string }

func (c *call) getRolePolicy(in *rolePolicyInput) (any, error) {
	role, err := c.role(c.State, in.RoleName)
	if err != nil {
		return nil, err
	}
	at := role.inlineIndex(in.PolicyName)
	if at < 0 {
		return nil, noInline(roleLimits, in.PolicyName)
	}
	inline := role.Inline[at]
	return &rolePolicyOutput{role.Name, inline.Name, percentEncode(inline.Document.Text)}, nil
}

func (c *call) deleteRolePolicy(in *rolePolicyInput) (any, error) {
	_, err := c.changeRole(in.RoleName, func(_ *state.Txn, role *Role) error {
		return role.deleteInline(in.PolicyName, roleLimits)
	})
	return nil, err
}

type listRolePoliciesInput struct {
	roleInput
	pageInput
}

func (c *call) listRolePolicies(in *listRolePoliciesInput) (any, error) {
	role, err := c.role(c.State, in.RoleName)
	if err != nil {
		return nil, err
	}
	return listInline(&role.Permissions, in.pageInput)
}

type attachRolePolicyInput struct {
	roleInput
	attachInput
}

func (in *attachRolePolicyInput) target(c *call) target {
	return in.roleInput.target(c).with("iam:PolicyARN", in.PolicyArn)
}

func (c *call) attachRolePolicy(in *attachRolePolicyInput) (any, error) {
	_, err := c.changeRole(in.RoleName, func(tx *state.Txn, role *Role) error {
		return role.attach(tx, in.PolicyArn, roleLimits.in(role.Account, role.Partition))
	})
	return nil, err
}

func (c *call) detachRolePolicy(in *attachRolePolicyInput) (any, error) {
	_, err := c.changeRole(in.RoleName, func(_ *state.Txn, role *Role) error {
		return role.detach(in.PolicyArn, roleLimits.in(role.Account, role.Partition))
	})
	return nil, err
}

type listAttachedRolePoliciesInput struct {
	roleInput
	listAttachedInput
}

func (c *call) listAttachedRolePolicies(in *listAttachedRolePoliciesInput) (any, error) {
	role, err := c.role(c.State, in.RoleName)
	if err != nil {
		return nil, err
	}
	return listAttached(&role.Permissions, in.listAttachedInput)
}
