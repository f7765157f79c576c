package iam

import (
	"slices"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

var authorizationDetailsActions = map[string]action{
	"GetAccountAuthorizationDetails": on((*call).getAccountAuthorizationDetails),
}

type authorizationDetailsInput struct {
	anyInput
	Filter []string `wire:"each.enum=User|Role|Group|LocalManagedPolicy|AWSManagedPolicy"`
	pageInput
}

type authorizationDetailsOutput struct {
	UserDetailList  wire.List[*userDetail]
	GroupDetailList wire.List[*groupDetail]
	RoleDetailList  wire.List[*roleDetail]
	Policies        wire.List[*policyDetail]
	pageOutput
}

// inlineDetail is an inline policy with its document.
type inlineDetail struct{ PolicyName, PolicyDocument string }

func outInline(p *Permissions) wire.List[inlineDetail] {
	var out wire.List[inlineDetail]
	for _, i := range p.Inline {
		out = append(out, inlineDetail{i.Name, percentEncode(i.Document.Text)})
	}
	return out
}

// userDetail leaves out UserPolicyList when it is empty, while roles and groups
// have theirs always (recorded).
type userDetail struct {
	Path                    string
	UserName                string
	UserId                  string
	Arn                     string
	CreateDate              wire.Time
	UserPolicyList          wire.List[inlineDetail] `wire:"omitempty"`
	GroupList               wire.List[string]
	AttachedManagedPolicies wire.List[attachedOutput]
	PermissionsBoundary     *boundaryOutput
	Tags                    wire.List[tagOutput]
}

type groupDetail struct {
	groupOutput
	GroupPolicyList         wire.List[inlineDetail]
	AttachedManagedPolicies wire.List[attachedOutput]
}

type roleDetail struct {
	Path                     string
	RoleName                 string
	RoleId                   string
	Arn                      string
	CreateDate               wire.Time
	AssumeRolePolicyDocument string
	InstanceProfileList      wire.List[*instanceProfileOutput]
	RolePolicyList           wire.List[inlineDetail]
	AttachedManagedPolicies  wire.List[attachedOutput]
	PermissionsBoundary      *boundaryOutput
	Tags                     wire.List[tagOutput]
	RoleLastUsed             struct{}
}

type policyDetail struct {
	policyOutput
	PolicyVersionList wire.List[versionOutput]
}

// detail is one entity of the answer, with its place in the order of pages.
type detail struct {
	key string
	add func(*authorizationDetailsOutput)
}

func (c *call) getAccountAuthorizationDetails(in *authorizationDetailsInput) (any, error) {
	some, page, err := paginate(slices.Values(c.details(in.Filter)), func(d detail) string { return d.key }, in.pageInput)
	if err != nil {
		return nil, err
	}
	out := &authorizationDetailsOutput{pageOutput: page}
	for _, d := range some {
		d.add(out)
	}
	return out, nil
}

// details lists what the filter asks for: users, groups, roles, policies.
func (c *call) details(filter []string) []detail {
	var all []detail
	if wanted(filter, "User") {
		for u := range inOrder[*User](c) {
			all = append(all, detail{"1/" + u.StateKey(), func(o *authorizationDetailsOutput) {
				o.UserDetailList = append(o.UserDetailList, outUserDetail(u))
			}})
		}
	}
	if wanted(filter, "Group") {
		for g := range inOrder[*Group](c) {
			all = append(all, detail{"2/" + g.StateKey(), func(o *authorizationDetailsOutput) {
				o.GroupDetailList = append(o.GroupDetailList, &groupDetail{outGroup(g), outInline(&g.Permissions), outAttached(g.Attached)})
			}})
		}
	}
	if wanted(filter, "Role") {
		for r := range inOrder[*Role](c) {
			all = append(all, detail{"3/" + r.StateKey(), func(o *authorizationDetailsOutput) {
				o.RoleDetailList = append(o.RoleDetailList, c.outRoleDetail(r))
			}})
		}
	}
	addPolicy := func(p *Policy) {
		all = append(all, detail{"4/" + p.StateKey(), func(o *authorizationDetailsOutput) {
			o.Policies = append(o.Policies, c.outPolicyDetail(p))
		}})
	}
	if wanted(filter, "LocalManagedPolicy") {
		for p := range inOrder[*Policy](c) {
			addPolicy(p)
		}
	}
	if wanted(filter, "AWSManagedPolicy") {
		// AWS lists of its own policies only those that are attached.
		for p := range ManagedPolicies(Partition(c.State, c.account)) {
			if users(c.State, c.account, ByPolicy, p.ARN())+users(c.State, c.account, ByBoundary, p.ARN()) == 0 {
				continue
			}
			if whole, ok := managedPolicy(p.ARN()); ok {
				addPolicy(whole)
			}
		}
	}
	return all
}

func outUserDetail(u *User) *userDetail {
	return &userDetail{
		Path: u.Path, UserName: u.Name, UserId: u.ID, Arn: u.ARN(), CreateDate: wire.At(u.Created),
		UserPolicyList: outInline(&u.Permissions), GroupList: u.Groups, AttachedManagedPolicies: outAttached(u.Attached),
		PermissionsBoundary: outBoundary(&u.Permissions), Tags: outTags(u.Tags),
	}
}

func (c *call) outRoleDetail(r *Role) *roleDetail {
	out := &roleDetail{
		Path: r.Path, RoleName: r.Name, RoleId: r.ID, Arn: r.ARN(), CreateDate: wire.At(r.Created),
		AssumeRolePolicyDocument: outRole(r).AssumeRolePolicyDocument,
		RolePolicyList:           outInline(&r.Permissions), AttachedManagedPolicies: outAttached(r.Attached),
		PermissionsBoundary: outBoundary(&r.Permissions), Tags: outTags(r.Tags),
	}
	for p := range state.LookupAll[*InstanceProfile](c.State, ByRole, r.StateKey()) {
		out.InstanceProfileList = append(out.InstanceProfileList, outInstanceProfile(c.State, p))
	}
	return out
}

func (c *call) outPolicyDetail(p *Policy) *policyDetail {
	out := &policyDetail{policyOutput: *c.outPolicy(c.State, p).withDescription(p)}
	for _, v := range slices.Backward(p.Versions) {
		version := outVersion(p, &v)
		version.Document = percentEncode(v.Document.Text)
		out.PolicyVersionList = append(out.PolicyVersionList, version)
	}
	return out
}
