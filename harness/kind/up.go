package kind

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/kind/pkg/apis/config/defaults"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/kube"
)

// UpConfig is what a developer's cluster is to be.
type UpConfig struct {
	Config
	// Issuer that the API server signs for. Default: one of EKS in the region.
	Issuer string
	// Region of pods whose namespace names none. Default: what it was, else
	// NewRegion, else that in the issuer's URL, else us-east-1.
	Region, NewRegion string
	// Port of this machine that leads to the emulator; 0 picks a free one.
	Port int
	// LoadImages are images of this machine's engine that pods will use.
	LoadImages []string
}

// UpResult is the cluster that is up.
type UpResult struct {
	Name, Context, Version, Issuer, Region, URL, ControlToken string
	// Endpoint is the API server's URL on this machine, and Authority the PEM
	// certificate that it is trusted by.
	Endpoint, Authority string
	Nodes               int
	Created             bool // by this call
}

// upMark is kept in the cluster's folder: what cannot be changed afterwards, and
// what a second call keeps.
type upMark struct {
	Issuer string `json:"issuer"`
	Port   int32  `json:"port"`
	Region string `json:"region"`
	// Image is the node image; empty: it is not known.
	Image string `json:"image,omitempty"`
	// Config is the digest of kind's configuration; empty: none was given.
	Config string `json:"config,omitempty"`
	// Authenticates says that the API server takes tokens of aws eks get-token:
	// clusters of before do not.
	Authenticates bool `json:"authenticates,omitempty"`
	// Creating is true until the cluster has come up.
	Creating bool `json:"creating,omitempty"`
}

const upMarkFile = "up.json"

func (m *upMark) write(folder string) error {
	content, err := json.Marshal(m)
	if err == nil {
		err = os.MkdirAll(folder, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, upMarkFile), content, 0o644)
	}
	if err != nil {
		return fmt.Errorf("noting what the cluster is: %w", err)
	}
	return nil
}

