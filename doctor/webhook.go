package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/webhook"
)

// hook is the pod identity webhook's entry in its configuration.
type hook struct {
	configuration string
	created       time.Time
	mutatingWebhook
}

// isOurs says whether it is irsa-emu's, and not EKS's, for example.
func (h *hook) isOurs() bool {
	return h != nil && h.ClientConfig.Service != nil && h.ClientConfig.Service.Namespace == deploy.Namespace && h.ClientConfig.Service.Name == deploy.Webhook
}

// mutatingWebhook is what is looked at of an entry of a MutatingWebhookConfiguration:
// the type of k8s.io/api makes the program half a megabyte larger.
type mutatingWebhook struct {
	Name         string `json:"name"`
	ClientConfig struct {
		Service *struct {
			Namespace string `json:"namespace"`
			Name      string `json:"name"`
		} `json:"service"`
		CABundle []byte `json:"caBundle"`
	} `json:"clientConfig"`
	FailurePolicy     string                `json:"failurePolicy"`
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector"`
	ObjectSelector    *metav1.LabelSelector `json:"objectSelector"`
}

// failPolicy is the failurePolicy that holds where none is written.
const failPolicy = "Fail"

// hookNames are those of the configuration and of its entry, on EKS, upstream's and here.
var hookNames = []string{"pod-identity-webhook", "iam-for-pods.amazonaws.com", "pod-identity-webhook.amazonaws.com"}

// findHook looks for the webhook's entry, once.
func (x *examination) findHook(ctx context.Context) error {
	if x.hookAsked {
		return x.hookErr
	}
	x.hookAsked = true
	var list struct {
		Items []struct {
			metav1.ObjectMeta `json:"metadata"`
			Webhooks          []mutatingWebhook `json:"webhooks"`
		} `json:"items"`
	}
	x.hookErr = x.get(ctx, ref{group: "admissionregistration.k8s.io", resource: "mutatingwebhookconfigurations"}, &list)
	for _, c := range list.Items {
		for _, w := range c.Webhooks {
			if x.hook == nil && (slices.Contains(hookNames, c.Name) || slices.Contains(hookNames, w.Name)) {
				x.hook = &hook{c.Name, c.CreationTimestamp.Time, w}
			}
		}
	}
	return x.hookErr
}

func (x *examination) webhook(ctx context.Context) Link {
	if err := x.findHook(ctx); err != nil {
		return unknown(err.Error())
	}
	if x.hook == nil {
		if x.dryRun != nil && hasIdentity(x.dryRun) {
			return ok("none of its usual names, but new pods get a role")
		}
		return x.forThisPod(broken("there is no MutatingWebhookConfiguration "+hookNames[0]+": nothing puts roles into pods",
			x.Kubectl+" apply -k deploy/   # irsa-emu's; on EKS it is part of the control plane"))
	}
	if link := x.selected(ctx); link.Status == Broken {
		return x.forThisPod(link)
	}
	return x.forThisPod(x.endpoint(ctx))
}

// forThisPod: a pod that has its variables does not need the webhook any more.
func (x *examination) forThisPod(link Link) Link {
	x.noWebhook = x.noWebhook || link.Status == Broken
	if link.Status == Broken && x.pod != nil && hasIdentity(x.pod) {
		link.Status = Warning
		link.More = append(link.More, "this pod has its variables already; the next one gets none")
	}
	return link
}

