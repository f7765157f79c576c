package sources

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// workloads finds the pods of any object: there are more kinds of them than can
// be listed, and all hold a pod's spec somewhere.
func (o *kubernetesObject) workloads() {
	if o.kind == "Pod" || o.kind == "PodTemplate" {
		spec, metadata := get(o.n, "spec"), get(o.n, "metadata")
		if o.kind == "PodTemplate" {
			spec, metadata = get(o.n, "template", "spec"), get(o.n, "template", "metadata")
		}
		o.workload(spec, metadata, o.pod(spec, metadata))
		return
	}
	before := len(o.b.found.Manifests.Workloads)
	o.podsIn(get(o.n, "spec"), nil, 0)
	o.madeServiceAccounts()
	found := o.b.found.Manifests.Workloads[before:]
	if len(found) == 0 && slices.Contains(implicit, o.kind) {
		o.workload(nil, get(o.n, "metadata"), nil)
		return
	}
	o.b.found.Manifests.Workloads = append(o.b.found.Manifests.Workloads[:before], distinct(found)...)
}

// implicit are kinds that run pods as the namespace's default service account when
// they name none, and hold no pod's spec.
var implicit = []string{"Workflow", "CronWorkflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "TaskRun", "PipelineRun"}

// distinct drops the parts of one object that run as the same service account
// and hold no pod of their own beside one that does.
func distinct(found []Workload) []Workload {
	var out []Workload
	for _, w := range found {
		if w.Pod == nil && slices.ContainsFunc(found, func(o Workload) bool { return o.Pod != nil && o.ServiceAccount == w.ServiceAccount }) ||
			w.Pod == nil && slices.ContainsFunc(out, func(o Workload) bool { return o.Pod == nil && o.ServiceAccount == w.ServiceAccount }) {
			continue
		}
		out = append(out, w)
	}
	return out
}

// podsIn walks what may hold a pod's spec. Metadata is that of the object around
// the spec.
func (o *kubernetesObject) podsIn(n, metadata *yaml.Node, depth int) {
	if n == nil || depth > 30 {
		return
	}
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			o.podsIn(item, nil, depth+1)
		}
		return
	}
	if n.Kind != yaml.MappingNode {
		return
	}
	if isPodSpec(n) {
		o.workload(n, metadata, o.pod(n, metadata))
		return
	}
	if name := serviceAccountOf(n); name != "" {
		o.workload(n, metadata, nil)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch key := n.Content[i].Value; {
		case key == "spec":
			o.podsIn(n.Content[i+1], get(n, "metadata"), depth+1)
		case key != "metadata" && key != "status" && key != "serviceAccountTemplate":
			o.podsIn(n.Content[i+1], nil, depth+1)
		}
	}
}

// isPodSpec knows a pod's spec by its containers: a list of objects with a name
// or an image.
func isPodSpec(n *yaml.Node) bool {
	containers := items(get(n, "containers"))
	return len(containers) > 0 && containers[0].Kind == yaml.MappingNode && (has(containers[0], "name") || has(containers[0], "image"))
}

func serviceAccountOf(spec *yaml.Node) string {
	if name := text(get(spec, "serviceAccountName")); name != "" {
		return name
	}
	return text(get(spec, "serviceAccount"))
}

// workload records the object as one whose pods run as a service account.
func (o *kubernetesObject) workload(spec, metadata *yaml.Node, pod *Pod) {
	at := o.f.at(o.n)
	name := serviceAccountOf(spec)
	if name == "" {
		name = "default"
	}
	w := Workload{
		At: at, Cluster: o.cluster, Namespace: o.namespace, Kind: o.kind, Name: o.name, ServiceAccount: name, Pod: pod,
		Owned: len(items(get(o.n, "metadata", "ownerReferences"))) > 0,
	}
	annotations := textMap(get(o.n, "metadata", "annotations"))
	switch {
	case isTrue(get(o.n, "spec", "suspend")):
		w.Note = "suspended"
	case strings.Contains(annotations["helm.sh/hook"], "test"):
		w.Note = "helm test"
	case annotations["helm.sh/hook"] != "":
		w.Note = "helm hook " + annotations["helm.sh/hook"]
	}
	o.b.found.Manifests.Workloads = append(o.b.found.Manifests.Workloads, w)
}

