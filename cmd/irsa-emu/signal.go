package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// ending are the signals that ask the program to end.
var ending = []os.Signal{os.Interrupt, syscall.SIGTERM}

// secondSignal gives a channel that is closed at the second of those signals, the
// first of which ends the context; at the first where the parent's death has ended
// it. It listens from now on: a second signal may come before anybody has noticed
// that the context has ended. forget lets go of it.
func secondSignal(ctx context.Context) (hurry <-chan struct{}, forget func()) {
	signals, closed, done := make(chan os.Signal, 2), make(chan struct{}), make(chan struct{})
	missing, ended := 2, ctx.Done()
	if ctx.Err() != nil {
		missing, ended = 1, nil
	}
	signal.Notify(signals, ending...)
	go func() {
		defer signal.Stop(signals)
		for missing > 0 {
			select {
			case <-signals:
				missing--
			case <-ended:
				ended = nil
				if errors.Is(context.Cause(ctx), errParentGone) {
					missing--
				}
			case <-done:
				return
			}
		}
		close(closed)
	}()
	return closed, func() { close(done) }
}
