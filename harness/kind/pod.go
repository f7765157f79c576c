package kind

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/webhook"
)

// RunPod runs a pod to its end, or waits for a workload.
func (s *share) RunPod(ctx context.Context, p harness.PodSpec) (harness.PodResult, error) {
	if p.Workload != "" {
		return s.waitForWorkload(ctx, p.Workload)
	}
	pod, err := s.podOf(p)
	if err != nil {
		return harness.PodResult{}, err
	}
	if err := s.serviceAccount(ctx, pod.GetNamespace(), serviceAccountOf(pod)); err != nil {
		return harness.PodResult{}, err
	}
	if err := s.loadImages(ctx, pod); err != nil {
		return harness.PodResult{}, err
	}
	if isLasting(pod.GetNamespace()) {
		s.remember(pod)
	}
	if err := s.applyAs(ctx, pod, fieldManager); err != nil {
		return harness.PodResult{}, err
	}
	return s.result(ctx, pod.GetNamespace(), func(ctx context.Context) (*corev1.Pod, error) {
		return s.pod(ctx, pod.GetNamespace(), pod.GetName())
	}, false)
}

// podOf is the pod as it is applied: without a restart policy it runs once.
func (s *share) podOf(p harness.PodSpec) (*kube.Object, error) {
	s.mu.Lock()
	s.pods++
	name := p.Name
	if name == "" {
		name = fmt.Sprintf("%s-%d", s.scenario[:min(len(s.scenario), 40)], s.pods)
	}
	s.mu.Unlock()
	if p.Manifest != nil {
		objects, err := kube.Objects([]byte(*p.Manifest))
		if err != nil {
			return nil, err
		}
		if len(objects) != 1 || objects[0].GetKind() != "Pod" {
			return nil, errors.New("manifest: write one Pod; other objects are for apply steps")
		}
		pod := &objects[0]
		if pod.GetNamespace() == "" {
			pod.SetNamespace(metav1.NamespaceDefault)
		}
		if pod.GetName() == "" {
			pod.SetName(name)
		}
		if _, written, _ := unstructured.NestedString(pod.Object, "spec", "restartPolicy"); !written {
			return pod, unstructured.SetNestedField(pod.Object, "Never", "spec", "restartPolicy")
		}
		return pod, nil
	}
	namespace, account, _ := strings.Cut(p.ServiceAccount, "/")
	container := corev1.Container{Name: "main", Image: p.Image, Command: p.Command, ImagePullPolicy: corev1.PullIfNotPresent}
	for name, value := range p.Env {
		container.Env = append(container.Env, corev1.EnvVar{Name: name, Value: value})
	}
	slices.SortFunc(container.Env, func(a, b corev1.EnvVar) int { return strings.Compare(a.Name, b.Name) })
	return kube.ToObject(corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec:       corev1.PodSpec{ServiceAccountName: account, RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{container}},
	})
}

func serviceAccountOf(pod *kube.Object) string {
	if name, _, _ := unstructured.NestedString(pod.Object, "spec", "serviceAccountName"); name != "" {
		return name
	}
	return "default"
}

// workloadKinds are what a workload may be, as kubectl writes them.
var workloadKinds = map[string]string{
	"deployment": "apps/v1", "statefulset": "apps/v1", "daemonset": "apps/v1", "replicaset": "apps/v1", "job": "batch/v1", "pod": "v1",
}

var workloadNames = map[string]string{
	"deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet", "replicaset": "ReplicaSet", "job": "Job", "pod": "Pod",
}

func (s *share) waitForWorkload(ctx context.Context, workload string) (harness.PodResult, error) {
	parts := strings.Split(workload, "/")
	version, known := workloadKinds[strings.ToLower(parts[1])]
	if len(parts) != 3 || !known {
		return harness.PodResult{}, fmt.Errorf("workload %s: write NAMESPACE/KIND/NAME with deployment, statefulset, daemonset, replicaset, job or pod", workload)
	}
	o := &kube.Object{Object: map[string]any{"apiVersion": version, "kind": workloadNames[strings.ToLower(parts[1])], "metadata": map[string]any{"name": parts[2], "namespace": parts[0]}}}
	return s.result(ctx, parts[0], func(ctx context.Context) (*corev1.Pod, error) {
		got, err := s.GetObject(ctx, o)
		if err != nil {
			return nil, err
		}
		pods, err := s.podsOf(ctx, got)
		if err != nil || len(pods) == 0 {
			return nil, err
		}
		return &pods[len(pods)-1], nil
	}, o.GetKind() != "Job")
}

