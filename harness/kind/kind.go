// Package kind runs scenarios on real Kubernetes clusters: on kind clusters
// that it makes and deletes ([Clusters]), and on clusters that exist
// ([Existing]). The API server signs the tokens, the pod identity webhook
// mutates the pods, and the emulator runs beside them as a pod; keys flow from
// the cluster to the emulator, and no private key leaves the API server.
//
// Package harness knows nothing of it, so that Go tests which import harness
// inherit neither kind nor client-go.
package kind

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	"sigs.k8s.io/kind/pkg/cluster"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/kube"
)

// DefaultIssuer is the issuer of clusters whose scenarios name none.
var DefaultIssuer = aws.EKSIssuer(aws.DefaultRegion, defaultIssuerID)

const defaultIssuerID = "EMULATED539D4633E53DE1B71EXAMPLE"

// Config says how clusters are made; every field has a default.
type Config struct {
	// Images are node images; scenarios that ask for no version of Kubernetes
	// get the first. Default: that of the kind version in go.mod.
	Images []string
	// Name is the cluster's, and the beginning of further ones'. Default: a new name each run.
	Name string
	// Keep leaves the clusters running.
	Keep bool
	// Executable is the irsa-emu that runs in the cluster: a static binary for
	// the node's system. Default: this process's own.
	Executable string
	// EmulatorImage is irsa-emu's image for clusters that exist and whose nodes
	// pull it. Default: one made of Executable, on kind clusters of this machine.
	EmulatorImage string
	// Parallel is how many scenarios can be on one cluster at a time: each has
	// an emulator and a host port. Default 4.
	Parallel int
	// ControlToken guards the emulators' control API. Default: a random one.
	ControlToken string
	// HostPattern is a regular expression of the host names that the DNS of clusters
	// leads to the emulator: emulator.HostPattern. It is needed where clusters are made.
	HostPattern string
	// Log takes what is going on. Default: nobody does.
	Log Logger

	// KindConfig is kind's own configuration; what irsa-emu needs is added. Nil: one node.
	KindConfig *v1alpha4.Cluster

	usersKubeconfig bool // as kind create cluster does it; for Up
	authenticates   bool // the API server asks who bearers of AWS's tokens are; for Up
}

func (c Config) withDefaults() (Config, error) {
	if c.Parallel < 1 {
		c.Parallel = 4
	}
	if c.ControlToken == "" {
		c.ControlToken = randomHex(16)
	}
	if c.Log == nil {
		c.Log = func(Progress) {}
	}
	if c.Executable == "" {
		path, err := os.Executable()
		if err != nil {
			return c, fmt.Errorf("finding this program's file for the cluster's image: %w", err)
		}
		c.Executable = path
	}
	return c, nil
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// ErrNoEngine is what a machine without a container engine answers.
var ErrNoEngine = errors.New("kind clusters need a container engine, and neither docker nor podman nor nerdctl answers here; " +
	"install Docker (https://docs.docker.com/engine/install/) and start it, or play scenarios on --cluster local")

// Clusters are the kind clusters of one run, one for each issuer and version
// of Kubernetes that its scenarios need.
type Clusters struct {
	config   Config
	provider *cluster.Provider
	image    *image
	// creating is taken by each cluster that is being made: more at a time than
	// there are cores make one another slow, and take no less time together.
	creating chan struct{}

	mu    sync.Mutex
	byKey map[clusterKey]*pending
	made  int
}

// clusterKey is what scenarios must agree on to share a cluster.
type clusterKey struct{ issuer, image string }

// pending is a cluster that somebody makes and others wait for.
type pending struct {
	done    chan struct{}
	cluster *running
	err     error
}

// New looks for a container engine and makes the emulator's image; clusters
// are created when a scenario first needs them. What crashed runs left behind
// is removed.
func New(ctx context.Context, config Config) (*Clusters, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	provider, err := newProvider(config.Log)
	if err != nil {
		return nil, err
	}
	removeLeftovers(provider, config.Log)
	image, err := imageOf(config.Executable)
	if err != nil {
		return nil, err
	}
	return &Clusters{config: config, provider: provider, image: image, byKey: map[clusterKey]*pending{}, creating: make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))}, ctx.Err()
}

