package sources

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// chart is a Helm chart that will be rendered elsewhere: by Argo CD, by Flux, by
// Terraform, by a CDK stack's cluster. Its values are all that is known.
type chart struct {
	at                 strictyaml.Position
	file               *file
	kind, name         string // of what renders it
	cluster, namespace string
	values             *yaml.Node // merged
	unsure             []string   // beyond that the chart may not use them
}

func (c *chart) title() string { return c.kind + "/" + c.name }

const notRendered = "chart not rendered"

// hints takes the service accounts that the values give a role. Most charts have
// serviceAccount.annotations, some rbac.serviceAccount or a component before it;
// the name, if the values give one, stands beside the annotations.
func (b *builder) hints(c *chart) {
	found := 0
	var walk func(n *yaml.Node, path []string, depth int)
	walk = func(n *yaml.Node, path []string, depth int) {
		if n == nil || n.Kind != yaml.MappingNode || depth > 30 {
			return
		}
		if role := get(n, "annotations", aws.RoleAnnotation); role != nil && role.Kind == yaml.ScalarNode {
			found++
			b.hint(c, n, strings.Join(append(path, "annotations"), "."))
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			walk(n.Content[i+1], append(path, n.Content[i].Value), depth+1)
		}
	}
	walk(c.values, nil, 0)
	if found == 0 {
		b.note(c.at, c.title(), notRendered+", and its values give no service account a role; what it makes is not known. Give the output of helm template, or of argocd app manifests")
	}
}

// hint takes one service account; n holds its annotations.
func (b *builder) hint(c *chart, n *yaml.Node, path string) {
	sa := ServiceAccount{
		At: c.file.at(get(n, "annotations", aws.RoleAnnotation)), Cluster: c.cluster, Namespace: c.namespace, Name: text(get(n, "name")),
		By: c.title() + " (" + notRendered + ")",
	}
	sa.Nameless = sa.Name == ""
	o := &kubernetesObject{f: c.file}
	sa.Annotations, sa.AnnotationAt = o.annotations(get(n, "annotations"))
	why := []string{"true only if the chart puts the value " + path + " on its service account"}
	if sa.Nameless {
		why = append(why, "the service account's name comes from the chart, which is not in the file")
	}
	if create := get(n, "create"); create != nil && text(create) == "false" {
		why = append(why, "the values say that the service account is not made by the chart (create: false)")
	}
	sa.Unsure = strings.Join(append(why, c.unsure...), "; ")
	m := &b.found.Manifests
	m.ServiceAccounts = append(m.ServiceAccounts, sa)
	m.Workloads = append(m.Workloads, Workload{
		At: c.at, Cluster: c.cluster, Namespace: c.namespace, Kind: c.kind, Name: c.name, ServiceAccount: sa.Name, Note: notRendered,
	})
}

// argoApplication takes an Application, or the template of an ApplicationSet.
func (o *kubernetesObject) argoApplication() {
	spec := get(o.n, "spec")
	if o.kind == "ApplicationSet" {
		spec = get(o.n, "spec", "template", "spec")
	}
	all := items(get(spec, "sources"))
	if one := get(spec, "source"); one != nil {
		all = append(all, one)
	}
	for _, source := range all {
		helm := get(source, "helm")
		if get(source, "chart") == nil && helm == nil {
			continue // plain manifests or kustomize, in another repository
		}
		c := &chart{at: o.f.at(o.n), file: o.f, kind: o.kind, name: o.name, cluster: o.cluster, namespace: text(get(spec, "destination", "namespace"))}
		if v := get(helm, "values"); v != nil {
			c.values = mergedValues(c.values, o.b.valuesText(o.f, v, o.title()))
		}
		c.values = mergedValues(c.values, get(helm, "valuesObject"))
		for _, p := range items(get(helm, "parameters")) {
			c.values = setValue(c.values, text(get(p, "name")), get(p, "value"))
		}
		if len(items(get(helm, "valueFiles"))) > 0 {
			c.unsure = append(c.unsure, "its valueFiles are not in the file")
		}
		if kustomize := get(source, "kustomize"); kustomize != nil {
			c.unsure = append(c.unsure, "its kustomize settings are not applied")
		}
		o.b.hints(c)
	}
}

