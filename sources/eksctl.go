package sources

import (
	"cmp"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/aws"
)

// eksctl takes a ClusterConfig (eksctl.io/v1alpha5): eksctl makes service
// accounts, roles with their trust, and associations.
func (o *kubernetesObject) eksctl() {
	if o.kind != "ClusterConfig" {
		o.b.note(o.f.at(o.n), o.title(), "left out: of eksctl's kinds, a ClusterConfig is read")
		return
	}
	e := &eksctl{o, o.name}
	withOIDC := isTrue(get(o.n, "iam", "withOIDC"))
	o.b.namedCluster(o.f.at(o.n), o.name, withOIDC)
	for _, sa := range items(get(o.n, "iam", "serviceAccounts")) {
		e.serviceAccount(sa, withOIDC)
	}
	for _, a := range items(get(o.n, "iam", "podIdentityAssociations")) {
		e.association(a, "")
	}
	if isTrue(get(o.n, "autoModeConfig", "enabled")) {
		o.b.addon(Addon{o.f.at(get(o.n, "autoModeConfig")), o.name, aws.PodIdentityAddon}) // Auto Mode has it built in
	}
	for _, profile := range items(get(o.n, "fargateProfiles")) {
		for _, s := range items(get(profile, "selectors")) {
			o.b.found.Manifests.Fargate = append(o.b.found.Manifests.Fargate, FargateSelector{o.name, text(get(s, "namespace")), textMap(get(s, "labels"))})
		}
	}
	defaults := isTrue(get(o.n, "addonsConfig", "autoApplyPodIdentityAssociations"))
	for _, a := range items(get(o.n, "addons")) {
		e.addon(a, defaults)
	}
}

type eksctl struct {
	*kubernetesObject
	cluster string
}

func (e *eksctl) serviceAccount(n *yaml.Node, withOIDC bool) {
	name, namespace := text(get(n, "metadata", "name")), cmp.Or(text(get(n, "metadata", "namespace")), "default")
	at := e.f.at(n)
	if name == "" {
		e.b.errorAt(at, "iam.serviceAccounts: an entry without metadata.name")
		return
	}
	if !withOIDC {
		e.b.found.Manifests.Refused = append(e.b.found.Manifests.Refused, RefusedEntry{
			At: at, What: "iam.serviceAccounts: " + namespace + "/" + name, Why: "eksctl refuses service accounts with roles while iam.withOIDC is not true", Fix: "write iam: {withOIDC: true}",
		})
	}
	if role := get(n, "attachRoleARN"); role != nil {
		e.b.annotated(e.f.at(role), e.cluster, namespace, name, text(role), "eksctl")
		return
	}
	role := e.made(n, namespace, name, text(get(n, "roleName")), false)
	if isTrue(get(n, "roleOnly")) {
		return
	}
	e.b.annotated(at, e.cluster, namespace, name, role, "eksctl")
}

// made records the role that eksctl makes for a service account, and gives its
// ARN, or a name for it: CloudFormation chooses the names of roles.
func (e *eksctl) made(n *yaml.Node, namespace, name, roleName string, podIdentity bool) string {
	role := "eksctl's role for " + namespace + "/" + name + " (name generated)"
	if roleName != "" {
		role = aws.RoleARN(aws.PartitionOf(text(get(e.n, "metadata", "region"))).ID, e.b.o.Account, "/", roleName)
		if !e.b.owned {
			e.b.assumed(e.f.at(n), "the role "+roleName)
		}
	}
	e.b.found.Manifests.Made = append(e.b.found.Manifests.Made, MadeRole{
		At: e.f.at(n), ARN: role, By: "eksctl", Cluster: e.cluster, Namespace: namespace, ServiceAccount: name, PodIdentity: podIdentity,
	})
	return role
}

// association takes one of iam.podIdentityAssociations or of an add-on.
func (e *eksctl) association(n *yaml.Node, addon string) {
	a := Association{
		At: e.f.at(n), Cluster: e.cluster, Namespace: text(get(n, "namespace")), ServiceAccount: text(get(n, "serviceAccountName")), Role: text(get(n, "roleARN")),
		TargetRole: text(get(n, "targetRoleARN")), DisableSessionTags: isTrue(get(n, "disableSessionTags")), Addon: addon, Creates: isTrue(get(n, "createServiceAccount")),
	}
	if a.Namespace == "" && addon != "" {
		a.Namespace = addonNamespace(addon)
	}
	if a.Namespace == "" || a.ServiceAccount == "" {
		e.b.errorAt(a.At, "podIdentityAssociations: an entry without namespace or serviceAccountName")
		return
	}
	if a.Role == "" {
		a.Role = e.made(n, a.Namespace, a.ServiceAccount, text(get(n, "roleName")), true)
	}
	if addon != "" {
		e.b.addonAssociation(a)
		return
	}
	e.b.found.Manifests.Associations = append(e.b.found.Manifests.Associations, a)
}

func (e *eksctl) addon(n *yaml.Node, defaults bool) {
	name := text(get(n, "name"))
	e.b.addon(Addon{e.f.at(n), e.cluster, name})
	own := items(get(n, "podIdentityAssociations"))
	for _, a := range own {
		e.association(a, name)
	}
	switch role := get(n, "serviceAccountRoleARN"); {
	case len(own) > 0:
	case role != nil:
		e.b.addonRole(e.f, role, e.cluster, name, text(role))
	case get(n, "attachPolicyARNs") != nil || get(n, "attachPolicy") != nil || get(n, "wellKnownPolicies") != nil:
		for _, sa := range addonAccounts[name] {
			e.b.addonRole(e.f, n, e.cluster, name, e.made(n, sa[0], sa[1], "", false))
		}
	case defaults || isTrue(get(n, "useDefaultPodIdentityAssociations")):
		for _, sa := range addonAccounts[name] {
			e.b.addonAssociation(Association{
				At: e.f.at(n), Cluster: e.cluster, Namespace: sa[0], ServiceAccount: sa[1], Role: e.made(n, sa[0], sa[1], "", true), Addon: name,
			})
		}
	}
}
