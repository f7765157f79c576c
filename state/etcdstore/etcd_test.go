package etcdstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/state/etcdstore"
	"github.com/irsa-emu/irsa-emu/state/storetest"
)

// patience is for what comes soon, on a machine that may be busy.
const patience = 2 * time.Minute

// unusedAddress is an address of loopback that nobody listens on. Its port is below
// those that systems give to whoever asks for any, so that it stays unused while a
// member is away.
func unusedAddress() (string, error) {
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		if l, err := net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", errors.New("no port of loopback from 10000 to 29999 is free")
}

// member is an etcd server in this process.
type member struct {
	folder string
	listen string // of the clients, fixed from the first start
	config func(*embed.Config)
	etcd   *embed.Etcd
}

// start starts the server, again on its data and its port if it ran before.
func (m *member) start() error {
	config := embed.NewConfig()
	config.Dir = m.folder
	config.LogOutputs = []string{filepath.Join(filepath.Dir(m.folder), "etcd.log")}
	config.LogLevel = "error"
	config.TickMs, config.ElectionMs = 10, 100
	config.UnsafeNoFsync = true // these tests are not of etcd's disk
	if m.listen == "" {
		m.listen = "http://127.0.0.1:0"
	}
	client, err := url.Parse(m.listen)
	if err != nil {
		return err
	}
	if client.Port() == "0" {
		if client.Host, err = unusedAddress(); err != nil {
			return err
		}
	}
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	peer, err := url.Parse("http://127.0.0.1:0")
	if err != nil {
		return err
	}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	if m.config != nil {
		m.config(config)
	}
	if m.etcd, err = embed.StartEtcd(config); err != nil {
		return err
	}
	select {
	case <-m.etcd.Server.ReadyNotify():
	case <-time.After(patience):
		m.etcd.Close()
		return fmt.Errorf("etcd was not ready within %v", patience)
	}
	m.listen = client.String()
	return nil
}

func (m *member) stop() {
	if m.etcd != nil {
		m.etcd.Close()
		m.etcd = nil
	}
}

func (m *member) address() string {
	_, address, _ := strings.Cut(m.listen, "://")
	return address
}

func newMember(t testing.TB, config func(*embed.Config)) *member {
	t.Helper()
	m := &member{folder: filepath.Join(t.TempDir(), "etcd"), config: config}
	if err := m.start(); err != nil {
		t.Fatalf("starting etcd: %v", err)
	}
	t.Cleanup(func() { m.stop() })
	return m
}

var shared struct {
	once   sync.Once
	member *member
	err    error
}

// sharedMember is one server for all the tests that do nothing to it. Each has a prefix of its own.
func sharedMember(t testing.TB) *member {
	t.Helper()
	shared.once.Do(func() {
		folder, err := os.MkdirTemp("", "etcdstore-test-")
		if err != nil {
			shared.err = err
			return
		}
		shared.member = &member{folder: filepath.Join(folder, "etcd")}
		shared.err = shared.member.start()
	})
	if shared.err != nil {
		t.Fatalf("starting etcd: %v", shared.err)
	}
	return shared.member
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.member != nil {
		shared.member.stop()
		os.RemoveAll(filepath.Dir(shared.member.folder))
	}
	os.Exit(code)
}

var prefixes atomic.Int64

// config is that of a place in the server that nobody else has used, not even an earlier run of the test.
func config(t testing.TB, m *member) etcdstore.Config {
	place := fmt.Sprintf("%s %d", strings.ReplaceAll(t.Name(), "/", "|"), prefixes.Add(1))
	return etcdstore.Config{Endpoints: []string{m.address()}, Prefix: place, Timeout: 30 * time.Second}.Hurried()
}

// eventually repeats what etcd may not be able to do right now, on a busy machine or when it has just come back.
func eventually(t testing.TB, do func() error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := do()
		if err == nil {
			return
		}
		if !errors.Is(err, state.ErrUnavailable) && !errors.Is(err, state.ErrUncertain) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func openBackend(t testing.TB, c etcdstore.Config) (backend *etcdstore.Store) {
	t.Helper()
	eventually(t, func() (err error) {
		backend, err = etcdstore.Open(context.Background(), c)
		return err
	})
	t.Cleanup(func() { backend.Close() })
	return backend
}

func openStore(t testing.TB, c etcdstore.Config) (s *state.Store) {
	t.Helper()
	eventually(t, func() (err error) {
		s, err = state.Open(context.Background(), openBackend(t, c), storetest.Kinds()...)
		return err
	})
	t.Cleanup(func() { s.Close() })
	return s
}

func put(s *state.Store, entities ...state.Entity) error {
	return s.Update(context.Background(), func(tx *state.Txn) error {
		for _, e := range entities {
			tx.Put(e)
		}
		return nil
	})
}

func mustPut(t testing.TB, s *state.Store, entities ...state.Entity) {
	t.Helper()
	eventually(t, func() error { return put(s, entities...) })
}

func item(key string, n int) *storetest.Item { return &storetest.Item{Key: key, N: n} }

func number(r state.Reader, key string) int {
	if item, ok := state.Get[*storetest.Item](r, key); ok {
		return item.N
	}
	return -1
}

// await waits until the store has the number under the key; -1 is none.
func await(t testing.TB, s *state.Store, key string, n int) {
	t.Helper()
	for deadline := time.After(patience); ; {
		changed := s.Changed()
		if number(s.Snapshot(), key) == n {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%s is %d, want %d (fault: %v)", key, number(s.Snapshot(), key), n, s.Fault())
		}
	}
}

func TestConformance(t *testing.T) {
	const request, slack = 3 << 19, 32 << 10
	storetest.Run(t, storetest.Config{
		Shared: true, Largest: request - slack - 200, TooLarge: request,
		New: func(t *testing.T) func() (state.Backend, error) {
			c := config(t, sharedMember(t))
			return func() (state.Backend, error) { return etcdstore.Open(context.Background(), c) }
		},
	})
}
