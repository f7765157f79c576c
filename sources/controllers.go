package sources

import (
	"cmp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// AWS's controllers for Kubernetes and Crossplane keep roles, providers and
// associations as objects of the cluster.

// objectRef names an object of a controller for those that refer to it: they can
// be of another service's group, whose first label is that service.
func (o *kubernetesObject) objectRef(kind, name string) string {
	_, controller, _ := strings.Cut(o.group, ".")
	return controller + "/" + kind + "/" + name
}

// ack takes an object of AWS Controllers for Kubernetes.
func (o *kubernetesObject) ack() {
	spec := get(o.n, "spec")
	switch o.kind {
	case "Role":
		r := statefile.Role{
			Name: text(get(spec, "name")), Path: text(get(spec, "path")), Description: pointer(get(spec, "description")),
			MaxSessionDuration: number(get(spec, "maxSessionDuration")), PermissionsBoundary: text(get(spec, "permissionsBoundary")),
		}
		attached := append(items(get(spec, "policies")), nil...)
		o.controlledRole(r, get(spec, "assumeRolePolicyDocument"), text(get(o.n, "status", "ackResourceMetadata", "arn")), attached)
	case "OpenIDConnectProvider":
		o.controlledProvider(text(get(spec, "url")), texts(get(spec, "clientIDs")))
	case "PodIdentityAssociation":
		role := text(get(spec, "roleARN"))
		if ref := text(get(spec, "roleRef", "from", "name")); ref != "" {
			role = "${" + o.objectRef("Role", ref) + "}"
		}
		cluster := text(get(spec, "clusterName"))
		if ref := text(get(spec, "clusterRef", "from", "name")); ref != "" && cluster == "" {
			cluster = ref // most name both alike
		}
		o.association(Association{
			Cluster: cluster, Namespace: text(get(spec, "namespace")), ServiceAccount: text(get(spec, "serviceAccount")), Role: role,
			TargetRole: text(get(spec, "targetRoleARN")), DisableSessionTags: isTrue(get(spec, "disableSessionTags")),
		})
	case "Addon":
		cluster, name := text(get(spec, "clusterName")), text(get(spec, "name"))
		if cluster == "" {
			cluster = text(get(spec, "clusterRef", "from", "name"))
		}
		o.b.addon(Addon{o.f.at(o.n), cluster, name})
		if role := get(spec, "serviceAccountRoleARN"); role != nil {
			o.b.addonRole(o.f, role, cluster, name, text(role))
		}
		for _, p := range items(get(spec, "podIdentityAssociations")) {
			o.b.addonAssociation(Association{At: o.f.at(p), Cluster: cluster, Namespace: addonNamespace(name), ServiceAccount: text(get(p, "serviceAccount")), Role: text(get(p, "roleARN")), Addon: name})
		}
	}
}

// crossplane takes a managed resource of one of Crossplane's AWS providers.
func (o *kubernetesObject) crossplane() {
	in := get(o.n, "spec", "forProvider")
	name := o.name
	if external := text(get(o.n, "metadata", "annotations", "crossplane.io/external-name")); external != "" {
		name = external
	}
	switch o.kind {
	case "Role":
		trust := get(in, "assumeRolePolicy")
		if trust == nil {
			trust = get(in, "assumeRolePolicyDocument")
		}
		r := statefile.Role{
			Name: name, Path: text(get(in, "path")), Description: pointer(get(in, "description")),
			MaxSessionDuration: number(get(in, "maxSessionDuration")), PermissionsBoundary: text(get(in, "permissionsBoundary")),
		}
		o.controlledRole(r, trust, text(get(o.n, "status", "atProvider", "arn")), items(get(in, "managedPolicyArns")))
	case "OpenIDConnectProvider":
		o.controlledProvider(text(get(in, "url")), texts(get(in, "clientIdList")))
	case "PodIdentityAssociation":
		role := text(get(in, "roleArn"))
		if ref := text(get(in, "roleArnRef", "name")); ref != "" && role == "" {
			role = "${" + o.objectRef("Role", ref) + "}"
		} else if role == "" && get(in, "roleArnSelector") != nil {
			role = "${roleArnSelector}"
		}
		cluster := text(get(in, "clusterName"))
		if cluster == "" {
			cluster = text(get(in, "clusterNameRef", "name"))
		}
		o.association(Association{
			Cluster: cluster, Namespace: text(get(in, "namespace")), ServiceAccount: text(get(in, "serviceAccount")), Role: role,
			TargetRole: text(get(in, "targetRoleArn")), DisableSessionTags: isTrue(get(in, "disableSessionTags")),
		})
	default:
		o.workloads() // DeploymentRuntimeConfig and its like
	}
}

func (o *kubernetesObject) association(a Association) {
	a.At = o.f.at(o.n)
	o.b.found.Manifests.Associations = append(o.b.found.Manifests.Associations, a)
}

// controlledRole takes a role whose account its object does not say.
func (o *kubernetesObject) controlledRole(r statefile.Role, trust *yaml.Node, arn string, attached []*yaml.Node) {
	if r.Name == "" {
		r.Name = o.name
	}
	account := o.b.o.Account
	if m := federatedAccount.FindStringSubmatch(text(trust)); m != nil {
		o.b.partition, account = m[1], m[2]
	}
	if _, id, _ := o.b.partsOf(arn); aws.IsAccount(id) {
		account = id
	}
	address := o.title() + ": trust policy of role " + r.Name
	o.b.refs[o.objectRef("Role", o.name)] = aws.RoleARN(o.b.partition, account, r.Path, r.Name)
	if missing := Unresolved(text(trust)); missing != "" && trust != nil || trust == nil {
		o.b.unchecked(o.f.at(o.n), address, "not known: %s; left out", cmp.Or(Unresolved(text(trust)), "the object holds none"))
		o.b.leave(o.f.at(o.n), address, account, r.Path, r.Name)
		return
	}
	body, at, ok := o.b.document(o.f, trust, address)
	if !ok {
		o.b.leave(o.f.at(o.n), address, account, r.Path, r.Name)
		return
	}
	r.TrustPolicy = o.b.documented(Policy{Address: address, Type: policy.TrustPolicy, Account: account, Owner: r.Name, Text: body, at: at})
	o.b.role(account, r, o.f.at(o.n))
	for _, p := range attached {
		if arn := text(p); Unresolved(arn) == "" && arn != "" {
			o.b.attach = append(o.b.attach, attachment{account, r.Name, arn, o.b.noter(o.f.at(p), address)})
		}
	}
}

func (o *kubernetesObject) controlledProvider(issuer string, clientIDs []string) {
	if issuer == "" || Unresolved(issuer) != "" {
		o.b.note(o.f.at(o.n), o.title(), "left out: its URL is not known")
		return
	}
	if !strings.HasPrefix(issuer, "https://") {
		issuer = "https://" + issuer
	}
	o.b.providers = append(o.b.providers, providerOutput{statefile.OIDCProvider{URL: issuer, ClientIDs: clientIDs}, o.f.at(o.n)})
}

// resolveRefs gives associations the roles that they name by an object.
func (b *builder) resolveRefs() {
	m := &b.found.Manifests
	for i := range m.Associations {
		a := &m.Associations[i]
		for _, role := range []*string{&a.Role, &a.TargetRole} {
			if arn, ok := b.refs[strings.TrimSuffix(strings.TrimPrefix(*role, "${"), "}")]; ok {
				*role = arn
			}
		}
	}
}
