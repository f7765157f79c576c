package etcdstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/state/etcdstore"
	"github.com/irsa-emu/irsa-emu/state/storetest"
)

// The batches of these tests put 300 items, which takes three requests, and delete one.
func batchOf(revision int64) []state.Change {
	var changes []state.Change
	for i := range 300 {
		changes = append(changes, state.Change{Kind: "item", Key: fmt.Sprintf("batch/%03d", i), Value: fmt.Appendf(nil, `{"Key":"batch/%03d","N":7}`, i)})
	}
	return append(changes, state.Change{Kind: "item", Key: "before", Revision: revision})
}

// wantBatch checks that all of the batch is there, or nothing.
func wantBatch(t *testing.T, s *state.Store, there bool) {
	t.Helper()
	now, count := s.Snapshot(), 0
	for range state.All[*storetest.Item](now, "batch/") {
		count++
	}
	_, before := state.Get[*storetest.Item](now, "before")
	if there && (count != 300 || before) || !there && (count != 0 || !before) {
		t.Errorf("%d of the batch are there, and what it deletes: %v", count, before)
	}
}

// TestDeathDuringBatch: a replica dies when its batch is only staged, when it keeps others out, when it is decided, and when
// part of it is carried out. Another one that runs already, and one that is started then, must find all or nothing of it,
// and can write.
func TestDeathDuringBatch(t *testing.T) {
	for _, test := range []struct {
		name  string
		there bool
		die   func(*testing.T, *etcdstore.Store, etcdstore.Config, []state.Change)
	}{
		{"staged", false, func(t *testing.T, b *etcdstore.Store, _ etcdstore.Config, changes []state.Change) {
			if err := b.Staged(t.Context(), "id", changes); err != nil {
				t.Fatal(err)
			}
		}},
		{"checking", false, func(t *testing.T, b *etcdstore.Store, _ etcdstore.Config, changes []state.Change) {
			if _, err := b.Locked(t.Context(), "id", changes); err != nil {
				t.Fatal(err)
			}
		}},
		{"decided", true, func(t *testing.T, b *etcdstore.Store, _ etcdstore.Config, changes []state.Change) {
			if err := b.Decided(t.Context(), "id", changes); err != nil {
				t.Fatal(err)
			}
		}},
		{"carried out in part", true, func(t *testing.T, b *etcdstore.Store, c etcdstore.Config, changes []state.Change) {
			if err := b.Decided(t.Context(), "id", changes); err != nil {
				t.Fatal(err)
			}
			client := newClient(t, c.Endpoints...)
			staged, err := client.Get(t.Context(), c.Prefix+"/staged/id/", clientv3.WithPrefix(), clientv3.WithLimit(20))
			if err != nil || len(staged.Kvs) != 20 {
				t.Fatal(err, len(staged.Kvs))
			}
			for _, kv := range staged.Kvs {
				key := strings.SplitN(strings.TrimPrefix(string(kv.Key), c.Prefix+"/staged/id/"), "/", 4)
				_, err := client.Txn(t.Context()).Then(clientv3.OpPut(c.Prefix+"/state/entity/"+key[2]+"/"+key[3], string(kv.Value)), clientv3.OpDelete(string(kv.Key))).Commit()
				if err != nil {
					t.Fatal(err)
				}
			}
		}},
	} {
		for _, then := range []string{"another starts", "another writes", "another only watches"} {
			t.Run(test.name+", "+then, func(t *testing.T) {
				t.Parallel()
				c := config(t, sharedMember(t))
				other := openStore(t, c)
				mustPut(t, other, item("before", 1))
				dying := openBackend(t, c)
				records, err := dying.Load(t.Context())
				if err != nil || len(records) != 1 {
					t.Fatal(records, err)
				}
				test.die(t, dying, c, batchOf(records[0].Revision))
				switch then {
				case "another starts":
					wantBatch(t, openStore(t, c), test.there)
				case "another only watches":
					if test.there {
						await(t, other, "batch/299", 7)
					}
				}
				wantBatchSoon(t, other, test.there)
				mustPut(t, other, item("after", 1))
				wantBatch(t, other, test.there)
				wantBatch(t, openStore(t, c), test.there)
				left, err := newClient(t, c.Endpoints...).Get(t.Context(), c.Prefix+"/state/batch")
				if err != nil || len(left.Kvs) > 0 {
					t.Errorf("the batch key is still there: %v, %v", left.Kvs, err)
				}
			})
		}
	}
}

