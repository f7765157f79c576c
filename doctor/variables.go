package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-emu/irsa-emu/aws"
)

// envOf is a variable's value, "" when it is not there or comes from elsewhere.
func envOf(c corev1.Container, name string) string {
	value := ""
	for _, v := range c.Env {
		if v.Name == name {
			value = v.Value
		}
	}
	return value
}

func hasEnv(c corev1.Container, name string) bool {
	for _, v := range c.Env {
		if v.Name == name {
			return true
		}
	}
	return false
}

// hasRole is whether some container has what the webhook gives.
func hasRole(pod *corev1.Pod) bool {
	for _, c := range containersOf(pod) {
		if hasEnv(c, aws.EnvRoleARN) && hasEnv(c, aws.EnvTokenFile) {
			return true
		}
	}
	return false
}

func containersOf(pod *corev1.Pod) []corev1.Container {
	return append(append([]corev1.Container(nil), pod.Spec.InitContainers...), pod.Spec.Containers...)
}

// thisPod is the pod that is asked about, else a new one; nil when neither may
// be looked at.
func (x *examination) thisPod() *corev1.Pod {
	if x.Pod != "" {
		return x.pod
	}
	return x.dryRun
}

// mainContainer is the one that kubectl takes when none is named.
func mainContainer(pod *corev1.Pod) string {
	if name := pod.Annotations["kubectl.kubernetes.io/default-container"]; name != "" {
		return name
	}
	return pod.Spec.Containers[0].Name
}

// variables holds the containers against what the webhook gives them.
func (x *examination) variables(ctx context.Context) Link {
	switch {
	case x.pod == nil && x.Pod != "":
		return unknown("not known without the pod")
	case x.pod == nil:
		return x.newPodVariables(ctx)
	}
	var have, passedOver []string
	look, what := x.container, fmt.Sprintf("%s and %s", aws.EnvRoleARN, aws.EnvTokenFile)
	if x.podIdentity {
		look, what = x.agentContainer, fmt.Sprintf("%s and %s", aws.EnvAgentURI, aws.EnvAgentTokenFile)
	}
	for _, c := range containersOf(x.pod) {
		link := look(c)
		if link.Status == OK {
			have = append(have, c.Name)
			continue
		}
		if x.skipped(c.Name) && c.Name != mainContainer(x.pod) {
			passedOver = append(passedOver, "container "+c.Name+" has none: the pod's annotation "+aws.SkipAnnotation+" names it")
			continue
		}
		return link
	}
	link := ok(fmt.Sprintf("%s in %s", what, strings.Join(have, ", ")), passedOver...)
	if x.podIdentity && x.pod.Spec.HostNetwork {
		link = link.warn("the pod is on the host's network: it has credentials here; on EKS some such pods were refused (aws/eks-pod-identity-agent#139)")
	}
	return link
}

func (x *examination) skipped(container string) bool {
	for name := range strings.SplitSeq(x.pod.Annotations[aws.SkipAnnotation], ",") {
		if strings.TrimSpace(name) == container {
			return true
		}
	}
	return false
}

func (x *examination) container(c corev1.Container) Link {
	role, file := hasEnv(c, aws.EnvRoleARN), hasEnv(c, aws.EnvTokenFile)
	wanted := x.role.arn
	if x.account != nil && x.account.Annotations[aws.RoleAnnotation] != "" {
		wanted = x.account.Annotations[aws.RoleAnnotation]
	}
	switch {
	case !role && !file:
		return x.noVariables(c)
	case !role || !file:
		missing := map[bool]string{true: aws.EnvTokenFile, false: aws.EnvRoleARN}[role]
		return broken(fmt.Sprintf("container %s lacks %s: the webhook gives neither to a container that has one of its own", c.Name, missing),
			x.recreate(fmt.Sprintf("take %s and %s out of the pod's template", aws.EnvRoleARN, aws.EnvTokenFile))...)
	case hasEnv(c, aws.EnvAccessKey):
		return broken(fmt.Sprintf("container %s has %s, which SDKs take before the role", c.Name, aws.EnvAccessKey),
			x.recreate("take the access key out of the pod's template")...)
	case wanted != "" && envOf(c, aws.EnvRoleARN) != "" && envOf(c, aws.EnvRoleARN) != wanted:
		return x.anotherRole(c)
	}
	return ok(c.Name)
}

func (x *examination) noVariables(c corev1.Container) Link {
	link := broken(fmt.Sprintf("container %s has neither %s nor %s", c.Name, aws.EnvRoleARN, aws.EnvTokenFile))
	switch {
	case x.skipped(c.Name):
		link.Detail = fmt.Sprintf("the pod's annotation %s names container %s, so that it gets no variables", aws.SkipAnnotation, c.Name)
		link.Fix = x.recreate("take " + c.Name + " out of that annotation in the pod's template")
		return link
	case x.olderThanAnnotation():
		link.Detail = "the pod is older than the annotation, and the webhook sees new pods only"
		link.More = append(link.More, x.timesOfAnnotation())
	case x.hook != nil && x.pod.CreationTimestamp.Time.Before(x.hook.created):
		link.Detail = "the pod is older than the webhook, which sees new pods only"
		link.More = append(link.More, fmt.Sprintf("the pod was created %s, the webhook %s", x.ago(x.pod.CreationTimestamp.Time), x.ago(x.hook.created)))
	case x.broken == "" && x.dryRun != nil && hasIdentity(x.dryRun):
		link.More = append(link.More, "a new pod would have them: this one is older than the annotation, or was created while the webhook was away")
	}
	if hasEnv(c, aws.EnvAccessKey) {
		link.More = append(link.More, "it has an access key of its own, which SDKs would take before the role")
	}
	for _, from := range c.EnvFrom {
		if from.SecretRef != nil {
			link.More = append(link.More, "it takes variables from Secret "+from.SecretRef.Name+"; if an access key is among them, SDKs take that before the role")
		}
	}
	link.Fix = x.recreate("")
	return link
}

