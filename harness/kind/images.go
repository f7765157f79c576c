package kind

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/kind/pkg/cluster/nodes"
	"sigs.k8s.io/kind/pkg/cluster/nodeutils"

	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/kube"
)

// images are what was loaded into the nodes, and what is being loaded.
type images struct {
	mu    sync.Mutex
	loads map[string]*imageLoad
	one   sync.Mutex // a load is as much as the engine and a node can do at a time
}

// imageLoad is a load that somebody began and others may wait for.
type imageLoad struct {
	done chan struct{}
	err  error
}

// loadTimeout bounds a load. Images of half a gigabyte take minutes on a busy machine.
const loadTimeout = 10 * time.Minute

// loadImages puts the images that an object names into the node, where the
// engine of this machine has them. The node pulls the others.
func (r *running) loadImages(ctx context.Context, o *kube.Object) error {
	if len(r.nodes) == 0 {
		return nil
	}
	for _, reference := range imagesOf(o.Object) {
		if err := r.loadImage(ctx, reference); err != nil {
			return err
		}
	}
	return nil
}

// loadImage loads an image once. The load goes on when the step that wanted it first
// gives up, for others want it too; one that failed is tried again by the next.
func (r *running) loadImage(ctx context.Context, reference string) error {
	r.loaded.mu.Lock()
	l, begun := r.loaded.loads[reference]
	if !begun {
		l = &imageLoad{done: make(chan struct{})}
		if r.loaded.loads == nil {
			r.loaded.loads = map[string]*imageLoad{}
		}
		r.loaded.loads[reference] = l
		r.background.Go(func() {
			ctx, cancel := context.WithTimeoutCause(r.life, loadTimeout, fmt.Errorf("it took longer than %s", loadTimeout))
			defer cancel()
			defer close(l.done)
			if l.err = r.loadNow(ctx, reference); l.err != nil {
				r.loaded.mu.Lock()
				delete(r.loaded.loads, reference)
				r.loaded.mu.Unlock()
			}
		})
	}
	r.loaded.mu.Unlock()
	select {
	case <-l.done:
		return l.err
	case <-ctx.Done():
		return fmt.Errorf("loading image %s into cluster %s: %w", reference, r.name, context.Cause(ctx))
	}
}

func (r *running) loadNow(ctx context.Context, reference string) error {
	r.loaded.one.Lock()
	defer r.loaded.one.Unlock()
	engine := engineCommand()
	if engine == "" || exec.CommandContext(ctx, engine, "image", "inspect", reference).Run() != nil {
		return ctx.Err() // the node pulls it
	}
	for _, n := range r.nodes {
		if _, err := nodeutils.ImageID(n, reference); err == nil {
			continue // part of the node image, or loaded before
		}
		if err := r.saveTo(ctx, n, engine, reference); err != nil {
			return err
		}
	}
	return nil
}

// loadAhead loads what a scenario's pods run before its first step: the steps' time
// is for what they do.
func (r *running) loadAhead(ctx context.Context, t harness.Target) error {
	if len(r.nodes) == 0 || (!r.intercepted && slices.Contains(t.Needs, harness.NeedIntercept)) {
		return nil
	}
	for _, reference := range t.Images {
		if err := r.loadImage(ctx, reference); err != nil {
			return err
		}
	}
	return nil
}

// engineHas says what is wrong where the engine has no such image.
func engineHas(ctx context.Context, reference string) error {
	engine := engineCommand()
	if engine == "" {
		return ErrNoEngine
	}
	if exec.CommandContext(ctx, engine, "image", "inspect", reference).Run() != nil {
		return fmt.Errorf("%s has no image %s; build or pull it first: %[1]s pull %[2]s", filepath.Base(engine), reference)
	}
	return nil
}

func (r *running) saveTo(ctx context.Context, n nodes.Node, engine, reference string) error {
	defer r.log.ticking(ctx, "kind: loading image %s into cluster %s", reference, r.name)()
	save := exec.CommandContext(ctx, engine, "save", reference)
	var problem bytes.Buffer
	save.Stderr = &problem
	archive, err := save.StdoutPipe()
	if err != nil {
		return err
	}
	if err := save.Start(); err != nil {
		return fmt.Errorf("%s save %s: %w", engine, reference, err)
	}
	loadErr := load(n, archive)
	_, _ = io.Copy(io.Discard, archive) // what a failed load left
	if err := save.Wait(); err != nil {
		return fullDisk(problem.Bytes(), fmt.Errorf("%s save %s: %w\n%s", engine, reference, err, bytes.TrimSpace(problem.Bytes())))
	}
	return loadErr
}

// engineCommand is the command of the engine that kind uses, in its order.
func engineCommand() string {
	for _, name := range []string{"docker", "nerdctl", "podman"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// bearCgroupV1 lets a kubelet start where the host has cgroup v1 only, which it
// refuses from Kubernetes 1.35 on. Those of before 1.31 pass over the field.
const bearCgroupV1 = "kind: KubeletConfiguration\nfailCgroupV1: false\n"

// onCgroupV1 asks Docker; the other engines want v2.
func onCgroupV1(ctx context.Context) bool {
	engine := engineCommand()
	if filepath.Base(engine) != "docker" {
		return false
	}
	version, err := exec.CommandContext(ctx, engine, "info", "--format", "{{.CgroupVersion}}").Output()
	return err == nil && strings.TrimSpace(string(version)) == "1"
}

// imagesOf are the images of the containers in an object, wherever they are.
func imagesOf(v any) []string {
	var found []string
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			list, isList := value.([]any)
			if !isList || (key != "containers" && key != "initContainers") {
				found = append(found, imagesOf(value)...)
				continue
			}
			for _, item := range list {
				if container, ok := item.(map[string]any); ok {
					if image, ok := container["image"].(string); ok && image != "" {
						found = append(found, image)
					}
				}
			}
		}
	case []any:
		for _, item := range v {
			found = append(found, imagesOf(item)...)
		}
	}
	return found
}