// wantBatchSoon writes, which finishes a batch, and waits until the store has seen that.
func wantBatchSoon(t *testing.T, s *state.Store, there bool) {
	t.Helper()
	mustPut(t, s, item("touch", 1))
	if there {
		await(t, s, "batch/000", 7)
	}
	wantBatch(t, s, there)
}

// TestSlowBatch: a batch whose lease or staging has gone by the time it is to be decided is refused.
func TestSlowBatch(t *testing.T) {
	c := config(t, sharedMember(t))
	b := openBackend(t, c)
	client := newClient(t, c.Endpoints...)
	revision, err := b.Commit(t.Context(), []state.Change{{Kind: "item", Key: "before", Value: []byte(`{"Key":"before"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.LockedFor(t.Context(), "id", batchOf(revision), 3600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Commit(t.Context(), []state.Change{{Kind: "item", Key: "other", Value: []byte(`{"Key":"other"}`)}}); !errors.Is(err, state.ErrConflict) {
		t.Errorf("a commit while a batch is checked: %v, want ErrConflict", err)
	}
	if _, err := client.Delete(t.Context(), c.Prefix+"/state/batch"); err != nil { // as the end of the lease does
		t.Fatal(err)
	}
	if err := b.Decided(t.Context(), "id2", batchOf(revision)); err != nil {
		t.Errorf("a batch after one that ended: %v", err)
	}
}

// TestLeftOvers: what replicas that crashed have left is cleared away when one starts, if it is old.
func TestLeftOvers(t *testing.T) {
	c := config(t, sharedMember(t))
	openBackend(t, c)
	client := newClient(t, c.Endpoints...)
	old, young := fmt.Sprintf("%010d-A", time.Now().Add(-25*time.Hour).Unix()), fmt.Sprintf("%010d-B", time.Now().Add(-5*time.Minute).Unix())
	for _, key := range []string{"/writer/" + old, "/writer/" + young, "/staged/" + old + "/0", "/staged/" + old + "/1", "/staged/" + young + "/0"} {
		if _, err := client.Put(t.Context(), c.Prefix+key, "left"); err != nil {
			t.Fatal(err)
		}
	}
	want := func(want ...string) {
		t.Helper()
		got, err := client.Get(t.Context(), c.Prefix, clientv3.WithPrefix())
		if err != nil {
			t.Fatal(err)
		}
		var left []string
		for _, kv := range got.Kvs {
			left = append(left, strings.TrimPrefix(string(kv.Key), c.Prefix))
		}
		if fmt.Sprint(left) != fmt.Sprint(want) {
			t.Errorf("left over: %q, want %q", left, want)
		}
	}
	if _, err := client.Put(t.Context(), c.Prefix+"/state/batch", "decided "+old); err != nil {
		t.Fatal(err)
	}
	openBackend(t, c)
	want("/format", "/staged/"+old+"/0", "/staged/"+old+"/1", "/staged/"+young+"/0", "/state/batch", "/writer/"+old, "/writer/"+young)
	if _, err := client.Delete(t.Context(), c.Prefix+"/state/batch"); err != nil {
		t.Fatal(err)
	}
	openBackend(t, c)
	want("/format", "/staged/"+young+"/0", "/writer/"+young)
}

// TestWriterKeyGone: another replica took this one for dead.
func TestWriterKeyGone(t *testing.T) {
	c := config(t, sharedMember(t))
	s := openStore(t, c)
	mustPut(t, s, item("a", 1))
	if _, err := newClient(t, c.Endpoints...).Delete(context.Background(), c.Prefix+"/writer/", clientv3.WithPrefix()); err != nil {
		t.Fatal(err)
	}
	mustPut(t, s, item("a", 2))
	mustPut(t, s, item("a", 3))
	if n := number(openStore(t, c).Snapshot(), "a"); n != 3 {
		t.Errorf("a is %d, want 3", n)
	}
}
