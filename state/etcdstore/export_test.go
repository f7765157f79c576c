package etcdstore

import (
	"context"
	"time"

	"github.com/irsa-emu/irsa-emu/state"
)

// Hurried is the configuration with everything noticed ten times sooner.
func (c Config) Hurried() Config {
	c.pace = pace{beat: 100 * time.Millisecond, silence: 400 * time.Millisecond, help: 300 * time.Millisecond}
	return c
}

// Staged, Locked and Decided do the first steps of a batch, and then no more: as if the process had died there.
func (s *Store) Staged(ctx context.Context, id string, changes []state.Change) error {
	c, err := s.prepare(changes)
	if err != nil {
		return err
	}
	return s.stage(ctx, id, c.writes)
}

func (s *Store) Locked(ctx context.Context, id string, changes []state.Change) (lock int64, err error) {
	return s.LockedFor(ctx, id, changes, leaseTTL)
}

// LockedFor is Locked with a lease of so many seconds.
func (s *Store) LockedFor(ctx context.Context, id string, changes []state.Change, ttl int64) (lock int64, err error) {
	if err := s.Staged(ctx, id, changes); err != nil {
		return 0, err
	}
	lease, err := s.client.Grant(ctx, ttl)
	if err != nil {
		return 0, err
	}
	return s.lock(ctx, id, lease.ID)
}

func (s *Store) Decided(ctx context.Context, id string, changes []state.Change) error {
	lock, err := s.Locked(ctx, id, changes)
	if err != nil {
		return err
	}
	c, err := s.prepare(changes)
	if err != nil {
		return err
	}
	_, err = s.decideBatch(ctx, id, lock, c)
	return err
}
