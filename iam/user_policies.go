package iam

import "github.com/irsa-emu/irsa-emu/state"

var userPolicyActions = map[string]action{
	"PutUserPolicy":            on((*call).putUserPolicy),
	"GetUserPolicy":            on((*call).getUserPolicy),
	"DeleteUserPolicy":         on((*call).deleteUserPolicy),
	"ListUserPolicies":         on((*call).listUserPolicies),
	"AttachUserPolicy":         on((*call).attachUserPolicy),
	"DetachUserPolicy":         on((*call).detachUserPolicy),
	"ListAttachedUserPolicies": on((*call).listAttachedUserPolicies),
}

type putUserPolicyInput struct {
	userInput
	putInlineInput
}

func (c *call) putUserPolicy(in *putUserPolicyInput) (any, error) {
	return c.changeUser(in.UserName, func(_ *state.Txn, u *User) error {
		return u.putInline(in.PolicyName, in.PolicyDocument, userLimits.in(u.Account, u.Partition), u.Name)
	})
}

type userPolicyInput struct {
	userInput
	inlineInput
}

type userPolicyOutput struct{ UserName, PolicyName, PolicyDocument string }

func (c *call) getUserPolicy(in *userPolicyInput) (any, error) {
	u, err := c.user(c.State, in.UserName)
	if err != nil {
		return nil, err
	}
	at := u.inlineIndex(in.PolicyName)
	if at < 0 {
		return nil, noInline(userLimits, in.PolicyName)
	}
	return &userPolicyOutput{u.Name, u.Inline[at].Name, percentEncode(u.Inline[at].Document.Text)}, nil
}

func (c *call) deleteUserPolicy(in *userPolicyInput) (any, error) {
	return c.changeUser(in.UserName, func(_ *state.Txn, u *User) error { return u.deleteInline(in.PolicyName, userLimits) })
}

func (c *call) listUserPolicies(in *listUserTagsInput) (any, error) {
	u, err := c.user(c.State, in.UserName)
	if err != nil {
		return nil, err
	}
	return listInline(&u.Permissions, in.pageInput)
}

type attachUserPolicyInput struct {
	UserName string `wire:"required,min=1,max=64,pattern=NAME"`
	attachInput
}

func (in *attachUserPolicyInput) target(c *call) target {
	return c.onUser(in.UserName).with("iam:PolicyARN", in.PolicyArn)
}

func (c *call) attachUserPolicy(in *attachUserPolicyInput) (any, error) {
	return c.changeUser(in.UserName, func(tx *state.Txn, u *User) error {
		return u.attach(tx, in.PolicyArn, userLimits.in(u.Account, u.Partition))
	})
}

func (c *call) detachUserPolicy(in *attachUserPolicyInput) (any, error) {
	return c.changeUser(in.UserName, func(_ *state.Txn, u *User) error {
		return u.detach(in.PolicyArn, userLimits.in(u.Account, u.Partition))
	})
}

type listAttachedUserPoliciesInput struct {
	UserName string `wire:"required,min=1,max=64,pattern=NAME"`
	listAttachedInput
}

func (in *listAttachedUserPoliciesInput) target(c *call) target { return c.onUser(in.UserName) }

func (c *call) listAttachedUserPolicies(in *listAttachedUserPoliciesInput) (any, error) {
	u, err := c.user(c.State, in.UserName)
	if err != nil {
		return nil, err
	}
	return listAttached(&u.Permissions, in.listAttachedInput)
}
