package sources

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// addonAccounts are the service accounts of EKS add-ons that call AWS, as the
// add-ons' pages of the EKS user guide name them.
var addonAccounts = map[string][][2]string{
	"vpc-cni":                           {{"kube-system", "aws-node"}},
	"aws-ebs-csi-driver":                {{"kube-system", "ebs-csi-controller-sa"}},
	"aws-efs-csi-driver":                {{"kube-system", "efs-csi-controller-sa"}},
	"aws-fsx-csi-driver":                {{"kube-system", "fsx-csi-controller-sa"}},
	"aws-mountpoint-s3-csi-driver":      {{"kube-system", "s3-csi-driver-sa"}},
	"amazon-cloudwatch-observability":   {{"amazon-cloudwatch", "cloudwatch-agent"}},
	"aws-network-flow-monitoring-agent": {{"amazon-network-flow-monitor", "aws-network-flow-monitor-agent-service-account"}},
	"adot":                              {{"opentelemetry-operator-system", "adot-col-otlp-ingest"}},
	"external-dns":                      {{"external-dns", "external-dns"}},
	"cert-manager":                      {{"cert-manager", "cert-manager"}},
	"prometheus-node-exporter":          {{"prometheus-node-exporter", "prometheus-node-exporter"}},
}

// addonNamespace is the namespace that an add-on is in: associations of add-ons
// do not name it.
func addonNamespace(addon string) string {
	if accounts := addonAccounts[addon]; len(accounts) > 0 {
		return accounts[0][0]
	}
	return "kube-system"
}

func (b *builder) addon(a Addon) {
	b.namedCluster(a.At, a.Cluster, true)
	b.found.Manifests.Addons = append(b.found.Manifests.Addons, a)
}

// addonRole is the role that an add-on's service account is annotated with: the
// add-on makes the account.
func (b *builder) addonRole(f *file, n *yaml.Node, cluster, addon, role string) {
	at := f.at(n)
	accounts := addonAccounts[addon]
	if len(accounts) == 0 {
		b.note(at, "add-on "+addon, "the name of its service account is not known here; its role %s is left out of the matrix", role)
		return
	}
	for _, a := range accounts {
		b.annotated(at, cluster, a[0], a[1], role, "add-on "+addon)
		b.found.Manifests.Workloads = append(b.found.Manifests.Workloads, Workload{At: at, Cluster: cluster, Namespace: a[0], Name: "add-on " + addon, ServiceAccount: a[1]})
	}
}

// addonAssociation is an association that is part of an add-on.
func (b *builder) addonAssociation(a Association) {
	m := &b.found.Manifests
	m.Associations = append(m.Associations, a)
	m.Workloads = append(m.Workloads, Workload{At: a.At, Cluster: a.Cluster, Namespace: a.Namespace, Name: "add-on " + a.Addon, ServiceAccount: a.ServiceAccount})
}

// annotated is a service account that a tool makes with a role.
func (b *builder) annotated(at strictyaml.Position, cluster, namespace, name, role, by string) {
	b.found.Manifests.ServiceAccounts = append(b.found.Manifests.ServiceAccounts, ServiceAccount{
		At: at, Cluster: cluster, Namespace: namespace, Name: name, By: by,
		Annotations: map[string]string{aws.RoleAnnotation: role}, AnnotationAt: map[string]strictyaml.Position{aws.RoleAnnotation: at},
	})
}

// namedCluster remembers that there is a cluster of a name.
func (b *builder) namedCluster(at strictyaml.Position, name string, oidc bool) {
	m := &b.found.Manifests
	if name == "" || slices.ContainsFunc(m.Clusters, func(c NamedCluster) bool { return c.Name == name }) {
		return
	}
	m.Clusters = append(m.Clusters, NamedCluster{at, name, oidc})
}
