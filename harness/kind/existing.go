package kind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/webhook/incluster"
)

// Existing is a cluster that somebody else made. If irsa-emu is installed in
// it, that is used, beside emulators of the scenarios' own; else it is
// installed for the time of the run. Nothing is left behind.
type Existing struct {
	*running
	issuer    string
	version   string
	installed bool // by this run, or one that crashed
	forwards  context.CancelFunc
}

// installedMark is on the namespace of an installation that a run is to remove.
const installedMark = "irsa-emu.dev/installed-by-run"

// Use opens the cluster of a kubeconfig's context; an empty one is the current.
func Use(ctx context.Context, config Config, contextName string) (*Existing, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	client, where, err := kube.Open("", contextName)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, installTimeout, fmt.Errorf("preparing cluster %s took longer than %s", where.Name, installTimeout))
	defer cancel()
	defer config.Log.ticking(ctx, "kubeconfig: looking at cluster %s (%s)", where.Name, client.Host())()
	e := &Existing{running: newRunning(client, where.Name, "", config, "")}
	e.borrowed = true
	var background context.Context
	background, e.forwards = context.WithCancel(context.WithoutCancel(ctx))
	e.reach = func(ctx context.Context, s *slot) (string, error) { return e.forward(ctx, background, s) }
	if err := e.prepare(ctx, config); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *Existing) prepare(ctx context.Context, config Config) error {
	var version struct{ GitVersion string }
	if err := e.Get(ctx, "/version", &version); err != nil {
		return fmt.Errorf("the API server of cluster %s does not answer: %w", e.name, err)
	}
	e.version = strings.TrimPrefix(version.GitVersion, "v")
	keys, err := incluster.ReadKeys(ctx, e.Client)
	if err != nil {
		return err
	}
	e.issuer = keys.URL
	if e.kubeconfig, err = e.saveKubeconfig(); err != nil {
		return err
	}
	e.findNodes(config)
	var namespace corev1.Namespace
	err = e.Get(ctx, kube.Path("namespaces", "", deploy.Namespace), &namespace)
	switch {
	case apierrors.IsNotFound(err):
		return e.installForRun(ctx, config)
	case err != nil:
		return err
	}
	e.installed = namespace.Annotations[installedMark] != ""
	return e.join(ctx)
}

func (e *Existing) saveKubeconfig() (string, error) {
	folder, err := os.MkdirTemp("", "irsa-emu-kubeconfig-")
	if err != nil {
		return "", fmt.Errorf("folder of the kubeconfig: %w", err)
	}
	file := filepath.Join(folder, "kubeconfig")
	return file, kube.Save("", e.name, file)
}

// join uses an installation: its secret and its image, and emulators beside its own.
func (e *Existing) join(ctx context.Context) error {
	var deployment struct { // of k8s.io/api/apps, which brings much along
		Spec struct {
			Template corev1.PodTemplateSpec `json:"template"`
		} `json:"spec"`
	}
	if err := e.Get(ctx, "/apis/apps/v1/namespaces/"+deploy.Namespace+"/deployments/"+deploy.Webhook, &deployment); err != nil {
		return fmt.Errorf("namespace %s is there, but not the webhook in it; kubectl delete namespace %s, or kubectl apply -k deploy: %w", deploy.Namespace, deploy.Namespace, err)
	}
	e.image = deployment.Spec.Template.Spec.Containers[0].Image
	if err := e.secret(ctx); err != nil {
		return err
	}
	var corefile corev1.ConfigMap
	err := e.Get(ctx, kube.Path("configmaps", "kube-system", "coredns"), &corefile)
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) {
		return err
	}
	e.intercepted = corefileStanza.MatchString(corefile.Data["Corefile"])
	for range cap(e.slots) { // number 0 is the installation's own emulator, with somebody's state
		s := <-e.slots
		s.number++
		e.slots <- s
	}
	e.log.sayf("kubeconfig: cluster %s has irsa-emu installed: it is used, and stays; its emulator's state is left alone", e.name)
	return e.webhookCalled(ctx)
}

// installForRun installs irsa-emu until Close.
func (e *Existing) installForRun(ctx context.Context, config Config) error {
	err := e.Get(ctx, "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/"+deploy.Webhook, new(metav1.PartialObjectMetadata))
	if err == nil {
		return fmt.Errorf("cluster %s has a MutatingWebhookConfiguration %s of its own, as EKS does; two would get into each other's way, so that scenarios cannot play there", e.name, deploy.Webhook)
	}
	if !apierrors.IsNotFound(err) {
		return err
	}
	if e.image, err = e.provideImage(config); err != nil {
		return err
	}
	e.installed = true
	o := namespaceObject(deploy.Namespace)
	o.SetAnnotations(map[string]string{installedMark: "true"})
	if err := e.applyAs(ctx, &o, fieldManager); err != nil {
		return err
	}
	return e.install(ctx)
}

