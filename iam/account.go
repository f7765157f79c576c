package iam

import (
	"iter"
	"slices"

	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

var accountActions = map[string]action{
	"CreateAccountAlias": on((*call).createAccountAlias),
	"DeleteAccountAlias": on((*call).deleteAccountAlias),
	"ListAccountAliases": on((*call).listAccountAliases),
	"GetAccountSummary":  on((*call).getAccountSummary),
}

// anyInput is the input of an action that takes no parameters.
type anyInput struct{}

func (*anyInput) target(*call) target { return anything() }

type aliasInput struct {
	AccountAlias string `wire:"required,min=3,max=63,pattern=[a-z0-9](-?[a-z0-9])+"`
}

func (*aliasInput) target(*call) target { return anything() }

func (c *call) createAccountAlias(in *aliasInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		for a := range state.All[*Alias](tx, "") {
			if a.Name == in.AccountAlias && a.Account != c.account {
				return nil, alreadyExists("The account alias %s already exists.", in.AccountAlias)
			}
		}
		tx.Put(&Alias{Account: c.account, Name: in.AccountAlias})
		return nil, nil
	})
}

func (c *call) deleteAccountAlias(in *aliasInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		a, ok := state.Get[*Alias](tx, c.account)
		if !ok || a.Name != in.AccountAlias {
			return nil, noSuchEntity("The account alias %s cannot be found.", in.AccountAlias)
		}
		tx.Delete(a)
		return nil, nil
	})
}

type listAliasesInput struct {
	anyInput
	pageInput
}

type listAliasesOutput struct {
	AccountAliases wire.List[string]
	pageOutput
}

func (c *call) listAccountAliases(*listAliasesInput) (any, error) {
	out := &listAliasesOutput{}
	if a, ok := state.Get[*Alias](c.State, c.account); ok {
		out.AccountAliases = append(out.AccountAliases, a.Name)
	}
	return out, nil
}

type accountSummaryOutput struct{ SummaryMap map[string]int }

func (c *call) getAccountSummary(*anyInput) (any, error) {
	versions := 0
	for p := range state.All[*Policy](c.State, c.account+"/") {
		versions += len(p.Versions)
	}
	return &accountSummaryOutput{map[string]int{
		"Users": count[*User](c.State, c.account), "UsersQuota": maxUsers,
		"Groups": count[*Group](c.State, c.account), "GroupsQuota": maxGroups,
		"Roles": count[*Role](c.State, c.account), "RolesQuota": maxRoles,
		"Policies": count[*Policy](c.State, c.account), "PoliciesQuota": maxPolicies,
		"InstanceProfiles": count[*InstanceProfile](c.State, c.account), "InstanceProfilesQuota": maxInstanceProfiles,
		"Providers":           count[*OIDCProvider](c.State, c.account),
		"PolicyVersionsInUse": versions, "PolicyVersionsInUseQuota": 10000, "VersionsPerPolicyQuota": maxVersions,
		"PolicySizeQuota": policy.MaxManagedSize, "AssumeRolePolicySizeQuota": policy.MaxTrustSize,
		"RolePolicySizeQuota": roleLimits.inline, "UserPolicySizeQuota": userLimits.inline, "GroupPolicySizeQuota": groupLimits.inline,
		"AttachedPoliciesPerRoleQuota": roleLimits.attached, "AttachedPoliciesPerUserQuota": userLimits.attached,
		"AttachedPoliciesPerGroupQuota": groupLimits.attached,
		"AccessKeysPerUserQuota":        maxAccessKeys, "GroupsPerUserQuota": maxGroupsPerUser,
		"SigningCertificatesPerUserQuota": 2, "ServerCertificates": 0, "ServerCertificatesQuota": 20,
		"MFADevices": 0, "MFADevicesInUse": 0, "AccountMFAEnabled": 0, "AccountAccessKeysPresent": 0,
		"AccountPasswordPresent": 1, "AccountSigningCertificatesPresent": 0, "GlobalEndpointTokenVersion": 1,
	}}, nil
}

// inOrder gives every entity of a kind of an account.
func inOrder[E state.Entity](c *call) iter.Seq[E] { return state.All[E](c.State, c.account+"/") }

func wanted(filter []string, kind string) bool {
	return len(filter) == 0 || slices.Contains(filter, kind)
}