// fluxRelease takes a HelmRelease.
func (o *kubernetesObject) fluxRelease() {
	c := &chart{at: o.f.at(o.n), file: o.f, kind: o.kind, name: o.name, cluster: o.cluster, namespace: text(get(o.n, "spec", "targetNamespace")), values: get(o.n, "spec", "values")}
	if c.namespace == "" {
		c.namespace = o.namespace
	}
	if len(items(get(o.n, "spec", "valuesFrom"))) > 0 {
		c.unsure = append(c.unsure, "its valuesFrom are not in the file")
	}
	if get(o.n, "spec", "postRenderers") != nil {
		c.unsure = append(c.unsure, "its postRenderers are not applied")
	}
	o.b.hints(c)
}

// valuesText reads values that stand as a text in a manifest or a plan; their
// places are that of the text.
func (b *builder) valuesText(f *file, n *yaml.Node, address string) *yaml.Node {
	nodes := b.embedded(f, n, address)
	if len(nodes) == 0 {
		return nil
	}
	return nodes[0]
}

// embedded reads the YAML or JSON documents of a text.
func (b *builder) embedded(f *file, n *yaml.Node, address string) []*yaml.Node {
	if n.Kind != yaml.ScalarNode {
		return nil
	}
	nodes, err := strictyaml.Parse(address, []byte(n.Value)) // the file's own name may end in .json
	if err != nil {
		b.note(f.at(n), address, "the text here is not YAML: %v; left out", err)
		return nil
	}
	var out []*yaml.Node
	for _, document := range nodes {
		e := expander{left: mostExpanded}
		whole, err := e.expand(document, 0)
		if err != nil {
			b.note(f.at(n), address, "%v; left out", err)
			continue
		}
		out = append(out, placedAt(whole, n))
	}
	return out
}

// placedAt copies a tree that was read from a text; all of it is where the text is.
func placedAt(n, at *yaml.Node) *yaml.Node {
	out := *n
	out.Line, out.Column = at.Line, at.Column
	out.Content = make([]*yaml.Node, len(n.Content))
	for i := range n.Content {
		out.Content[i] = placedAt(n.Content[i], at)
	}
	return &out
}

// mergedValues lays values over others as Helm does: objects are merged, anything
// else is replaced.
func mergedValues(under, over *yaml.Node) *yaml.Node {
	if over == nil {
		return under
	}
	if under == nil || under.Kind != yaml.MappingNode || over.Kind != yaml.MappingNode {
		return over
	}
	out := *under
	out.Content = append([]*yaml.Node(nil), under.Content...)
	for i := 0; i+1 < len(over.Content); i += 2 {
		at := memberAt(&out, over.Content[i].Value)
		if at < 0 {
			out.Content = append(out.Content, over.Content[i], over.Content[i+1])
			continue
		}
		out.Content[at] = mergedValues(out.Content[at], over.Content[i+1])
	}
	return &out
}

// memberAt is the index of a member's value; -1 when there is none.
func memberAt(n *yaml.Node, name string) int {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return i + 1
		}
	}
	return -1
}

// setValue is Helm's --set for one value: dots part the names, and one behind a
// backslash belongs to a name.
func setValue(values *yaml.Node, path string, value *yaml.Node) *yaml.Node {
	if path == "" || value == nil {
		return values
	}
	names := setPath(path)
	for i := len(names) - 1; i >= 0; i-- {
		value = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: value.Line, Column: value.Column, Content: []*yaml.Node{textNode(names[i], value), value}}
	}
	return mergedValues(values, value)
}

func setPath(path string) []string {
	var names []string
	var name strings.Builder
	for i := 0; i < len(path); i++ {
		switch {
		case path[i] == '\\' && i+1 < len(path):
			i++
			name.WriteByte(path[i])
		case path[i] == '.':
			names = append(names, name.String())
			name.Reset()
		default:
			name.WriteByte(path[i])
		}
	}
	return append(names, name.String())
}
