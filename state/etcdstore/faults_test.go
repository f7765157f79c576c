package etcdstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/state/etcdstore"
	"github.com/irsa-emu/irsa-emu/state/storetest"
)

func newClient(t testing.TB, endpoints ...string) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// awaitFault waits until the store says that it has a fault, or none.
func awaitFault(t *testing.T, s *state.Store, want bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); (s.Fault() != nil) != want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("Fault is %v", s.Fault())
		}
	}
}

// wantUnavailable checks that a write fails, soon, and says why.
func wantUnavailable(t *testing.T, s *state.Store, c etcdstore.Config) {
	t.Helper()
	began := time.Now()
	err := put(s, item("while it is gone", 1))
	if !errors.Is(err, state.ErrUnavailable) && !errors.Is(err, state.ErrUncertain) {
		t.Errorf("a write without etcd: %v, want ErrUnavailable", err)
	}
	if err != nil && !strings.Contains(err.Error(), c.Endpoints[0]) {
		t.Errorf("the error does not say whom it asked: %v", err)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("the write failed after %v, with a timeout of %v", took, c.Timeout)
	}
	t.Logf("after %v: %v", time.Since(began).Round(time.Millisecond), err)
}

func TestEtcdGoneAndBack(t *testing.T) {
	t.Parallel()
	m := newMember(t, nil)
	c := config(t, m)
	c.Timeout = 2 * time.Second
	a, b := openStore(t, c), openStore(t, c)
	mustPut(t, a, item("a", 1))
	await(t, b, "a", 1)

	m.stop()
	for range 3 {
		wantUnavailable(t, a, c)
	}
	awaitFault(t, a, true)
	awaitFault(t, b, true)
	if n := number(b.Snapshot(), "a"); n != 1 {
		t.Errorf("without etcd a is %d, want 1", n)
	}
	if _, err := etcdstore.Open(context.Background(), c); !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("Open without etcd: %v", err)
	} else {
		t.Log(err)
	}

	if err := m.start(); err != nil {
		t.Fatal(err)
	}
	awaitFault(t, a, false)
	awaitFault(t, b, false)
	mustPut(t, a, item("a", 2))
	await(t, b, "a", 2)
	mustPut(t, b, item("b", 3))
	await(t, a, "b", 3)
	if n := number(a.Snapshot(), "while it is gone"); n != -1 {
		t.Errorf("a write that was refused while etcd was stopped is there: %d", n)
	}
}

func TestPartition(t *testing.T) {
	t.Parallel()
	m := sharedMember(t)
	direct := config(t, m)
	network := newNetwork(t, m.address())
	apart := direct
	apart.Endpoints, apart.Timeout = []string{network.address()}, time.Second
	a, b := openStore(t, direct), openStore(t, apart)
	mustPut(t, a, item("a", 1))
	await(t, b, "a", 1)

	network.set(stalling)
	for range 2 {
		wantUnavailable(t, b, apart)
	}
	awaitFault(t, b, true)
	mustPut(t, a, item("a", 2)) // the others are not held up
	if n := number(b.Snapshot(), "a"); n != 1 {
		t.Errorf("behind the partition a is %d, want 1", n)
	}

	network.set(passing)
	await(t, b, "a", 2)
	awaitFault(t, b, false)
	mustPut(t, b, item("b", 3))
	await(t, a, "b", 3)
}

