package sources

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// isCLIOutput knows what the AWS CLI prints by its members.
func isCLIOutput(n *yaml.Node) bool {
	for _, name := range []string{"RoleDetailList", "UserDetailList", "GroupDetailList", "OpenIDConnectProviderList"} {
		if has(n, name) {
			return true
		}
	}
	return isProvider(n) || get(n, "Role", "AssumeRolePolicyDocument") != nil || get(n, "cluster", "arn") != nil || get(n, "association", "associationArn") != nil || get(n, "addon", "addonArn") != nil ||
		len(items(get(n, "Roles"))) > 0 && has(get(n, "Roles").Content[0], "AssumeRolePolicyDocument") ||
		len(items(get(n, "Policies"))) > 0 && has(get(n, "Policies").Content[0], "PolicyVersionList")
}

func isProvider(n *yaml.Node) bool { return has(n, "Url") && has(n, "ClientIDList") }

// providerOutput is the output of get-open-id-connect-provider, which does not
// say of which account it is.
type providerOutput struct {
	provider statefile.OIDCProvider
	at       strictyaml.Position
}

// listedProvider is a line of the output of list-open-id-connect-providers.
type listedProvider struct {
	arn string
	at  strictyaml.Position
}

// cliOutput takes what the AWS CLI prints of an account: its roles, policies,
// users and groups, its providers, its clusters.
func (b *builder) cliOutput(f *file, n *yaml.Node) {
	if !b.shaped(f, n, &accountShape) {
		return
	}
	c := &cli{b, f}
	for i, r := range items(get(n, "RoleDetailList")) {
		c.role(r, strictyaml.Index("RoleDetailList", i))
		if _, account, _ := partsOf(text(get(r, "Arn"))); account != "" && !isTrue(get(n, "IsTruncated")) {
			b.allRoles(account)
		}
	}
	for i, r := range items(get(n, "Roles")) {
		c.role(r, strictyaml.Index("Roles", i))
	}
	if r := get(n, "Role"); r != nil {
		c.role(r, "Role")
	}
	for i, p := range items(get(n, "Policies")) {
		c.policy(p, strictyaml.Index("Policies", i))
	}
	for i, g := range items(get(n, "GroupDetailList")) {
		c.group(g, strictyaml.Index("GroupDetailList", i))
	}
	for i, u := range items(get(n, "UserDetailList")) {
		c.user(u, strictyaml.Index("UserDetailList", i))
	}
	for _, p := range items(get(n, "OpenIDConnectProviderList")) {
		b.listed = append(b.listed, listedProvider{text(get(p, "Arn")), f.at(p)})
	}
	if isProvider(n) {
		issuer := text(get(n, "Url"))
		if !strings.HasPrefix(issuer, "https://") {
			issuer = "https://" + issuer // IAM gives it back without
		}
		b.providers = append(b.providers, providerOutput{statefile.OIDCProvider{
			URL: issuer, ClientIDs: texts(get(n, "ClientIDList")), Thumbprints: texts(get(n, "ThumbprintList")),
			Created: created(get(n, "CreateDate")), Tags: tagList(get(n, "Tags")),
		}, f.at(n)})
	}
	if cluster := get(n, "cluster"); cluster != nil {
		c.cluster(cluster)
	}
	if a := get(n, "association"); a != nil {
		c.association(a)
	}
	if a := get(n, "addon"); a != nil {
		c.addon(a)
	}
	b.commit()
}

type cli struct {
	b *builder
	f *file
}

// document reads the policy of one member.
func (c *cli) document(kind policy.SourceType, account, owner, address string, inline bool, n *yaml.Node) (statefile.Document, bool) {
	text, at, ok := c.b.document(c.f, n, address)
	if !ok {
		return statefile.Document{}, false
	}
	return c.b.documented(Policy{Address: address, Type: kind, Account: account, Owner: owner, Inline: inline, Text: text, at: at}), true
}