func (x *examination) anotherRole(c corev1.Container) Link {
	link := broken(fmt.Sprintf("container %s has the role %s, not the annotation's", c.Name, envOf(c, aws.EnvRoleARN)))
	if x.olderThanAnnotation() {
		link.Fix = x.recreate("if the annotation says what is meant")
		return link.because("the pod is older than the annotation as it is now", x.timesOfAnnotation())
	}
	link.Fix = x.recreate("take " + aws.EnvRoleARN + " out of the pod's template, or correct the annotation")
	return link.because("the webhook leaves a container alone that has " + aws.EnvRoleARN + " of its own")
}

func (x *examination) olderThanAnnotation() bool {
	written := x.annotationWritten()
	return !written.IsZero() && x.pod.CreationTimestamp.Time.Before(written)
}

func (x *examination) timesOfAnnotation() string {
	return fmt.Sprintf("the pod was created %s, the annotation written %s", x.ago(x.pod.CreationTimestamp.Time), x.ago(x.annotationWritten()))
}

// annotationWritten is when the owner of the annotation last changed what it
// owns, as the API server keeps it. It is zero for an object that began without
// any field of somebody's, such as a namespace's default service account: the
// API server then does not keep it.
func (x *examination) annotationWritten() time.Time {
	if x.account == nil {
		return time.Time{}
	}
	for _, entry := range x.account.ManagedFields {
		if entry.FieldsV1 == nil || entry.Time == nil {
			continue
		}
		var fields struct {
			Metadata struct {
				Annotations map[string]json.RawMessage `json:"f:annotations"`
			} `json:"f:metadata"`
		}
		if json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields) != nil {
			continue // not the shape that is known: then there is no time
		}
		if _, owns := fields.Metadata.Annotations["f:"+aws.RoleAnnotation]; owns {
			return entry.Time.Time
		}
	}
	return time.Time{}
}

// recreate are the steps to a new pod, after what is to be changed first.
func (x *examination) recreate(first string) []string {
	var steps []string
	if first != "" {
		steps = append(steps, note(first+", then:"))
	}
	owner := metav1.GetControllerOf(x.pod)
	switch {
	case owner == nil:
		return append(steps, x.kubectl("delete pod %s   # and create it again from its manifest", x.pod.Name))
	case owner.Kind == "ReplicaSet" && x.pod.Labels["pod-template-hash"] != "":
		return append(steps, x.kubectl("rollout restart deployment/%s", strings.TrimSuffix(owner.Name, "-"+x.pod.Labels["pod-template-hash"])))
	case owner.Kind == "StatefulSet" || owner.Kind == "DaemonSet":
		return append(steps, x.kubectl("rollout restart %s/%s", strings.ToLower(owner.Kind), owner.Name))
	}
	return append(steps, x.kubectl("delete pod %s   # %s %s makes another", x.pod.Name, owner.Kind, owner.Name))
}

// newPodVariables is about the pods of a service account: the next one, and
// those that run.
func (x *examination) newPodVariables(ctx context.Context) Link {
	switch {
	case x.dryRun == nil:
		return unknown("not known without a new pod")
	case !hasIdentity(x.dryRun):
		return unknown("a new pod gets none")
	}
	c := x.dryRun.Spec.Containers[0]
	detail := fmt.Sprintf("a new pod gets %s and %s", aws.EnvRoleARN, aws.EnvTokenFile)
	if x.podIdentity {
		detail = fmt.Sprintf("a new pod gets %s and %s", aws.EnvAgentURI, aws.EnvAgentTokenFile)
	}
	if region := envOf(c, aws.EnvRegion); region != "" {
		detail += ", AWS_REGION " + region
	}
	pods, err := x.podsOfAccount(ctx)
	if err != nil {
		return ok(detail, "its running pods were not looked at: "+err.Error())
	}
	var without []string
	running := 0
	for i := range pods {
		pod := &pods[i]
		if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		running++
		if !hasIdentity(pod) || x.podIdentity != !hasRole(pod) {
			without = append(without, pod.Name)
		}
	}
	if len(without) == 0 {
		return ok(detail)
	}
	return ok(detail).warn(fmt.Sprintf("%d of its %d pods have none, such as %s; look at it with: irsa-emu doctor --namespace %s --pod %s",
		len(without), running, without[0], x.Namespace, without[0]))
}

func (x *examination) podsOfAccount(ctx context.Context) ([]corev1.Pod, error) {
	var pods corev1.PodList
	err := x.list(ctx, ref{namespace: x.Namespace, resource: "pods"}, url.Values{"fieldSelector": {"spec.serviceAccountName=" + x.ServiceAccount}, "limit": {"500"}}, &pods)
	return pods.Items, err
}
