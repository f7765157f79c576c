package sources

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// kubernetesObject is one manifest of a file.
type kubernetesObject struct {
	b       *builder
	f       *file
	n       *yaml.Node // without aliases
	cluster string     // of manifests that say it; CloudFormation's do

	kind, group, namespace, name string
}

// isKubernetes knows an object of Kubernetes by its head.
func isKubernetes(n *yaml.Node) bool {
	version := get(n, "apiVersion")
	kind := text(get(n, "kind"))
	return version != nil && version.Kind == yaml.ScalarNode && kind != "" && version.Value != ""
}

// kubernetes takes one document of a file of manifests.
func (b *builder) kubernetes(f *file, n *yaml.Node) { b.kubernetesOf(f, n, "") }

func (b *builder) kubernetesOf(f *file, n *yaml.Node, cluster string) {
	e := expander{left: mostExpanded}
	whole, err := e.expand(n, 0)
	if err != nil {
		b.errorAt(f.at(n), "%v", err)
		return
	}
	b.object(f, whole, cluster)
	b.commit()
}

// object takes one object, or those of a list.
func (b *builder) object(f *file, n *yaml.Node, cluster string) {
	if entries := get(n, "items"); strings.HasSuffix(text(get(n, "kind")), "List") && entries != nil {
		kind, version := strings.TrimSuffix(text(get(n, "kind")), "List"), get(n, "apiVersion")
		for _, item := range items(entries) {
			if item.Kind != yaml.MappingNode {
				continue
			}
			if !has(item, "kind") && kind != "" { // kubectl leaves it out of typed lists
				item.Content = append([]*yaml.Node{textNode("apiVersion", item), version, textNode("kind", item), textNode(kind, item)}, item.Content...)
			}
			b.object(f, item, cluster)
		}
		return
	}
	version := text(get(n, "apiVersion"))
	group, _, grouped := strings.Cut(version, "/")
	if !grouped {
		group = ""
	}
	o := &kubernetesObject{
		b: b, f: f, n: n, cluster: cluster, kind: text(get(n, "kind")), group: group,
		namespace: text(get(n, "metadata", "namespace")), name: text(get(n, "metadata", "name")),
	}
	if o.name == "" {
		o.name = text(get(n, "metadata", "generateName"))
	}
	o.take()
}

// take finds what an object says about service accounts and roles.
func (o *kubernetesObject) take() {
	m := &o.b.found.Manifests
	switch {
	case o.group == "eksctl.io":
		o.eksctl()
	case o.group == "" && o.kind == "ServiceAccount":
		if o.name == "" {
			o.b.errorAt(o.f.at(o.n), "a ServiceAccount without metadata.name")
			return
		}
		sa := ServiceAccount{At: o.f.at(o.n), Cluster: o.cluster, Namespace: o.namespace, Name: o.name}
		sa.Annotations, sa.AnnotationAt = o.annotations(get(o.n, "metadata", "annotations"))
		m.ServiceAccounts = append(m.ServiceAccounts, sa)
	case o.group == "" && (o.kind == "ConfigMap" || o.kind == "Secret"):
		o.config()
	case o.kind == "CustomResourceDefinition", o.group == "rbac.authorization.k8s.io":
	case o.group == "argoproj.io" && (o.kind == "Application" || o.kind == "ApplicationSet"):
		o.argoApplication()
	case strings.HasSuffix(o.group, "toolkit.fluxcd.io"):
		if o.kind == "HelmRelease" {
			o.fluxRelease()
		}
	case o.group == "external-secrets.io" && (o.kind == "SecretStore" || o.kind == "ClusterSecretStore"):
		o.secretStore()
	case strings.HasSuffix(o.group, ".services.k8s.aws"):
		o.ack()
	case strings.Contains(o.group, "aws.") && (strings.HasSuffix(o.group, "upbound.io") || strings.HasSuffix(o.group, "crossplane.io")):
		o.crossplane()
	case o.group == "apiextensions.crossplane.io":
		o.b.note(o.f.at(o.n), o.title(), "a composition is filled in at run time; what it makes is not known")
	default:
		o.workloads()
	}
}

func (o *kubernetesObject) title() string { return o.kind + "/" + o.name }

