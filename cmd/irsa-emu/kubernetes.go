package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/harness/kind"
	"github.com/irsa-emu/irsa-emu/term"
)

// startKind makes kind clusters when scenarios need them.
func (p *program) startKind(ctx context.Context, f runFlags) (clusters, error) {
	parallel := f.parallel
	if parallel < 1 {
		parallel = 2 * runtime.GOMAXPROCS(0)
	}
	made, err := kind.New(ctx, kind.Config{
		Images: f.kind.images, Name: f.kind.name, Keep: f.kind.keep, Executable: f.kind.executable, Parallel: parallel,
		HostPattern: emulator.HostPattern(), Log: statusLines(p.stderr, term.IsTerminal(p.stderr)),
	})
	if err != nil {
		return clusters{}, &exitError{exitFailed, err}
	}
	return clusters{start: made.Start, controlToken: made.ControlToken(), stop: made.Close}, nil
}

// useExisting plays on the cluster of a kubeconfig.
func (p *program) useExisting(ctx context.Context, f runFlags) (clusters, error) {
	parallel := f.parallel
	if parallel < 1 {
		parallel = 2 * runtime.GOMAXPROCS(0)
	}
	existing, err := kind.Use(ctx, kind.Config{
		EmulatorImage: f.kind.emulatorImage, Executable: f.kind.executable, Parallel: parallel, Log: statusLines(p.stderr, term.IsTerminal(p.stderr)),
	}, f.kind.context)
	if err != nil {
		return clusters{}, &exitError{exitFailed, err}
	}
	return clusters{start: existing.Start, controlToken: existing.ControlToken(), stop: existing.Close}, nil
}

// quietTime is how long a log that is no terminal stays without a line where
// something takes its time.
const quietTime = 30 * time.Second

// statusLines writes what is going on. On a terminal, a line that says how
// long something has taken so far makes way for the next; elsewhere it is written
// when nothing was for a while.
func statusLines(w io.Writer, terminal bool) kind.Logger {
	var mu sync.Mutex
	written := time.Now()
	return func(p kind.Progress) {
		mu.Lock()
		defer mu.Unlock()
		line, again := term.Lines(p.String()), p.SoFar > 0
		switch {
		case !terminal && again && time.Since(written) < quietTime:
		case !terminal:
			written = time.Now()
			fmt.Fprintln(w, line)
		case again:
			fmt.Fprint(w, term.ClearLine+line)
		default:
			fmt.Fprintln(w, term.ClearLine+line)
		}
	}
}

// kubernetesCommands are those that need an API server.
func (p *program) kubernetesCommands() []*cobra.Command {
	return []*cobra.Command{p.upCommand(), p.downCommand(), p.doctorCommand(), p.webhookCommand(), p.authenticatorCommand()}
}
