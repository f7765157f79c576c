package kind

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/irsa-emu/irsa-emu/kube"
)

// apply is a server-side apply that outlasts an API server's restart, and
// others that make or change the same object at the same moment: scenarios
// share namespaces.
func (r *running) apply(ctx context.Context, o *kube.Object) error {
	return r.applyAs(ctx, o, kube.FieldManager)
}

func (r *running) applyAs(ctx context.Context, o *kube.Object, manager string) error {
	return settled(ctx, "applying "+kube.Title(o), 250*time.Millisecond, func(ctx context.Context) (bool, string, error) {
		err := r.Apply(ctx, o, manager)
		unbound := o.GetResourceVersion() == "" && o.GetUID() == "" // the apply is forced: no conflict of fields either
		if apierrors.IsAlreadyExists(err) || (unbound && apierrors.IsConflict(err)) {
			return false, err.Error(), nil
		}
		return err == nil, "", err
	})
}

// ready waits for what an object becomes: a workload's pods, a custom
// resource definition's names. Everything else is ready at once, a Job too:
// its end is something to wait for on its own. The error says why it is not,
// and comes at once where waiting is of no use.
func (r *running) ready(ctx context.Context, o *kube.Object) error {
	switch o.GetKind() {
	case "Deployment", "StatefulSet", "ReplicaSet", "DaemonSet", "Pod", "CustomResourceDefinition":
	default:
		return nil
	}
	return settled(ctx, "waiting for "+kube.Title(o), 250*time.Millisecond, func(ctx context.Context) (bool, string, error) {
		got, err := r.GetObject(ctx, o)
		if err != nil {
			return false, "", err
		}
		if got.GetKind() == "CustomResourceDefinition" {
			return conditionOf(got, "Established") == "True", "its names are not established", nil
		}
		pods, err := r.podsOf(ctx, got)
		if err != nil {
			return false, "", err
		}
		if got.GetKind() != "Pod" {
			done, reason := rolledOut(got)
			if wanted, written, _ := unstructured.NestedInt64(got.Object, "spec", "replicas"); done && written && wanted == 0 {
				done, reason, err = r.allGone(ctx, got) // they go on answering until they are
			}
			if done || reason != "" || err != nil {
				return done, reason, err
			}
		}
		return started(pods)
	})
}

func conditionOf(o *kube.Object, kind string) string {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == kind {
			status, _ := c["status"].(string)
			return status
		}
	}
	return ""
}

// rolledOut compares what a workload's controller has with what it is to
// have, as kubectl rollout status does. Without a reason the pods tell more.
func rolledOut(o *kube.Object) (done bool, reason string) {
	number := func(fields ...string) int64 {
		n, _, _ := unstructured.NestedInt64(o.Object, fields...)
		return n
	}
	if number("status", "observedGeneration") < o.GetGeneration() {
		return false, "the controller has not seen it yet"
	}
	wanted, written, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
	if !written {
		wanted = 1
	}
	have := number("status", "readyReplicas")
	switch o.GetKind() {
	case "Deployment":
		have = min(number("status", "availableReplicas"), number("status", "updatedReplicas"))
	case "DaemonSet":
		wanted, have = number("status", "desiredNumberScheduled"), number("status", "numberReady")
	}
	if surplus := number("status", "replicas") - wanted; surplus > 0 {
		return false, fmt.Sprintf("%d pods too many", surplus)
	}
	return have >= wanted, ""
}

// started reports whether every pod has come up: it is ready, or what it ran
// has come to an end. A program that ends in a Deployment is started again and
// again, and is seldom found ready; what it did is for its logs to say.
func started(pods []corev1.Pod) (done bool, reason string, err error) {
	if len(pods) == 0 {
		return false, "there is no pod", nil
	}
	for i := range pods {
		pod := &pods[i]
		if reason := hopeless(pod); reason != "" {
			return false, "", errors.New(reason)
		}
		if isReady(pod) || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		ran := slices.ContainsFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool {
			return c.State.Terminated != nil || c.LastTerminationState.Terminated != nil
		})
		if !ran {
			return false, describe(pod), nil
		}
	}
	return true, "", nil
}

