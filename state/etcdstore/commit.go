package etcdstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/irsa-emu/irsa-emu/state"
)

// Commit executes the changes in one transaction, or as a batch when they are more than etcd takes in one.
func (s *Store) Commit(ctx context.Context, changes []state.Change) (int64, error) {
	s.commit.Lock()
	defer s.commit.Unlock()
	if s.isClosed() {
		return 0, state.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	c, err := s.prepare(changes)
	if err != nil {
		return 0, err
	}
	if fault := s.Fault(); fault != nil {
		// To wait for the timeout, each writer after the other, would be of no use to anybody.
		quick, cancel := context.WithTimeout(ctx, s.config.Timeout/6)
		defer cancel()
		if _, err := s.get(quick, s.keys.format); err != nil {
			if errors.Is(fault, state.ErrUnavailable) {
				return 0, fault
			}
			return 0, fmt.Errorf("%w: %w", state.ErrUnavailable, fault)
		}
	}
	if s.writer.pending != "" {
		// What became of the earlier commit, its caller was told is not known. If it was executed, the watch tells of it.
		if _, err := s.resolve(ctx); err != nil {
			return 0, fmt.Errorf("asking for the outcome of an earlier commit: %w", err)
		}
	}
	if c.fits {
		return s.commitAtOnce(ctx, c)
	}
	return s.commitBatch(ctx, c)
}

// commit is what a Commit is to do.
type commit struct {
	writes []state.Change
	kinds  []string // that the writes are of
	// compared has what must still be so.
	compared []clientv3.Cmp
	fits     bool // into one request
}

func (s *Store) prepare(changes []state.Change) (commit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var c commit
	size, seen := 0, map[string]bool{}
	for _, change := range changes {
		if change.Kind == "" || strings.Contains(change.Kind, "/") {
			return c, fmt.Errorf("kind %q cannot be part of a key in etcd", change.Kind)
		}
		if change.Read && change.Key == "" {
			c.compared = append(c.compared, clientv3.Compare(clientv3.ModRevision(s.keys.kind+change.Kind), "<", s.heads[change.Kind]+1))
			continue
		}
		key := s.keys.of(change.Kind, change.Key)
		c.compared = append(c.compared, clientv3.Compare(clientv3.ModRevision(key), "=", change.Revision))
		size += len(key)
		if change.Read {
			continue
		}
		if len(key)+len(change.Value) > s.config.MaxRequestBytes-slack {
			return c, fmt.Errorf("%w: %s %q has %d bytes; with max-request-bytes=%d etcd takes up to %d", state.ErrTooLarge,
				change.Kind, change.Key, len(change.Value), s.config.MaxRequestBytes, s.config.MaxRequestBytes-slack-len(key))
		}
		size += len(key) + len(change.Value)
		c.writes = append(c.writes, change)
		if !seen[change.Kind] {
			seen[change.Kind] = true
			c.kinds = append(c.kinds, change.Kind)
		}
	}
	// Besides these there are the batch, the format and the writer to compare, and the writer to put.
	c.fits = len(c.compared)+3 <= s.config.MaxTxnOps && len(c.writes)+len(c.kinds)+1 <= s.config.MaxTxnOps && size <= s.config.MaxRequestBytes-slack
	return c, nil
}

func (s *Store) commitAtOnce(ctx context.Context, c commit) (int64, error) {
	compare := append(c.compared, s.noBatch(), s.sameFormat())
	var then []clientv3.Op
	for _, change := range c.writes {
		then = append(then, s.op(change))
	}
	return s.execute(ctx, c, len(c.writes), compare, then)
}

func (s *Store) op(change state.Change) clientv3.Op {
	if change.Value == nil {
		return clientv3.OpDelete(s.keys.of(change.Kind, change.Key))
	}
	return clientv3.OpPut(s.keys.of(change.Kind, change.Key), string(change.Value))
}

func (s *Store) noBatch() clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(s.keys.batch), "=", 0)
}

func (s *Store) sameFormat() clientv3.Cmp {
	return clientv3.Compare(clientv3.Value(s.keys.format), "=", Format)
}

// execute decides the commit by a transaction that also puts the kinds' keys, which come after the operations given.
func (s *Store) execute(ctx context.Context, c commit, given int, compare []clientv3.Cmp, then []clientv3.Op) (int64, error) {
	for _, kind := range c.kinds {
		then = append(then, clientv3.OpPut(s.keys.kind+kind, "", clientv3.WithPrevKV()))
	}
	otherwise := []clientv3.Op{clientv3.OpGet(s.keys.batch), clientv3.OpGet(s.writerKey()), clientv3.OpGet(s.keys.format)}
	for again := false; ; again = true {
		answer, err := s.decide(ctx, rand.Text(), compare, then, otherwise)
		if err != nil {
			return 0, err
		}
		if answer.Succeeded {
			s.advance(c.kinds, answer, given)
			return answer.Header.Revision, nil
		}
		batch := readBatch(answer.Responses[0].GetResponseRange().Kvs)
		if format := answer.Responses[2].GetResponseRange().Kvs; len(format) == 0 || string(format[0].Value) != Format {
			return 0, fmt.Errorf("%w: %s in etcd was taken over by another version of irsa-emu", state.ErrUnavailable, s.config.Prefix)
		}
		revision := int64(0)
		if writers := answer.Responses[1].GetResponseRange().Kvs; len(writers) > 0 {
			revision = writers[0].ModRevision
		}
		switch {
		case revision != s.writer.revision && !again: // cleared away
			s.writer.revision = revision
		case batch.decided:
			if err := s.carryOut(ctx, batch); err != nil {
				return 0, err
			}
			return 0, fmt.Errorf("%w: a batch was under way", state.ErrConflict)
		default:
			return 0, state.ErrConflict
		}
	}
}

// advance notes that the store knows the kinds up to this commit, where it knew them up to the one before.
func (s *Store) advance(kinds []string, answer *clientv3.TxnResponse, given int) {
	if len(answer.Responses) == 0 {
		return // the answer was lost; the watch will tell
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, kind := range kinds {
		before := int64(0)
		if kv := answer.Responses[given+i].GetResponsePut().GetPrevKv(); kv != nil {
			before = kv.ModRevision
		}
		if before <= s.heads[kind] {
			s.heads[kind] = max(s.heads[kind], answer.Header.Revision)
		}
	}
}
