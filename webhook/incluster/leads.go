package incluster

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/webhook"
)

// exempt are namespaces of the cluster's own, whose pods are led to the emulator
// by an annotation alone.
var exempt = []string{"kube-public", "kube-node-lease", "local-path-storage"}

// ofCluster says whether a pod is one without which there is no cluster, such as
// CoreDNS and kube-proxy: it must not wait for what comes after it. People put
// others into kube-system that need AWS, such as the provider of the secrets-store
// CSI driver (aws/secrets-store-csi-driver-provider-aws, aws-provider-installer.yaml).
func ofCluster(namespace string, pod *corev1.Pod) bool {
	if slices.Contains(exempt, namespace) {
		return true
	}
	return namespace == metav1.NamespaceSystem && (pod.Spec.HostNetwork || strings.HasPrefix(pod.Spec.PriorityClassName, "system-"))
}

// wish is what annotations say; the zero value is nothing.
type wish int

const (
	no wish = iota + 1
	yes
)

func wishIn(annotations map[string]string) wish {
	value, err := strconv.ParseBool(annotations[webhook.EndpointsAnnotation])
	switch {
	case err != nil: // it says nothing, or nothing that can be read
		return 0
	case value:
		return yes
	}
	return no
}

// annotated is an object whose annotations count for a pod.
type annotated struct {
	what        string
	annotations map[string]string
}

// nearest are a pod, its service account and its namespace: the first one that
// says something counts.
func (r *Routes) nearest(ctx context.Context, namespace string, pod *corev1.Pod) ([]annotated, error) {
	var account corev1.ServiceAccount
	err := r.Client.Get(ctx, kube.Path("serviceaccounts", namespace, pod.Spec.ServiceAccountName), &account)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("service account %s/%s: %w", namespace, pod.Spec.ServiceAccountName, err)
	}
	var found corev1.Namespace
	if err := r.Client.Get(ctx, kube.Path("namespaces", "", namespace), &found); err != nil {
		return nil, fmt.Errorf("namespace %s: %w", namespace, err)
	}
	return []annotated{
		{"the pod", pod.Annotations},
		{"service account " + pod.Spec.ServiceAccountName, account.Annotations},
		{"namespace " + namespace, found.Annotations},
	}, nil
}

func wishOf(nearest []annotated) wish {
	for _, a := range nearest {
		if said := wishIn(a.annotations); said != 0 {
			return said
		}
	}
	return 0
}

// Leads says whether a pod without a role is led to the emulator.
func (r *Routes) Leads(ctx context.Context, namespace string, pod *corev1.Pod) (bool, error) {
	nearest, err := r.nearest(ctx, namespace, pod)
	if err != nil {
		return false, err
	}
	if said := wishOf(nearest); said != 0 {
		return said == yes, nil
	}
	return r.LeadsAll && namespace != r.Namespace && !ofCluster(namespace, pod), nil
}
