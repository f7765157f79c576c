package kind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/cluster/nodes"
	"sigs.k8s.io/kind/pkg/cluster/nodeutils"
	"sigs.k8s.io/kind/pkg/exec"
)

const (
	clusterIssuer = "https://kubernetes.default.svc.cluster.local" // kubeadm's, kept second
	// firstNodePort is the node's end of the host ports; the range that
	// Kubernetes gives to NodePorts begins at 30000.
	firstNodePort = 30472
	createTimeout = 20 * time.Minute
	// Folders of the cluster's folder, and where its nodes have them.
	patchesFolder, patchesOnNode               = "patches", "/kind/irsa-emu-patches"
	authenticationFolder, authenticationOnNode = "authentication", "/kind/irsa-emu-authentication"
	// clusterFolderPrefix begins the names of temporary folders of clusters.
	clusterFolderPrefix = "irsa-emu-kind-"
)

// node is a kind cluster of this process and the folder that belongs to it: its
// (first) control plane, and all its nodes.
type node struct {
	provider   *cluster.Provider
	name       string
	image      string  // of the node; empty for kind's default
	folder     string  // private: kubeconfig, kubeadm patches
	kubeconfig string  // empty for the user's own
	ports      []int32 // on the host, for the node's firstNodePort and following
	unlock     func()
	nodes.Node
	all []nodes.Node
	// loaded are the nodes that have irsa-emu's image already, by name.
	loaded map[string]bool
}

// createNode makes a cluster and waits until its node is ready. kind's Create
// takes no context and tidies up before anybody can look: it is run retained,
// the context's end deletes the nodes under it, and a failure deletes them
// after their logs are kept.
func (c *Clusters) createNode(ctx context.Context, name string, k clusterKey, hostPorts []int32) (*node, error) {
	provider, config := c.provider, &c.config
	existing, err := provider.List()
	if err != nil {
		return nil, engineError("listing kind clusters", err)
	}
	if slices.Contains(existing, name) {
		return nil, fmt.Errorf("a kind cluster %s exists; delete it with: irsa-emu down --name %s", name, name)
	}
	n := &node{provider: provider, name: name, image: k.image, ports: hostPorts, unlock: func() {}, loaded: map[string]bool{}}
	if config.Keep {
		if n.folder, err = keptFolder(name); err == nil { // the node's container mounts it each time that it starts
			err = os.MkdirAll(n.folder, 0o755)
		}
	} else {
		n.folder, err = os.MkdirTemp("", clusterFolderPrefix)
	}
	if err != nil {
		return nil, fmt.Errorf("folder of the cluster: %w", err)
	}
	folder := n.folder
	n.kubeconfig = filepath.Join(folder, "kubeconfig")
	if config.usersKubeconfig {
		n.kubeconfig = ""
	}
	if !config.Keep {
		if n.unlock, err = claim(name, folder); err != nil {
			return nil, errors.Join(err, os.RemoveAll(folder))
		}
	}
	if err := errors.Join(os.Chmod(folder, 0o755), writeForNode(folder, config.authenticates)); err != nil { // the node's kubeadm reads it
		return nil, errors.Join(fmt.Errorf("folder of the cluster: %w", err), n.delete())
	}
	full := clusterConfig(config.KindConfig, k.issuer, folder, hostPorts)
	if onCgroupV1(ctx) {
		full.KubeadmConfigPatches = append([]string{bearCgroupV1}, full.KubeadmConfigPatches...) // the user's own come later, and count
	}
	options := []cluster.CreateOption{
		cluster.CreateWithV1Alpha4Config(full), cluster.CreateWithRetain(true),
		cluster.CreateWithKubeconfigPath(n.kubeconfig), cluster.CreateWithWaitForReady(3 * time.Minute),
		cluster.CreateWithDisplayUsage(false), cluster.CreateWithDisplaySalutation(false),
	}
	if k.image != "" {
		options = append(options, cluster.CreateWithNodeImage(k.image))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, createTimeout, fmt.Errorf("creating the cluster took longer than %s", createTimeout))
	defer cancel()
	defer config.Log.ticking(ctx, "kind: creating cluster %s", name)()
	created := make(chan error, 1)
	go func() { created <- provider.Create(name, options...) }()
	loading, endLoading := context.WithCancel(ctx)
	var early sync.WaitGroup
	early.Go(func() { n.loadEarly(loading, c.image.archive) })
	select {
	case err = <-created:
	case <-ctx.Done():
		// Without its containers, kind's commands fail one after the other.
		err = errors.Join(context.Cause(ctx), provider.Delete(name, n.kubeconfig))
		<-created
	}
	endLoading()
	early.Wait()
	if err == nil {
		err = n.find()
	}
	if err != nil {
		return nil, errors.Join(engineError("creating kind cluster "+name, err), n.keepLogs(), n.delete())
	}
	return n, nil
}