// TestCompactionUnderSlowWatcher: what a replica has missed is no longer there when it asks for it.
func TestCompactionUnderSlowWatcher(t *testing.T) {
	t.Parallel()
	m := newMember(t, nil)
	direct := config(t, m)
	network := newNetwork(t, m.address())
	slow := direct
	slow.Endpoints = []string{network.address()}
	a, b := openStore(t, direct), openStore(t, slow)
	for i := range 50 {
		mustPut(t, a, item(fmt.Sprintf("kept/%02d", i), 1), item(fmt.Sprintf("deleted/%02d", i), 1))
	}
	await(t, b, "deleted/49", 1)

	network.set(refusing)
	for i := range 50 {
		eventually(t, func() error {
			return a.Update(context.Background(), func(tx *state.Txn) error {
				tx.Put(item(fmt.Sprintf("kept/%02d", i), 2))
				tx.Delete(item(fmt.Sprintf("deleted/%02d", i), 1))
				tx.Put(item(fmt.Sprintf("new/%02d", i), 1))
				return nil
			})
		})
	}
	client := newClient(t, m.address())
	now, err := client.Get(t.Context(), "any")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Compact(t.Context(), now.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
	network.set(passing)

	await(t, b, "new/49", 1)
	for i := range 50 {
		for key, want := range map[string]int{"kept/%02d": 2, "deleted/%02d": -1, "new/%02d": 1} {
			if got := number(b.Snapshot(), fmt.Sprintf(key, i)); got != want {
				t.Errorf("after the compaction "+key+" is %d, want %d", i, got, want)
			}
		}
	}
	awaitFault(t, b, false)
	mustPut(t, a, item("kept/00", 3))
	await(t, b, "kept/00", 3)
	mustPut(t, b, item("kept/00", 4))
	await(t, a, "kept/00", 4)
}

// ledger has what became of updates that each put one item, added one to a common sum, and may have been answered or not.
type ledger struct {
	mu                       sync.Mutex
	kept, refused, uncertain []string
}

func (l *ledger) write(s *state.Store, key string, filler []state.Entity) {
	err := s.Update(context.Background(), func(tx *state.Txn) error {
		tx.Put(item("sum", max(number(tx, "sum"), 0)+1))
		tx.Put(item(key, 1))
		for _, e := range filler {
			tx.Put(e)
		}
		return nil
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.kept = append(l.kept, key)
	case errors.Is(err, state.ErrUncertain):
		l.uncertain = append(l.uncertain, key)
	default:
		l.refused = append(l.refused, key)
	}
}

// keptBy is how many updates were kept under keys that begin so.
func (l *ledger) keptBy(prefixes ...string) []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := make([]int, len(prefixes))
	for _, key := range l.kept {
		for i, prefix := range prefixes {
			if strings.HasPrefix(key, prefix) {
				n[i]++
			}
		}
	}
	return n
}

// check compares what is there with what was said.
func (l *ledger) check(t *testing.T, s *state.Store) {
	t.Helper()
	now, there := s.Snapshot(), 0
	var lost, wrong []string
	for _, key := range l.kept {
		there++
		if number(now, key) != 1 {
			lost = append(lost, key)
		}
	}
	for _, key := range l.refused {
		if number(now, key) == 1 {
			wrong = append(wrong, key)
		}
	}
	if len(lost)+len(wrong) > 0 {
		t.Errorf("acknowledged and not there: %.300q; refused and there: %.300q", lost, wrong)
	}
	for _, key := range l.uncertain {
		if number(now, key) == 1 {
			there++
		}
	}
	if sum := max(number(now, "sum"), 0); sum != there {
		t.Errorf("the sum is %d with %d items", sum, there)
	}
	t.Logf("%d updates acknowledged, %d refused, %d uncertain; %d there", len(l.kept), len(l.refused), len(l.uncertain), there)
}

// settle waits until each of the stores has seen all that the other has written.
func settle(t *testing.T, a, b *state.Store) {
	t.Helper()
	mustPut(t, a, item("the end of a", 1))
	mustPut(t, b, item("the end of b", 1))
	await(t, a, "the end of b", 1)
	await(t, b, "the end of a", 1)
}

// TestLostAnswers cuts connections and loses answers at random points of updates: small ones and batches.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	m := sharedMember(t)
	direct := config(t, m)
	network := newNetwork(t, m.address())
	lossy := direct
	lossy.Endpoints, lossy.Timeout = []string{network.address()}, 200*time.Millisecond
	a, b := openStore(t, direct), openStore(t, lossy)
	var ledger ledger
	began, written := time.Now(), 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 150 {
			if i >= 20 && time.Since(began) > time.Minute { // on a busy machine one takes seconds
				return
			}
			written++
			var filler []state.Entity
			if i%10 == 9 {
				for n := range 200 {
					filler = append(filler, &storetest.Note{Key: fmt.Sprint(n), Text: fmt.Sprint(i)})
				}
			}
			ledger.write(b, fmt.Sprint("lossy/", i), filler)
			ledger.write(a, fmt.Sprint("direct/", i), nil)
		}
	}()
	for running := true; running; {
		for _, m := range []mode{passing, muted, passing, refusing, passing, stalling} {
			select {
			case <-done:
				running = false
			case <-time.After(rand.N(25 * time.Millisecond)):
			}
			network.set(m)
			if m != passing && rand.IntN(2) == 0 {
				network.cut()
			}
		}
	}
	network.set(passing)
	settle(t, a, b)
	ledger.check(t, a)
	ledger.check(t, b)
	ledger.check(t, openStore(t, direct))
	if len(ledger.kept) < written || len(ledger.kept) == 2*written {
		t.Errorf("%d updates of %d acknowledged: too few, or nothing was lost", len(ledger.kept), 2*written)
	}
	for n := range 200 {
		first, _ := state.Get[*storetest.Note](a.Snapshot(), "0")
		note, _ := state.Get[*storetest.Note](a.Snapshot(), fmt.Sprint(n))
		if first != nil && (note == nil || note.Text != first.Text) {
			t.Fatalf("of a batch there is only a part: %+v and %+v", first, note)
		}
	}
}