// provideImage is the image given, or this executable's, loaded into the nodes
// of a kind cluster of this machine.
func (e *Existing) provideImage(config Config) (string, error) {
	if config.EmulatorImage != "" {
		return config.EmulatorImage, nil
	}
	if len(e.nodes) == 0 {
		return "", fmt.Errorf("cluster %s needs an image of irsa-emu that its nodes can pull: build images/irsa-emu, push it, and give it with --emulator-image", e.name)
	}
	image, err := imageOf(config.Executable)
	if err != nil {
		return "", err
	}
	for _, n := range e.nodes {
		if err := load(n, bytes.NewReader(image.archive)); err != nil {
			return "", err
		}
	}
	return image.reference, nil
}

// findNodes finds those of a kind cluster of this machine: images can be
// loaded into them.
func (e *Existing) findNodes(config Config) {
	name, isKind := strings.CutPrefix(e.name, "kind-")
	if !isKind {
		return
	}
	provider, err := newProvider(config.Log)
	if err != nil {
		return
	}
	if list, err := provider.ListInternalNodes(name); err == nil { // else the context is only called so
		e.nodes = list
	}
}

// Start gives a scenario its share, unless the cluster is another than it is about.
func (e *Existing) Start(ctx context.Context, t harness.Target) (harness.Cluster, error) {
	if t.Issuer != "" && t.Issuer != e.issuer {
		return nil, &harness.UnfitError{Reason: fmt.Sprintf("cluster %s signs for %s, and the scenario is about %s", e.name, e.issuer, t.Issuer)}
	}
	if t.Version != "" && e.version != t.Version && !strings.HasPrefix(e.version, t.Version+".") {
		return nil, &harness.UnfitError{Reason: fmt.Sprintf("cluster %s is Kubernetes %s, and the scenario is about %s", e.name, e.version, t.Version)}
	}
	t.Others = nil // its steps are skipped: this cluster has no neighbours
	return e.lease(ctx, t)
}

// ControlToken is what the emulators' control API wants.
func (e *Existing) ControlToken() string { return e.controlToken }

// Close takes away what the run brought. It takes no context: it is for the
// time after Ctrl-C.
func (e *Existing) Close() error {
	e.drain()
	e.forwards()
	ctx, cancel := context.WithTimeoutCause(context.Background(), releaseTimeout, fmt.Errorf("it took longer than %s", releaseTimeout))
	defer cancel()
	defer e.log.ticking(ctx, "kubeconfig: removing what the run brought into cluster %s", e.name)()
	var errs []error
	if e.installed {
		objects, err := e.manifests()
		errs = append(errs, err)
		for i := len(objects) - 1; i >= 0; i-- {
			errs = append(errs, e.deleted(ctx, &objects[i]))
		}
	}
	var last []kube.Object
	for name := range e.left {
		last = append(last, namespaceObject(name))
	}
	for range cap(e.slots) {
		s := <-e.slots
		if s.host != "" && !e.installed { // else they went with the namespace
			last = append(last, s.objects()...)
		}
	}
	errs = append(errs, e.deletedAll(ctx, last))
	if e.kubeconfig != "" {
		errs = append(errs, os.RemoveAll(filepath.Dir(e.kubeconfig)))
	}
	return errors.Join(errs...)
}

// forward brings a port of this machine to a slot's emulator, for as long as background lasts.
func (e *Existing) forward(ctx, background context.Context, s *slot) (string, error) {
	address := ""
	err := settled(ctx, "forwarding a port to "+s.name(), 250*time.Millisecond, func(ctx context.Context) (bool, string, error) {
		var pods corev1.PodList
		query := "?labelSelector=" + deploy.EmulatorLabel + "%3D" + s.name()
		if err := e.Get(ctx, kube.Path("pods", deploy.Namespace, "")+query, &pods); err != nil {
			return false, "", err
		}
		for i := range pods.Items {
			if pod := &pods.Items[i]; isReady(pod) && pod.DeletionTimestamp == nil {
				var err error
				address, err = e.Forward(background, deploy.Namespace, pod.Name, control.DefaultPort)
				return err == nil, "", err
			}
		}
		return false, "no pod is ready", nil
	})
	return "http://" + address, err
}
