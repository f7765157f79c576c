package sources

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kubernetes takes the resources of Terraform's kubernetes, kubectl and helm
// providers, and those of the aws provider that give pods roles.
func (t *terraform) kubernetes() {
	for _, r := range t.resources {
		if r.data {
			continue
		}
		switch r.kind {
		case "aws_eks_cluster":
			t.b.namedCluster(t.at(r), r.text("name"), true)
		case "aws_eks_pod_identity_association":
			t.association(r)
		case "aws_eks_addon":
			t.addon(r)
		case "aws_eks_fargate_profile":
			for _, s := range items(get(r.values, "selector")) {
				t.b.found.Manifests.Fargate = append(t.b.found.Manifests.Fargate, FargateSelector{t.settled(r, "cluster_name"), text(get(s, "namespace")), textMap(get(s, "labels"))})
			}
		case "kubernetes_manifest":
			t.object(r, get(r.values, "manifest"), get(r.unknown, "manifest"), get(r.expressions, "manifest"))
		case "kubectl_manifest":
			if body := get(r.values, "yaml_body"); body != nil {
				for _, n := range t.b.embedded(t.f, body, r.address) {
					t.b.kubernetesOf(t.f, n, "")
				}
			} else if _, unknown := r.known("yaml_body"); unknown {
				t.b.note(t.at(r), r.address+".yaml_body", afterApply+"%s; what it makes is not known", refersTo(get(r.expressions, "yaml_body")))
			}
		case "kubernetes_annotations":
			t.annotations(r)
		case "helm_release":
			t.release(r)
		default:
			if kind, ok := kubernetesKinds[strings.TrimSuffix(strings.TrimSuffix(r.kind, "_v1"), "_v2")]; ok {
				t.resourceObject(r, kind)
			}
		}
	}
}

// kubernetesKinds are the typed resources of the kubernetes provider that bear on
// roles.
var kubernetesKinds = map[string]string{
	"kubernetes_service_account": "ServiceAccount", "kubernetes_default_service_account": "ServiceAccount", "kubernetes_deployment": "Deployment",
	"kubernetes_stateful_set": "StatefulSet", "kubernetes_daemonset": "DaemonSet", "kubernetes_daemon_set": "DaemonSet", "kubernetes_job": "Job",
	"kubernetes_cron_job": "CronJob", "kubernetes_pod": "Pod", "kubernetes_replication_controller": "ReplicationController", "kubernetes_config_map": "ConfigMap", "kubernetes_secret": "Secret",
}

// reference is a value that is not known: the ARN of the one role that it refers
// to, else what it refers to in the form of an unresolved text.
func (t *terraform) reference(r *tfResource, expression *yaml.Node) string {
	found, rest := t.follow(r.module, r.index, expression)
	var names []string
	for _, f := range found {
		if f.kind == "aws_iam_role" && len(found) == 1 && len(rest) == 0 {
			return t.arnOf(f)
		}
		if f.kind == "aws_eks_cluster" && len(found) == 1 && len(rest) == 0 && f.text("name") != "" {
			return f.text("name")
		}
		names = append(names, f.address)
	}
	names = append(names, rest...)
	if len(names) == 0 {
		names = []string{afterApply}
	}
	return "${" + strings.Join(names, " or ") + "}"
}

// settled is a text attribute, or its reference when it is known after apply.
func (t *terraform) settled(r *tfResource, attribute string) string {
	n, unknown := r.known(attribute)
	if unknown {
		return t.reference(r, get(r.expressions, attribute))
	}
	return text(n)
}

func (t *terraform) association(r *tfResource) {
	a := Association{
		At: t.at(r), Cluster: t.settled(r, "cluster_name"), Namespace: t.settled(r, "namespace"), ServiceAccount: t.settled(r, "service_account"),
		Role: t.settled(r, "role_arn"), TargetRole: t.settled(r, "target_role_arn"), DisableSessionTags: isTrue(get(r.values, "disable_session_tags")),
		Policy: r.text("policy"), ExternalID: r.text("external_id"),
	}
	if get(r.expressions, "target_role_arn") == nil && r.text("target_role_arn") == "" {
		a.TargetRole = "" // computed, and thus unknown also where it is not set
	}
	t.b.namedCluster(a.At, a.Cluster, true)
	t.b.found.Manifests.Associations = append(t.b.found.Manifests.Associations, a)
}

