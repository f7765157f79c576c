package kind

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/webhook/incluster"
)

// managedBy is on namespaces that scenarios made.
const managedBy = "app.kubernetes.io/managed-by"

func namespaceObject(name string) kube.Object {
	return kube.Object{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{
		"name": name, "labels": map[string]any{managedBy: kube.FieldManager},
	}}}
}

// isLasting tells namespaces that are part of the cluster.
func isLasting(name string) bool {
	return name == metav1.NamespaceDefault || name == deploy.Namespace || strings.HasPrefix(name, "kube-")
}

// namespace makes one whose pods use the scenario's emulator. One that others
// left, because they only requested tokens in it, is made anew.
func (s *share) namespace(ctx context.Context, name string) error {
	if s.owns(name) {
		return nil
	}
	if s.borrowed {
		foreign, err := s.isForeign(ctx, name)
		switch {
		case err != nil:
			return err
		case foreign && s.changes:
			return &harness.UnfitError{Reason: fmt.Sprintf("namespace %s of cluster %s is somebody's; scenarios that run pods or apply manifests make and delete their own", name, s.name)}
		case foreign:
			return nil // its service accounts may be asked for tokens
		}
	}
	s.mu.Lock()
	s.known[name] = true
	s.mu.Unlock()
	o := namespaceObject(name)
	if s.changes {
		if !isLasting(name) {
			if err := s.deleted(ctx, &o); err != nil {
				return err
			}
		}
		o.SetAnnotations(map[string]string{incluster.EmulatorAnnotation: s.slot.host, incluster.RegionAnnotation: s.target.Region})
	} else {
		s.leave(name)
	}
	return s.apply(ctx, &o)
}

// owns tells namespaces that the scenario has made.
func (s *share) owns(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[name]
}

// isForeign tells namespaces that somebody else made.
func (r *running) isForeign(ctx context.Context, name string) (bool, error) {
	var found corev1.Namespace
	err := r.Get(ctx, kube.Path("namespaces", "", name), &found)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil && found.Labels[managedBy] != kube.FieldManager, err
}

// serviceAccount makes one that nobody applied: on the local cluster every one
// exists.
func (s *share) serviceAccount(ctx context.Context, namespace, name string) error {
	if err := s.namespace(ctx, namespace); err != nil {
		return err
	}
	if !s.owns(namespace) {
		err := s.Get(ctx, kube.Path("serviceaccounts", namespace, name), nil)
		if apierrors.IsNotFound(err) {
			return &harness.UnfitError{Reason: fmt.Sprintf("there is no service account %s in namespace %s of cluster %s, which is somebody's: nothing is made there", name, namespace, s.running.name)}
		}
		return err
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
	return settled(ctx, "making service account "+namespace+"/"+name, 250*time.Millisecond, func(ctx context.Context) (bool, string, error) {
		err := s.Create(ctx, kube.Path("serviceaccounts", namespace, ""), account, nil)
		if apierrors.IsAlreadyExists(err) {
			return true, "", nil
		}
		return err == nil, "", err
	})
}

// leave notes a namespace that scenarios share, to be deleted after the last.
func (r *running) leave(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left == nil {
		r.left = map[string]bool{}
	}
	r.left[name] = true
}
