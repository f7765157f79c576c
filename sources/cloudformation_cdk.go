package sources

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Types of the AWS CDK's own resources, as aws-cdk-lib synthesises them.
const (
	cdkProvider = "Custom::AWSCDKOpenIdConnectProvider"
	cdkJSON     = "Custom::AWSCDKCfnJson"
	cdkCluster  = "Custom::AWSCDK-EKS-Cluster"
	cdkManifest = "Custom::AWSCDK-EKS-KubernetesResource"
	cdkChart    = "Custom::AWSCDK-EKS-HelmChart"
)

// custom takes a custom resource of the CDK, and names any other.
func (c *template) custom(r *resource) {
	switch r.kind {
	case cdkProvider:
		c.provider(r)
	case cdkCluster:
		c.cluster(r)
	case cdkManifest:
		c.manifest(r)
	case cdkChart:
		c.chart(r)
	case cdkJSON: // it is where it is referred to
	default:
		c.b.note(c.at(r), "Resources."+r.id, "%s is left out: what a custom resource makes is known to its function only", r.kind)
	}
}

// jsonValue is what the CDK's CfnJson gives: the value that its text holds once
// functions are evaluated, so that condition keys can be made of attributes.
func (c *template) jsonValue(n *yaml.Node, r *resource) (*yaml.Node, bool) {
	v, ok := c.known(r, "Value")
	if !ok || v == nil {
		c.problem(n, "the JSON of %s is not known", r.id)
		return nil, false
	}
	if v.Kind != yaml.ScalarNode {
		return v, true
	}
	nodes, err := strictyaml.Parse(c.f.name, []byte(v.Value))
	if err != nil || len(nodes) != 1 {
		c.problem(n, "the value of %s is not JSON", r.id)
		return nil, false
	}
	return placedAt(nodes[0], v), true
}

// standInIssuer is the issuer of a cluster that the stack makes: the parameter's,
// else one of the form that EKS gives, the same wherever the template refers to it.
func (c *template) standInIssuer(r *resource) string {
	for _, attribute := range []string{".OpenIdConnectIssuerUrl", ".OpenIdConnectIssuer"} {
		if given, _ := c.given(r.id + attribute); given != "" {
			return "https://" + strings.TrimPrefix(given, "https://")
		}
	}
	sum := sha256.Sum256([]byte(r.id))
	url := aws.EKSIssuer(c.region, strings.ToUpper(hex.EncodeToString(sum[:16])))
	if !c.issuers[r.id] {
		if c.issuers == nil {
			c.issuers = map[string]bool{}
		}
		c.issuers[r.id] = true
		c.b.note(c.at(r), "Resources."+r.id, "its issuer is known after the deployment only; %s stands in for it (--parameter %s.OpenIdConnectIssuerUrl=https://… gives it)", url, r.id)
	}
	return url
}

// lenient resolves a property with what is not known in the form of an
// unresolved text, ${Resource.Attribute}.
func (c *template) lenient(n *yaml.Node) *yaml.Node {
	if n == nil {
		return nil
	}
	before := c.problems
	c.placeholders = true
	v, _ := c.value(n)
	c.placeholders = false
	c.problems = before
	return v
}

func (c *template) lenientText(n *yaml.Node) string { return text(c.lenient(n)) }

// placeholder stands for a function that cannot be evaluated.
func placeholder(n *yaml.Node, name string, argument *yaml.Node) *yaml.Node {
	what := strings.Join(texts(argument), ".")
	if what == "" {
		what = name
	}
	return textNode("${"+what+"}", n)
}

// manifest takes the CDK's KubernetesResource: the JSON of a list of objects.
func (c *template) manifest(r *resource) {
	v := c.lenient(get(r.properties, "Manifest"))
	cluster := c.clusterName(get(r.properties, "ClusterName"))
	if v == nil || v.Kind != yaml.ScalarNode {
		c.b.note(c.at(r), address(r, "Manifest"), "not known; left out")
		return
	}
	for _, n := range c.b.embedded(c.f, v, address(r, "Manifest")) {
		for _, object := range list(n) {
			if isKubernetes(object) {
				c.b.kubernetesOf(c.f, object, cluster)
			}
		}
	}
}

// clusterName is a cluster that is referred to.
func (c *template) clusterName(n *yaml.Node) string {
	name := c.lenientText(n)
	if r := c.byID[strings.Trim(name, "${}")]; r != nil {
		return r.id
	}
	return name
}

// chart takes the CDK's HelmChart.
func (c *template) chart(r *resource) {
	release := c.lenientText(get(r.properties, "Release"))
	if release == "" {
		release = r.id
	}
	h := &chart{
		at: c.at(r), file: c.f, kind: "HelmChart", name: release, cluster: c.clusterName(get(r.properties, "ClusterName")),
		namespace: cmp.Or(c.lenientText(get(r.properties, "Namespace")), "default"),
	}
	switch v := c.lenient(get(r.properties, "Values")); {
	case v == nil:
	case v.Kind == yaml.MappingNode:
		h.values = v
	default:
		h.values = c.b.valuesText(c.f, v, address(r, "Values"))
	}
	c.b.hints(h)
}

// podIdentity takes an AWS::EKS::PodIdentityAssociation.
func (c *template) podIdentity(r *resource) {
	in := func(name string) string { return c.lenientText(get(r.properties, name)) }
	a := Association{
		At: c.at(r), Cluster: c.clusterName(get(r.properties, "ClusterName")), Namespace: in("Namespace"), ServiceAccount: in("ServiceAccount"), Role: in("RoleArn"),
		TargetRole: in("TargetRoleArn"), DisableSessionTags: in("DisableSessionTags") == "true", Policy: in("Policy"),
	}
	c.b.namedCluster(a.At, a.Cluster, true)
	c.b.found.Manifests.Associations = append(c.b.found.Manifests.Associations, a)
}

// addon takes an AWS::EKS::Addon.
func (c *template) addon(r *resource) {
	name, cluster := c.lenientText(get(r.properties, "AddonName")), c.clusterName(get(r.properties, "ClusterName"))
	c.b.addon(Addon{c.at(r), cluster, name})
	if role := get(r.properties, "ServiceAccountRoleArn"); role != nil {
		c.b.addonRole(c.f, role, cluster, name, c.lenientText(role))
	}
	for _, p := range items(get(r.properties, "PodIdentityAssociations")) {
		c.b.addonAssociation(Association{
			At: c.f.at(p), Cluster: cluster, Namespace: addonNamespace(name), ServiceAccount: c.lenientText(get(p, "ServiceAccount")), Role: c.lenientText(get(p, "RoleArn")), Addon: name,
		})
	}
}