func (t *terraform) addon(r *tfResource) {
	name, cluster := t.settled(r, "addon_name"), t.settled(r, "cluster_name")
	t.b.addon(Addon{t.at(r), cluster, name})
	if role := t.settled(r, "service_account_role_arn"); role != "" && (r.text("service_account_role_arn") != "" || get(r.expressions, "service_account_role_arn") != nil) {
		t.b.addonRole(t.f, r.node, cluster, name, role)
	}
	expressions := items(get(r.expressions, "pod_identity_association"))
	for i, p := range items(get(r.values, "pod_identity_association")) {
		role := text(get(p, "role_arn"))
		if role == "" {
			var expression *yaml.Node
			if len(expressions) == 1 || i < len(expressions) {
				expression = get(expressions[min(i, len(expressions)-1)], "role_arn")
			}
			role = t.reference(r, expression)
		}
		t.b.addonAssociation(Association{
			At: t.at(r), Cluster: cluster, Namespace: addonNamespace(name), ServiceAccount: text(get(p, "service_account")), Role: role, Addon: name,
		})
	}
}

// object takes a manifest that a plan holds as a value.
func (t *terraform) object(r *tfResource, manifest, unknown, expression *yaml.Node) {
	if manifest == nil {
		t.b.note(t.at(r), r.address+".manifest", afterApply+"%s; what it makes is not known", refersTo(expression))
		return
	}
	t.b.kubernetesOf(t.f, t.filled(r, manifest, unknown, expression), "")
}

