package state

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Shared tells whether others write to what is behind the backend as well.
func (s *Store) Shared() bool { return s.follow != nil }

// CatchUp returns nil when the current snapshot has everything that was kept before the call, by this process or another:
// what is not there then was not there. It costs a question to what is behind the backend, one for all who ask at the same
// time; nothing where nobody else writes. An error is ErrUnavailable when that cannot be found out.
func (s *Store) CatchUp(ctx context.Context) error {
	syncer, ok := s.backend.(Syncer)
	if !ok || s.follow == nil {
		return nil
	}
	round := s.rounds.join(func(r *round) { s.sync(syncer, r) })
	select {
	case <-round.done:
		return round.err
	case <-ctx.Done():
		return fmt.Errorf("state: waiting for the changes of others: %w", ctx.Err())
	}
}

func (s *Store) sync(syncer Syncer, r *round) {
	defer close(r.done)
	s.rounds.begin()
	defer s.rounds.end()
	err := s.caughtUp(syncer)
	if err == nil {
		return
	}
	r.err = fmt.Errorf("state: waiting for the changes of others: %w", unavailable(err))
}

// unavailable is err as an ErrUnavailable, unless it is one or says that there is no store any more.
func unavailable(err error) error {
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrClosed) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func (s *Store) caughtUp(syncer Syncer) error {
	ctx := s.follow.ctx
	if err := syncer.Sync(ctx); err != nil {
		return err
	}
	// What was loaded just now is in the snapshot once the writer's token is free.
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	return s.follow.lastFault()
}

// rounds are the questions to the backend whether it is behind. Whoever comes while one is under way needs the next one:
// what was kept in between is not in the answer.
type rounds struct {
	turn sync.Mutex // held by the one that is under way
	mu   sync.Mutex
	next *round // not begun yet; nil when nobody waits for one
}

type round struct {
	done chan struct{}
	err  error // read after done
}

// join gives the round that has not begun yet, starting it if there is none.
func (rs *rounds) join(start func(*round)) *round {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.next == nil {
		rs.next = &round{done: make(chan struct{})}
		go start(rs.next)
	}
	return rs.next
}

// begin waits for the round before; from then on nobody joins this one.
func (rs *rounds) begin() {
	rs.turn.Lock()
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.next = nil
}

func (rs *rounds) end() { rs.turn.Unlock() }