// loadEarly puts irsa-emu's image into nodes whose containerd is up, while kubeadm
// is at work in them and waits more than it computes. What fails is tried again, and
// what is not done when the context ends is loaded afterwards.
func (n *node) loadEarly(ctx context.Context, archive []byte) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(500 * time.Millisecond):
		}
		list, err := n.provider.ListInternalNodes(n.name)
		if err != nil {
			continue
		}
		for _, found := range list {
			if ctx.Err() == nil && !n.loaded[found.String()] && found.Command("ctr", "version").Run() == nil && load(found, bytes.NewReader(archive)) == nil {
				n.loaded[found.String()] = true
			}
		}
	}
}

func (n *node) find() error {
	list, err := n.provider.ListInternalNodes(n.name)
	if err != nil {
		return err
	}
	n.all = list
	n.Node, err = nodeutils.BootstrapControlPlaneNode(list)
	return err
}

// keepLogs collects the logs of a cluster that did not come up, if it has any.
func (n *node) keepLogs() error {
	list, err := n.provider.ListInternalNodes(n.name)
	if err != nil || len(list) == 0 {
		return nil // there is nothing to keep
	}
	folder, err := os.MkdirTemp("", "irsa-emu-logs-")
	if err != nil {
		return fmt.Errorf("folder for the cluster's logs: %w", err)
	}
	if err := n.provider.CollectLogs(n.name, folder); err != nil {
		return fmt.Errorf("the node's logs are in %s, but not all: %w", folder, err)
	}
	return fmt.Errorf("the node's logs are in %s", folder)
}

func (n *node) delete() error {
	err := n.provider.Delete(n.name, n.kubeconfig)
	if err != nil {
		err = engineError("deleting kind cluster "+n.name, err)
	}
	n.unlock()
	return errors.Join(err, os.RemoveAll(n.folder))
}

// keptFolder belongs to a cluster that outlives this process.
func keptFolder(name string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "irsa-emu", "kept", name), nil
}

// engineError keeps the command that failed and what it printed: kind's errors
// have them, but not in their text.
func engineError(what string, err error) error {
	if inner := exec.RunErrorForError(err); inner != nil {
		return fullDisk(inner.Output, fmt.Errorf("%s: %w\ncommand: %s\noutput:\n%s", what, err, inner.PrettyCommand(), bytes.TrimSpace(inner.Output)))
	}
	return fmt.Errorf("%s: %w", what, err)
}

// fullDisk adds what to do where a command of the engine or of a node has printed
// that the disk is full. Nodes keep what they have on the engine's.
func fullDisk(output []byte, err error) error {
	if !bytes.Contains(output, []byte("no space left on device")) { // ENOSPC, as Linux calls it
		return err
	}
	return fmt.Errorf("%w\nthe disk of %[2]s is full: see what takes it with %[2]s system df, remove images that have no name any more with %[2]s image prune, and try again",
		err, filepath.Base(engineCommand()))
}

// freePorts are n ports of this machine that nobody listens on. They are below those
// that systems give to whoever asks for any: the cluster's container takes them only
// some time later.
func freePorts(n int) ([]int32, error) {
	const first, many = 10_000, 20_000
	var ports []int32
	for tried := 0; len(ports) < n; tried++ {
		if tried == many {
			return nil, fmt.Errorf("looking for %d free ports from %d to %d: there are not so many", n, first, first+many-1)
		}
		port := int32(first + rand.IntN(many))
		if slices.Contains(ports, port) {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			if err := l.Close(); err != nil {
				return nil, fmt.Errorf("looking for a free port: %w", err)
			}
			ports = append(ports, port)
		}
	}
	return ports, nil
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
