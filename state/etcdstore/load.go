package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/irsa-emu/irsa-emu/state"
)

// loadPage is how many entities one request asks for. Of the largest that are possible that is some 400 MiB.
const loadPage = 256

// Load gives everything as of one revision, from which Watch then goes on.
func (s *Store) Load(ctx context.Context) ([]state.Record, error) {
	if s.isClosed() {
		return nil, state.ErrClosed
	}
	for {
		records, err := s.load(ctx)
		if errors.Is(err, rpctypes.ErrCompacted) { // between two pages
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("loading from etcd: %w", err)
		}
		return records, nil
	}
}

func (s *Store) load(ctx context.Context) ([]state.Record, error) {
	var first *clientv3.TxnResponse
	for {
		var err error
		first, err = s.txn(ctx, nil, []clientv3.Op{
			clientv3.OpGet(s.keys.batch),
			clientv3.OpGet(s.keys.kind, clientv3.WithPrefix()),
			clientv3.OpGet(s.keys.entity, clientv3.WithPrefix(), clientv3.WithLimit(loadPage)),
		}, nil)
		if err != nil {
			return nil, err
		}
		batch := readBatch(first.Responses[0].GetResponseRange().Kvs)
		if !batch.decided {
			break
		}
		if err := s.carryOut(ctx, batch); err != nil {
			return nil, err
		}
	}
	revision := first.Header.Revision
	page := first.Responses[2].GetResponseRange()
	records := make([]state.Record, 0, page.Count)
	for {
		for _, kv := range page.Kvs {
			record, err := s.record(kv)
			if err != nil {
				return nil, err
			}
			records = append(records, record)
		}
		if !page.More {
			break
		}
		next := string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
		got, err := s.get(ctx, next, clientv3.WithRange(clientv3.GetPrefixRangeEnd(s.keys.entity)), clientv3.WithLimit(loadPage), clientv3.WithRev(revision))
		if err != nil {
			return nil, err
		}
		page.Kvs, page.More = got.Kvs, got.More
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.completed(revision)
	clear(s.heads)
	for _, kv := range first.Responses[1].GetResponseRange().Kvs {
		s.heads[strings.TrimPrefix(string(kv.Key), s.keys.kind)] = kv.ModRevision
	}
	return records, nil
}

func (s *Store) record(kv *mvccpb.KeyValue) (state.Record, error) {
	kind, key, ok := s.keys.read(kv.Key)
	if !ok {
		return state.Record{}, fmt.Errorf("key %q is not one that irsa-emu writes", kv.Key)
	}
	return state.Record{Kind: kind, Key: key, Value: kv.Value, Revision: kv.ModRevision}, nil
}