// madeServiceAccounts are those that a controller makes from a template:
// CloudNativePG's clusters, Crossplane's runtimes.
func (o *kubernetesObject) madeServiceAccounts() {
	template := get(o.n, "spec", "serviceAccountTemplate", "metadata")
	annotations := get(template, "annotations")
	if annotations == nil {
		return
	}
	sa := ServiceAccount{At: o.f.at(template), Cluster: o.cluster, Namespace: o.namespace, Name: text(get(template, "name")), By: o.title()}
	sa.Annotations, sa.AnnotationAt = o.annotations(annotations)
	switch {
	case sa.Name != "":
	case o.group == "postgresql.cnpg.io":
		sa.Name = o.name // as the operator names it
		o.b.found.Manifests.Workloads = append(o.b.found.Manifests.Workloads, Workload{
			At: o.f.at(o.n), Cluster: o.cluster, Namespace: o.namespace, Kind: o.kind, Name: o.name, ServiceAccount: o.name,
		})
	default:
		sa.Nameless = true
	}
	o.b.found.Manifests.ServiceAccounts = append(o.b.found.Manifests.ServiceAccounts, sa)
}

// pod takes of a pod template what bears on its credentials.
func (o *kubernetesObject) pod(spec, metadata *yaml.Node) *Pod {
	p := &Pod{
		Annotations: textMap(get(metadata, "annotations")), Labels: textMap(get(metadata, "labels")), NodeSelector: textMap(get(spec, "nodeSelector")),
		HostNetwork: isTrue(get(spec, "hostNetwork")),
	}
	if text(get(spec, "os", "name")) == "windows" {
		if p.NodeSelector == nil {
			p.NodeSelector = map[string]string{}
		}
		p.NodeSelector["kubernetes.io/os"] = "windows" // one needs the other
	}
	for _, c := range items(get(spec, "containers")) {
		p.Containers = append(p.Containers, o.container(c, false))
	}
	for _, c := range items(get(spec, "initContainers")) {
		p.Containers = append(p.Containers, o.container(c, true))
	}
	for _, v := range items(get(spec, "volumes")) {
		name := text(get(v, "name"))
		p.Volumes = append(p.Volumes, name)
		for _, s := range items(get(v, "projected", "sources")) {
			if token := get(s, "serviceAccountToken"); token != nil {
				p.Tokens = append(p.Tokens, TokenVolume{Volume: name, Audience: text(get(token, "audience")), Path: text(get(token, "path"))})
			}
		}
	}
	return p
}

func (o *kubernetesObject) container(n *yaml.Node, init bool) Container {
	c := Container{At: o.f.at(n), Name: text(get(n, "name")), Init: init}
	for _, v := range items(get(n, "env")) {
		variable := Variable{At: o.f.at(v), Name: text(get(v, "name")), Value: text(get(v, "value"))}
		if from := get(v, "valueFrom"); from != nil && from.Kind == yaml.MappingNode && len(from.Content) > 1 {
			variable.From = from.Content[0].Value
			for member, kind := range map[string]string{"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"} {
				if name := text(get(from, member, "name")); name != "" {
					variable.From = kind + "/" + name + "#" + text(get(from, member, "key"))
				}
			}
		}
		c.Env = append(c.Env, variable)
	}
	for _, v := range items(get(n, "envFrom")) {
		for member, kind := range map[string]string{"configMapRef": "ConfigMap", "secretRef": "Secret"} {
			if name := text(get(v, member, "name")); name != "" {
				c.Env = append(c.Env, Variable{At: o.f.at(v), Name: text(get(v, "prefix")), From: kind + "/" + name, Bulk: true})
			}
		}
	}
	for _, m := range items(get(n, "volumeMounts")) {
		if c.Mounts == nil {
			c.Mounts = map[string]string{}
		}
		c.Mounts[text(get(m, "name"))] = text(get(m, "mountPath"))
	}
	return c
}