// allGone reports whether a workload has no pod left, not even one that is ending.
func (r *running) allGone(ctx context.Context, o *kube.Object) (done bool, reason string, err error) {
	pods, err := r.selected(ctx, o)
	if err != nil || len(pods) == 0 {
		return err == nil, "", err
	}
	return false, "pod " + pods[0].Name + " is ending", nil
}

// podsOf are a workload's pods, the newest last, or the pod itself.
func (r *running) podsOf(ctx context.Context, o *kube.Object) ([]corev1.Pod, error) {
	if o.GetKind() == "Pod" {
		pod := corev1.Pod{}
		err := r.Get(ctx, kube.Path("pods", o.GetNamespace(), o.GetName()), &pod)
		return []corev1.Pod{pod}, err
	}
	pods, err := r.selected(ctx, o)
	if err != nil {
		return nil, err
	}
	pods = slices.DeleteFunc(pods, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
	slices.SortStableFunc(pods, func(a, b corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	return pods, nil
}

// selected are the pods that a workload's selector selects.
func (r *running) selected(ctx context.Context, o *kube.Object) ([]corev1.Pod, error) {
	selector, _, _ := unstructured.NestedStringMap(o.Object, "spec", "selector", "matchLabels")
	var list corev1.PodList
	query := "?labelSelector=" + url.QueryEscape(labels.FormatLabels(selector))
	err := r.Get(ctx, kube.Path("pods", o.GetNamespace(), "")+query, &list)
	return list.Items, err
}

func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// hopeless is why a pod will not start however long one waits.
func hopeless(pod *corev1.Pod) string {
	for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		w := c.State.Waiting
		if w == nil {
			continue
		}
		switch w.Reason {
		case "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName":
			return fmt.Sprintf("pod %s, container %s: image %s: %s: %s; build it, and the engine's copy is loaded into the cluster", pod.Name, c.Name, c.Image, w.Reason, w.Message)
		case "CreateContainerConfigError", "RunContainerError", "CreateContainerError":
			return fmt.Sprintf("pod %s, container %s: %s: %s", pod.Name, c.Name, w.Reason, w.Message)
		}
	}
	return ""
}

// describe says in a line what a pod is waiting for.
func describe(pod *corev1.Pod) string {
	text := "pod " + pod.Name + " is " + string(pod.Status.Phase)
	for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if w := c.State.Waiting; w != nil {
			text += fmt.Sprintf(", container %s: %s %s", c.Name, w.Reason, w.Message)
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			text += ", " + c.Message
		}
	}
	return strings.TrimSpace(text)
}

// deleted removes an object and waits until it is gone.
func (r *running) deleted(ctx context.Context, o *kube.Object) error {
	return settled(ctx, "deleting "+kube.Title(o), 250*time.Millisecond, func(ctx context.Context) (bool, string, error) {
		err := r.DeleteObject(ctx, o)
		if apierrors.IsNotFound(err) {
			return true, "", nil
		}
		if apierrors.IsConflict(err) { // a namespace that is being deleted
			err = nil
		}
		return false, "it is still there", err
	})
}

// deletedAll removes objects beside each other: a namespace takes seconds to go.
func (r *running) deletedAll(ctx context.Context, objects []kube.Object) error {
	errs := make([]error, len(objects))
	var group errgroup.Group
	group.SetLimit(8)
	for i := range objects {
		group.Go(func() error {
			errs[i] = r.deleted(ctx, &objects[i])
			return nil
		})
	}
	_ = group.Wait() // each has its own error
	return errors.Join(errs...)
}

// deletePods ends all pods of a namespace at once. Those that ignore signals
// would hold it for half a minute each.
func (r *running) deletePods(ctx context.Context, namespace, query string) error {
	none := int64(0)
	err := r.Delete(ctx, kube.Path("pods", namespace, "")+query, metav1.DeleteOptions{GracePeriodSeconds: &none})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting the pods of namespace %s: %w", namespace, err)
	}
	return nil
}
