package kind

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sigs.k8s.io/kind/pkg/cluster/nodes"
	"sigs.k8s.io/kind/pkg/exec"
)

// fakeNode is a node whose imports wait until they may go on.
type fakeNode struct {
	nodes.Node // panics where something else is asked
	imports    atomic.Int32
	goOn       chan error
}

func (n *fakeNode) String() string { return "fake" }

func (n *fakeNode) Command(name string, args ...string) exec.Cmd {
	return &fakeCommand{node: n, line: name + " " + strings.Join(args, " ")}
}

type fakeCommand struct {
	exec.Cmd
	node *fakeNode
	line string
	out  io.Writer
}

func (c *fakeCommand) SetStdin(io.Reader) exec.Cmd    { return c }
func (c *fakeCommand) SetStdout(w io.Writer) exec.Cmd { c.out = w; return c }
func (c *fakeCommand) SetStderr(io.Writer) exec.Cmd   { return c }
func (c *fakeCommand) Run() error {
	switch {
	case strings.Contains(c.line, "images import"):
		c.node.imports.Add(1)
		return <-c.node.goOn
	case strings.Contains(c.line, "containerd config dump"):
		_, err := io.WriteString(c.out, "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\nsnapshotter = \"overlayfs\"\n")
		return err
	}
	return errors.New("there is no such image") // crictl inspecti
}

// A step that has no time left does not take the image away from the others, and
// a load that failed is tried again.
func TestImagesAreLoadedOnce(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "docker"), []byte("#!/bin/sh\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder)
	n := &fakeNode{goOn: make(chan error)}
	r := &running{name: "test", nodes: []nodes.Node{n}, log: func(Progress) {}}
	r.life, r.end = context.WithCancel(context.Background())
	impatient, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("the step took longer than 2m"))
	if err := r.loadImage(impatient, "app:1"); err == nil || !strings.Contains(err.Error(), "loading image app:1 into cluster test: the step took") {
		t.Error(err)
	}
	select {
	case n.goOn <- errors.New("the disk is full"):
	case <-time.After(time.Minute):
		t.Fatal("the load ended with the step")
	}
	again := make(chan error, 1)
	for retried := false; !retried; { // until the failed load is forgotten
		go func() { again <- r.loadImage(context.Background(), "app:1") }()
		select {
		case n.goOn <- nil:
			retried = true
			if err := <-again; err != nil {
				t.Error(err)
			}
		case err := <-again: // it waited for the one that failed
			if err == nil || !strings.Contains(err.Error(), "failed to load image") {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("nobody loads the image again")
		}
	}
	if err := r.loadImage(context.Background(), "app:1"); err != nil || n.imports.Load() != 2 {
		t.Errorf("%v after %d imports", err, n.imports.Load())
	}
	r.drain()
}

// A full disk is told with what to do, wherever it shows first: when the engine writes the image out, or a node takes it in.
func TestFullDisk(t *testing.T) {
	const full = "write /var/lib/docker/tmp/docker-export-1/layer.tar: no space left on device"
	for name, c := range map[string]struct {
		engine string
		node   error
	}{
		"saving":  {engine: "[ $1 != save ] || { echo 'Error response from daemon: " + full + "' >&2; exit 1; }\n"},
		"loading": {node: &exec.RunError{Command: []string{"ctr"}, Output: []byte("ctr: " + full), Inner: errors.New("exit status 1")}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, "docker"), []byte("#!/bin/sh\n"+c.engine), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", folder)
			n := &fakeNode{goOn: make(chan error, 1)}
			n.goOn <- c.node
			r := &running{name: "test", nodes: []nodes.Node{n}, log: func(Progress) {}}
			r.life, r.end = context.WithCancel(t.Context())
			defer r.end()
			err := r.loadImage(t.Context(), "app:1")
			for _, want := range []string{full, "the disk of docker is full", "docker system df", "docker image prune"} {
				if err == nil || strings.Count(err.Error(), want) != 1 {
					t.Errorf("%v\nwant once: %s", err, want)
				}
			}
		})
	}
}