// TestMemberKilled stops one of three members, the leader, while stores write.
func TestMemberKilled(t *testing.T) {
	t.Parallel()
	members := newCluster(t)
	var c etcdstore.Config
	for _, m := range members {
		c.Endpoints = append(c.Endpoints, m.address())
	}
	c.Prefix, c.Timeout = "killed", 3*time.Second
	a, b := openStore(t, c), openStore(t, c)
	var ledger ledger
	done := make(chan struct{})
	var writing sync.WaitGroup
	stop := sync.OnceFunc(func() { close(done); writing.Wait() })
	defer stop()
	for name, s := range map[string]*state.Store{"a": a, "b": b} {
		writing.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
					ledger.write(s, fmt.Sprintf("%s/%d", name, i), nil)
				}
			}
		})
	}
	awaitKept := func() { // of both
		had := ledger.keptBy("a/", "b/")
		for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
			has := ledger.keptBy("a/", "b/")
			if has[0] > had[0] && has[1] > had[1] {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("nothing is written: %d, %d", has[0], has[1])
			}
		}
	}
	awaitKept()
	for i, m := range members {
		if m.etcd.Server.Leader() == m.etcd.Server.MemberID() {
			t.Logf("stopping member %d, the leader", i)
			m.stop()
			break
		}
	}
	awaitKept()
	stop()
	settle(t, a, b)
	ledger.check(t, a)
	ledger.check(t, b)
}

func newCluster(t *testing.T) []*member {
	t.Helper()
	members := make([]*member, 3)
	peers, initial := make([]string, 3), ""
	for i := range peers {
		var err error
		if peers[i], err = unusedAddress(); err != nil {
			t.Fatal(err)
		}
		initial += fmt.Sprintf(",m%d=http://%s", i, peers[i])
	}
	var starting sync.WaitGroup
	for i := range members {
		members[i] = &member{folder: t.TempDir() + "/etcd", config: func(config *embed.Config) {
			config.Name = fmt.Sprint("m", i)
			config.ListenPeerUrls[0].Host, config.AdvertisePeerUrls[0].Host = peers[i], peers[i]
			config.InitialCluster = initial[1:]
			config.TickMs, config.ElectionMs = 50, 500
		}}
		starting.Go(func() {
			if err := members[i].start(); err != nil {
				t.Errorf("starting member %d: %v", i, err)
			}
		})
	}
	starting.Wait()
	if t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() {
		for _, m := range members {
			m.stop()
		}
	})
	return members
}
