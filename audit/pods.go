package audit

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/webhook"
)

// fate is what the pods of a workload end up with. Workloads of one service
// account that share it share a row.
type fate struct {
	mechanism Mechanism
	role      string // of variables that somebody set by hand; "" is the account's
	audience  string // of a token volume made by hand
	why       string
	uses      string   // of the containers that why is about, see [container]; "" says it of none
	row       []string // exceptions
}

// fateOf is what becomes of a workload's pods. Given is what the service account
// has been given, if anything.
func (a *auditor) fateOf(sa *account, w *sources.Workload, given *identity) fate {
	f := fate{mechanism: given.mechanism}
	if w.Pod == nil {
		return f
	}
	if _, skip := w.Pod.Labels[webhook.SkipLabel]; skip && given.mechanism != None {
		a.report.find(ruleSkipLabel, w.At, fmt.Sprintf("%s has the label %s: its pods are not mutated and get no role", w.Title(), webhook.SkipLabel), "leave the label out")
		return fate{mechanism: None, why: "the label " + webhook.SkipLabel + " keeps the webhook from the pod"}
	}
	if platform := a.platform(sa, w.Pod); platform != "" && given.mechanism == PodIdentity {
		a.report.find(ruleFargate, w.At, fmt.Sprintf("%s runs on %s, where EKS Pod Identity does not work", w.Title(), platform), "give the service account a role by annotation (IRSA), or run the pods on Linux nodes of EC2")
		return fate{mechanism: None, why: "EKS Pod Identity does not work on " + platform}
	}
	if w.Pod.HostNetwork && given.mechanism != None {
		a.report.find(ruleHostNetwork, w.At, w.Title()+" is on the host's network: beside its role it reaches the node's by the instance metadata", "leave out hostNetwork, or limit the metadata service to one hop and the node's role to what nodes need")
	}
	return a.containers(sa, w, given)
}

// platform is what keeps a pod from EKS Pod Identity: Fargate or Windows (EKS user
// guide, "Learn how EKS Pod Identity grants pods access to AWS services").
func (a *auditor) platform(sa *account, p *sources.Pod) string {
	switch {
	case webhook.OnWindows(p.NodeSelector):
		return "Windows"
	case p.NodeSelector["eks.amazonaws.com/compute-type"] == "fargate" || p.Labels["eks.amazonaws.com/fargate-profile"] != "":
		return "Fargate"
	}
	for _, s := range a.m.Fargate {
		if a.clusterOf(s.Cluster) == sa.cluster && s.Namespace == sa.namespace && within(s.Labels, p.Labels) {
			return "Fargate"
		}
	}
	return ""
}

func within(want, have map[string]string) bool {
	for key, value := range want {
		if have[key] != value {
			return false
		}
	}
	return true
}

// container is what one container uses, by the order in which AWS's SDKs look:
// keys in variables, then a web identity, then container credentials, then the
// node.
type container struct {
	uses     string // "keys", "role", "agent", "node", "other"
	role     string
	audience string
	why      string
}

// containers tells what each container of a mutated pod uses.
func (a *auditor) containers(sa *account, w *sources.Workload, given *identity) fate {
	var all []container
	same := true
	for i := range w.Pod.Containers {
		c := &w.Pod.Containers[i]
		used := a.container(sa, w, c, given)
		if c.Init && len(w.Pod.Containers) > 1 && used.uses == given.uses() && used.role == given.role {
			continue // as the others
		}
		all = append(all, used)
		same = same && used == all[0]
	}
	f := fate{mechanism: given.mechanism}
	normal := func(c container) bool { return c.uses == given.uses() && (c.uses != "role" || c.role == given.role) }
	if len(all) > 0 && same && !normal(all[0]) {
		f.mechanism, f.why, f.uses = None, all[0].why, all[0].uses
		if f.uses == "role" {
			f.mechanism, f.role, f.audience = IRSA, all[0].role, all[0].audience
		}
		return f
	}
	for i := range w.Pod.Containers {
		c := &w.Pod.Containers[i]
		if used := a.container(sa, w, c, given); !normal(used) {
			f.row = append(f.row, w.Kind+"/"+w.Name+": container "+c.Name+": "+used.why)
		} else if used.why != "" {
			f.why, f.uses = used.why, used.uses
		}
	}
	return f
}

