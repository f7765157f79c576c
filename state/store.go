package state

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Store is the state in memory, with a Backend behind it.
type Store struct {
	kinds   *kinds
	backend Backend
	current atomic.Pointer[Snapshot]
	changed atomic.Pointer[chan struct{}] // closed at the next swap

	writer chan struct{} // holds a token while someone changes the state
	tables tables        // those that drafts begin with; guarded by writer
	closed bool          // guarded by writer
	follow *follower     // nil unless the backend is a Watcher

	observer atomic.Pointer[Observer]
	revision atomic.Int64
	rounds   rounds
}

// A transaction that meets conflicts waits between runs, at first about firstPause, then longer up to maxPause, and gives
// up after maxRuns: some ten seconds in which another writer was always faster.
const (
	maxRuns    = 100
	firstPause = time.Millisecond
	maxPause   = 200 * time.Millisecond
)

// Open loads all that the backend keeps. When it fails, the backend is left open. A backend that is a [Watcher] is
// followed from then on until Close.
func Open(ctx context.Context, backend Backend, list ...Kind) (*Store, error) {
	kinds, err := newKinds(list)
	if err != nil {
		return nil, fmt.Errorf("state: opening the store: %w", err)
	}
	s := &Store{kinds: kinds, tables: kinds.newTables(), backend: backend, writer: make(chan struct{}, 1)}
	s.publish(&Snapshot{kinds: kinds, tables: kinds.newTables()})
	if err := s.reload(ctx); err != nil {
		return nil, fmt.Errorf("state: opening %s: %w", named(backend), err)
	}
	if watcher, ok := backend.(Watcher); ok {
		s.startFollowing(watcher)
	}
	return s, nil
}

// named is a backend in errors: by its own name, if it has one.
func named(backend Backend) string {
	if name, has := backend.(fmt.Stringer); has {
		return name.String()
	}
	return "the store"
}

// Keeps tells whether what is put outlives the Store.
func (s *Store) Keeps() bool {
	_, forgets := s.backend.(*memory)
	return !forgets
}

// Snapshot is the state as of now.
func (s *Store) Snapshot() *Snapshot { return s.current.Load() }

// Version is that of the current snapshot.
func (s *Store) Version() uint64 { return s.Snapshot().version }

// Changed gives a channel that is closed when the state changes next. Ask for it before looking at a Snapshot, so that no
// change is missed in between.
func (s *Store) Changed() <-chan struct{} { return *s.changed.Load() }

// Update runs the function on a transaction and keeps what it wrote: all of it, or, when an error is returned, none of it.
// When Update returns nil the change is kept by the backend and visible to every later Snapshot.
//
// The function may run more than once, when another process changed what it read; it must have no other effects, and not
// call Update itself. Updates of one Store run one after the other. An error of the function is returned as it is, and so
// is that it wrote nothing; but where others write too, only once the function saw all that was kept before the call.
//
// The context bounds waiting: for other Updates, and between runs. It is passed to the backend, but once a commit has begun
// its outcome is found out whatever becomes of the context: nil means kept though the caller may have gone, an error means
// not kept. Only ErrUncertain, when the backend was lost in the middle, leaves it open.
func (s *Store) Update(ctx context.Context, fn func(*Txn) error) error {
	pause, caughtUp := firstPause, false
	for run := 1; ; run++ {
		seen, outcome, err := s.run(ctx, fn)
		if outcome == undone && !caughtUp {
			if err := s.CatchUp(ctx); err != nil {
				return err
			}
			if caughtUp = true; s.Version() != seen {
				continue
			}
		}
		if outcome != conflicted {
			return err
		}
		if run == maxRuns {
			return fmt.Errorf("state: given up after %d runs: %w", run, err)
		}
		changed := s.Changed()
		select {
		case <-ctx.Done():
			return fmt.Errorf("state: waiting to run again after a conflict: %w", ctx.Err())
		case <-time.After(pause/2 + rand.N(pause)):
		case <-changed:
		}
		pause = min(2*pause, maxPause)
	}
}

// outcome is how one attempt of an Update ended.
type outcome int

const (
	ended      outcome = iota // committed, or failed for good
	undone                    // by its function, which wrote nothing or gave an error: what it read was not compared with anything
	conflicted                // with another writer
)

// run is one attempt of an Update; seen is the version that it read.
func (s *Store) run(ctx context.Context, fn func(*Txn) error) (seen uint64, how outcome, err error) {
	if err := s.lock(ctx); err != nil {
		return 0, ended, err
	}
	draft := s.newDraft()
	tx := newTxn(s.kinds, draft)
	defer func() { tx.ended(how, err) }() // last, when the store is free again
	defer s.unlock()
	seen = s.Version()
	if err := fn(tx); err != nil {
		return seen, undone, err
	}
	if tx.err != nil {
		return seen, ended, tx.err
	}
	changes, err := tx.changes(s.Keeps())
	if err != nil {
		return seen, ended, err
	}
	if changes == nil {
		return seen, undone, nil
	}
	began := time.Now()
	revision, err := s.backend.Commit(ctx, changes)
	if o := s.observer.Load(); o != nil {
		o.Committed(time.Since(began), err)
	}
	if errors.Is(err, ErrConflict) {
		if s.follow == nil {
			if err := s.reload(ctx); err != nil {
				return seen, ended, fmt.Errorf("state: loading again after a conflict: %w", err)
			}
		}
		return seen, conflicted, err
	}
	if err != nil {
		return seen, ended, fmt.Errorf("state: committing: %w", err)
	}
	tx.setRevision(revision)
	s.follow.remember(changes, revision)
	s.saw(revision)
	s.commit(draft)
	return seen, ended, nil
}

// Close waits for a running Update, stops following the backend and closes it. Snapshots stay readable; Updates answer
// ErrClosed. Closing again does nothing.
func (s *Store) Close() error {
	s.follow.stop()
	s.writer <- struct{}{}
	defer s.unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.backend.Close()
}

func (s *Store) lock(ctx context.Context) error {
	select {
	case s.writer <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("state: waiting for other writers: %w", ctx.Err())
	}
	if s.closed {
		s.unlock()
		return ErrClosed
	}
	return nil
}

func (s *Store) unlock() { <-s.writer }

// commit makes a draft the tables of the store and the next snapshot. The caller has the writer's token.
func (s *Store) commit(d *draft) {
	s.tables = d.tables
	last := s.Snapshot()
	next := &Snapshot{kinds: s.kinds, tables: maps.Clone(last.tables), version: last.version + 1}
	for kind := range d.changed {
		next.tables[kind] = d.tables[kind].clone() // its own: readers and the next writer are apart
	}
	s.publish(next)
}

// publish makes a snapshot the current one.
func (s *Store) publish(next *Snapshot) {
	s.current.Store(next)
	fresh := make(chan struct{})
	if last := s.changed.Swap(&fresh); last != nil {
		close(*last)
	}
}
