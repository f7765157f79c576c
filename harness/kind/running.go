package kind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/kind/pkg/cluster/nodeutils"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/webhook/incluster"
)

// reach is how this machine gets to an emulator's Service: a URL, and what ends it.
type reach func(ctx context.Context, service string, slot int) (url string, err error)

// running is a cluster with irsa-emu in it, whoever made it.
type running struct {
	*kube
	name         string
	kubeconfig   string
	controlToken string
	image        string
	log          func(string)
	http         *http.Client

	// Exactly one of these: a kind cluster of ours, or one that exists.
	node     *node
	existing *Existing

	reach reach
	slots chan *slot

	// alone is held for reading by every scenario, and for writing by one
	// that changes what others stand on: the keys, the webhook.
	alone      rwLock
	namespaces namespaceLocks
	loaded     images
	background sync.WaitGroup // namespaces that are being deleted
}

// install applies deploy/ and waits until a pod would be mutated.
func (r *running) install(ctx context.Context) error {
	if err := r.secret(ctx); err != nil {
		return err
	}
	objects, err := r.manifests()
	if err != nil {
		return err
	}
	for i := range objects {
		if err := r.apply(ctx, &objects[i]); err != nil {
			return err
		}
	}
	for i := range objects {
		if objects[i].GetKind() == "Deployment" {
			if err := r.ready(ctx, &objects[i]); err != nil {
				return errors.Join(err, r.podTrouble(ctx, deploy.Namespace))
			}
		}
	}
	return r.webhookCalled(ctx)
}

// manifests are those of deploy/ with this cluster's image.
func (r *running) manifests() ([]object, error) {
	var all []object
	for _, name := range []string{"namespace.yaml", "emulator.yaml", "webhook.yaml"} {
		content, err := fs.ReadFile(deploy.FS, name)
		if err != nil {
			return nil, err
		}
		objects, err := objectsOf(content)
		if err != nil {
			return nil, fmt.Errorf("deploy/%s: %w", name, err)
		}
		all = append(all, objects...)
	}
	for i := range all {
		if err := setImage(&all[i], r.image); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func setImage(o *object, image string) error {
	if o.GetKind() != "Deployment" {
		return nil
	}
	containers, _, err := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
	if err != nil {
		return err
	}
	for _, c := range containers {
		if container, ok := c.(map[string]any); ok && container["image"] == deploy.Image {
			container["image"] = image
		}
	}
	return unstructured.SetNestedSlice(o.Object, containers, "spec", "template", "spec", "containers")
}

// secret makes the authority and the control token before anybody asks for
// them, so that this process knows the token.
func (r *running) secret(ctx context.Context) error {
	data, err := incluster.NewSecret(time.Now())
	if err != nil {
		return err
	}
	data[incluster.SecretControlToken] = []byte(r.controlToken)
	namespace := &object{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": deploy.Namespace}}}
	if err := r.apply(ctx, namespace); err != nil {
		return err
	}
	secrets := r.CoreV1().Secrets(deploy.Namespace)
	if _, err := secrets.Get(ctx, deploy.Name, metav1.GetOptions{}); err == nil {
		return fmt.Errorf("namespace %s has a Secret %s already: irsa-emu is installed in this cluster by somebody else; remove it, or point clients at it", deploy.Namespace, deploy.Name)
	}
	_, err = secrets.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: deploy.Name}, Data: data}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("making Secret %s: %w", deploy.Name, err)
	}
	return nil
}

// probe is a service account whose pods, never really made, show that the
// webhook is called: failurePolicy Ignore hides it when it is not.
const probe = "webhook-probe"

func (r *running) webhookCalled(ctx context.Context) error {
	account := &object{Object: map[string]any{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{
		"name": probe, "namespace": deploy.Namespace, "annotations": map[string]any{"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/probe"},
	}}}
	if err := r.apply(ctx, account); err != nil {
		return err
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: probe},
		Spec:       corev1.PodSpec{ServiceAccountName: probe, Containers: []corev1.Container{{Name: "probe", Image: r.image}}},
	}
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("it took longer than a minute"))
	defer cancel()
	return settled(ctx, "waiting until the API server calls the webhook", 200*time.Millisecond, func(ctx context.Context) (bool, string, error) {
		got, err := r.CoreV1().Pods(deploy.Namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err != nil {
			return false, "", err
		}
		for _, v := range got.Spec.Containers[0].Env {
			if v.Name == "AWS_ROLE_ARN" {
				return true, "", nil
			}
		}
		return false, "pods come out as they went in", nil
	})
}