func newProvider(log Logger) (*cluster.Provider, error) {
	option, err := cluster.DetectNodeProvider()
	if err != nil {
		return nil, ErrNoEngine
	}
	provider := cluster.NewProvider(option, cluster.ProviderWithLogger(log))
	if _, err := provider.List(); err != nil { // the command is there, and its engine is not
		return nil, fmt.Errorf("%w\n%w", ErrNoEngine, engineError("listing kind clusters", err))
	}
	return provider, nil
}

// ControlToken is what the emulators' control API wants.
func (c *Clusters) ControlToken() string { return c.config.ControlToken }

// Start gives a scenario its share of the cluster of its issuer: an emulator
// and namespaces of its own.
func (c *Clusters) Start(ctx context.Context, t harness.Target) (harness.Cluster, error) {
	image, err := c.nodeImage(t.Version)
	if err != nil {
		return nil, err
	}
	if t.Issuer == "" {
		t.Issuer = c.anyIssuer(image)
	}
	r, err := c.of(ctx, clusterKey{t.Issuer, image})
	if err != nil {
		return nil, err
	}
	return r.lease(ctx, t)
}

// nodeImage is the first one given whose tag is of a version of Kubernetes; a
// whole version can also be had from where kind's own images are.
func (c *Clusters) nodeImage(version string) (string, error) {
	if version == "" {
		if len(c.config.Images) > 0 {
			return c.config.Images[0], nil
		}
		return "", nil // kind's default
	}
	for _, image := range c.config.Images {
		tag, _, _ := strings.Cut(image, "@") // a digest may follow
		tag = strings.TrimPrefix(tag[strings.LastIndex(tag, ":")+1:], "v")
		if tag == version || strings.HasPrefix(tag, version+".") {
			return image, nil
		}
	}
	if strings.Count(version, ".") < 2 {
		return "", &harness.UnfitError{Reason: fmt.Sprintf("no node image of Kubernetes %s is given; give one with --image, such as kindest/node:v%s.0", version, version)}
	}
	return "kindest/node:v" + version, nil
}

// anyIssuer is that of a cluster that is there already, for scenarios that do not mind.
func (c *Clusters) anyIssuer(image string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.byKey {
		if k.image == image {
			return k.issuer
		}
	}
	return DefaultIssuer
}

func (c *Clusters) of(ctx context.Context, k clusterKey) (*running, error) {
	c.mu.Lock()
	p, made := c.byKey[k]
	if !made {
		p = &pending{done: make(chan struct{})}
		c.byKey[k] = p
		c.made++
	}
	name := c.name(c.made)
	c.mu.Unlock()
	if !made {
		p.cluster, p.err = c.create(ctx, name, k)
		close(p.done)
	}
	select {
	case <-p.done:
		return p.cluster, p.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (c *Clusters) name(n int) string {
	switch {
	case c.config.Name == "":
		return leftoverPrefix + randomHex(4)
	case n > 1:
		return fmt.Sprintf("%s-%d", c.config.Name, n)
	}
	return c.config.Name
}

// Close deletes the clusters, unless they are to be kept. It takes no
// context: it is for the time after Ctrl-C.
func (c *Clusters) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, p := range c.byKey {
		<-p.done
		if p.cluster == nil {
			continue
		}
		p.cluster.drain()
		if c.config.Keep {
			c.config.Log.sayf("kind: cluster %s is kept: export KUBECONFIG=%s; delete it with: irsa-emu down --name %s", p.cluster.name, p.cluster.kubeconfig, p.cluster.name)
			continue
		}
		errs = append(errs, p.cluster.delete())
	}
	c.byKey = map[clusterKey]*pending{}
	return errors.Join(errs...)
}

// settled waits for a condition, asked every interval, until the context ends;
// the reason that it was given last is then in the error.
func settled(ctx context.Context, what string, interval time.Duration, ask func(context.Context) (done bool, reason string, err error)) error {
	reason := ""
	for {
		done, why, err := ask(ctx)
		if err != nil {
			why = err.Error()
			if ctx.Err() == nil && !kube.Transient(err) {
				return fmt.Errorf("%s: %w", what, err)
			}
		}
		if done {
			return nil
		}
		if why != "" && ctx.Err() == nil {
			reason = why
		}
		select {
		case <-ctx.Done():
			if reason == "" {
				return fmt.Errorf("%s: %w", what, context.Cause(ctx))
			}
			return fmt.Errorf("%s: %w; last seen: %s", what, context.Cause(ctx), reason)
		case <-time.After(interval):
		}
	}
}
