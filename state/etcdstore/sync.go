package etcdstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/irsa-emu/irsa-emu/state"
)

// Sync asks a majority of etcd for the newest change of ours, and waits until the watch has brought it.
func (s *Store) Sync(ctx context.Context) error {
	patience := s.config.Timeout
	if s.Fault() != nil { // so far nobody is heard; to wait for long would be of no use to anybody
		patience /= 6
	}
	quick, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	newest, err := s.newest(quick)
	if err != nil {
		return err
	}
	timeout := time.After(patience)
	for {
		s.mu.Lock()
		complete, advanced := s.complete, s.advanced
		s.mu.Unlock()
		if complete >= newest {
			return nil
		}
		select {
		case <-advanced:
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout:
			return fmt.Errorf("%w: the watch of etcd at %s is at revision %d and has not brought %d within %v", state.ErrUnavailable,
				strings.Join(s.config.Endpoints, ","), complete, newest, patience)
		}
	}
}

// newest is the revision of the newest commit: each puts the key of the kinds that it writes to.
func (s *Store) newest(ctx context.Context) (newest int64, err error) {
	kinds, err := s.get(ctx, s.keys.kind, clientv3.WithPrefix())
	if err != nil {
		return 0, err
	}
	for _, kv := range kinds.Kvs {
		newest = max(newest, kv.ModRevision)
	}
	return newest, nil
}

// completed notes that everything up to a revision was told. The caller has s.mu.
func (s *Store) completed(revision int64) {
	if revision == s.complete {
		return
	}
	s.complete = revision
	close(s.advanced)
	s.advanced = make(chan struct{})
}
