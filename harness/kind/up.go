package kind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sigs.k8s.io/kind/pkg/cluster/nodes"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// UpConfig is what a developer's cluster is to be.
type UpConfig struct {
	Config
	// Issuer that the API server signs for. Default: DefaultIssuer.
	Issuer string
	// Region of pods whose namespace names none. Default: us-east-1.
	Region string
	// Port of this machine that leads to the emulator; 0 picks a free one.
	Port int
	// LoadImages are images of this machine's engine that pods will use.
	LoadImages []string
}

// UpResult is the cluster that is up.
type UpResult struct {
	Name, Context, Version, Issuer, URL, ControlToken string
	Created                                           bool // by this call
}

// upMark is kept in the cluster's folder: what cannot be changed afterwards.
type upMark struct {
	Issuer string `json:"issuer"`
	Port   int32  `json:"port"`
}

const upMarkFile = "up.json"

// Up makes a kind cluster with IRSA wired, or brings the one that it made
// before up to date: a second call changes nothing that need not be changed.
func Up(ctx context.Context, c UpConfig) (*UpResult, error) {
	config, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	config.Keep, config.usersKubeconfig, config.Parallel = true, true, 1
	provider, err := newProvider(config.Log)
	if err != nil {
		return nil, err
	}
	image, err := imageOf(config.Executable)
	if err != nil {
		return nil, err
	}
	existing, err := provider.List()
	if err != nil {
		return nil, engineError("listing kind clusters", err)
	}
	result := &UpResult{Name: config.Name, Context: "kind-" + config.Name}
	var n *node
	if slices.Contains(existing, config.Name) {
		n, result.Issuer, err = reopen(&Clusters{config: config, provider: provider}, c.Issuer)
	} else {
		if c.Issuer == "" {
			c.Issuer = DefaultIssuer
		}
		result.Created, result.Issuer = true, c.Issuer
		n, err = makeUp(ctx, &Clusters{config: config, provider: provider}, c)
	}
	if err != nil {
		return nil, err
	}
	client, _, err := kube.Open("", result.Context)
	if err != nil {
		return nil, fmt.Errorf("%w; kind export kubeconfig --name %s writes it anew", err, config.Name)
	}
	r := newRunning(client, config.Name, "", config, image.reference)
	r.node, r.nodes, r.region, r.reach = n, []nodes.Node{n.Node}, c.Region, n.reach
	if err := r.update(ctx, image); err != nil {
		return nil, fmt.Errorf("%w\nthe cluster is there: irsa-emu up --name %s goes on with it, irsa-emu down --name %[2]s removes it", err, config.Name)
	}
	for _, reference := range c.LoadImages {
		if err := r.mustLoad(ctx, reference); err != nil {
			return nil, err
		}
	}
	var version struct{ GitVersion string }
	if err := r.Get(ctx, "/version", &version); err != nil {
		return nil, err
	}
	result.Version = version.GitVersion
	result.URL, err = n.reach(ctx, &slot{})
	result.ControlToken = r.controlToken
	return result, err
}

// makeUp creates the cluster.
func makeUp(ctx context.Context, c *Clusters, up UpConfig) (*node, error) {
	port, err := portFor(up.Port)
	if err != nil {
		return nil, err
	}
	image := ""
	if len(c.config.Images) > 0 {
		image = c.config.Images[0]
	}
	n, err := createNode(ctx, c.provider, c.config, c.config.Name, kindOfCluster{up.Issuer, image}, []int32{port})
	if err != nil {
		return nil, err
	}
	mark, err := json.Marshal(upMark{Issuer: up.Issuer, Port: port})
	if err == nil {
		err = os.WriteFile(filepath.Join(n.folder, upMarkFile), mark, 0o644)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("noting what cluster %s is: %w", c.config.Name, err), n.delete())
	}
	return n, nil
}

// portFor is the port, if it is free: the engine's own error for one that is
// not comes late and says less.
func portFor(port int) (int32, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return 0, fmt.Errorf("the emulator's port on this machine: %w; choose another with --port, 0 for any", err)
	}
	defer l.Close()
	return int32(l.Addr().(*net.TCPAddr).Port), nil
}