// selected is whether the webhook is meant for this namespace and this pod.
func (x *examination) selected(ctx context.Context) Link {
	look := x.Kubectl + " get mutatingwebhookconfiguration " + x.hook.configuration + " -o yaml"
	if x.pod != nil && !matches(x.hook.ObjectSelector, x.pod.Labels) {
		if _, skipped := x.pod.Labels[webhook.SkipLabel]; skipped {
			return broken("the pod's label "+webhook.SkipLabel+" keeps the webhook away from it", x.recreate("take that label out of the pod's template")...)
		}
		return broken(fmt.Sprintf("webhook %s passes over this pod's labels", x.hook.Name), look).
			because("its objectSelector is "+metav1.FormatLabelSelector(x.hook.ObjectSelector), "the pod's labels are "+labels.FormatLabels(x.pod.Labels))
	}
	var namespace corev1.Namespace
	if err := x.get(ctx, ref{resource: "namespaces", name: x.Namespace}, &namespace); err != nil {
		return Link{} // the dry run tells
	}
	if !matches(x.hook.NamespaceSelector, namespace.Labels) {
		if s := x.hook.NamespaceSelector; len(s.MatchExpressions) == 0 {
			look = x.Kubectl + " label namespace " + x.Namespace + " --overwrite " + strings.ReplaceAll(metav1.FormatLabelSelector(s), ",", " ")
		}
		return broken(fmt.Sprintf("webhook %s passes over namespace %s", x.hook.Name, x.Namespace), look).
			because("its namespaceSelector is "+metav1.FormatLabelSelector(x.hook.NamespaceSelector), "the namespace's labels are "+labels.FormatLabels(namespace.Labels))
	}
	return Link{}
}

func matches(selector *metav1.LabelSelector, set map[string]string) bool {
	if selector == nil {
		return true
	}
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err != nil || s.Matches(labels.Set(set))
}

// endpoint is whether somebody listens behind the webhook's Service.
func (x *examination) endpoint(ctx context.Context) Link {
	policy := cmp.Or(x.hook.FailurePolicy, failPolicy)
	detail := fmt.Sprintf("%s, failurePolicy %s", x.hook.configuration, policy)
	service := x.hook.ClientConfig.Service
	if service == nil {
		return ok(detail + ", on the control plane")
	}
	ready, err := x.readyPods(ctx, service.Namespace, service.Name)
	if err != nil {
		return ok(detail, "whether it runs is not known: "+err.Error()) // the dry run tells
	}
	if len(ready) > 0 {
		return ok(detail)
	}
	means := "pods start meanwhile, but without credentials: failurePolicy is Ignore"
	if policy == failPolicy {
		means = "no pod is created meanwhile: failurePolicy is Fail"
	}
	link := broken(fmt.Sprintf("no pod is ready behind Service %s/%s", service.Namespace, service.Name)).because(means)
	link.Fix = x.revive(ctx, service.Namespace, service.Name)
	return link
}

// revive brings back the pods behind a Service whose Deployment has its name.
func (x *examination) revive(ctx context.Context, namespace, name string) []string {
	var deployment struct{ Spec struct{ Replicas *int32 } }
	err := x.get(ctx, ref{group: "apps", namespace: namespace, resource: "deployments", name: name}, &deployment)
	if apierrors.IsNotFound(err) && namespace == deploy.Namespace {
		return x.reinstall()
	}
	if err == nil && deployment.Spec.Replicas != nil && *deployment.Spec.Replicas == 0 {
		return []string{x.kubectlIn(namespace, "scale deployment/%s --replicas=1", name)}
	}
	return []string{x.kubectlIn(namespace, "describe pods   # says what keeps them")}
}

// readyPod is a pod that takes a Service's connections, with its ports by name.
type readyPod struct {
	name  string
	ports map[string]int
}

func (x *examination) readyPods(ctx context.Context, namespace, service string) ([]readyPod, error) {
	var list struct {
		Items []struct {
			Ports []struct {
				Name *string `json:"name"`
				Port *int32  `json:"port"`
			} `json:"ports"`
			Endpoints []struct {
				Conditions struct {
					Ready *bool `json:"ready"`
				} `json:"conditions"`
				TargetRef *corev1.ObjectReference `json:"targetRef"`
			} `json:"endpoints"`
		} `json:"items"`
	}
	err := x.list(ctx, ref{group: "discovery.k8s.io", namespace: namespace, resource: "endpointslices"},
		url.Values{"labelSelector": {"kubernetes.io/service-name=" + service}}, &list)
	if err != nil {
		return nil, err
	}
	var pods []readyPod
	for _, s := range list.Items {
		ports := map[string]int{}
		for _, p := range s.Ports {
			if p.Name != nil && p.Port != nil {
				ports[*p.Name] = int(*p.Port)
			}
		}
		for _, e := range s.Endpoints {
			if e.Conditions.Ready != nil && !*e.Conditions.Ready {
				continue
			}
			pod := readyPod{ports: ports}
			if e.TargetRef != nil {
				pod.name = e.TargetRef.Name
			}
			pods = append(pods, pod)
		}
	}
	return pods, nil
}

