package kind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/kind/pkg/cluster/nodes"
	"sigs.k8s.io/kind/pkg/cluster/nodeutils"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/kube"
)

// reach is how this machine gets to a slot's emulator.
type reach func(ctx context.Context, s *slot) (url string, err error)

// running is a cluster with irsa-emu in it, whoever made it.
type running struct {
	*kube.Client
	name         string
	kubeconfig   string
	controlToken string
	image        string // irsa-emu's
	region       string // of pods whose namespace names none; the manifests' own when empty
	leadsAll     bool   // lead pods without a role to the emulator, too
	// authenticates says that the API server takes tokens of aws eks get-token.
	authenticates bool
	stateNode     string // the node whose disk has the default emulator's state; empty: it goes with the pod
	log           Logger
	http          *http.Client

	// node is that of a cluster that this run made, or nil. nodes are those of
	// any kind cluster on this machine; none where they are out of reach.
	node  *node
	nodes []nodes.Node
	// borrowed clusters have other pods in them, and stay when the run ends.
	borrowed bool
	// intercepted clusters lead AWS's host names to the emulators: see [Config.HostPattern].
	intercepted bool
	hostPattern string
	// clusterOf is the cluster of another issuer.
	clusterOf func(ctx context.Context, issuer string) (*running, error)

	reach reach
	slots chan *slot

	// use is held for reading by every scenario, and for writing by one
	// that changes what others stand on: the keys, the webhook.
	use        rwLock
	namespaces namespaceLocks
	loaded     images
	background sync.WaitGroup // namespaces that are being deleted, images that are being loaded
	life       context.Context
	end        context.CancelFunc // ends loads that nobody waits for any more
	mu         sync.Mutex
	left       map[string]bool // namespaces that scenarios share
}

// load puts an image archive into a node, as kind load does.
func load(n nodes.Node, archive io.Reader) error {
	if err := nodeutils.LoadImageArchive(n, archive); err != nil {
		return engineError("loading an image into the node", err)
	}
	return nil
}

// create makes the cluster of an issuer and puts irsa-emu into it.
func (c *Clusters) create(ctx context.Context, name string, k clusterKey) (*running, error) {
	select {
	case c.creating <- struct{}{}:
		defer func() { <-c.creating }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	ports, err := freePorts(c.config.Parallel)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	c.config.Log.sayf("kind: the scenarios of issuer %s share cluster %s", k.issuer, name)
	n, err := c.createNode(ctx, name, k, ports)
	if err != nil {
		return nil, err
	}
	bare := time.Since(started)
	r, err := c.equip(ctx, n)
	if err != nil {
		return nil, errors.Join(err, n.keepLogs(), n.delete())
	}
	c.config.Log.sayf("kind: cluster %s is ready: bare after %.1f s, IRSA took %.1f s more", name, bare.Seconds(), (time.Since(started) - bare).Seconds())
	return r, nil
}

// installTimeout bounds what comes after the bare cluster; it takes some ten seconds.
const installTimeout = 10 * time.Minute

func (c *Clusters) equip(ctx context.Context, n *node) (*running, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, installTimeout, fmt.Errorf("installing irsa-emu took longer than %s", installTimeout))
	defer cancel()
	defer c.config.Log.ticking(ctx, "kind: installing irsa-emu in cluster %s", n.name)()
	k, _, err := kube.Open(n.kubeconfig, "")
	if err != nil {
		return nil, err
	}
	r := newRunning(k, n.name, n.kubeconfig, c.config, c.image.reference)
	r.node, r.nodes, r.intercepted = n, n.all, true
	r.reach = n.reach
	r.clusterOf = func(ctx context.Context, issuer string) (*running, error) {
		return c.of(ctx, clusterKey{issuer, n.image})
	}
	return r, r.equip(ctx, c.image)
}

// equip brings irsa-emu into a kind cluster. CoreDNS takes seconds to start
// again, in which the rest is done.
func (r *running) equip(ctx context.Context, image *image) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.intercept(ctx) })
	group.Go(func() error {
		for _, n := range r.nodes {
			if r.node.loaded[n.String()] {
				continue
			}
			if err := load(n, bytes.NewReader(image.archive)); err != nil {
				return err
			}
		}
		return r.install(ctx)
	})
	return group.Wait()
}

// reach is by the ports that are mapped to this machine.
func (n *node) reach(_ context.Context, s *slot) (string, error) {
	return fmt.Sprintf("http://127.0.0.1:%d", n.ports[s.number]), nil
}

func newRunning(k *kube.Client, name, kubeconfig string, config Config, image string) *running {
	r := &running{
		Client: k, name: name, kubeconfig: kubeconfig, controlToken: config.ControlToken, image: image, hostPattern: config.HostPattern, log: config.Log,
		http: control.HTTP(), slots: make(chan *slot, config.Parallel),
	}
	r.life, r.end = context.WithCancel(context.Background())
	for i := range config.Parallel {
		r.slots <- &slot{number: i}
	}
	return r
}

// drain waits for what scenarios left to be deleted.
func (r *running) drain() {
	r.end()
	r.background.Wait()
}

func (r *running) delete() error {
	defer r.log.ticking(context.Background(), "kind: deleting cluster %s", r.name)()
	return r.node.delete()
}
