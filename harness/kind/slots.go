package kind

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/webhook/incluster"
)

// slot is one emulator of a cluster, lent to one scenario at a time. It is
// started when it is first lent and reset each time: a reset takes
// milliseconds, a pod seconds.
type slot struct {
	number int
	host   string // of its Service, inside the cluster; empty until it runs
	url    string // from this machine
}

func (s *slot) name() string {
	if s.number == 0 {
		return deploy.Name // the one of the manifests
	}
	return fmt.Sprintf("%s-%d", deploy.Name, s.number)
}

// objects are those that start makes, by name.
func (s *slot) objects() []kube.Object {
	metadata := map[string]any{"name": s.name(), "namespace": deploy.Namespace}
	return []kube.Object{
		{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}},
		{Object: map[string]any{"apiVersion": "v1", "kind": "Service", "metadata": metadata}},
	}
}

// start brings up the slot's emulator and its way to this machine.
func (r *running) start(ctx context.Context, s *slot) error {
	if s.host != "" {
		return nil
	}
	objects, err := r.manifests()
	if err != nil {
		return err
	}
	for i := range objects {
		o := &objects[i]
		if o.GetName() != deploy.Name || (o.GetKind() != "Deployment" && o.GetKind() != "Service") {
			continue
		}
		if err := s.rename(o); err != nil {
			return err
		}
		if o.GetKind() == "Service" && r.node != nil {
			if err := s.nodePort(o); err != nil {
				return err
			}
		}
		if err := r.apply(ctx, o); err != nil {
			return err
		}
	}
	if err := r.ready(ctx, &s.objects()[0]); err != nil {
		return errors.Join(err, r.podTrouble(ctx, deploy.Namespace))
	}
	var service corev1.Service
	if err := r.Get(ctx, kube.Path("services", deploy.Namespace, s.name()), &service); err != nil {
		return fmt.Errorf("the emulator's Service: %w", err)
	}
	if s.url, err = r.reach(ctx, s); err != nil {
		return err
	}
	err = settled(ctx, "waiting for the emulator at "+s.url, 100*time.Millisecond, func(ctx context.Context) (bool, string, error) {
		_, err := r.emulator(s).Ready(ctx)
		return err == nil, "it does not answer", nil
	})
	if err == nil {
		s.host = service.Spec.ClusterIP
	}
	return err
}

// rename makes the manifests' emulator into the slot's.
func (s *slot) rename(o *kube.Object) error {
	o.SetName(s.name())
	paths := [][]string{{"spec", "selector"}}
	if o.GetKind() == "Deployment" {
		paths = [][]string{{"spec", "selector", "matchLabels"}, {"spec", "template", "metadata", "labels"}}
	}
	for _, path := range paths {
		if err := unstructured.SetNestedField(o.Object, s.name(), append(path, deploy.EmulatorLabel)...); err != nil {
			return err
		}
	}
	return nil
}

// nodePort opens the Service on the node port that is mapped to this machine.
func (s *slot) nodePort(o *kube.Object) error {
	ports, _, err := unstructured.NestedSlice(o.Object, "spec", "ports")
	if err != nil {
		return err
	}
	for _, p := range ports {
		if port, ok := p.(map[string]any); ok && port["name"] == "http" {
			port["nodePort"] = int64(firstNodePort + s.number)
		}
	}
	if err := unstructured.SetNestedSlice(o.Object, ports, "spec", "ports"); err != nil {
		return err
	}
	return unstructured.SetNestedField(o.Object, "NodePort", "spec", "type")
}

// reset empties the slot's emulator and gives it the cluster's keys.
func (r *running) reset(ctx context.Context, s *slot) error {
	if err := r.emulator(s).Reset(ctx, control.StateReset{}); err != nil {
		return fmt.Errorf("resetting the emulator: %w", err)
	}
	return r.publish(ctx, s)
}

func (r *running) publish(ctx context.Context, s *slot) error {
	var keys control.IssuerKeys
	err := settled(ctx, "reading the cluster's keys", 250*time.Millisecond, func(ctx context.Context) (_ bool, _ string, err error) {
		keys, err = incluster.ReadKeys(ctx, r.Client)
		return err == nil, "", err
	})
	if err != nil {
		return err
	}
	return r.emulator(s).PublishKeys(ctx, keys)
}

// emulator is the client of a slot's control API.
func (r *running) emulator(s *slot) *control.Client {
	return &control.Client{URL: s.url, Token: r.controlToken, HTTP: r.http}
}
