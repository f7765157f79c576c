package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/irsa-emu/irsa-emu/state"
)

var errCompacted = errors.New("etcd has compacted the changes that come next")

// Watch tells of changes from where the store is, going on after interruptions. It returns when etcd no longer has what
// comes next.
func (s *Store) Watch(ctx context.Context, apply func([]state.Change)) error {
	// A member that is cut off from the others refuses the watch instead of keeping silent, and another member is tried.
	ctx = clientv3.WithRequireLeader(ctx)
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		began := time.Now()
		err := s.watch(ctx, apply)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case s.isClosed():
			return state.ErrClosed
		case errors.Is(err, errCompacted):
			return err
		}
		s.setFault(fmt.Errorf("watching etcd at %s: %w", strings.Join(s.config.Endpoints, ","), err))
		if time.Since(began) > time.Minute {
			pause = 10 * time.Millisecond
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// watch is one watch, until it ends.
func (s *Store) watch(parent context.Context, apply func([]state.Change)) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	s.mu.Lock()
	from := s.complete + 1
	s.mu.Unlock()
	answers := s.client.Watch(ctx, s.keys.state, clientv3.WithPrefix(), clientv3.WithRev(from))
	beats := make(chan beat)
	go s.beat(ctx, beats)
	told := &teller{store: s, ctx: parent, apply: apply, heads: map[string]int64{}}
	answered, behind := time.Now(), time.Time{}
	for {
		select {
		case answer, open := <-answers:
			switch {
			case !open:
				return errors.New("the watch was closed")
			case answer.CompactRevision > 0:
				return errCompacted
			case answer.Err() != nil:
				return answer.Err()
			}
			if err := told.tell(answer); err != nil {
				return err
			}
		case beat := <-beats:
			if beat.err != nil {
				if time.Since(answered) > s.config.pace.silence {
					s.setFault(beat.err)
				}
				continue
			}
			answered = time.Now()
			switch {
			case s.knows(beat.newest):
				behind = time.Time{}
				s.setFault(nil)
			case told.batch.decided:
				behind = time.Time{}
				if time.Since(told.since) > s.config.pace.help {
					// The replica that began it may be gone. If this fails, it is tried again at the next beat.
					_ = s.carryOut(ctx, told.batch)
				}
			case behind.IsZero():
				behind = time.Now()
			case time.Since(behind) > s.config.pace.silence:
				return fmt.Errorf("it has not brought revision %d within %v", beat.newest, s.config.pace.silence)
			}
		}
	}
}

// beat is what etcd says when it is asked: the revision of the newest change there is.
type beat struct {
	newest int64
	err    error
}

// beat asks regularly. A watch by itself cannot be told from one that nobody serves: etcd reports no progress as long as
// nothing happens.
func (s *Store) beat(ctx context.Context, beats chan<- beat) {
	tick := time.NewTicker(s.config.pace.beat)
	defer tick.Stop()
	for {
		var b beat
		if b.newest, b.err = s.newest(ctx); b.err == nil {
			s.askProgress(ctx)
		}
		select {
		case beats <- b:
		case <-ctx.Done():
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// askProgress makes etcd say how far it is, when nothing of ours changes but other things do: so that a watch begun anew
// does not ask for what has been compacted. An error is only that there is no connection now.
func (s *Store) askProgress(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.config.pace.beat)
	defer cancel()
	_ = s.client.RequestProgress(ctx)
}

func (s *Store) knows(revision int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.complete >= revision
}

// teller hands on what a watch brings, in commits that are whole.
type teller struct {
	store *Store
	ctx   context.Context // ends when apply no longer takes anything
	apply func([]state.Change)

	changes []state.Change
	heads   map[string]int64 // of the kinds that changed
	batch   batch            // while one is decided but not carried out: everything is held back
	since   time.Time        // that batch was seen
}

func (t *teller) tell(answer clientv3.WatchResponse) error {
	for _, event := range answer.Events {
		key, revision := string(event.Kv.Key), event.Kv.ModRevision
		switch {
		case key == t.store.keys.batch && event.Type == clientv3.EventTypeDelete:
			t.batch = batch{}
		case key == t.store.keys.batch:
			if b := readBatch([]*mvccpb.KeyValue{event.Kv}); b.decided {
				if err := t.flush(revision - 1); err != nil {
					return err
				}
				t.batch, t.since = b, time.Now()
			}
		case strings.HasPrefix(key, t.store.keys.kind):
			t.heads[strings.TrimPrefix(key, t.store.keys.kind)] = revision
		default:
			record, err := t.store.record(event.Kv)
			if err != nil {
				return err
			}
			change := state.Change{Kind: record.Kind, Key: record.Key, Value: record.Value, Revision: record.Revision}
			if event.Type == clientv3.EventTypeDelete {
				change.Value = nil
			} else if change.Value == nil {
				change.Value = []byte{} // no JSON, but no deletion either
			}
			t.changes = append(t.changes, change)
		}
	}
	if t.batch.decided {
		return nil
	}
	upTo := int64(0)
	if n := len(answer.Events); n > 0 {
		upTo = answer.Events[n-1].Kv.ModRevision // the header may be ahead of the events
	} else if answer.IsProgressNotify() {
		upTo = answer.Header.Revision
	}
	return t.flush(upTo)
}

// flush hands on what has come up to a revision.
func (t *teller) flush(upTo int64) error {
	if len(t.changes) > 0 {
		t.apply(t.changes)
		if err := t.ctx.Err(); err != nil {
			return err // perhaps it was not applied
		}
		t.changes = nil
	}
	t.store.mu.Lock()
	defer t.store.mu.Unlock()
	for kind, revision := range t.heads {
		t.store.heads[kind] = max(t.store.heads[kind], revision)
	}
	clear(t.heads)
	t.store.completed(max(t.store.complete, upTo))
	return nil
}
