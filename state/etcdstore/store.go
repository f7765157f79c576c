package etcdstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/irsa-emu/irsa-emu/state"
)

// Store is the state.Backend, and state.Watcher, of a prefix in etcd.
type Store struct {
	config Config
	keys   keys
	client *clientv3.Client
	id     string // of this replica's writer key

	commit sync.Mutex // one commit at a time; guards writer
	writer writer

	answered atomic.Int64 // when etcd answered last, in nanoseconds since 1970

	mu       sync.Mutex // guards what follows
	closed   bool
	complete int64            // everything up to this revision has been told to the store
	advanced chan struct{}    // closed when complete grows
	heads    map[string]int64 // by kind: that of the newest commit to it that the store knows, with all before
	fault    error            // why nothing is heard
}

// Format is the version of the layout of keys and values.
const Format = "1"

// slack is what a request needs besides keys and values of entities, at most.
const slack = 32 << 10

type keys struct{ format, state, entity, kind, batch, staged, writers, blob string }

func newKeys(prefix string) keys {
	return keys{
		format: prefix + "/format", state: prefix + "/state/", entity: prefix + "/state/entity/", kind: prefix + "/state/kind/",
		batch: prefix + "/state/batch", staged: prefix + "/staged/", writers: prefix + "/writer/", blob: prefix + "/blob/",
	}
}

func (k keys) of(kind, key string) string { return k.entity + kind + "/" + key }

// read is the reverse of what of gives, after the prefix.
func (k keys) read(key []byte) (kind, name string, ok bool) {
	rest, ok := strings.CutPrefix(string(key), k.entity)
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "/")
}

// String is the store's address, without its options.
func (s *Store) String() string {
	return "etcd://" + strings.Join(s.config.Endpoints, ",") + "/" + s.config.Prefix
}

// Open connects to etcd, which must answer, and makes the layout if nothing is there yet.
func Open(ctx context.Context, config Config) (*Store, error) {
	config, err := config.complete()
	if err != nil {
		return nil, fmt.Errorf("etcd store: %w", err)
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints:   config.Endpoints,
		TLS:         config.TLS,
		Username:    config.Username,
		Password:    config.Password,
		DialTimeout: config.Timeout,
		// A server that is cut off is noticed after 13 seconds at most, and after 3 when something was sent to it. gRPC does
		// not take less than 10, nor etcd less than 5.
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: 3 * time.Second,
		// The servers set the limit; one more in the client would only hide it.
		MaxCallSendMsgSize: 1 << 30,
		Logger:             zap.NewNop(),
		// By itself gRPC waits up to two minutes before it tries again to connect.
		DialOptions: []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: config.Timeout,
		}), grpc.WithChainUnaryInterceptor(failFast)},
	})
	if err != nil {
		return nil, fmt.Errorf("etcd store: connecting to %s: %w", strings.Join(config.Endpoints, ","), err)
	}
	s := &Store{config: config, keys: newKeys(config.Prefix), client: client, id: newID(), heads: map[string]int64{}, advanced: make(chan struct{})}
	if err := s.begin(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("etcd store: opening it: %w", err)
	}
	return s, nil
}

// failFast undoes what etcd's client asks for: that a request waits for a connection. It would wait for all of its timeout,
// and then not say why there is none.
func failFast(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	return invoke(ctx, method, request, reply, conn, append(options, grpc.WaitForReady(false))...)
}

// begin checks the format and clears away what replicas that crashed have left.
func (s *Store) begin(ctx context.Context) error {
	answer, err := s.txn(ctx, []clientv3.Cmp{clientv3.Compare(clientv3.CreateRevision(s.keys.format), "=", 0)},
		[]clientv3.Op{clientv3.OpPut(s.keys.format, Format)}, []clientv3.Op{clientv3.OpGet(s.keys.format)})
	if err != nil {
		return err
	}
	if !answer.Succeeded {
		if kvs := answer.Responses[0].GetResponseRange().Kvs; string(kvs[0].Value) != Format {
			return fmt.Errorf("%s has format %s, and this irsa-emu knows format %s: it was written by another version", s.config.Prefix, kvs[0].Value, Format)
		}
	}
	return s.clear(ctx)
}

// newID makes a name that nobody else has and that tells how old it is.
func newID() string { return fmt.Sprintf("%010d-%s", time.Now().Unix(), rand.Text()) }

func olderThan(age time.Duration, id string) bool {
	seconds, _, _ := strings.Cut(id, "-")
	made, err := strconv.ParseInt(seconds, 10, 64)
	return err == nil && time.Since(time.Unix(made, 0)) > age
}

// How old what others have left must be before it is cleared away. A replica that is alive copes with that: its next commit
// finds its writer key gone and begins a new one, and a batch that took so long to be staged is refused.
const (
	writersAge = 24 * time.Hour
	stagedAge  = 10 * time.Minute
)

func (s *Store) clear(ctx context.Context) error {
	for prefix, age := range map[string]time.Duration{s.keys.writers: writersAge, s.keys.staged: stagedAge} {
		found, err := s.get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithLimit(10_000))
		if err != nil {
			return err
		}
		last := ""
		for _, kv := range found.Kvs {
			id, _, staged := strings.Cut(strings.TrimPrefix(string(kv.Key), prefix), "/")
			if id == last || !olderThan(age, id) {
				continue
			}
			last = id
			drop := clientv3.OpDelete(prefix + id)
			if staged {
				drop = clientv3.OpDelete(prefix+id+"/", clientv3.WithPrefix())
			}
			// Not while there is a batch: it may be the one that these are part of.
			if _, err := s.txn(ctx, []clientv3.Cmp{s.noBatch()}, []clientv3.Op{drop}, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close disconnects. What is under way is given up; its outcome is then not known.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.commit.Lock()
	defer s.commit.Unlock()
	if s.writer.revision != 0 && s.writer.pending == "" {
		ctx, cancel := context.WithTimeout(context.Background(), s.config.Timeout/3)
		defer cancel()
		// Only tidiness: what is left behind, another replica clears away.
		_, _ = s.client.Delete(ctx, s.writerKey())
	}
	if err := s.client.Close(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("etcd store: disconnecting: %w", err)
	}
	return nil
}

func (s *Store) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Fault tells why nothing is heard from etcd, nil while it is.
func (s *Store) Fault() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

func (s *Store) setFault(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = err
}

var (
	_ state.Backend = (*Store)(nil)
	_ state.Watcher = (*Store)(nil)
	_ state.Faulter = (*Store)(nil)
	_ state.Syncer  = (*Store)(nil)
)
