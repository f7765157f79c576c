package state

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-memdb"
)

// reload makes memory equal to what the backend keeps. Entities whose revision has not moved are not decoded again. The
// caller has the writer's token, or is the only one that knows the store.
func (s *Store) reload(ctx context.Context) (err error) {
	defer func() {
		if o := s.observer.Load(); o != nil {
			o.Reloaded(err)
		}
	}()
	records, err := s.backend.Load(ctx)
	if err != nil {
		return err
	}
	view := s.db.Txn(true)
	defer view.Abort()
	kept := make(map[string]map[string]bool, len(s.kinds.byName))
	for name := range s.kinds.byName {
		kept[name] = map[string]bool{}
	}
	for _, r := range records {
		if s.kinds.byName[r.Kind] != nil {
			kept[r.Kind][r.Key] = true
		}
		if err := s.replace(view, Change{Kind: r.Kind, Key: r.Key, Value: r.Value, Revision: r.Revision}); err != nil {
			return err
		}
		s.saw(r.Revision)
	}
	for name, kind := range s.kinds.byName {
		var gone []*row
		all, err := view.Get(name, rows)
		if err != nil {
			return err
		}
		for next := all.Next(); next != nil; next = all.Next() {
			if !kept[name][next.(*row).key] {
				gone = append(gone, next.(*row))
			}
		}
		for _, row := range gone {
			if err := view.Delete(kind.Name, row); err != nil {
				return fmt.Errorf("deleting %s %q: %w", name, row.key, err)
			}
		}
	}
	s.follow.forget()
	view.Commit()
	s.publish()
	return nil
}

// replace brings one entity to what the backend says it is.
func (s *Store) replace(view *memdb.Txn, c Change) error {
	kind := s.kinds.byName[c.Kind]
	if kind == nil {
		return fmt.Errorf("kind %q is not known (was the state written by a newer version?)", c.Kind)
	}
	current := first(view, kind, rows, c.Key)
	if current != nil && current.revision >= c.Revision {
		return nil
	}
	if c.Value == nil {
		if current == nil {
			return nil
		}
		return view.Delete(kind.Name, current)
	}
	next, err := s.kinds.decode(c.Kind, c.Key, c.Value, c.Revision)
	if err != nil {
		return err
	}
	return view.Insert(kind.Name, next)
}

// follower brings the changes of other processes into memory. A nil follower is that of a backend without others.
type follower struct {
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex
	fault error

	// deleted has the store's own deletions that Watch has not told of yet: without them a late report of an earlier put
	// would bring the entity back for a moment. Guarded by the store's writer token.
	deleted map[[2]string]int64
}

// Fault tells why changes of others do not arrive now, nil when they do or when there are no others. Reads then go on from
// the state as it was last known.
func (s *Store) Fault() error {
	if fault := s.follow.lastFault(); fault != nil {
		return fault
	}
	if backend, ok := s.backend.(Faulter); ok {
		return backend.Fault()
	}
	return nil
}

func (s *Store) startFollowing(w Watcher) {
	ctx, cancel := context.WithCancel(context.Background())
	s.follow = &follower{ctx: ctx, cancel: cancel, done: make(chan struct{}), deleted: map[[2]string]int64{}}
	go func() {
		defer close(s.follow.done)
		for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, 10*maxPause) {
			began := time.Now()
			err := s.watch(ctx, w)
			if time.Since(began) > time.Minute {
				pause = firstPause
			}
			for ctx.Err() == nil {
				s.follow.setFault(fmt.Errorf("state: following the changes of others: %w", err))
				select {
				case <-ctx.Done():
				case <-time.After(pause):
				}
				if err = s.resync(ctx); err == nil {
					s.follow.setFault(nil)
					break
				}
				pause = min(2*pause, 10*maxPause)
			}
		}
	}()
}

// watch applies changes until the watch ends or brings something that cannot be applied.
func (s *Store) watch(ctx context.Context, w Watcher) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := w.Watch(ctx, func(changes []Change) {
		if ctx.Err() != nil {
			return
		}
		if err := s.apply(ctx, changes); err != nil {
			cancel(err)
		}
	})
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err == nil {
		err = errors.New("the watch ended")
	}
	return err
}

func (s *Store) apply(ctx context.Context, changes []Change) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	view := s.db.Txn(true)
	defer view.Abort()
	view.TrackChanges()
	for _, c := range changes {
		at := [2]string{c.Kind, c.Key}
		if own, ok := s.follow.deleted[at]; ok {
			if c.Revision >= own {
				delete(s.follow.deleted, at)
			}
			if c.Revision <= own {
				continue
			}
		}
		if err := s.replace(view, c); err != nil {
			return err
		}
	}
	for _, c := range changes {
		s.saw(c.Revision)
	}
	followed := len(view.Changes())
	if followed == 0 { // the store's own, told again
		return nil
	}
	if o := s.observer.Load(); o != nil {
		o.Followed(followed)
	}
	view.Commit()
	s.publish()
	return nil
}

func (s *Store) resync(ctx context.Context) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	return s.reload(ctx)
}

func (f *follower) lastFault() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fault
}

func (f *follower) setFault(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = err
}

// remember notes what a commit of this store deleted.
func (f *follower) remember(changes []Change, revision int64) {
	if f == nil {
		return
	}
	for _, c := range changes {
		if !c.Read && c.Value == nil {
			f.deleted[[2]string{c.Kind, c.Key}] = revision
		}
	}
}

// forget drops the deletions: a full load includes them, and the watch begins after it.
func (f *follower) forget() {
	if f != nil {
		clear(f.deleted)
	}
}

func (f *follower) stop() {
	if f == nil {
		return
	}
	f.cancel()
	<-f.done
}
