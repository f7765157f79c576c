package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/irsa-emu/irsa-emu/state"
)

// get and txn are bounded by the timeout, and their failures are as package state tells them.
func (s *Store) get(ctx context.Context, key string, options ...clientv3.OpOption) (*pb.RangeResponse, error) {
	// The client repeats a Get by itself until its time is over, and then no longer knows why it had to.
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	for {
		answer, err := s.send(ctx, nil, []clientv3.Op{clientv3.OpGet(key, options...)}, nil)
		if err == nil {
			return answer.Responses[0].GetResponseRange(), nil
		}
		if !passing(err) || s.isClosed() {
			return nil, s.failure(err)
		}
		select {
		case <-ctx.Done():
			return nil, s.failure(err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// passing tells the errors after which to ask again may do better: a connection broke, perhaps one that had been dead for
// long, or etcd has no leader just now. That there is no connection at all is none of them: send has waited for one.
func passing(err error) bool {
	var refused rpctypes.EtcdError
	if errors.As(rpctypes.Error(err), &refused) {
		return refused.Code() == codes.Unavailable
	}
	return status.Code(err) == codes.Unavailable && !notConnected(err)
}

func (s *Store) txn(ctx context.Context, compare []clientv3.Cmp, then, otherwise []clientv3.Op) (*clientv3.TxnResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	answer, err := s.send(ctx, compare, then, otherwise)
	if err != nil {
		return nil, s.failure(err)
	}
	return answer, nil
}

// send sends a transaction, once; but when there is no connection, again and again until etcd has not answered for as long
// as the timeout. So nobody notices a connection that is made anew, and nobody waits for an etcd that is known to be gone.
func (s *Store) send(ctx context.Context, compare []clientv3.Cmp, then, otherwise []clientv3.Op) (*clientv3.TxnResponse, error) {
	for {
		answer, err := s.client.Txn(ctx).If(compare...).Then(then...).Else(otherwise...).Commit()
		if err == nil {
			s.answered.Store(time.Now().UnixNano())
			return answer, nil
		}
		if !notConnected(err) || time.Since(time.Unix(0, s.answered.Load())) > s.config.Timeout || s.isClosed() {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// notConnected tells the errors after which a request was not sent for want of a connection.
func notConnected(err error) bool {
	if status.Code(err) != codes.Unavailable {
		return false
	}
	text := status.Convert(err).Message()
	for _, cause := range []string{"rror while dialing", "error reading server preface", "handshake failed", "no address available", "no connection available"} {
		if strings.Contains(text, cause) {
			return true
		}
	}
	return false
}

// notExecuted tells the errors after which a request was surely not executed and never will be.
func notExecuted(err error) bool {
	if notConnected(err) {
		return true
	}
	var refused rpctypes.EtcdError
	if !errors.As(rpctypes.Error(err), &refused) {
		// gRPC's own limit on the size of messages, and a token that cannot be had.
		return status.Code(err) == codes.ResourceExhausted || status.Code(err) == codes.Unauthenticated
	}
	switch refused.Code() {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.ResourceExhausted, codes.FailedPrecondition:
		return true
	}
	return false
}

// failure puts an error of the client into the terms of package state, saying who was asked.
func (s *Store) failure(err error) error {
	err = rpctypes.Error(err)
	at := strings.Join(s.config.Endpoints, ",")
	switch {
	case s.isClosed():
		return state.ErrClosed
	case errors.Is(err, context.Canceled), errors.Is(err, rpctypes.ErrCompacted):
		return err
	case errors.Is(err, rpctypes.ErrRequestTooLarge), status.Code(err) == codes.ResourceExhausted && strings.Contains(err.Error(), "larger than max"):
		return fmt.Errorf("%w: etcd at %s was started with a --max-request-bytes below %d: %w", state.ErrTooLarge, at, s.config.MaxRequestBytes, err)
	case errors.Is(err, rpctypes.ErrTooManyOps):
		return fmt.Errorf("%w: etcd at %s was started with a --max-txn-ops below %d: %w", state.ErrTooLarge, at, s.config.MaxTxnOps, err)
	case errors.Is(err, context.DeadlineExceeded), status.Code(err) == codes.DeadlineExceeded:
		return fmt.Errorf("%w: etcd at %s did not answer within %v", state.ErrUnavailable, at, s.config.Timeout)
	}
	return fmt.Errorf("%w: etcd at %s: %w", state.ErrUnavailable, at, err)
}
