package kind

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/irsa-emu/irsa-emu/kube"
)

// podTrouble is what a namespace's warnings say, as an error; nil for none.
func (r *running) podTrouble(ctx context.Context, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var events corev1.EventList
	if err := r.Get(ctx, kube.Path("events", namespace, "")+"?fieldSelector=type%3DWarning", &events); err != nil || len(events.Items) == 0 {
		return nil // no more is known than the caller says already
	}
	var out strings.Builder
	for _, e := range events.Items {
		fmt.Fprintf(&out, "\n  %s/%s: %s: %s", strings.ToLower(e.InvolvedObject.Kind), e.InvolvedObject.Name, e.Reason, e.Message)
	}
	return errors.New("warnings in namespace " + namespace + ":" + out.String())
}

// keepPodLogs writes the logs of pods to folder.
func (r *running) keepPodLogs(ctx context.Context, folder, as, namespace, selector string) error {
	var pods corev1.PodList
	if err := r.Get(ctx, kube.Path("pods", namespace, "")+"?labelSelector="+url.QueryEscape(selector), &pods); err != nil {
		return fmt.Errorf("logs of the %s: %w", as, err)
	}
	var errs []error
	for i, pod := range pods.Items {
		name := as
		if i > 0 {
			name = fmt.Sprintf("%s-%d", as, i)
		}
		for j, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
			if j > 0 || as == "pod" {
				name = fmt.Sprintf("%s-%s-%s", as, pod.Name, c.Name)
			}
			errs = append(errs, r.keepLog(ctx, filepath.Join(folder, name+".log"), namespace, pod.Name, c.Name))
		}
	}
	return errors.Join(errs...)
}

// keepLog writes what a container has logged. One that has not started has
// logged nothing.
func (r *running) keepLog(ctx context.Context, file, namespace, pod, container string) error {
	b, err := r.Raw(ctx, kube.Path("pods", namespace, pod, "log")+"?tailLines=5000&container="+url.QueryEscape(container))
	if apierrors.IsBadRequest(err) || apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		err = os.WriteFile(file, b, 0o644)
	}
	if err != nil {
		return fmt.Errorf("logs of pod %s/%s: %w", namespace, pod, err)
	}
	return nil
}

// keepEvents writes what happened in the scenario's namespaces.
func (s *share) keepEvents(ctx context.Context, folder string) error {
	var out strings.Builder
	for _, namespace := range s.target.Namespaces {
		var events corev1.EventList
		if err := s.Get(ctx, kube.Path("events", namespace, ""), &events); err != nil {
			return fmt.Errorf("events of namespace %s: %w", namespace, err)
		}
		for _, e := range events.Items {
			fmt.Fprintf(&out, "%s %s %s/%s %s: %s\n", e.LastTimestamp.Format(time.RFC3339), namespace, strings.ToLower(e.InvolvedObject.Kind), e.InvolvedObject.Name, e.Reason, e.Message)
		}
	}
	if out.Len() == 0 {
		return nil
	}
	return os.WriteFile(filepath.Join(folder, "events.log"), []byte(out.String()), 0o644)
}