// Up makes a kind cluster with IRSA wired, or brings the one that it made
// before up to date: a second call changes nothing that need not be changed.
func Up(ctx context.Context, c UpConfig) (*UpResult, error) {
	config, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	config.Keep, config.usersKubeconfig, config.authenticates, config.Parallel = true, true, true, 1
	provider, err := newProvider(config.Log)
	if err != nil {
		return nil, err
	}
	image, err := imageOf(config.Executable)
	if err != nil {
		return nil, err
	}
	for _, reference := range c.LoadImages {
		if err := engineHas(ctx, reference); err != nil {
			return nil, err
		}
	}
	unlock, err := lockName(config.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	n, mark, created, err := findOrMake(ctx, &Clusters{config: config, provider: provider, image: image}, c)
	if err != nil {
		return nil, err
	}
	result := &UpResult{Name: config.Name, Context: "kind-" + config.Name, Issuer: mark.Issuer, Region: mark.Region, Nodes: len(n.all), Created: created}
	client, _, err := kube.Open("", result.Context)
	if err != nil {
		return nil, err
	}
	result.Endpoint, result.Authority = client.Host(), string(client.Authority())
	r := newRunning(client, config.Name, "", config, image.reference)
	r.node, r.nodes, r.region, r.leadsAll, r.authenticates, r.reach = n, n.all, mark.Region, true, mark.Authenticates, n.reach
	if r.stateNode, err = n.stateFolder(); err != nil {
		return nil, err
	}
	if err := r.update(ctx, image); err != nil {
		return nil, fmt.Errorf("%w\nthe cluster is there: the same irsa-emu up goes on with it, irsa-emu down --name %s removes it", err, config.Name)
	}
	if err := mark.write(n.folder); err != nil { // its region may have changed
		return nil, err
	}
	for _, reference := range c.LoadImages {
		if err := r.loadImage(ctx, reference); err != nil {
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

// findOrMake is the cluster of that name. One whose making was cut off, by the
// end of the machine or of the process, is made anew.
func findOrMake(ctx context.Context, c *Clusters, up UpConfig) (n *node, mark *upMark, created bool, err error) {
	name := c.config.Name
	existing, err := c.provider.List()
	if err != nil {
		return nil, nil, false, engineError("listing kind clusters", err)
	}
	if slices.Contains(existing, name) {
		n, mark, err = reopen(ctx, c, up)
		if err != nil || !mark.Creating {
			return n, mark, false, err
		}
		c.config.Log.sayf("kind: an earlier irsa-emu up was ended while it made cluster %s: what there is of it is removed, and it is made anew", name)
		if err := n.delete(); err != nil {
			return nil, nil, false, err
		}
	}
	n, mark, err = makeUp(ctx, c, up)
	return n, mark, true, err
}

// newMark is what is kept of a cluster to be made. An issuer that nobody names is
// EKS's of the region, so that it is of the region's partition.
func newMark(up UpConfig, port int32) *upMark {
	region, _, _ := aws.EKSIssuerParts(up.Issuer)
	mark := &upMark{Issuer: up.Issuer, Region: cmp.Or(up.Region, up.NewRegion, region, aws.DefaultRegion), Port: port, Authenticates: true, Creating: true}
	if mark.Issuer == "" {
		mark.Issuer = aws.EKSIssuer(mark.Region, defaultIssuerID)
	}
	return mark
}

// makeUp creates the cluster.
func makeUp(ctx context.Context, c *Clusters, up UpConfig) (*node, *upMark, error) {
	port, err := portFor(up.Port)
	if err != nil {
		return nil, nil, err
	}
	mark := newMark(up, port)
	if mark.Config, err = configDigest(c.config.KindConfig); err != nil {
		return nil, nil, err
	}
	image := wantedImage(c.config)
	mark.Image = image
	if image == "" && c.config.KindConfig == nil {
		mark.Image = defaults.Image
	}
	folder, err := keptFolder(c.config.Name)
	if err != nil {
		return nil, nil, err
	}
	if err := mark.write(folder); err != nil {
		return nil, nil, err
	}
	n, err := c.createNode(ctx, c.config.Name, clusterKey{mark.Issuer, image}, []int32{port})
	if err != nil {
		return nil, nil, errors.Join(err, removeUnused(folder))
	}
	mark.Creating = false
	if err := mark.write(n.folder); err != nil {
		return nil, nil, errors.Join(err, n.delete())
	}
	return n, mark, nil
}

// removeUnused removes the folder of a cluster that was not made, unless its
// making has left something there.
func removeUnused(folder string) error {
	if err := os.Remove(filepath.Join(folder, upMarkFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	_ = os.Remove(folder) // it is not empty, or gone already
	return nil
}

// stateOnNode is where a node keeps the state of the emulator that Up installs.
const stateOnNode = "/var/lib/irsa-emu"

// stateFolder makes the folder of the emulator's state on the control plane's
// disk, and gives the node's name: the state outlives the emulator's pod.
func (n *node) stateFolder() (string, error) {
	const user = "65532:65532" // deploy/base/emulator.yaml
	return n.String(), n.run(strings.NewReader(""), "sh", "-c", "mkdir -p "+stateOnNode+" && chown "+user+" "+stateOnNode)
}

// pin puts the Deployments on the control plane: the default emulator's state is on
// that node's disk, and the API server calls the webhook there without the network
// of the pods.
func (r *running) pin(o *kube.Object) error {
	if r.stateNode == "" || o.GetKind() != "Deployment" {
		return nil
	}
	spec, _, err := unstructured.NestedMap(o.Object, "spec", "template", "spec")
	if err != nil {
		return err
	}
	volumes, _ := spec["volumes"].([]any)
	for i, v := range volumes {
		if volume, ok := v.(map[string]any); ok && o.GetName() == deploy.Name && volume["name"] == "state" {
			volumes[i] = map[string]any{"name": "state", "hostPath": map[string]any{"path": stateOnNode, "type": "Directory"}}
		}
	}
	if len(volumes) > 0 {
		spec["volumes"] = volumes
	}
	spec["nodeSelector"] = map[string]any{corev1.LabelHostname: r.stateNode}
	spec["tolerations"] = []any{map[string]any{"operator": "Exists"}}
	return unstructured.SetNestedMap(o.Object, spec, "spec", "template", "spec")
}

// DefaultPort is the port of this machine that leads to the emulator of Up.
const DefaultPort = control.DefaultPort

// lockName makes sure that nobody else makes or removes the cluster of that name.
func lockName(name string) (unlock func(), err error) {
	folder, err := keptFolder(name)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(folder+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	locked, err := tryLock(file)
	if err != nil || !locked {
		_ = file.Close()
		if err == nil {
			err = fmt.Errorf("another irsa-emu up or down of cluster %s is running; wait for its end", name)
		}
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}

// update installs irsa-emu, or this version in place of another.
func (r *running) update(ctx context.Context, image *image) error {
	ctx, cancel := context.WithTimeoutCause(ctx, installTimeout, fmt.Errorf("installing irsa-emu took longer than %s", installTimeout))
	defer cancel()
	defer r.log.ticking(ctx, "kind: installing irsa-emu in cluster %s", r.name)()
	if err := errors.Join(r.labelNodes(ctx), r.equip(ctx, image)); err != nil {
		return err
	}
	s := <-r.slots
	defer func() { r.slots <- s }()
	if err := r.start(ctx, s); err != nil {
		return err
	}
	return r.publish(ctx, s)
}

// labelNodes says where the nodes are, as AWS's cloud provider does: programs look
// there for their region, such as the provider of the secrets-store CSI driver. A
// label of somebody else's stays.
func (r *running) labelNodes(ctx context.Context) error {
	for _, n := range r.nodes {
		node := map[string]any{"apiVersion": "v1", "kind": "Node", "metadata": map[string]any{
			"name": n.String(), "labels": map[string]any{corev1.LabelTopologyRegion: r.region},
		}}
		err := r.Patch(ctx, kube.Path("nodes", "", n.String())+"?fieldManager="+kube.FieldManager, types.ApplyPatchType, node)
		if err != nil && !apierrors.IsConflict(err) {
			return fmt.Errorf("labelling node %s: %w", n, err)
		}
	}
	return nil
}

// Down deletes a cluster that Up or a kept run made. It reports whether there
// was one.
func Down(name string, log Logger) (bool, error) {
	provider, err := newProvider(log)
	if err != nil {
		return false, err
	}
	unlock, err := lockName(name)
	if err != nil {
		return false, err
	}
	defer unlock()
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
		return false, fmt.Errorf("kind cluster %s was not made by irsa-emu; kind delete cluster --name %s deletes it", name, name)
	}
	started := time.Now()
	defer log.ticking(context.Background(), "kind: deleting cluster %s", name)()
	if err := provider.Delete(name, ""); err != nil {
		return true, engineError("deleting kind cluster "+name, err)
	}
	log.sayf("kind: deleted cluster %s in %.1f s", name, time.Since(started).Seconds())
	return true, os.RemoveAll(folder)
}