// tryPod asks the API server what it would make of a new pod of the service
// account. The pod meets Pod Security's strictest level, and usual quotas.
func (x *examination) tryPod(ctx context.Context) {
	no, yes := false, true
	few := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("16Mi")}
	pod := &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{GenerateName: "irsa-emu-doctor-"},
		Spec: corev1.PodSpec{
			ServiceAccountName: x.ServiceAccount,
			SecurityContext:    &corev1.PodSecurityContext{RunAsNonRoot: &yes, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
			Containers: []corev1.Container{{
				Name: "main", Image: "dry-run", Resources: corev1.ResourceRequirements{Requests: few, Limits: few},
				SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
			}},
		},
	}
	// Through a map: the API server would take the empty status for written.
	var object map[string]any
	b, err := json.Marshal(pod)
	if err == nil {
		err = json.Unmarshal(b, &object)
	}
	if err == nil {
		got := new(corev1.Pod)
		if err = x.create(ctx, ref{namespace: x.Namespace, resource: "pods"}, "?dryRun=All", object, got); err == nil {
			x.dryRun = got
			return
		}
	}
	x.dryErr = err
}

func (x *examination) called(context.Context) Link { return x.forThisPod(x.isCalled()) }

func (x *examination) isCalled() Link {
	var denied *forbidden
	annotated := x.account == nil || x.account.Annotations[aws.RoleAnnotation] != "" || x.podIdentity // as far as is known
	switch {
	case errors.As(x.dryErr, &denied):
		return unknown(x.dryErr.Error() + " (a dry run)")
	case x.dryErr != nil && strings.Contains(x.dryErr.Error(), "failed calling webhook"):
		link := broken("the API server cannot call the webhook: " + x.dryErr.Error())
		if x.hook != nil && x.hook.ClientConfig.Service != nil {
			link.Fix = x.restartWebhook()
		}
		return link
	case x.dryErr != nil:
		return unknown("a new pod was refused, so that it is not known what the webhook would do: " + x.dryErr.Error())
	case x.dryRun == nil:
		return unknown("not known without the service account")
	}
	c := x.dryRun.Spec.Containers[0]
	switch {
	case envOf(c, aws.EnvRoleARN) != "":
		return ok("a new pod gets " + envOf(c, aws.EnvRoleARN))
	case envOf(c, aws.EnvAgentURI) != "" && x.podIdentity:
		return ok("a new pod gets " + aws.EnvAgentURI)
	case envOf(c, aws.EnvAgentURI) != "":
		return ok("a new pod gets " + aws.EnvAgentURI).warn("an association has taken the place of the annotation; this pod is older, and keeps what it has")
	case !annotated:
		return unknown("without the annotation it leaves pods alone")
	}
	if x.noWebhook {
		return broken("a new pod comes out as it went in")
	}
	link := broken("a new pod comes out as it went in: the webhook is not called, or fails, and failurePolicy Ignore hides it")
	if x.hook == nil { // it may not be looked at
		return link
	}
	if x.hook.ClientConfig.Service == nil {
		link.Fix = []string{note("look for \"failed calling webhook\" in the API server's log; on EKS it is in CloudWatch, log type api")}
		return link
	}
	if len(x.hook.ClientConfig.CABundle) == 0 {
		link.More = append(link.More, "its configuration has no caBundle, so that the API server trusts nobody")
	}
	link.Fix = x.restartWebhook()
	return link
}

func (x *examination) restartWebhook() []string {
	s := x.hook.ClientConfig.Service
	return []string{
		x.kubectlIn(s.Namespace, "logs deployment/%s", s.Name),
		x.kubectlIn(s.Namespace, "rollout restart deployment/%s   # irsa-emu's puts its CA bundle in when it starts", s.Name),
	}
}