// quiet is how long a workload that is ready must have logged nothing, and
// patience how long it may go on: ready says only that it has been started.
const (
	quiet    = time.Second
	patience = 10 * time.Second
)

// result waits until a pod's first container has ended, or with orReady is
// ready and has said something, and reads what there is to know of it.
func (s *share) result(ctx context.Context, namespace string, find func(context.Context) (*corev1.Pod, error), orReady bool) (harness.PodResult, error) {
	var out harness.PodResult
	var readySince, lastChange time.Time
	err := settled(ctx, "waiting for the pod", 200*time.Millisecond, func(ctx context.Context) (bool, string, error) {
		pod, err := find(ctx)
		if err != nil || pod == nil {
			return false, "there is no pod", err
		}
		out = harness.PodResult{Pod: namespace + "/" + pod.Name, Env: map[string]string{}, Logs: out.Logs}
		for _, v := range pod.Spec.Containers[0].Env {
			out.Env[v.Name] = v.Value
		}
		for _, v := range pod.Spec.Volumes {
			out.Volumes = append(out.Volumes, v.Name)
			if v.Name == webhook.VolumeName || v.Name == webhook.PodIdentityVolumeName {
				out.Token = projectedToken(pod, v.Projected)
			}
		}
		name := pod.Spec.Containers[0].Name
		status := statusOf(pod, name)
		switch {
		case status != nil && status.State.Terminated != nil:
			out.ExitCode = int(status.State.Terminated.ExitCode)
			out.Logs, err = s.logs(ctx, namespace, pod.Name, name, false)
			return err == nil, "", err
		case status != nil && orReady && status.LastTerminationState.Terminated != nil:
			out.ExitCode = int(status.LastTerminationState.Terminated.ExitCode)
			out.Logs, err = s.logs(ctx, namespace, pod.Name, name, true)
			return err == nil, "", err
		case pod.Status.Phase == corev1.PodFailed:
			out.ExitCode = 1 // an init container's, or the node's refusal
			for _, init := range pod.Status.InitContainerStatuses {
				if t := init.State.Terminated; t != nil && t.ExitCode != 0 {
					out.ExitCode = int(t.ExitCode)
					out.Logs, err = s.logs(ctx, namespace, pod.Name, init.Name, false)
				}
			}
			return err == nil, "", err
		case orReady && isReady(pod):
			logs, err := s.logs(ctx, namespace, pod.Name, name, false)
			if err != nil {
				return false, "", err
			}
			now := time.Now()
			if readySince.IsZero() {
				readySince = now
			}
			if logs != out.Logs {
				out.Logs, lastChange = logs, now
			}
			return (logs != "" && now.Sub(lastChange) > quiet) || now.Sub(readySince) > patience, "it has logged nothing", nil
		}
		if reason := hopeless(pod); reason != "" {
			return false, "", errors.New(reason)
		}
		return false, describe(pod), nil
	})
	if err != nil {
		return out, errors.Join(err, s.podTrouble(context.WithoutCancel(ctx), namespace))
	}
	return out, nil
}

// projectedToken is what the webhook's volume asks the kubelet for.
func projectedToken(pod *corev1.Pod, volume *corev1.ProjectedVolumeSource) *harness.ProjectedToken {
	if volume == nil {
		return nil
	}
	for _, source := range volume.Sources {
		if t := source.ServiceAccountToken; t != nil {
			seconds := int64(3600) // the API's default
			if t.ExpirationSeconds != nil {
				seconds = *t.ExpirationSeconds
			}
			return &harness.ProjectedToken{
				ServiceAccount: pod.Namespace + "/" + pod.Spec.ServiceAccountName, Audience: t.Audience, ExpiresIn: time.Duration(seconds) * time.Second,
			}
		}
	}
	return nil
}

func (s *share) pod(ctx context.Context, namespace, name string) (*corev1.Pod, error) {
	pod := new(corev1.Pod)
	return pod, s.Get(ctx, kube.Path("pods", namespace, name), pod)
}

func statusOf(pod *corev1.Pod, container string) *corev1.ContainerStatus {
	for i := range pod.Status.ContainerStatuses {
		if pod.Status.ContainerStatuses[i].Name == container {
			return &pod.Status.ContainerStatuses[i]
		}
	}
	return nil
}

func (s *share) logs(ctx context.Context, namespace, pod, container string, previous bool) (string, error) {
	query := fmt.Sprintf("?container=%s&previous=%t", url.QueryEscape(container), previous)
	b, err := s.Raw(ctx, kube.Path("pods", namespace, pod, "log")+query)
	if err != nil {
		return "", fmt.Errorf("logs of %s/%s: %w", namespace, pod, err)
	}
	return string(b), nil
}
