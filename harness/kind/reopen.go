package kind

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
)

// reopen finds a cluster that an earlier call made.
func reopen(ctx context.Context, c *Clusters, up UpConfig) (*node, *upMark, error) {
	name := c.config.Name
	folder, err := keptFolder(name)
	if err != nil {
		return nil, nil, err
	}
	content, err := os.ReadFile(filepath.Join(folder, upMarkFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("a kind cluster %s exists that irsa-emu up did not make; choose another --name, or install irsa-emu into it: see deploy/README.md", name)
	}
	mark := new(upMark)
	if err == nil {
		err = json.Unmarshal(content, mark)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading what cluster %s is: %w", name, err)
	}
	n := &node{provider: c.provider, name: name, folder: folder, ports: []int32{mark.Port}, unlock: func() {}}
	if mark.Creating {
		return n, mark, nil
	}
	config, err := configDigest(c.config.KindConfig)
	if err != nil {
		return nil, nil, err
	}
	if err := mark.unlike(name, up, wantedImage(c.config), config); err != nil {
		return nil, nil, err
	}
	region, _, _ := aws.EKSIssuerParts(mark.Issuer)
	mark.Region = cmp.Or(up.Region, mark.Region, up.NewRegion, region, aws.DefaultRegion)
	if err := n.find(); err != nil {
		return nil, nil, err
	}
	if err := n.start(ctx, c.config.Log); err != nil {
		return nil, nil, err
	}
	// Another kubeconfig may be in use since, or another context of it.
	if err := c.provider.ExportKubeConfig(name, "", false); err != nil {
		return nil, nil, engineError("writing the kubeconfig of cluster "+name, err)
	}
	return n, mark, nil
}

// start starts nodes that were stopped, by hand or with the engine, and waits for
// the API server.
func (n *node) start(ctx context.Context, log Logger) error {
	var stopped []string
	for _, one := range n.all {
		if one.CommandContext(ctx, "true").Run() != nil {
			stopped = append(stopped, one.String())
		}
	}
	if len(stopped) == 0 {
		return nil
	}
	defer log.ticking(ctx, "kind: starting cluster %s, whose nodes were stopped", n.name)()
	if output, err := exec.CommandContext(ctx, engineCommand(), append([]string{"start"}, stopped...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("starting the nodes of cluster %s: %w\n%s", n.name, err, output)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("it took longer than %s", startTimeout))
	defer cancel()
	return settled(ctx, "waiting for the API server of cluster "+n.name, time.Second, func(ctx context.Context) (bool, string, error) {
		err := n.CommandContext(ctx, "kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", "get", "--raw=/readyz").Run()
		if err != nil {
			return false, err.Error(), nil
		}
		return true, "", nil
	})
}

// startTimeout bounds the start of nodes that were stopped; it takes half a minute.
const startTimeout = 3 * time.Minute

// wantedImage is the node image that was asked for, or "".
func wantedImage(c Config) string {
	if len(c.Images) == 0 {
		return ""
	}
	return c.Images[0]
}

// unlike is what was asked for and cannot be: a cluster is of one issuer, node
// image, configuration and port.
func (m *upMark) unlike(name string, up UpConfig, image, config string) error {
	for _, fixed := range []struct {
		what    string
		differs bool
	}{
		{"signs for " + m.Issuer, up.Issuer != "" && up.Issuer != m.Issuer},
		{"was made with another --config", config != "" && config != m.Config},
		{"was made of node image " + m.Image, image != "" && m.Image != "" && !sameImage(image, m.Image)},
		{fmt.Sprintf("leads here by port %d", m.Port), up.Port != 0 && up.Port != DefaultPort && int32(up.Port) != m.Port},
	} {
		if fixed.differs {
			return fmt.Errorf("cluster %s %s, which cannot be changed; first: irsa-emu down --name %s", name, fixed.what, name)
		}
	}
	return nil
}

// sameImage compares references; kind's default has a digest, which people leave out.
func sameImage(a, b string) bool {
	nameA, digestA, _ := strings.Cut(a, "@")
	nameB, digestB, _ := strings.Cut(b, "@")
	return nameA == nameB && (digestA == digestB || digestA == "" || digestB == "")
}