func (c *cli) role(n *yaml.Node, at string) {
	_, account, _ := c.b.partsOf(text(get(n, "Arn")))
	name := text(get(n, "RoleName"))
	if account == "" || name == "" {
		c.b.errorAt(c.f.at(n), "%s: no RoleName or no Arn; give what aws iam get-account-authorization-details prints", at)
		return
	}
	trust, ok := c.document(policy.TrustPolicy, account, name, "role "+name, false, get(n, "AssumeRolePolicyDocument"))
	if !ok {
		return
	}
	r := statefile.Role{
		Name: name, Path: text(get(n, "Path")), ID: text(get(n, "RoleId")), Description: pointer(get(n, "Description")), TrustPolicy: trust,
		MaxSessionDuration: number(get(n, "MaxSessionDuration")), Created: created(get(n, "CreateDate")), Tags: tagList(get(n, "Tags")),
		PermissionsBoundary: text(get(n, "PermissionsBoundary", "PermissionsBoundaryArn")),
		InlinePolicies:      c.inline(n, account, name, "role "+name, "RolePolicyList"),
	}
	c.b.role(account, r, c.f.at(n))
	for _, p := range items(get(n, "AttachedManagedPolicies")) {
		c.b.attach = append(c.b.attach, attachment{account, name, text(get(p, "PolicyArn")), c.b.noter(c.f.at(p), "role "+name)})
	}
}

func (c *cli) inline(n *yaml.Node, account, owner, address, list string) map[string]statefile.Document {
	var out map[string]statefile.Document
	for _, p := range items(get(n, list)) {
		name := text(get(p, "PolicyName"))
		if d, ok := c.document(policy.IdentityPolicy, account, owner, address+", inline policy "+name, true, get(p, "PolicyDocument")); ok {
			if out == nil {
				out = map[string]statefile.Document{}
			}
			out[name] = d
		}
	}
	return out
}

// policy takes a customer managed policy. AWS's own are in the output too, and
// the emulator has those that it knows.
func (c *cli) policy(n *yaml.Node, at string) {
	_, account, _ := c.b.partsOf(text(get(n, "Arn")))
	name := text(get(n, "PolicyName"))
	switch {
	case account == "aws":
		return
	case account == "" || name == "" || !has(n, "PolicyVersionList"):
		c.b.errorAt(c.f.at(n), "%s: no PolicyName, Arn or PolicyVersionList; give what aws iam get-account-authorization-details prints", at)
		return
	}
	p := statefile.Policy{
		Name: name, Path: text(get(n, "Path")), ID: text(get(n, "PolicyId")), Description: pointer(get(n, "Description")),
		Created: created(get(n, "CreateDate")), Updated: created(get(n, "UpdateDate")), Tags: tagList(get(n, "Tags")),
	}
	for _, v := range items(get(n, "PolicyVersionList")) {
		id := text(get(v, "VersionId"))
		d, ok := c.document(policy.IdentityPolicy, account, name, "policy "+name+" "+id, false, get(v, "Document"))
		if ok {
			p.Versions = append(p.Versions, statefile.PolicyVersion{ID: id, Default: isTrue(get(v, "IsDefaultVersion")), Document: d, Created: created(get(v, "CreateDate"))})
		}
	}
	slices.SortFunc(p.Versions, func(x, y statefile.PolicyVersion) int { return cmp.Compare(versionNumber(x.ID), versionNumber(y.ID)) })
	c.b.policy(account, p, c.f.at(n))
}

func versionNumber(id string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(id, "v"))
	if err != nil {
		return 0
	}
	return n
}

func (c *cli) group(n *yaml.Node, at string) {
	_, account, _ := c.b.partsOf(text(get(n, "Arn")))
	name := text(get(n, "GroupName"))
	if account == "" || name == "" {
		c.b.errorAt(c.f.at(n), "%s: no GroupName or no Arn", at)
		return
	}
	a := c.b.account(account)
	a.Groups = append(a.Groups, statefile.Group{
		Name: name, Path: text(get(n, "Path")), ID: text(get(n, "GroupId")), Created: created(get(n, "CreateDate")),
		InlinePolicies:   c.inline(n, account, name, "group "+name, "GroupPolicyList"),
		AttachedPolicies: c.attached(n, "group "+name),
	})
}

