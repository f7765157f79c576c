package iam

import "github.com/irsa-emu/irsa-emu/state"

var groupPolicyActions = map[string]action{
	"PutGroupPolicy":            on((*call).putGroupPolicy),
	"GetGroupPolicy":            on((*call).getGroupPolicy),
	"DeleteGroupPolicy":         on((*call).deleteGroupPolicy),
	"ListGroupPolicies":         on((*call).listGroupPolicies),
	"AttachGroupPolicy":         on((*call).attachGroupPolicy),
	"DetachGroupPolicy":         on((*call).detachGroupPolicy),
	"ListAttachedGroupPolicies": on((*call).listAttachedGroupPolicies),
}

// changeGroup replaces a group by a changed copy.
func (c *call) changeGroup(name string, change func(*state.Txn, *Group) error) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		g, err := c.group(tx, name)
		if err != nil {
			return nil, err
		}
		changed := *g
		if err := change(tx, &changed); err != nil {
			return nil, err
		}
		tx.Put(&changed)
		return nil, nil
	})
}

type putGroupPolicyInput struct {
	groupInput
	putInlineInput
}

func (c *call) putGroupPolicy(in *putGroupPolicyInput) (any, error) {
	return c.changeGroup(in.GroupName, func(_ *state.Txn, g *Group) error {
		return g.putInline(in.PolicyName, in.PolicyDocument, groupLimits.in(g.Account, g.Partition), g.Name)
	})
}

type groupPolicyInput struct {
	groupInput
	inlineInput
}

type groupPolicyOutput struct{ GroupName, PolicyName, PolicyDocument string }

func (c *call) getGroupPolicy(in *groupPolicyInput) (any, error) {
	g, err := c.group(c.State, in.GroupName)
	if err != nil {
		return nil, err
	}
	at := g.inlineIndex(in.PolicyName)
	if at < 0 {
		return nil, noInline(groupLimits, in.PolicyName)
	}
	return &groupPolicyOutput{g.Name, g.Inline[at].Name, percentEncode(g.Inline[at].Document.Text)}, nil
}

func (c *call) deleteGroupPolicy(in *groupPolicyInput) (any, error) {
	return c.changeGroup(in.GroupName, func(_ *state.Txn, g *Group) error { return g.deleteInline(in.PolicyName, groupLimits) })
}

func (c *call) listGroupPolicies(in *getGroupInput) (any, error) {
	g, err := c.group(c.State, in.GroupName)
	if err != nil {
		return nil, err
	}
	return listInline(&g.Permissions, in.pageInput)
}

type attachGroupPolicyInput struct {
	groupInput
	attachInput
}

func (in *attachGroupPolicyInput) target(c *call) target {
	return in.groupInput.target(c).with("iam:PolicyARN", in.PolicyArn)
}

func (c *call) attachGroupPolicy(in *attachGroupPolicyInput) (any, error) {
	return c.changeGroup(in.GroupName, func(tx *state.Txn, g *Group) error {
		return g.attach(tx, in.PolicyArn, groupLimits.in(g.Account, g.Partition))
	})
}

func (c *call) detachGroupPolicy(in *attachGroupPolicyInput) (any, error) {
	return c.changeGroup(in.GroupName, func(_ *state.Txn, g *Group) error {
		return g.detach(in.PolicyArn, groupLimits.in(g.Account, g.Partition))
	})
}

type listAttachedGroupPoliciesInput struct {
	groupInput
	listAttachedInput
}

func (c *call) listAttachedGroupPolicies(in *listAttachedGroupPoliciesInput) (any, error) {
	g, err := c.group(c.State, in.GroupName)
	if err != nil {
		return nil, err
	}
	return listAttached(&g.Permissions, in.listAttachedInput)
}
