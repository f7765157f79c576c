package iam

import (
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// Export gives what an account holds as [Apply] takes it.
func Export(r state.Reader, account string) statefile.Account {
	var out statefile.Account
	if p, ok := state.Get[*Account](r, account); ok {
		out.Partition = p.Partition
	} else {
		out.Partition = storedPartition(r, account)
	}
	prefix := account + "/"
	for p := range state.All[*OIDCProvider](r, prefix) {
		out.OIDCProviders = append(out.OIDCProviders, statefile.OIDCProvider{
			URL: "https://" + p.URL, ClientIDs: p.ClientIDs, Thumbprints: p.Thumbprints, Created: p.Created, Tags: exportTags(p.Tags),
		})
	}
	for p := range state.All[*Policy](r, prefix) {
		out.Policies = append(out.Policies, exportPolicy(p))
	}
	out.Roles = ExportRoles(r, account)
	for g := range state.All[*Group](r, prefix) {
		out.Groups = append(out.Groups, statefile.Group{
			Name: g.Name, Path: g.Path, ID: g.ID, InlinePolicies: exportInline(g.Inline), AttachedPolicies: g.Attached, Created: g.Created,
		})
	}
	for u := range state.All[*User](r, prefix) {
		e := statefile.User{
			Name: u.Name, Path: u.Path, ID: u.ID, Groups: u.Groups, InlinePolicies: exportInline(u.Inline),
			AttachedPolicies: u.Attached, PermissionsBoundary: u.Boundary, Created: u.Created, Tags: exportTags(u.Tags),
		}
		for k := range state.LookupAll[*AccessKey](r, ByUser, u.ID) {
			e.AccessKeys = append(e.AccessKeys, statefile.AccessKey{ID: k.ID, Secret: k.Secret, Inactive: k.Inactive, Created: k.Created})
		}
		out.Users = append(out.Users, e)
	}
	if o, ok := Outbound(r, account); ok {
		out.OutboundFederation = &statefile.OutboundFederation{Enabled: o.Enabled, Issuer: o.Issuer}
	}
	if id, path := OrganizationOf(r, account); id != "" {
		out.Organization = &statefile.Organization{ID: id, Path: path}
	}
	for p := range state.All[*InstanceProfile](r, prefix) {
		out.InstanceProfiles = append(out.InstanceProfiles, statefile.InstanceProfile{
			Name: p.Name, Path: p.Path, ID: p.ID, Role: p.Role, Created: p.Created, Tags: exportTags(p.Tags),
		})
	}
	return out
}

// ExportRoles gives an account's roles as [Apply] takes them.
func ExportRoles(r state.Reader, account string) []statefile.Role {
	var roles []statefile.Role
	for role := range state.All[*Role](r, account+"/") {
		e := statefile.Role{
			Name: role.Name, Path: role.Path, ID: role.ID, TrustPolicy: statefile.NewValidTrust(role.Trust.Text),
			InlinePolicies: exportInline(role.Inline), AttachedPolicies: role.Attached, MaxSessionDuration: role.MaxSessionDuration,
			PermissionsBoundary: role.Boundary, Created: role.Created, Tags: exportTags(role.Tags),
		}
		if role.HasDescription {
			e.Description = &role.Description
		}
		roles = append(roles, e)
	}
	return roles
}

// exportPolicy gives a policy that never had but one version by its document alone.
func exportPolicy(p *Policy) statefile.Policy {
	e := statefile.Policy{Name: p.Name, Path: p.Path, ID: p.ID, Created: p.Created, Updated: p.Updated, Tags: exportTags(p.Tags)}
	if p.HasDescription {
		e.Description = &p.Description
	}
	if p.Last == 1 {
		e.Document = statefile.NewDocument(p.Versions[0].Document.Text)
		return e
	}
	for _, v := range p.Versions {
		e.Versions = append(e.Versions, statefile.PolicyVersion{
			ID: versionID(v.Number), Default: v.Number == p.Default, Document: statefile.NewDocument(v.Document.Text), Created: v.Created,
		})
	}
	return e
}

func exportInline(inline []InlinePolicy) map[string]statefile.Document {
	if len(inline) == 0 {
		return nil
	}
	out := make(map[string]statefile.Document, len(inline))
	for _, i := range inline {
		out[i.Name] = statefile.NewValidInline(i.Document.Text)
	}
	return out
}

func exportTags(tags []aws.Tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	out := make(map[string]string, len(tags))
	for _, t := range tags {
		out[t.Key] = t.Value
	}
	return out
}

// Accounts adds every account that holds an IAM entity to found.
func Accounts(r state.Reader, found map[string]bool) {
	for e := range state.All[*OIDCProvider](r, "") {
		found[e.Account] = true
	}
	for e := range state.All[*Policy](r, "") {
		found[e.Account] = true
	}
	for e := range state.All[*Role](r, "") {
		found[e.Account] = true
	}
	for e := range state.All[*Group](r, "") {
		found[e.Account] = true
	}
	for e := range state.All[*User](r, "") {
		found[e.Account] = true
	}
	for e := range state.All[*InstanceProfile](r, "") {
		found[e.Account] = true
	}
	for e := range state.All[*Alias](r, "") {
		found[e.Account] = true
	}
	for e := range state.All[*OutboundFederation](r, "") {
		found[e.Account] = true
	}
	for e := range state.All[*Organization](r, "") {
		found[e.Account] = true
	}
}

// declared adds every account that a state document put into a partition.
func declared(r state.Reader, found map[string]bool) {
	for a := range state.All[*Account](r, "") {
		if a.ID != everyAccount {
			found[a.ID] = true
		}
	}
}

// Reset removes every IAM entity of an account; of every account when it is empty.
func Reset(tx *state.Txn, account string) {
	prefix := account
	if account != "" {
		prefix += "/"
	}
	state.DeleteAll[*OIDCProvider](tx, prefix)
	state.DeleteAll[*Policy](tx, prefix)
	state.DeleteAll[*Role](tx, prefix)
	state.DeleteAll[*Group](tx, prefix)
	state.DeleteAll[*User](tx, prefix)
	state.DeleteAll[*InstanceProfile](tx, prefix)
	state.DeleteAll[*Alias](tx, account)
	for a := range state.All[*Account](tx, account) {
		if a.ID != everyAccount {
			tx.Delete(a)
		}
	}
	state.DeleteAll[*OutboundFederation](tx, account)
	state.DeleteAll[*Organization](tx, account)
	for key := range state.All[*AccessKey](tx, "") { // their key in the store is their id
		if account == "" || key.Account == account {
			tx.Delete(key)
		}
	}
}
