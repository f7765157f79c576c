package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

// parentFlags say with which process the program ends.
type parentFlags struct {
	death bool
	pid   int
}

func (f *parentFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&f.death, "parent-death", false, "end, as on SIGTERM, when the process that started this one is gone: a test suite that is killed leaves nothing behind")
	flags.IntVar(&f.pid, "parent-pid", 0, "with --parent-death: the process to end with, where that is not the one that started this one")
}

func (f *parentFlags) check() error {
	switch {
	case f.pid != 0 && !f.death:
		return usageError("--parent-pid: is about --parent-death; write that too")
	case f.pid < 0:
		return usageError("--parent-pid %d: write the id of a process", f.pid)
	}
	return nil
}

// askParent is how often to ask whether the parent is still there. Linux's own
// PR_SET_PDEATHSIG is no help: it tells of the death of the thread that started
// this process, and a parent's threads come and go.
const askParent = 100 * time.Millisecond

// errParentGone is why a context ended whose parent is gone.
var errParentGone = errors.New("the process that started irsa-emu is gone")

// withParent ends the context when the parent is gone; stop lets go of it. With a
// parent that is gone already it fails.
func withParent(ctx context.Context, f parentFlags, log *slog.Logger) (_ context.Context, stop func(), err error) {
	if !f.death {
		return ctx, func() {}, nil
	}
	gone, err := watchParent(f.pid)
	if err != nil {
		return nil, nil, err
	}
	signal.Ignore(syscall.SIGPIPE) // whoever read our output is gone then, too, and its word comes before the parent's death
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(askParent)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if gone() {
				log.Info("ending: " + errParentGone.Error())
				cancel(errParentGone)
				return
			}
		}
	}()
	return ctx, func() { cancel(nil) }, nil
}

// parentless is that there is no parent to end with.
func parentless(format string, args ...any) error {
	return &exitError{exitFailed, fmt.Errorf("--parent-death: "+format, args...)}
}
