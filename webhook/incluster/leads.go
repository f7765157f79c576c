package incluster

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/irsa-emu/irsa-emu/kube"
)

// EndpointsAnnotation on a pod, its service account or its namespace, in this
// order, says whether the pod gets the emulator's endpoints and authority:
// "true" gives them to pods without a role, "false" keeps them from all.
//
// A controller that uses other service accounts' tokens, or a pod that opens
// somebody's presigned URL, has no role, and must trust the authority that AWS's
// host names answer with.
const EndpointsAnnotation = "irsa-emu.dev/endpoints"

// exempt are namespaces of the cluster's own, whose pods are led to the emulator
// by an annotation alone.
var exempt = []string{"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}

// wish is what annotations say; the zero value is nothing.
type wish int

const (
	no wish = iota + 1
	yes
)

func wishIn(annotations map[string]string) wish {
	value, err := strconv.ParseBool(annotations[EndpointsAnnotation])
	switch {
	case err != nil: // it says nothing, or nothing that can be read
		return 0
	case value:
		return yes
	}
	return no
}

// wishOf asks the nearest annotation.
func (r *Routes) wishOf(ctx context.Context, namespace string, pod *corev1.Pod) (wish, error) {
	if said := wishIn(pod.Annotations); said != 0 {
		return said, nil
	}
	var account corev1.ServiceAccount
	err := r.Client.Get(ctx, kube.Path("serviceaccounts", namespace, pod.Spec.ServiceAccountName), &account)
	if err != nil && !apierrors.IsNotFound(err) {
		return 0, fmt.Errorf("service account %s/%s: %w", namespace, pod.Spec.ServiceAccountName, err)
	}
	if said := wishIn(account.Annotations); said != 0 {
		return said, nil
	}
	var found corev1.Namespace
	if err := r.Client.Get(ctx, kube.Path("namespaces", "", namespace), &found); err != nil {
		return 0, fmt.Errorf("namespace %s: %w", namespace, err)
	}
	return wishIn(found.Annotations), nil
}

// Leads says whether a pod without a role is led to the emulator.
func (r *Routes) Leads(ctx context.Context, namespace string, pod *corev1.Pod) (bool, error) {
	said, err := r.wishOf(ctx, namespace, pod)
	if err != nil || said != 0 {
		return said == yes, err
	}
	return r.LeadsAll && namespace != r.Namespace && !slices.Contains(exempt, namespace), nil
}
