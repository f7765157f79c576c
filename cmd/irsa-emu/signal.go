package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// ending are the signals that ask the program to end.
var ending = []os.Signal{os.Interrupt, syscall.SIGTERM}

// secondSignal gives a channel that is closed at the first of those signals
// after the context has ended, which is what the first one does. forget lets go
// of it.
func secondSignal(ctx context.Context) (hurry <-chan struct{}, forget func()) {
	signals, closed, done := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		signal.Notify(signals, ending...)
		defer signal.Stop(signals)
		select {
		case <-signals:
			close(closed)
		case <-done:
		}
	})
	return closed, func() {
		stop()
		close(done)
	}
}