// container mutates the pod as the webhook does and looks at one container of it.
func (a *auditor) container(sa *account, w *sources.Workload, c *sources.Container, given *identity) container {
	env := map[string]sources.Variable{}
	for _, v := range c.Env {
		if !v.Bulk {
			env[v.Name] = v
			continue
		}
		for key, value := range a.m.Config[bulkKey(sa.namespace, w.Namespace, v.From, a.m.Config)] {
			if _, own := env[v.Name+key]; !own {
				env[v.Name+key] = sources.Variable{At: v.At, Name: v.Name + key, Value: value, From: v.From, Bulk: true}
			}
		}
	}
	for name, value := range mutated(w.Pod, c, given) {
		if own, has := env[name]; !has || own.Bulk {
			env[name] = sources.Variable{Name: name, Value: value}
		}
	}
	key, hasKey := env[aws.EnvAccessKey]
	roleARN, hasRole := env[aws.EnvRoleARN]
	token, hasToken := env[aws.EnvTokenFile]
	uri, hasURI := env[aws.EnvAgentURI]
	if relative, has := env[aws.EnvAgentPath]; has {
		uri, hasURI = relative, true
	}
	by := func(v sources.Variable) string {
		if v.From != "" {
			return v.Name + " from " + v.From
		}
		return v.Name
	}
	switch skipped := skips(w.Pod, c.Name) && given.mechanism != None; {
	case hasKey:
		if given.mechanism != None {
			a.report.find(ruleStaticKeys, key.At, fmt.Sprintf("%s: container %s has static keys (%s), which every SDK prefers to the role", w.Title(), c.Name, by(key)), "leave out AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN")
		}
		return container{uses: "keys", why: "static keys (" + by(key) + ") come before any role"}
	case hasRole && hasToken:
		used := container{uses: "role", role: roleARN.Value, audience: audienceOf(w.Pod, c, token.Value, given)}
		if roleARN.From != "" {
			used.role = "${" + roleARN.From + "}"
		}
		if used.role != given.role || given.mechanism != IRSA {
			used.why = "AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE are set by hand"
			if given.mechanism != None {
				a.report.find(ruleOverride, firstPlace(roleARN, token, c), fmt.Sprintf("%s: container %s sets AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE itself, which beat the service account's role", w.Title(), c.Name), "leave both out; the webhook sets what the service account is given")
			}
		}
		return used
	case hasRole || hasToken:
		one := roleARN
		if hasToken {
			one = token
		}
		a.report.find(ruleNoTokenFile, firstPlace(one, one, c), fmt.Sprintf("%s: container %s sets %s by hand, and nothing sets the other one of AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE: SDKs want both", w.Title(), c.Name, by(one)), "leave it out and annotate the service account with the role")
		if !hasURI {
			return container{uses: "node", why: by(one) + " is set by hand without the other variable of the pair; falls to the node role"}
		}
		fallthrough
	case hasURI:
		if uri.Value != aws.PodIdentityURI && given.mechanism != None {
			a.report.find(ruleOverride, firstPlace(uri, uri, c), fmt.Sprintf("%s: container %s sets %s itself, which takes the place of the agent", w.Title(), c.Name, by(uri)), "leave it out")
			return container{uses: "other", why: by(uri) + " is set by hand"}
		}
		return container{uses: "agent"}
	case skipped:
		a.report.find(ruleSkipped, c.At, fmt.Sprintf("%s: container %s is in the pod's annotation skip-containers: it gets no role and uses the node's", w.Title(), c.Name), "take it out of the annotation eks.amazonaws.com/skip-containers, if it calls AWS")
		return container{uses: "node", why: "skip-containers leaves it on the node role"}
	}
	return container{uses: "node", why: nodeWhy(w.Pod)}
}

func nodeWhy(p *sources.Pod) string {
	if p.HostNetwork {
		return "on the host's network, it reaches the node role"
	}
	return ""
}

func firstPlace(a, b sources.Variable, c *sources.Container) (at position) {
	for _, v := range []sources.Variable{a, b} {
		if v.At.Line > 0 {
			return v.At
		}
	}
	return c.At
}

// bulkKey finds a ConfigMap or Secret as the pod's namespace has it.
func bulkKey(namespace, written, from string, config map[string]map[string]string) string {
	kind, name, _ := strings.Cut(from, "/")
	for _, n := range []string{namespace, written, ""} {
		if key := kind + "/" + n + "/" + name; config[key] != nil {
			return key
		}
	}
	return ""
}

// mutated are the variables that the webhook adds to a container.
func mutated(p *sources.Pod, c *sources.Container, given *identity) map[string]string {
	if given.mechanism == None {
		return nil
	}
	pod := &corev1.Pod{}
	pod.Annotations, pod.Labels, pod.Spec.NodeSelector = p.Annotations, p.Labels, p.NodeSelector
	one := corev1.Container{Name: c.Name}
	for _, v := range c.Env {
		if !v.Bulk {
			one.Env = append(one.Env, corev1.EnvVar{Name: v.Name, Value: v.Value})
		}
	}
	pod.Spec.Containers = []corev1.Container{one}
	added := map[string]string{}
	for _, patch := range (webhook.Config{RegionalSTS: true}).Mutate(pod, given.webhook) {
		if containers, ok := patch.Value.([]corev1.Container); ok && patch.Path == "/spec/containers" {
			for _, v := range containers[0].Env[len(one.Env):] {
				added[v.Name] = v.Value
			}
		}
	}
	return added
}

// skips says whether the webhook leaves a container out: nothing is added to it.
func skips(p *sources.Pod, name string) bool {
	pod := &corev1.Pod{}
	pod.Annotations = map[string]string{aws.SkipAnnotation: p.Annotations[aws.SkipAnnotation]}
	pod.Spec.Containers = []corev1.Container{{Name: name}}
	for _, patch := range (webhook.Config{}).Mutate(pod, webhook.Identity{RoleARN: "x"}) {
		if containers, ok := patch.Value.([]corev1.Container); ok && patch.Path == "/spec/containers" {
			return len(containers[0].Env) == 0
		}
	}
	return false
}

// audienceOf is the audience of the token that a container's file is: that of the
// projected volume that is mounted there, else of the one the webhook mounts.
func audienceOf(p *sources.Pod, c *sources.Container, file string, given *identity) string {
	for _, t := range p.Tokens {
		if mount := c.Mounts[t.Volume]; mount != "" && strings.TrimSuffix(mount, "/")+"/"+t.Path == file {
			return t.Audience
		}
	}
	if slices.Contains(p.Volumes, webhook.VolumeName) || given.mechanism != IRSA {
		return webhook.DefaultAudience
	}
	return given.webhook.Audience
}
