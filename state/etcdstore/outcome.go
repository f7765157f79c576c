package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

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
	answer, err := s.client.Txn(ctx).If(compare...).Then(then...).Else(otherwise...).Commit()
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
	return &clientv3.TxnResponse{Succeeded: true, Header: &etcdHeader{Revision: s.writer.revision}}, nil
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

// notExecuted tells the errors after which a request was surely not executed and never will be.
func notExecuted(err error) bool {
	var refused rpctypes.EtcdError
	if errors.As(rpctypes.Error(err), &refused) {
		switch refused.Code() {
		case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.ResourceExhausted, codes.FailedPrecondition:
			return true
		}
	}
	switch status.Code(err) {
	case codes.ResourceExhausted, codes.Unauthenticated: // gRPC's own limit on messages; a handshake
		return true
	case codes.Unavailable:
		text := status.Convert(err).Message()
		return strings.Contains(text, "rror while dialing") || strings.Contains(text, "authentication handshake failed") ||
			strings.Contains(text, "no address available") || strings.Contains(text, "no connection available")
	}
	return false
}

// failure puts an error of the client into the terms of package state, saying what was asked of whom.
func (s *Store) failure(err error) error {
	if err == nil || errors.Is(err, state.ErrUnavailable) || errors.Is(err, state.ErrTooLarge) {
		return err
	}
	err = rpctypes.Error(err)
	at := strings.Join(s.config.Endpoints, ",")
	switch {
	case s.isClosed():
		return state.ErrClosed
	case errors.Is(err, rpctypes.ErrCompacted):
		return err
	case errors.Is(err, rpctypes.ErrRequestTooLarge), status.Code(err) == codes.ResourceExhausted && strings.Contains(err.Error(), "larger than max"):
		return fmt.Errorf("%w: etcd at %s takes less than max-request-bytes=%d says: %w", state.ErrTooLarge, at, s.config.MaxRequestBytes, err)
	case errors.Is(err, rpctypes.ErrTooManyOps):
		return fmt.Errorf("%w: etcd at %s takes less than max-txn-ops=%d says: %w", state.ErrTooLarge, at, s.config.MaxTxnOps, err)
	case errors.Is(err, context.DeadlineExceeded), status.Code(err) == codes.DeadlineExceeded:
		return fmt.Errorf("%w: etcd at %s did not answer within %v", state.ErrUnavailable, at, s.config.Timeout)
	}
	return fmt.Errorf("%w: etcd at %s: %w", state.ErrUnavailable, at, err)
}
