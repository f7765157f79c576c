package iam

import (
	"iter"
	"strconv"

	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

const maxPolicies = 1500

var policyActions = map[string]action{
	"CreatePolicy":          on((*call).createPolicy),
	"GetPolicy":             on((*call).getPolicy),
	"DeletePolicy":          on((*call).deletePolicy),
	"ListPolicies":          on((*call).listPolicies),
	"ListEntitiesForPolicy": on((*call).listEntitiesForPolicy),
	"TagPolicy":             on((*call).tagPolicy),
	"UntagPolicy":           on((*call).untagPolicy),
	"ListPolicyTags":        on((*call).listPolicyTags),
}

type policyInput struct {
	PolicyArn string `wire:"required,min=20,max=2048"`
}

func (in *policyInput) target(c *call) target { return c.onPolicy(in.PolicyArn) }

type createPolicyInput struct {
	PolicyName     string  `wire:"required,min=1,max=128,pattern=NAME"`
	Path           string  `wire:"min=1,max=512,pattern=POLICYPATH"`
	PolicyDocument string  `wire:"required,min=1,max=131072,pattern=LATIN1"`
	Description    *string `wire:"max=1000"`
	tagsInput
}

func (in *createPolicyInput) target(c *call) target {
	return target{arn: c.arnOf("policy", in.Path, in.PolicyName), shown: "policy " + in.PolicyName}.withTags(in.Tags)
}

type policyResult struct{ Policy *policyOutput }

func (c *call) createPolicy(in *createPolicyInput) (any, error) {
	if err := c.allowTags("TagPolicy", c.arnOf("policy", in.Path, in.PolicyName), "policy "+in.PolicyName, in.Tags); err != nil {
		return nil, err
	}
	return c.update(func(tx *state.Txn) (any, error) {
		p, err := c.maker(tx).policy(in)
		if err != nil {
			return nil, err
		}
		if _, exists := state.Get[*Policy](tx, p.StateKey()); exists {
			return nil, alreadyExists("A policy called %s already exists. Duplicate names are not allowed.", p.Name)
		}
		if count[*Policy](tx, c.account) >= maxPolicies {
			return nil, quotaExceeded("PoliciesPerAccount", maxPolicies)
		}
		tx.Put(p)
		return &policyResult{c.outPolicy(tx, p).withGivenTags(p)}, nil
	})
}

// policy makes the managed policy that the input describes.
func (m *maker) policy(in *createPolicyInput) (*Policy, error) {
	p := &Policy{
		Account: m.account, Partition: m.partition, Path: in.Path, Name: in.PolicyName,
		Created: m.now, Updated: m.now, Default: 1, Last: 1,
	}
	if p.Path == "" {
		p.Path = "/"
	}
	if in.Description != nil {
		p.Description, p.HasDescription = *in.Description, true
	}
	document, err := managedDocument(in.PolicyDocument, m.partition)
	if err != nil {
		return nil, err
	}
	p.Versions = []PolicyVersion{{Number: 1, Document: document, Created: m.now}}
	if p.Tags, err = newTags(in.Tags, caseSensitive); err != nil {
		return nil, err
	}
	p.ID, err = m.id(policyID)
	return p, err
}

func managedDocument(text, partition string) (Document, error) {
	parsed, err := policy.ValidateIdentity([]byte(text), partition)
	if err != nil {
		return Document{}, err
	}
	return NewDocument(parsed), nil
}

// policyOutput is a managed policy in an answer: CreatePolicy leaves out the
// description, ListPolicies that and the tags (recorded).
type policyOutput struct {
	PolicyName                    string
	PolicyId                      string
	Arn                           string
	Path                          string
	DefaultVersionId              string
	AttachmentCount               int
	PermissionsBoundaryUsageCount int
	IsAttachable                  bool
	Description                   *string
	CreateDate                    wire.Time
	UpdateDate                    wire.Time
	Tags                          *wire.List[tagOutput]
}

func (c *call) outPolicy(r state.Reader, p *Policy) *policyOutput {
	arn := p.ARN()
	return &policyOutput{
		PolicyName: p.Name, PolicyId: p.ID, Arn: arn, Path: p.Path, DefaultVersionId: versionID(p.Default),
		AttachmentCount:               users(r, c.account, ByPolicy, arn),
		PermissionsBoundaryUsageCount: users(r, c.account, ByBoundary, arn),
		IsAttachable:                  true, CreateDate: wire.At(p.Created), UpdateDate: wire.At(p.Updated),
	}
}

func (o *policyOutput) withDescription(p *Policy) *policyOutput {
	if p.HasDescription && p.Description != "" {
		o.Description = &p.Description
	}
	return o
}

// withTags shows the tags also when there are none.
func (o *policyOutput) withTags(p *Policy) *policyOutput {
	tags := outTags(p.Tags)
	o.Tags = &tags
	return o
}

func (o *policyOutput) withGivenTags(p *Policy) *policyOutput {
	if len(p.Tags) == 0 {
		return o
	}
	return o.withTags(p)
}

func versionID(number int) string { return "v" + strconv.Itoa(number) }

// users counts the entities of an account that an index (ByPolicy or
// ByBoundary) finds for a policy.
func users(r state.Reader, account, index, arn string) int {
	n := 0
	for role := range state.LookupAll[*Role](r, index, arn) {
		n += one(role.Account == account)
	}
	for user := range state.LookupAll[*User](r, index, arn) {
		n += one(user.Account == account)
	}
	if index == ByPolicy {
		for group := range state.LookupAll[*Group](r, index, arn) {
			n += one(group.Account == account)
		}
	}
	return n
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *call) policy(r state.Reader, arn string) (*Policy, error) {
	if err := checkPolicyARN(arn, Partition(r, c.account)); err != nil {
		return nil, err
	}
	p, ok := PolicyByARN(r, arn)
	if !ok {
		return nil, noPolicy(arn)
	}
	return p, nil
}

// mustBeOwn refuses to change AWS's policies; what says what was tried.
func mustBeOwn(arn, what string) error {
	if ownerOf(arn) == awsAccount {
		return accessDenied("Cannot %s outside your own account.", what)
	}
	return nil
}

// ownPolicy is a policy that may be changed.
func (c *call) ownPolicy(r state.Reader, arn, what string) (*Policy, error) {
	if err := mustBeOwn(arn, what); err != nil {
		return nil, err
	}
	return c.policy(r, arn)
}

func (c *call) getPolicy(in *policyInput) (any, error) {
	p, err := c.policy(c.State, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	return &policyResult{c.outPolicy(c.State, p).withDescription(p).withTags(p)}, nil
}

func (c *call) deletePolicy(in *policyInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		p, err := c.ownPolicy(tx, in.PolicyArn, "delete policies")
		if err != nil {
			return nil, err
		}
		arn := p.ARN()
		switch {
		case users(tx, c.account, ByPolicy, arn)+users(tx, c.account, ByBoundary, arn) > 0:
			return nil, deleteConflict("Cannot delete a policy attached to entities.")
		case len(p.Versions) > 1:
			return nil, deleteConflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		tx.Delete(p)
		return nil, nil
	})
}

type listPoliciesInput struct {
	Scope             string `wire:"enum=All|AWS|Local"`
	OnlyAttached      bool
	PathPrefix        string `wire:"min=1,max=512,pattern=POLICYPATH"`
	PolicyUsageFilter string `wire:"enum=PermissionsPolicy|PermissionsBoundary"`
	pageInput
}

func (in *listPoliciesInput) target(*call) target {
	return target{arn: "*", shown: "policy path " + prefixOr(in.PathPrefix)}
}

func prefixOr(prefix string) string {
	if prefix == "" {
		return "/"
	}
	return prefix
}

type listPoliciesOutput struct {
	Policies wire.List[*policyOutput]
	pageOutput
}

func (c *call) listPolicies(in *listPoliciesInput) (any, error) {
	all := func(yield func(*Policy) bool) {
		if in.Scope != "AWS" {
			for p := range state.All[*Policy](c.State, c.account+"/") {
				if !yield(p) {
					return
				}
			}
		}
		if in.Scope != "Local" {
			for p := range ManagedPolicies(Partition(c.State, c.account)) {
				if !yield(p) {
					return
				}
			}
		}
	}
	wanted := func(yield func(*Policy) bool) {
		for p := range under(all, func(p *Policy) string { return p.Path }, in.PathPrefix) {
			if c.inUse(p, in) && !yield(p) {
				return
			}
		}
	}
	// Digits sort before "aws/", so the account's own policies come first.
	some, page, err := paginate(iter.Seq[*Policy](wanted), (*Policy).StateKey, in.pageInput)
	if err != nil {
		return nil, err
	}
	out := &listPoliciesOutput{pageOutput: page}
	for _, p := range some {
		out.Policies = append(out.Policies, c.outPolicy(c.State, p))
	}
	return out, nil
}

func (c *call) inUse(p *Policy, in *listPoliciesInput) bool {
	if !in.OnlyAttached && in.PolicyUsageFilter == "" {
		return true
	}
	arn := p.ARN()
	return in.PolicyUsageFilter != "PermissionsBoundary" && users(c.State, c.account, ByPolicy, arn) > 0 ||
		in.PolicyUsageFilter != "PermissionsPolicy" && users(c.State, c.account, ByBoundary, arn) > 0
}

// changePolicy replaces an own policy by a changed copy.
func (c *call) changePolicy(arn, what string, change func(*Policy) error) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		p, err := c.ownPolicy(tx, arn, what)
		if err != nil {
			return nil, err
		}
		changed := *p
		if err := change(&changed); err != nil {
			return nil, err
		}
		tx.Put(&changed)
		return nil, nil
	})
}

type tagPolicyInput struct {
	policyInput
	addTagsInput
}

func (in *tagPolicyInput) target(c *call) target { return in.policyInput.target(c).withTags(in.Tags) }

func (c *call) tagPolicy(in *tagPolicyInput) (any, error) {
	return c.changePolicy(in.PolicyArn, "update policies", func(p *Policy) (err error) {
		p.Tags, err = addTags(p.Tags, in.Tags, caseSensitive)
		return err
	})
}

type untagPolicyInput struct {
	policyInput
	tagKeysInput
}

func (in *untagPolicyInput) target(c *call) target {
	return in.policyInput.target(c).withTagKeys(in.TagKeys)
}

func (c *call) untagPolicy(in *untagPolicyInput) (any, error) {
	return c.changePolicy(in.PolicyArn, "update policies", func(p *Policy) error {
		p.Tags = removeTags(p.Tags, in.TagKeys, caseSensitive)
		return nil
	})
}

type listPolicyTagsInput struct {
	policyInput
	pageInput
}

func (c *call) listPolicyTags(in *listPolicyTagsInput) (any, error) {
	p, err := c.policy(c.State, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	return listTags(p.Tags, in.pageInput)
}