// filled puts references where a value is known after apply: Terraform leaves
// such members out. An expression has no more than all references of the whole.
func (t *terraform) filled(r *tfResource, n, unknown, expression *yaml.Node) *yaml.Node {
	if isTrue(unknown) && isNull(n) {
		at := n
		if at == nil {
			at = r.node
		}
		return textNode(t.reference(r, expression), at)
	}
	if n == nil || unknown == nil || n.Kind != unknown.Kind {
		return n
	}
	out := *n
	out.Content = slices.Clone(n.Content)
	if n.Kind == yaml.SequenceNode {
		for i := range min(len(out.Content), len(unknown.Content)) {
			out.Content[i] = t.filled(r, out.Content[i], unknown.Content[i], part(expression, i))
		}
		return &out
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(unknown.Content); i += 2 {
		name := unknown.Content[i].Value
		under := get(expression, name)
		if under == nil {
			under = expression
		}
		at := memberAt(&out, name)
		if at >= 0 {
			out.Content[at] = t.filled(r, out.Content[at], unknown.Content[i+1], under)
		} else if isTrue(unknown.Content[i+1]) && (under != expression || len(leaves(expression)) > 0) {
			out.Content = append(out.Content, textNode(name, n), textNode(t.reference(r, under), n))
		}
	}
	return &out
}

func part(expression *yaml.Node, i int) *yaml.Node {
	if blocks := items(expression); i < len(blocks) {
		return blocks[i]
	}
	return expression
}

// resourceObject takes a typed resource, whose blocks are those of the object.
func (t *terraform) resourceObject(r *tfResource, kind string) {
	values := t.filled(r, r.values, r.unknown, r.expressions)
	n := unblocked(values)
	metadata := get(n, "metadata")
	if metadata == nil {
		return
	}
	if name := text(get(metadata, "name")); name == "" && kind == "ServiceAccount" {
		metadata.Content = append(metadata.Content, textNode("name", r.node), textNode("${"+r.address+".metadata[0].name}", r.node))
	}
	if get(metadata, "namespace") == nil {
		metadata.Content = append(metadata.Content, textNode("namespace", r.node), textNode("default", r.node)) // the provider's default
	}
	n.Line, n.Column = r.node.Line, r.node.Column
	n.Content = append(n.Content, textNode("apiVersion", r.node), textNode("v1", r.node), textNode("kind", r.node), textNode(kind, r.node))
	o := &kubernetesObject{
		b: t.b, f: t.f, n: n, kind: kind, namespace: text(get(metadata, "namespace")), name: cmp.Or(text(get(metadata, "name")), text(get(metadata, "generateName"))),
	}
	o.take()
	t.b.commit()
}

// lists are the blocks that are lists in the object as well, by what they are
// called there.
var lists = map[string]string{
	"container": "containers", "init_container": "initContainers", "volume": "volumes", "env": "env", "env_from": "envFrom", "volume_mount": "volumeMounts", "sources": "sources",
}

// unblocked turns Terraform's blocks into an object: a block that can stand once
// is a list of one there, and names are in snake case. The keys of annotations,
// labels and selectors are somebody's own.
func unblocked(n *yaml.Node) *yaml.Node {
	if n == nil {
		return nil
	}
	out := *n
	out.Content = nil
	if n.Kind != yaml.MappingNode {
		for _, item := range n.Content {
			out.Content = append(out.Content, unblocked(item))
		}
		return &out
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, v := n.Content[i].Value, n.Content[i+1]
		plural, isList := lists[name]
		switch {
		case name == "annotations" || name == "labels" || name == "node_selector" || name == "match_labels" || name == "data" || name == "binary_data":
		case isList:
			v = unblocked(v)
		case v.Kind == yaml.SequenceNode && len(v.Content) == 1 && v.Content[0].Kind == yaml.MappingNode:
			v = unblocked(v.Content[0])
		default:
			v = unblocked(v)
		}
		if plural == "" {
			plural = camel(name)
		}
		out.Content = append(out.Content, textNode(plural, n.Content[i]), v)
	}
	return &out
}

func camel(name string) string {
	parts := strings.Split(name, "_")
	for i := 1; i < len(parts); i++ {
		if parts[i] != "" {
			parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
		}
	}
	return strings.Join(parts, "")
}

// annotations takes kubernetes_annotations, which writes to an object that
// something else made.
func (t *terraform) annotations(r *tfResource) {
	n := unblocked(t.filled(r, r.values, r.unknown, r.expressions))
	if text(get(n, "kind")) != "ServiceAccount" {
		return
	}
	o := &kubernetesObject{f: t.f}
	sa := ServiceAccount{At: t.at(r), Namespace: cmp.Or(text(get(n, "metadata", "namespace")), "default"), Name: text(get(n, "metadata", "name")), By: r.address}
	sa.Annotations, sa.AnnotationAt = o.annotations(get(n, "annotations"))
	t.b.found.Manifests.ServiceAccounts = append(t.b.found.Manifests.ServiceAccounts, sa)
}

// release takes a helm_release: its chart is rendered by the apply.
func (t *terraform) release(r *tfResource) {
	c := &chart{at: t.at(r), file: t.f, kind: "helm_release", name: cmp.Or(r.text("name"), r.name), namespace: cmp.Or(t.settled(r, "namespace"), "default")}
	if manifest := text(get(r.values, "manifest")); strings.HasPrefix(strings.TrimSpace(manifest), "{") {
		// With the provider's experiment the state has what was rendered.
		for _, document := range t.b.embedded(t.f, get(r.values, "manifest"), r.address) {
			for i := 1; i < len(document.Content); i += 2 {
				t.b.kubernetesOf(t.f, document.Content[i], "")
			}
		}
		return
	}
	values, unknown := r.known("values")
	for _, v := range items(values) {
		if isNull(v) {
			unknown = true
			continue
		}
		c.values = mergedValues(c.values, t.b.valuesText(t.f, v, r.address+".values"))
	}
	if unknown || isTrue(get(r.unknown, "values")) {
		c.unsure = append(c.unsure, "some of its values are known after apply"+refersTo(get(r.expressions, "values")))
	}
	for _, attribute := range []string{"set", "set_sensitive"} {
		expressions := items(get(r.expressions, attribute))
		for _, s := range items(get(r.values, attribute)) {
			name, value := text(get(s, "name")), get(s, "value")
			if value == nil {
				value = textNode(t.reference(r, setExpression(expressions, name)), s)
			}
			c.values = setValue(c.values, name, value)
		}
	}
	t.b.hints(c)
}

// setExpression is the expression of the set block of a name: the values are a
// set, whose order is not that of the blocks.
func setExpression(blocks []*yaml.Node, name string) *yaml.Node {
	for _, block := range blocks {
		if text(get(block, "name", "constant_value")) == name || len(blocks) == 1 {
			return get(block, "value")
		}
	}
	return nil
}
