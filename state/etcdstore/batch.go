package etcdstore

import (
	"context"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/irsa-emu/irsa-emu/state"
)

// A batch is a commit of more than fits into a request:
//
//  1. Its changes are put below PREFIX/staged/ID/, where they mean nothing yet.
//  2. The batch key is put, "checking ID", with a lease: no commit of anybody is executed while there is one. If the replica
//     dies now, the lease ends it.
//  3. What must still be so is compared, in as many requests as it takes.
//  4. One transaction decides: it puts "decided ID" in place of "checking ID", without the lease. From now on it is kept.
//  5. The changes are carried out, from the staged keys, each of which is deleted in the transaction that carries it out; at
//     last the batch key is deleted. Every step compares that the batch key is the same. Whoever comes upon a decided batch
//     carries it out, so it does not matter if the replica dies. Watches hold back what comes between the decision and the
//     deletion of the batch key, and then give it all at once.
type batch struct {
	id       string
	revision int64 // of the batch key
	decided  bool
}

const (
	checking = "checking "
	decided  = "decided "
	// leaseTTL, in seconds, is how long a replica that died in step 3 keeps the others from writing.
	leaseTTL = 5
)

func readBatch(kvs []*mvccpb.KeyValue) batch {
	if len(kvs) == 0 {
		return batch{}
	}
	id, is := strings.CutPrefix(string(kvs[0].Value), decided)
	return batch{id: id, revision: kvs[0].ModRevision, decided: is}
}

func (s *Store) commitBatch(ctx context.Context, c commit) (revision int64, err error) {
	id := newID()
	var lease clientv3.LeaseID
	defer func() {
		if err != nil && s.writer.pending == "" { // otherwise it may have been decided
			s.abandon(ctx, id, lease)
		}
	}()
	if err := s.stage(ctx, id, c.writes); err != nil {
		return 0, err
	}
	if lease, err = s.grant(ctx); err != nil {
		return 0, err
	}
	lock, err := s.lock(ctx, id, lease)
	if err != nil {
		return 0, err
	}
	if err := s.compare(ctx, c.compared); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if revision, err = s.decideBatch(ctx, id, lock, c); err != nil {
		return 0, err
	}
	// It is kept, whatever happens now; if etcd is lost, the next who writes or loads goes on here.
	_ = s.carryOut(context.WithoutCancel(ctx), batch{id: id, revision: revision, decided: true})
	s.revoke(ctx, lease)
	return revision, nil
}

