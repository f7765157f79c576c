package emulator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/irsa-emu/irsa-emu/state"
)

// serveReady says whether calls should be sent here. Before the state is loaded
// nobody listens. While the emulator ends, the answer is no. While the store is
// cut off it is yes, and a second line says so: reads are answered from what was known last,
// writes with 503, and since replicas share the store, none would be left if all
// of them said no. Why the store is cut off is for the log, not for everybody.
func (s *server) serveReady(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case s.draining.Load():
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, "not ready: shutting down")
	case s.store.Fault() != nil:
		fmt.Fprintln(w, "ok\nthe store is cut off: reads are answered from what was known last, writes are refused")
	default:
		fmt.Fprintln(w, "ok")
	}
}

// storeWatch logs when the store is lost and when it is heard from again.
type storeWatch struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// storeWatchEvery is how soon a lost store is logged.
const storeWatchEvery = time.Second

// watchStore begins to watch; nil where the store cannot be cut off.
func watchStore(store *state.Store, backend state.Backend, log *slog.Logger) *storeWatch {
	_, faults := backend.(state.Faulter)
	_, follows := backend.(state.Watcher)
	if !faults && !follows {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &storeWatch{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		logFaults(ctx, store.Fault, log)
	}()
	return w
}

func logFaults(ctx context.Context, fault func() error, log *slog.Logger) {
	tick := time.NewTicker(storeWatchEvery)
	defer tick.Stop()
	var since time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch err := fault(); {
		case err != nil && since.IsZero() && !errors.Is(err, state.ErrClosed):
			since = time.Now()
			log.Warn("the store is cut off: reads are answered from what was known last, writes are refused", "err", err)
		case err == nil && !since.IsZero():
			log.Info("the store is heard from again", "after", time.Since(since).Round(time.Millisecond))
			since = time.Time{}
		}
	}
}

func (w *storeWatch) stop() {
	if w == nil {
		return
	}
	w.cancel()
	<-w.done
}
