package kind

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/kube"
)

// share is what one scenario has of a cluster.
type share struct {
	*running
	scenario  string
	target    harness.Target
	slot      *slot
	changes   bool // it applies manifests or runs pods: its namespaces are its own
	exclusive bool
	others    map[string]*guest // by issuer

	mu    sync.Mutex
	made  map[string]kube.Object // outside of its namespaces, by title; deleted when it ends
	known map[string]bool        // namespaces that are there
	pods  int
}

// fieldManager owns what scenarios apply. It is another than the one that
// installs: a scenario that applies a part of the webhook's Deployment, or its
// own namespace, leaves what it does not write as it is.
const fieldManager = kube.FieldManager + "-scenario"

// releaseTimeout bounds how long what a scenario made may take to go.
const releaseTimeout = 5 * time.Minute

// lease lends a scenario an emulator and its namespaces, once they are free.
func (r *running) lease(ctx context.Context, t harness.Target) (_ harness.Cluster, err error) {
	if err := r.loadAhead(ctx, t); err != nil {
		return nil, err
	}
	s := &share{
		running: r, scenario: t.Scenario, target: t, made: map[string]kube.Object{}, known: map[string]bool{}, others: map[string]*guest{},
		exclusive: !r.borrowed && (slices.Contains(t.Needs, harness.NeedRotation) || slices.Contains(t.Needs, harness.NeedAlone)),
		changes:   slices.Contains(t.Needs, harness.NeedManifests) || slices.Contains(t.Needs, harness.NeedPods),
	}
	if err := r.use.acquire(ctx, s.exclusive); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.use.release()
		}
	}()
	if err := r.namespaces.acquire(ctx, t.Namespaces, s.changes); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.namespaces.release(t.Namespaces)
		}
	}()
	select {
	case s.slot = <-r.slots:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() {
		if err != nil {
			r.slots <- s.slot
		}
	}()
	if err := r.start(ctx, s.slot); err != nil {
		return nil, err
	}
	if err := r.reset(ctx, s.slot); err != nil {
		return nil, err
	}
	if s.changes {
		for _, name := range t.Namespaces {
			if r.borrowed && isLasting(name) {
				continue // steps that want it are refused
			}
			if err := s.namespace(ctx, name); err != nil {
				return nil, errors.Join(err, s.release(context.WithoutCancel(ctx)))
			}
		}
	}
	for _, issuer := range t.Others {
		if err := s.neighbour(ctx, issuer); err != nil {
			s.leaveNeighbours()
			return nil, err
		}
	}
	return s, nil
}

var _ interface {
	harness.Cluster
	harness.Applier
	harness.PodRunner
	harness.KeyRotator
	harness.LogKeeper
	harness.KubeconfigHolder
} = (*share)(nil)

// Can: only in a cluster that the run made are the API server's files within reach,
// and nobody else's pods; claims are the API server's.
func (s *share) Can(n harness.Need) bool {
	switch n {
	case harness.NeedManifests, harness.NeedPods:
		return true
	case harness.NeedRotation, harness.NeedAlone, harness.NeedClusters:
		return !s.borrowed
	case harness.NeedIntercept:
		return s.intercepted
	}
	return false
}

func (s *share) Name() string {
	if s.borrowed {
		return "kubeconfig"
	}
	return "kind"
}

func (s *share) URL() string        { return s.slot.url }
func (s *share) Kubeconfig() string { return s.kubeconfig }

// Apply applies manifests in their order, then waits for what takes time.
func (s *share) Apply(ctx context.Context, manifests []byte) error {
	objects, err := kube.Objects(manifests)
	if err != nil {
		return err
	}
	for i := range objects {
		o := &objects[i]
		if err := s.loadImages(ctx, o); err != nil {
			return err
		}
		if _, err := s.PathOf(ctx, o); err != nil { // also fills in the namespace
			return err
		}
		namespace := o.GetNamespace()
		if o.GetKind() == "Namespace" {
			namespace = o.GetName()
		}
		switch {
		case namespace != "" && !isLasting(namespace):
			if err := s.namespace(ctx, namespace); err != nil {
				return err
			}
		case s.borrowed && namespace != "":
			return fmt.Errorf("%s: namespace %s belongs to others in this cluster; write one of the scenario's own", kube.Title(o), namespace)
		default:
			s.remember(o)
		}
		if err := s.applyAs(ctx, o, fieldManager); err != nil {
			return err
		}
		if o.GetKind() == "CustomResourceDefinition" { // objects of its kind may follow
			if err := s.ready(ctx, o); err != nil {
				return err
			}
		}
	}
	for i := range objects {
		if err := s.ready(ctx, &objects[i]); err != nil {
			return errors.Join(err, s.podTrouble(context.WithoutCancel(ctx), objects[i].GetNamespace()))
		}
	}
	return nil
}

// remember notes what would outlive the scenario's namespaces.
func (s *share) remember(o *kube.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.GetKind() == "Namespace" || o.GetNamespace() == deploy.Namespace {
		return // deleted with the scenario's, or mended afterwards
	}
	s.made[kube.Title(o)] = *o
}

// KeepLogs writes what the scenario's pods, the webhook, the emulator and the API server logged.
func (s *share) KeepLogs(ctx context.Context, folder string) error {
	var errs []error
	for _, namespace := range s.target.Namespaces {
		if s.owns(namespace) {
			errs = append(errs, s.keepPodLogs(ctx, folder, "pod", namespace, ""))
		}
	}
	return errors.Join(
		errors.Join(errs...),
		s.keepPodLogs(ctx, folder, "emulator", deploy.Namespace, deploy.EmulatorLabel+"="+s.slot.name()),
		s.keepPodLogs(ctx, folder, "webhook", deploy.Namespace, deploy.ComponentLabel+"=webhook"),
		s.keepPodLogs(ctx, folder, "api-server", "kube-system", "component=kube-apiserver"),
		s.keepEvents(ctx, folder),
	)
}

// Close gives everything back. The namespaces are deleted meanwhile: whoever
// needs one of them waits for it.
func (s *share) Close() error {
	s.background.Go(func() {
		ctx, cancel := context.WithTimeoutCause(context.Background(), releaseTimeout, fmt.Errorf("it took longer than %s", releaseTimeout))
		defer cancel()
		if err := s.release(ctx); err != nil {
			s.log.sayf("%s: %v", s.scenario, err)
		}
		s.leaveNeighbours()
		s.slots <- s.slot
		s.namespaces.release(s.target.Namespaces)
		s.running.use.release()
	})
	return nil
}

func (s *share) release(ctx context.Context) error {
	var errs []error
	if s.exclusive { // it may have changed what others stand on
		objects, err := s.manifests()
		errs = append(errs, err)
		for i := range objects {
			errs = append(errs, s.apply(ctx, &objects[i]))
		}
		for i := range objects {
			errs = append(errs, s.ready(ctx, &objects[i]))
		}
		errs = append(errs, s.webhookCalled(ctx))
	}
	for _, o := range s.made {
		errs = append(errs, s.deleted(ctx, &o))
	}
	if !s.changes {
		return errors.Join(errs...) // others may be using the same namespaces
	}
	var own []kube.Object
	for _, name := range slices.Sorted(maps.Keys(s.known)) {
		if !isLasting(name) {
			own = append(own, namespaceObject(name))
			errs = append(errs, s.deletePods(ctx, name, ""))
		}
	}
	return errors.Join(append(errs, s.deletedAll(ctx, own))...)
}
