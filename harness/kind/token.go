package kind

import (
	"context"
	"fmt"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/kube"
)

// Token requests a service account's token as the kubelet does. A service
// account that nobody applied is made: on the local cluster every one exists.
func (s *share) Token(ctx context.Context, t harness.TokenRequest) (string, error) {
	if t.Issuer != "" {
		other, ok := s.others[t.Issuer]
		if !ok {
			return "", fmt.Errorf("no cluster of this scenario has the issuer %s; write it in spec.cluster.others", t.Issuer)
		}
		t.Issuer = ""
		return other.Token(ctx, t)
	}
	namespace, name, _ := strings.Cut(t.ServiceAccount, "/")
	if err := s.serviceAccount(ctx, namespace, name); err != nil {
		return "", err
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: t.Audience}}
	if len(t.Audience) == 0 {
		request.Spec.Audiences = []string{aws.DefaultAudience}
	}
	seconds := int64(aws.DefaultTokenLife / time.Second)
	if t.ExpiresIn > 0 {
		seconds = int64(t.ExpiresIn / time.Second)
	}
	request.Spec.ExpirationSeconds = &seconds
	if t.Pod != "" {
		pod, err := s.boundPod(ctx, namespace, name, &t)
		if err != nil {
			return "", fmt.Errorf("the pod that the token is bound to: %w", err)
		}
		request.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID}
	}
	var got authenticationv1.TokenRequest
	err := settled(ctx, "requesting a token of "+t.ServiceAccount, 250*time.Millisecond, func(ctx context.Context) (bool, string, error) {
		err := s.Create(ctx, kube.Path("serviceaccounts", namespace, name, "token"), request, &got)
		return err == nil, "", err
	})
	return got.Status.Token, err
}

// boundPod is the pod that a token is bound to: the one that the scenario
// names, or one that stands in for the service account's.
func (s *share) boundPod(ctx context.Context, namespace, account string, t *harness.TokenRequest) (*corev1.Pod, error) {
	if !t.StandIn {
		return s.pod(ctx, namespace, t.Pod)
	}
	return s.standIn(ctx, namespace, account, t.Pod)
}

// standIn is a pod of a service account that waits behind a scheduling gate
// and never runs. Scenarios that only request tokens share namespaces: one of
// the account's that is there, or is made at the same moment, does as well.
// The API server binds a token only to a pod of its own account, so that one of
// another account keeps its name, and the next name is taken; one that is
// ending is waited for.
func (s *share) standIn(ctx context.Context, namespace, account, name string) (*corev1.Pod, error) {
	wanted, taken := name, 0
	var found *corev1.Pod
	err := settled(ctx, "making pod "+namespace+"/"+name, 100*time.Millisecond, func(ctx context.Context) (bool, string, error) {
		pod, err := s.pod(ctx, namespace, wanted)
		switch {
		case apierrors.IsNotFound(err):
			if !s.owns(namespace) {
				return false, "", &harness.UnfitError{Reason: fmt.Sprintf("there is no pod %s of service account %s in namespace %s of cluster %s, which is somebody's: nothing is made there", name, account, namespace, s.running.name)}
			}
			found = standInOf(namespace, wanted, account)
			err := s.Create(ctx, kube.Path("pods", namespace, ""), found, found)
			if apierrors.IsAlreadyExists(err) {
				return false, "another scenario made it", nil
			}
			return err == nil, "", err
		case err != nil:
			return false, "", err
		case pod.Spec.ServiceAccountName != account:
			taken++
			wanted = fmt.Sprintf("%s-%d", name, taken)
			return false, fmt.Sprintf("pod %s is service account %s's", pod.Name, pod.Spec.ServiceAccountName), nil
		case pod.DeletionTimestamp != nil:
			return false, "pod " + pod.Name + " is ending", nil
		}
		found = pod
		return true, "", nil
	})
	return found, err
}

func standInOf(namespace, name, account string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: corev1.PodSpec{
			ServiceAccountName: account, Containers: []corev1.Container{{Name: "app", Image: "scratch"}},
			SchedulingGates: []corev1.PodSchedulingGate{{Name: "irsa-emu.dev/stand-in"}},
		},
	}
}