// reopen finds a cluster that an earlier call made.
func reopen(c *Clusters, issuer string) (*node, string, error) {
	name := c.config.Name
	folder, err := keptFolder(name)
	if err != nil {
		return nil, "", err
	}
	content, err := os.ReadFile(filepath.Join(folder, upMarkFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, "", fmt.Errorf("a kind cluster %s exists that irsa-emu up did not make; choose another --name, or install irsa-emu into it: see deploy/README.md", name)
	}
	var mark upMark
	if err == nil {
		err = json.Unmarshal(content, &mark)
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading what cluster %s is: %w", name, err)
	}
	if issuer != "" && issuer != mark.Issuer {
		return nil, "", fmt.Errorf("cluster %s signs for %s, which cannot be changed; first: irsa-emu down --name %s", name, mark.Issuer, name)
	}
	n := &node{provider: c.provider, name: name, folder: folder, ports: []int32{mark.Port}, unlock: func() {}}
	return n, mark.Issuer, n.find()
}

// update installs irsa-emu, or this version in place of another: the state of
// the emulator is carried over.
func (r *running) update(ctx context.Context, image *image) error {
	ctx, cancel := context.WithTimeoutCause(ctx, installTimeout, fmt.Errorf("installing irsa-emu took longer than %s", installTimeout))
	defer cancel()
	defer ticking(ctx, r.log, "kind: installing irsa-emu in cluster "+r.name)()
	var deployment appsv1.Deployment
	err := r.Get(ctx, "/apis/apps/v1/namespaces/"+deploy.Namespace+"/deployments/"+deploy.Name, &deployment)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("cluster %s: %w", r.name, err)
	}
	var state *statefile.State
	if err == nil && deployment.Spec.Template.Spec.Containers[0].Image != image.reference && deployment.Status.ReadyReplicas > 0 {
		if err := r.secret(ctx); err != nil {
			return err
		}
		if state, err = r.exportState(ctx); err != nil {
			return fmt.Errorf("saving the emulator's state: %w", err)
		}
	}
	if err := r.equip(ctx, image); err != nil {
		return err
	}
	s := <-r.slots
	defer func() { r.slots <- s }()
	if err := r.start(ctx, s); err != nil {
		return err
	}
	if state != nil {
		if err := r.emulator(s).Load(ctx, *state); err != nil {
			return fmt.Errorf("giving the emulator its state back: %w", err)
		}
	}
	return r.publish(ctx, s)
}

func (r *running) exportState(ctx context.Context) (*statefile.State, error) {
	url, err := r.reach(ctx, &slot{})
	if err != nil {
		return nil, err
	}
	state, err := r.emulator(&slot{url: url}).State(ctx)
	return &state, err
}

// Down deletes a cluster that Up or a kept run made. It reports whether there
// was one.
func Down(name string, log func(string)) (bool, error) {
	provider, err := newProvider(log)
	if err != nil {
		return false, err
	}
	existing, err := provider.List()
	if err != nil {
		return false, engineError("listing kind clusters", err)
	}
	folder, err := keptFolder(name)
	if err != nil {
		return false, err
	}
	if !slices.Contains(existing, name) {
		return false, os.RemoveAll(folder)
	}
	if list, err := os.ReadDir(folder); err != nil || len(list) == 0 {
		return false, errors.Join(fmt.Errorf("kind cluster %s was not made by irsa-emu; kind delete cluster --name %s deletes it", name, name), os.RemoveAll(folder))
	}
	started := time.Now()
	defer ticking(context.Background(), log, "kind: deleting cluster "+name)()
	if err := provider.Delete(name, ""); err != nil {
		return true, engineError("deleting kind cluster "+name, err)
	}
	log(fmt.Sprintf("kind: deleted cluster %s in %.1f s", name, time.Since(started).Seconds()))
	return true, os.RemoveAll(folder)
}