// lock puts the batch key, and gives its revision.
func (s *Store) lock(ctx context.Context, id string, lease clientv3.LeaseID) (int64, error) {
	answer, err := s.txn(ctx, []clientv3.Cmp{s.noBatch(), s.sameFormat()},
		[]clientv3.Op{clientv3.OpPut(s.keys.batch, checking+id, clientv3.WithLease(lease))}, []clientv3.Op{clientv3.OpGet(s.keys.batch)})
	if err != nil {
		return 0, err
	}
	if answer.Succeeded {
		return answer.Header.Revision, nil
	}
	if other := readBatch(answer.Responses[0].GetResponseRange().Kvs); other.decided {
		if err := s.carryOut(ctx, other); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("%w: a batch was under way", state.ErrConflict)
}

func (s *Store) decideBatch(ctx context.Context, id string, lock int64, c commit) (int64, error) {
	same := clientv3.Compare(clientv3.ModRevision(s.keys.batch), "=", lock)
	stillStaged := clientv3.Compare(clientv3.CreateRevision(s.stagedKey(id, 0, c.writes[0])), ">", 0)
	put := clientv3.OpPut(s.keys.batch, decided+id)
	return s.execute(ctx, commit{kinds: c.kinds}, 1, []clientv3.Cmp{same, stillStaged, s.sameFormat()}, []clientv3.Op{put})
}

// stagedKey is where the n-th change of a batch is staged: PREFIX/staged/ID/N/put/KIND/KEY, or delete for put.
func (s *Store) stagedKey(id string, n int, change state.Change) string {
	what := "put"
	if change.Value == nil {
		what = "delete"
	}
	return fmt.Sprintf("%s%s/%08d/%s/%s/%s", s.keys.staged, id, n, what, change.Kind, change.Key)
}

func (s *Store) readStaged(id string, kv *mvccpb.KeyValue) (clientv3.Op, error) {
	parts := strings.SplitN(strings.TrimPrefix(string(kv.Key), s.keys.staged+id+"/"), "/", 4)
	if len(parts) == 4 && parts[1] == "put" {
		return clientv3.OpPut(s.keys.of(parts[2], parts[3]), string(kv.Value)), nil
	}
	if len(parts) == 4 && parts[1] == "delete" {
		return clientv3.OpDelete(s.keys.of(parts[2], parts[3])), nil
	}
	return clientv3.Op{}, fmt.Errorf("key %q is not one that irsa-emu writes", kv.Key)
}

func (s *Store) stage(ctx context.Context, id string, writes []state.Change) error {
	var puts []clientv3.Op
	size := 0
	for n, change := range writes {
		key := s.stagedKey(id, n, change)
		if more := len(key) + len(change.Value); len(puts) > 0 && (size+more > s.config.MaxRequestBytes-slack || len(puts) == s.config.MaxTxnOps) {
			if _, err := s.txn(ctx, nil, puts, nil); err != nil {
				return err
			}
			puts, size = nil, 0
		}
		puts = append(puts, clientv3.OpPut(key, string(change.Value)))
		size += len(key) + len(change.Value)
	}
	_, err := s.txn(ctx, nil, puts, nil)
	return err
}

// compare checks the conditions of a commit while nobody else can write.
func (s *Store) compare(ctx context.Context, conditions []clientv3.Cmp) error {
	for len(conditions) > 0 {
		n, size := 0, 0
		for n < min(len(conditions), s.config.MaxTxnOps) && size < s.config.MaxRequestBytes-slack {
			size += len(conditions[n].KeyBytes())
			n++
		}
		answer, err := s.txn(ctx, conditions[:n], nil, nil)
		if err != nil {
			return err
		}
		if !answer.Succeeded {
			return state.ErrConflict
		}
		conditions = conditions[n:]
	}
	return nil
}

// carryOut does what a decided batch says, or what is left to do of it.
func (s *Store) carryOut(ctx context.Context, b batch) error {
	same := clientv3.Compare(clientv3.ModRevision(s.keys.batch), "=", b.revision)
	prefix := s.keys.staged + b.id + "/"
	for {
		// Reading no more than one transaction can carry out: each change is one operation, and deleting what was staged one.
		staged, err := s.get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithLimit(int64(s.config.MaxTxnOps-1)))
		if err != nil {
			return err
		}
		if len(staged.Kvs) == 0 {
			_, err := s.txn(ctx, []clientv3.Cmp{same}, []clientv3.Op{clientv3.OpDelete(s.keys.batch)}, nil)
			return err
		}
		var ops []clientv3.Op
		size, last := 0, ""
		for _, kv := range staged.Kvs {
			if size += len(kv.Key) + len(kv.Value); size > s.config.MaxRequestBytes-slack && len(ops) > 0 {
				break
			}
			op, err := s.readStaged(b.id, kv)
			if err != nil {
				return err
			}
			ops, last = append(ops, op), string(kv.Key)
		}
		first := string(staged.Kvs[0].Key)
		ops = append(ops, clientv3.OpDelete(first, clientv3.WithRange(last+"\x00")))
		// When somebody else is doing the same, one of the two finds the first key gone, and reads again.
		there := clientv3.Compare(clientv3.CreateRevision(first), ">", 0)
		answer, err := s.txn(ctx, []clientv3.Cmp{same, there}, ops, []clientv3.Op{clientv3.OpGet(s.keys.batch)})
		if err != nil {
			return err
		}
		if !answer.Succeeded && readBatch(answer.Responses[0].GetResponseRange().Kvs).revision != b.revision {
			return nil // it is done
		}
	}
}

// abandon removes what a batch that was not decided has left. If that fails, the lease ends the batch key, also one that is
// still to be put, and a replica that starts clears the rest away.
func (s *Store) abandon(ctx context.Context, id string, lease clientv3.LeaseID) {
	if lease != 0 {
		s.revoke(ctx, lease)
	}
	_, _ = s.txn(context.WithoutCancel(ctx), nil, []clientv3.Op{clientv3.OpDelete(s.keys.staged+id+"/", clientv3.WithPrefix())}, nil)
}

func (s *Store) grant(ctx context.Context) (clientv3.LeaseID, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	lease, err := s.client.Grant(ctx, leaseTTL)
	if err != nil {
		return 0, s.failure(err)
	}
	return lease.ID, nil
}

// revoke ends a lease early; if that fails it ends by itself.
func (s *Store) revoke(ctx context.Context, lease clientv3.LeaseID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Timeout)
	defer cancel()
	_, _ = s.client.Revoke(ctx, lease)
}