func (c *cli) user(n *yaml.Node, at string) {
	_, account, _ := c.b.partsOf(text(get(n, "Arn")))
	name := text(get(n, "UserName"))
	if account == "" || name == "" {
		c.b.errorAt(c.f.at(n), "%s: no UserName or no Arn", at)
		return
	}
	a := c.b.account(account)
	a.Users = append(a.Users, statefile.User{
		Name: name, Path: text(get(n, "Path")), ID: text(get(n, "UserId")), Created: created(get(n, "CreateDate")),
		Groups: texts(get(n, "GroupList")), InlinePolicies: c.inline(n, account, name, "user "+name, "UserPolicyList"),
		AttachedPolicies:    c.attached(n, "user "+name),
		PermissionsBoundary: text(get(n, "PermissionsBoundary", "PermissionsBoundaryArn")), Tags: tagList(get(n, "Tags")),
	})
}

// attached are the policies of a user or group. Customer managed ones are in
// the same output.
func (c *cli) attached(n *yaml.Node, address string) []string {
	var arns []string
	for _, p := range items(get(n, "AttachedManagedPolicies")) {
		arn := text(get(p, "PolicyArn"))
		if strings.Contains(arn, ":iam::aws:") && c.b.o.KnowsManaged != nil && !c.b.o.KnowsManaged(arn) {
			c.b.note(c.f.at(p), address, "%s is left out: irsa-emu does not know it", arn)
			continue
		}
		arns = append(arns, arn)
	}
	return arns
}

func (c *cli) cluster(n *yaml.Node) {
	region, account, _ := c.b.partsOf(text(get(n, "arn")))
	issuer := text(get(n, "identity", "oidc", "issuer"))
	if issuer == "" {
		c.b.note(c.f.at(n), "cluster "+text(get(n, "name")), "left out: it has no OIDC issuer")
		return
	}
	c.b.namedCluster(c.f.at(n), text(get(n, "name")), true)
	c.b.cluster(text(get(n, "name")), statefile.Cluster{
		Issuer: issuer, Region: region, Account: account, Version: text(get(n, "version")), Tags: textMap(get(n, "tags")), Created: created(get(n, "createdAt")),
	})
}

// association takes the output of describe-pod-identity-association.
func (c *cli) association(n *yaml.Node) {
	a := Association{
		At: c.f.at(n), Cluster: text(get(n, "clusterName")), Namespace: text(get(n, "namespace")), ServiceAccount: text(get(n, "serviceAccount")), Role: text(get(n, "roleArn")),
		TargetRole: text(get(n, "targetRoleArn")), ExternalID: text(get(n, "externalId")), DisableSessionTags: isTrue(get(n, "disableSessionTags")), Policy: text(get(n, "policy")),
	}
	c.b.namedCluster(a.At, a.Cluster, true)
	c.b.found.Manifests.Associations = append(c.b.found.Manifests.Associations, a)
}

// addon takes the output of describe-addon.
func (c *cli) addon(n *yaml.Node) {
	cluster, name := text(get(n, "clusterName")), text(get(n, "addonName"))
	c.b.addon(Addon{c.f.at(n), cluster, name})
	if role := get(n, "serviceAccountRoleArn"); role != nil {
		c.b.addonRole(c.f, role, cluster, name, text(role))
	}
}

// providerOutputs finds the accounts of providers: by the list of ARNs, else the
// only account that anything else is of.
func (b *builder) providerOutputs() {
	only := b.o.Account
	var accounts []string
	for id := range b.found.State.Accounts {
		accounts = append(accounts, id)
	}
	if len(accounts) == 1 {
		only = accounts[0]
	}
	described := map[string]bool{}
	for _, p := range b.providers {
		name := strings.TrimPrefix(p.provider.URL, "https://")
		account := ""
		for _, l := range b.listed {
			if _, id, resource := partsOf(l.arn); resource == "oidc-provider/"+aws.ProviderURL(name) {
				account = id
				described[l.arn] = true
			}
		}
		if account == "" {
			account = only
			if len(accounts) != 1 {
				b.note(p.at, p.provider.URL, "no account is named; taken as a provider of %s. Give the output of aws iam list-open-id-connect-providers too", account)
			}
		}
		b.provider(account, p.provider, p.at)
	}
	for _, l := range b.listed {
		if _, account, _ := partsOf(l.arn); account != "" {
			b.complete(account)
			b.found.Providers[account] = append(b.found.Providers[account], l.arn)
		}
		if !described[l.arn] {
			b.note(l.at, l.arn, "left out: its client ids are not known. Give the output of aws iam get-open-id-connect-provider --open-id-connect-provider-arn %s too", l.arn)
		}
	}
}
