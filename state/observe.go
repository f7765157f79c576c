package state

import "time"

// Observer is told what a Store does with its backend, for metrics. Its
// functions must be quick, and are called while the store is locked.
type Observer struct {
	// Committed: the backend was asked to commit.
	Committed func(took time.Duration, err error)
	// Reloaded: everything was loaded again, after a conflict that no Watch
	// explains or because a Watch was lost.
	Reloaded func(err error)
	// Followed: so many changes of others came by Watch.
	Followed func(changes int)
}

// Observe sets the observer, before the store is used.
func (s *Store) Observe(o *Observer) { s.observer.Store(o) }

// Revision is that of the newest change that the store has applied, its own
// and those of others; 0 before the first.
func (s *Store) Revision() int64 { return s.revision.Load() }

// saw notes the revision of a change that was applied. The caller has the
// writer's token.
func (s *Store) saw(revision int64) {
	if revision > s.revision.Load() {
		s.revision.Store(revision)
	}
}