// corefileMark begins what intercept mode adds to CoreDNS's configuration.
const corefileMark = "rewrite stop {\n        # irsa-emu:"

// corefileRewrite leads the host names of the services that irsa-emu serves
// to its Service, in any region, with anything in front: buckets are names.
const corefileRewrite = corefileMark + ` AWS's host names lead to the emulator
        name regex ^(.*\.)?(sts|iam|secretsmanager|s3|eks|oidc\.eks)(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?\.$ ` + deploy.Intercept + "." + deploy.Namespace + `.svc.cluster.local
        answer auto
    }
    `

// intercept tells CoreDNS. It reads the change by itself, but only within
// half a minute: new pods of it do at once.
func (r *running) intercept(ctx context.Context) error {
	maps := r.CoreV1().ConfigMaps("kube-system")
	found, err := maps.Get(ctx, "coredns", metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("CoreDNS's configuration: %w", err)
	}
	corefile := found.Data["Corefile"]
	if strings.Contains(corefile, corefileMark) {
		return nil
	}
	at := strings.Index(corefile, "kubernetes ")
	if at < 0 {
		return errors.New("CoreDNS's configuration has no line for the kubernetes plugin, before which to put the rewriting of AWS's host names")
	}
	found.Data["Corefile"] = corefile[:at] + corefileRewrite + corefile[at:]
	if _, err := maps.Update(ctx, found, metav1.UpdateOptions{FieldManager: fieldManager}); err != nil {
		return fmt.Errorf("CoreDNS's configuration: %w", err)
	}
	return r.restartDNS(ctx)
}

func (r *running) restartDNS(ctx context.Context) error {
	pods := r.CoreV1().Pods("kube-system")
	none := int64(0)
	err := pods.DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &none}, metav1.ListOptions{LabelSelector: "k8s-app=kube-dns"})
	if err != nil {
		return fmt.Errorf("restarting CoreDNS: %w", err)
	}
	return r.ready(ctx, &object{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "coredns", "namespace": "kube-system"},
	}})
}

// load puts an image archive into the node, as kind load does.
func (n *node) load(archive io.Reader) error {
	if err := nodeutils.LoadImageArchive(n.Node, archive); err != nil {
		return engineError("loading an image into the node", err)
	}
	return nil
}

// create makes the cluster of an issuer and puts irsa-emu into it.
func (c *Clusters) create(ctx context.Context, name, issuer string) (*running, error) {
	ports, err := freePorts(c.config.Parallel)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	c.config.Log("kind: the scenarios of issuer " + issuer + " share cluster " + name)
	n, err := createNode(ctx, c.provider, c.config, name, issuer, ports)
	if err != nil {
		return nil, err
	}
	bare := time.Since(started)
	r, err := c.equip(ctx, n)
	if err != nil {
		return nil, errors.Join(err, n.keepLogs(), n.delete())
	}
	c.config.Log(fmt.Sprintf("kind: cluster %s is ready: bare after %.1f s, IRSA took %.1f s more", name, bare.Seconds(), (time.Since(started) - bare).Seconds()))
	return r, nil
}

func (c *Clusters) equip(ctx context.Context, n *node) (*running, error) {
	defer ticking(ctx, c.config.Log, "kind: installing irsa-emu in cluster "+n.name)()
	if err := n.load(bytes.NewReader(c.image.archive)); err != nil {
		return nil, err
	}
	k, err := openKube(n.kubeconfig, "")
	if err != nil {
		return nil, err
	}
	r := newRunning(k, n.name, n.kubeconfig, c.config, c.image.reference)
	r.node = n
	r.reach = func(_ context.Context, _ string, slot int) (string, error) {
		return fmt.Sprintf("http://127.0.0.1:%d", n.ports[slot]), nil
	}
	if err := r.intercept(ctx); err != nil {
		return nil, err
	}
	return r, r.install(ctx)
}

func newRunning(k *kube, name, kubeconfig string, config Config, image string) *running {
	r := &running{
		kube: k, name: name, kubeconfig: kubeconfig, controlToken: config.ControlToken, image: image, log: config.Log,
		http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{Proxy: nil}}, slots: make(chan *slot, config.Parallel),
	}
	for i := range config.Parallel {
		r.slots <- &slot{number: i}
	}
	return r
}

// drain waits for what scenarios left to be deleted.
func (r *running) drain() { r.background.Wait() }

func (r *running) delete() error {
	defer ticking(context.Background(), r.log, "kind: deleting cluster "+r.name)()
	return r.node.delete()
}