// annotations reads a map of texts with the place of each value.
func (o *kubernetesObject) annotations(n *yaml.Node) (values map[string]string, at map[string]strictyaml.Position) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	values, at = map[string]string{}, map[string]strictyaml.Position{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if v := n.Content[i+1]; v.Kind == yaml.ScalarNode {
			values[n.Content[i].Value], at[n.Content[i].Value] = v.Value, o.f.at(v)
		}
	}
	return values, at
}

func (o *kubernetesObject) config() {
	m := &o.b.found.Manifests
	if m.Config == nil {
		m.Config = map[string]map[string]string{}
	}
	values := map[string]string{}
	for _, member := range []string{"data", "stringData"} {
		data := get(o.n, member)
		for i := 0; data != nil && i+1 < len(data.Content); i += 2 {
			values[data.Content[i].Value] = ""
			if o.kind == "ConfigMap" {
				values[data.Content[i].Value] = text(data.Content[i+1])
			}
		}
	}
	m.Config[o.kind+"/"+o.namespace+"/"+o.name] = values
}

// secretStore is one of the External Secrets Operator, which asks the API server
// for tokens of a service account without running as it.
func (o *kubernetesObject) secretStore() {
	ref := get(o.n, "spec", "provider", "aws", "auth", "jwt", "serviceAccountRef")
	name := text(get(ref, "name"))
	if name == "" {
		return
	}
	namespace := text(get(ref, "namespace"))
	if namespace == "" || o.kind == "SecretStore" {
		namespace = o.namespace
	}
	o.b.found.Manifests.Workloads = append(o.b.found.Manifests.Workloads, Workload{
		At: o.f.at(ref), Cluster: o.cluster, Namespace: namespace, Kind: o.kind, Name: o.name, ServiceAccount: name,
		Note: "external-secrets asks a token for it",
	})
}

// mostExpanded bounds what the aliases of one document are expanded to.
const mostExpanded = 1 << 20

// expander gives a tree without aliases and merge keys: whoever looks at an
// object need not know of them.
type expander struct{ left int }

func (e *expander) expand(n *yaml.Node, depth int) (*yaml.Node, error) {
	if e.left--; e.left < 0 {
		return nil, fmt.Errorf("its aliases make more than %d values of it; write them out", mostExpanded)
	}
	if depth > 200 {
		return nil, fmt.Errorf("nested deeper than 200 levels")
	}
	if n.Kind == yaml.AliasNode {
		return e.expand(n.Alias, depth+1)
	}
	if len(n.Content) == 0 {
		return n, nil
	}
	if braces := unquoted(n); braces != nil {
		return braces, nil
	}
	out := *n
	out.Anchor, out.Content = "", make([]*yaml.Node, 0, len(n.Content))
	var merged []*yaml.Node
	for i := 0; i < len(n.Content); i++ {
		child, err := e.expand(n.Content[i], depth+1)
		if err != nil {
			return nil, err
		}
		if n.Kind == yaml.MappingNode && i%2 == 0 && child.Tag == "!!merge" && i+1 < len(n.Content) {
			i++
			from, err := e.expand(n.Content[i], depth+1)
			if err != nil {
				return nil, err
			}
			merged = append(merged, list(from)...)
			continue
		}
		out.Content = append(out.Content, child)
	}
	for _, from := range merged {
		for i := 0; from.Kind == yaml.MappingNode && i+1 < len(from.Content); i += 2 {
			if !has(&out, from.Content[i].Value) {
				out.Content = append(out.Content, from.Content[i], from.Content[i+1])
			}
		}
	}
	return &out, nil
}

// unquoted knows {{ .Values.x }} without quotes, which YAML takes for an object
// whose only key is an object, and gives it as the text that was meant.
func unquoted(n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.MappingNode || n.Style&yaml.FlowStyle == 0 || len(n.Content) != 2 || n.Content[0].Kind != yaml.MappingNode {
		return nil
	}
	inner := "…"
	if key := n.Content[0]; len(key.Content) > 0 && key.Content[0].Kind == yaml.ScalarNode {
		inner = key.Content[0].Value
	}
	return textNode("{{ "+inner+" }}", n)
}

// unrendered tells a chart's template by what it holds: it is no YAML until helm
// has rendered it.
func unrendered(src []byte) bool {
	return slices.ContainsFunc([]string{"{{-", "{{ ", ".Values.", "{{include"}, func(s string) bool { return strings.Contains(string(src), s) })
}
