package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/irsa-emu/irsa-emu/state"
)

// writer is this replica's own key, put by each of its commits with a token of that commit.
type writer struct {
	revision int64  // of the last put that is known; 0 when there is none
	pending  string // the token of a commit whose outcome is not known
}

func (s *Store) writerKey() string { return s.keys.writers + s.id }

// decide executes the transaction that decides a commit, so that its outcome is known or state.ErrUncertain. It is executed
// only if the writer key is as it was; it must then put the token there. The caller holds s.commit.
func (s *Store) decide(ctx context.Context, token string, compare []clientv3.Cmp, then, otherwise []clientv3.Op) (*clientv3.TxnResponse, error) {
	compare = append(compare, clientv3.Compare(clientv3.ModRevision(s.writerKey()), "=", s.writer.revision))
	then = append(then, clientv3.OpPut(s.writerKey(), token))
	// Once sent, the caller's leaving changes nothing.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Timeout)
	defer cancel()
	answer, err := s.send(ctx, compare, then, otherwise)
	switch {
	case err == nil && answer.Succeeded:
		s.writer.revision = answer.Header.Revision
		return answer, nil
	case err == nil:
		return answer, nil
	case notExecuted(err):
		return nil, s.failure(err)
	}
	s.writer.pending = token
	executed, resolveErr := s.resolve(ctx)
	switch {
	case resolveErr != nil:
		return nil, fmt.Errorf("%w: the answer to a commit did not arrive (%w), and asking again failed: %w", state.ErrUncertain, s.failure(err), resolveErr)
	case !executed:
		return nil, s.failure(err)
	}
	// That it was executed is all that is known; what its operations answered is lost.
	return &clientv3.TxnResponse{Succeeded: true, Header: &pb.ResponseHeader{Revision: s.writer.revision}}, nil
}

// resolve finds out whether the pending commit was executed. If it was not, it never will be: the writer key has moved.
func (s *Store) resolve(ctx context.Context) (executed bool, err error) {
	ctx = context.WithoutCancel(ctx)
	for deadline := time.Now().Add(s.config.Timeout); ; {
		answer, err := s.txn(ctx, []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(s.writerKey()), "=", s.writer.revision)},
			[]clientv3.Op{clientv3.OpPut(s.writerKey(), "not "+s.writer.pending)}, []clientv3.Op{clientv3.OpGet(s.writerKey())})
		if err != nil {
			// The attempt itself may have been executed; then the next one finds that.
			if time.Now().After(deadline) || s.isClosed() {
				return false, err
			}
			time.Sleep(s.config.Timeout / 30)
			continue
		}
		if answer.Succeeded {
			s.writer = writer{revision: answer.Header.Revision}
			return false, nil
		}
		kvs := answer.Responses[0].GetResponseRange().Kvs
		if len(kvs) == 0 { // cleared away by another replica that took this one for dead: nothing can be told any more
			s.writer = writer{}
			return false, errors.New("this replica's writer key is gone")
		}
		executed := string(kvs[0].Value) == s.writer.pending
		s.writer = writer{revision: kvs[0].ModRevision}
		return executed, nil
	}
}
