package kind

import (
	"context"
	"sync"
)

// namespaceLocks lend namespaces to scenarios: to many that only request
// tokens of service accounts in them, or to one that applies manifests or runs
// pods. All that a scenario needs are lent at once, so that none waits for another.
type namespaceLocks struct {
	mu      sync.Mutex
	held    map[string]int // how many share it; -1 when one has it
	changed chan struct{}  // closed when something is given back
}

const taken = -1

func (l *namespaceLocks) acquire(ctx context.Context, names []string, exclusive bool) error {
	for {
		l.mu.Lock()
		if l.held == nil {
			l.held, l.changed = map[string]int{}, make(chan struct{})
		}
		if l.free(names, exclusive) {
			for _, name := range names {
				if exclusive {
					l.held[name] = taken
				} else {
					l.held[name]++
				}
			}
			l.mu.Unlock()
			return nil
		}
		changed := l.changed
		l.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (l *namespaceLocks) free(names []string, exclusive bool) bool {
	for _, name := range names {
		if n := l.held[name]; n == taken || (exclusive && n > 0) {
			return false
		}
	}
	return true
}

func (l *namespaceLocks) release(names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range names {
		if l.held[name] == taken || l.held[name] == 1 {
			delete(l.held, name)
		} else {
			l.held[name]--
		}
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

// rwLock is a sync.RWMutex that gives up when a context ends. It is one name
// of namespaceLocks: many share it, or one has it.
type rwLock struct{ locks namespaceLocks }

var theCluster = []string{"cluster"}

func (l *rwLock) acquire(ctx context.Context, exclusive bool) error {
	return l.locks.acquire(ctx, theCluster, exclusive)
}

func (l *rwLock) release() { l.locks.release(theCluster) }
