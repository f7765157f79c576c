package state

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
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
	draft := s.newDraft()
	kept := make(map[string]map[string]bool, len(s.kinds.byName))
	for name := range s.kinds.byName {
		kept[name] = map[string]bool{}
	}
	for _, r := range records {
		if s.kinds.byName[r.Kind] != nil {
			kept[r.Kind][r.Key] = true
		}
		if _, err := s.replace(draft, Change{Kind: r.Kind, Key: r.Key, Value: r.Value, Revision: r.Revision}); err != nil {
			return err
		}
		s.saw(r.Revision)
	}
	for name, kind := range s.kinds.byName {
		var gone []string
		draft.tables[kind].under("", func(r *row) bool {
			if !kept[name][r.key] {
				gone = append(gone, r.key)
			}
			return true
		})
		for _, key := range gone {
			draft.change(kind).delete(key)
		}
	}
	s.follow.forget()
	s.commit(draft)
	return nil
}

// replace brings one entity to what the backend says it is, and tells whether it was not.
func (s *Store) replace(d *draft, c Change) (changed bool, err error) {
	kind := s.kinds.byName[c.Kind]
	if kind == nil {
		return false, fmt.Errorf("kind %q is not known (was the state written by a newer version?)", c.Kind)
	}
	current := d.tables[kind].get(c.Key)
	if current != nil && current.revision >= c.Revision {
		return false, nil
	}
	if c.Value == nil {
		if current == nil {
			return false, nil
		}
		d.change(kind).delete(c.Key)
		return true, nil
	}
	next, err := s.kinds.decode(c.Kind, c.Key, c.Value, c.Revision)
	if err != nil {
		return false, err
	}
	d.change(kind).put(next)
	return true, nil
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
	draft := s.newDraft()
	followed := map[[2]string]bool{}
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
		changed, err := s.replace(draft, c)
		if err != nil {
			return err
		}
		if changed {
			followed[at] = true
		}
	}
	for _, c := range changes {
		s.saw(c.Revision)
	}
	if len(followed) == 0 { // the store's own, told again
		return nil
	}
	if o := s.observer.Load(); o != nil {
		o.Followed(len(followed))
	}
	s.commit(draft)
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
