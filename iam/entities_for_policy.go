package iam

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

type listEntitiesInput struct {
	policyInput
	EntityFilter      string `wire:"enum=User|Role|Group|LocalManagedPolicy|AWSManagedPolicy"`
	PathPrefix        string `wire:"min=1,max=512,pattern=PATH"`
	PolicyUsageFilter string `wire:"enum=PermissionsPolicy|PermissionsBoundary"`
	pageInput
}

type (
	policyRole  struct{ RoleName, RoleId string }
	policyUser  struct{ UserName, UserId string }
	policyGroup struct{ GroupName, GroupId string }
)

type listEntitiesOutput struct {
	PolicyGroups wire.List[policyGroup]
	PolicyUsers  wire.List[policyUser]
	PolicyRoles  wire.List[policyRole]
	pageOutput
}

// entityOfPolicy is one that a policy is attached to.
type entityOfPolicy struct{ kind, path, name, id string }

func (c *call) listEntitiesForPolicy(in *listEntitiesInput) (any, error) {
	if err := checkPolicyARN(in.PolicyArn, Partition(c.State, c.account)); err != nil {
		return nil, err
	}
	if _, ok := PolicyByARN(c.State, in.PolicyArn); !ok {
		return nil, notAttachable(in.PolicyArn)
	}
	var all []entityOfPolicy
	for _, index := range []string{ByPolicy, ByBoundary} {
		if index == ByPolicy && in.PolicyUsageFilter == "PermissionsBoundary" || index == ByBoundary && in.PolicyUsageFilter == "PermissionsPolicy" {
			continue
		}
		all = append(all, c.entitiesOf(index, in.PolicyArn)...)
	}
	all = slices.DeleteFunc(all, func(e entityOfPolicy) bool {
		return in.EntityFilter != "" && e.kind != in.EntityFilter || !strings.HasPrefix(e.path, in.PathPrefix)
	})
	key := func(e entityOfPolicy) string { return e.kind + "/" + strings.ToLower(e.name) }
	slices.SortFunc(all, func(a, b entityOfPolicy) int { return strings.Compare(key(a), key(b)) })
	some, page, err := paginate(slices.Values(slices.Compact(all)), key, in.pageInput)
	if err != nil {
		return nil, err
	}
	out := &listEntitiesOutput{pageOutput: page}
	for _, e := range some {
		switch e.kind {
		case "Role":
			out.PolicyRoles = append(out.PolicyRoles, policyRole{e.name, e.id})
		case "User":
			out.PolicyUsers = append(out.PolicyUsers, policyUser{e.name, e.id})
		case "Group":
			out.PolicyGroups = append(out.PolicyGroups, policyGroup{e.name, e.id})
		}
	}
	return out, nil
}

func (c *call) entitiesOf(index, arn string) []entityOfPolicy {
	var all []entityOfPolicy
	for e := range state.LookupAll[*Role](c.State, index, arn) {
		if e.Account == c.account {
			all = append(all, entityOfPolicy{"Role", e.Path, e.Name, e.ID})
		}
	}
	for e := range state.LookupAll[*User](c.State, index, arn) {
		if e.Account == c.account {
			all = append(all, entityOfPolicy{"User", e.Path, e.Name, e.ID})
		}
	}
	if index == ByBoundary {
		return all
	}
	for e := range state.LookupAll[*Group](c.State, index, arn) {
		if e.Account == c.account {
			all = append(all, entityOfPolicy{"Group", e.Path, e.Name, e.ID})
		}
	}
	return all
}
