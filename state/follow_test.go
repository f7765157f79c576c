package state_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/irsa-emu/irsa-emu/state"
)

// scripted is a Watcher whose other writers are the test.
type scripted struct {
	mu       sync.Mutex
	records  []state.Record
	loads    int
	failLoad error
	commits  int64
	checked  []state.Change
	tell     chan []state.Change // given to apply
	lose     chan error          // ends the watch
	told     chan struct{}       // after each apply
}

func (*scripted) Blobs() state.Blobs { return nil }

func newScripted() *scripted {
	return &scripted{tell: make(chan []state.Change), lose: make(chan error), told: make(chan struct{})}
}

func (b *scripted) Load(context.Context) ([]state.Record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.loads++
	return slices.Clone(b.records), b.failLoad
}

func (b *scripted) Commit(_ context.Context, changes []state.Change) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.commits++
	b.checked = changes
	return b.commits, nil
}

func (b *scripted) Close() error { return nil }

func (b *scripted) Watch(ctx context.Context, apply func([]state.Change)) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-b.lose:
			return err
		case changes := <-b.tell:
			apply(changes)
			b.told <- struct{}{}
		}
	}
}

func (b *scripted) others(changes ...state.Change) {
	b.tell <- changes
	<-b.told
}

func (b *scripted) set(failLoad error, records ...state.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failLoad, b.records = failLoad, records
}

func putThing(t *testing.T, s *state.Store, key, owner string) {
	t.Helper()
	if err := s.Update(t.Context(), func(tx *state.Txn) error { tx.Put(&thing{key, owner}); return nil }); err != nil {
		t.Fatal(err)
	}
}

func deleteThing(t *testing.T, s *state.Store, key string) {
	t.Helper()
	if err := s.Update(t.Context(), func(tx *state.Txn) error { tx.Delete(&thing{Key: key}); return nil }); err != nil {
		t.Fatal(err)
	}
}

func wantThings(t *testing.T, s *state.Store, want ...string) {
	t.Helper()
	var got []string
	for thing := range state.All[*thing](s.Snapshot(), "") {
		got = append(got, thing.Key+" of "+thing.Owner)
	}
	if !slices.Equal(got, want) {
		t.Errorf("things: %q, want %q", got, want)
	}
}

func change(key, owner string, revision int64) state.Change {
	return state.Change{Kind: "thing", Key: key, Value: fmt.Appendf(nil, `{"Key":%q,"Owner":%q}`, key, owner), Revision: revision}
}

func deletion(key string, revision int64) state.Change {
	return state.Change{Kind: "thing", Key: key, Revision: revision}
}

func TestChangesOfOthers(t *testing.T) {
	backend := newScripted()
	backend.commits = 10
	s := open(t, backend, thingKind)
	backend.others(change("a", "them", 3), change("b", "them", 3))
	wantThings(t, s, "a of them", "b of them")
	backend.others(deletion("a", 4), change("b", "others", 4), deletion("never", 4))
	wantThings(t, s, "b of others")
	backend.others(change("b", "them", 3)) // told again, and too late
	wantThings(t, s, "b of others")

	putThing(t, s, "mine", "me") // at 11
	version := s.Version()
	backend.others(change("mine", "me", 11))
	if s.Version() != version {
		t.Error("the store's own change, told again, made a new version")
	}
	deleteThing(t, s, "mine") // at 12
	backend.others(change("mine", "me", 11))
	wantThings(t, s, "b of others")
	backend.others(deletion("mine", 12))
	wantThings(t, s, "b of others")
	backend.others(change("mine", "them", 13))
	wantThings(t, s, "b of others", "mine of them")
	if err := s.Fault(); err != nil {
		t.Errorf("Fault: %v", err)
	}
}

func TestWatchLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := newScripted()
		s := open(t, backend, thingKind)
		defer s.Close()
		backend.others(change("a", "them", 3), change("b", "them", 3))
		backend.set(errors.New("no route to host"), record("b", "others", 5), record("c", "others", 5))
		backend.lose <- errors.New("compacted")
		synctest.Wait()
		if err := s.Fault(); err == nil || !strings.Contains(err.Error(), "compacted") {
			t.Errorf("Fault after the watch was lost: %v", err)
		}
		time.Sleep(10 * time.Second)
		if err := s.Fault(); err == nil || !strings.Contains(err.Error(), "no route to host") {
			t.Errorf("Fault while nothing can be loaded: %v", err)
		}
		if backend.loads < 5 || backend.loads > 20 {
			t.Errorf("%d loads in ten seconds", backend.loads)
		}
		wantThings(t, s, "a of them", "b of them")
		backend.set(nil, backend.records...)
		time.Sleep(5 * time.Second)
		if err := s.Fault(); err != nil {
			t.Errorf("Fault after loading: %v", err)
		}
		wantThings(t, s, "b of others", "c of others")
		backend.others(change("d", "them", 6))
		wantThings(t, s, "b of others", "c of others", "d of them")
	})
}

func TestChangeThatCannotBeUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := newScripted()
		s := open(t, backend, thingKind)
		defer s.Close()
		backend.others(change("a", "them", 3))
		bad := state.Change{Kind: "gadget", Key: "g", Value: []byte(`{}`), Revision: 4}
		backend.set(nil, record("a", "them", 3), record("b", "them", 4), state.Record{Kind: "gadget", Key: "g", Value: []byte(`{}`), Revision: 4})
		backend.others(change("b", "them", 4), bad)
		time.Sleep(10 * time.Second)
		if err := s.Fault(); err == nil || !strings.Contains(err.Error(), `kind "gadget" is not known`) {
			t.Errorf("Fault: %v", err)
		}
		wantThings(t, s, "a of them") // not half of the others' commit
		backend.set(nil, record("a", "them", 3), record("b", "them", 4))
		time.Sleep(10 * time.Second)
		if err := s.Fault(); err != nil {
			t.Errorf("Fault after it is gone: %v", err)
		}
		wantThings(t, s, "a of them", "b of them")
	})
}

// TestWhatIsChecked: a commit names what was written and what was read, and no more than there is sense in.
func TestWhatIsChecked(t *testing.T) {
	backend := newScripted()
	s := open(t, backend, thingKind, otherKind)
	putThing(t, s, "a", "me")
	putThing(t, s, "b", "me")
	for _, test := range []struct {
		name string
		want string
		run  func(*state.Txn)
	}{
		{"a blind put", "put thing a@1", func(tx *state.Txn) { tx.Put(&thing{"a", "me"}) }},
		{"a blind put of something new", "put thing new1@0", func(tx *state.Txn) { tx.Put(&thing{"new1", "me"}) }},
		{"single reads", "put other o@0, read thing b@2, read thing absent@0", func(tx *state.Txn) {
			state.Get[*thing](tx, "b")
			state.Get[*thing](tx, "absent")
			state.Get[*thing](tx, "b")
			tx.Put(&other{"o"})
		}},
		{"a deletion of nothing", "put other p@0, read thing absent@0", func(tx *state.Txn) {
			tx.Delete(&thing{Key: "absent"})
			tx.Put(&other{"p"})
		}},
		{"a lookup", "put thing new2@0, read all thing", func(tx *state.Txn) {
			state.Lookup[*thing](tx, "owner", "nobody")
			state.Get[*thing](tx, "b")
			tx.Put(&thing{"new2", "me"})
		}},
		{"many single reads", "put other q@0, read all thing", func(tx *state.Txn) {
			for i := range 100 {
				state.Get[*thing](tx, fmt.Sprint(i))
			}
			tx.Put(&other{"q"})
		}},
		{"put and deleted within", "put other r@0, read thing passing@0", func(tx *state.Txn) {
			tx.Put(&thing{Key: "passing"})
			tx.Delete(&thing{Key: "passing"})
			tx.Put(&other{"r"})
		}},
		{"nothing but reads", "", func(tx *state.Txn) { state.Get[*thing](tx, "a") }},
	} {
		backend.checked = nil
		if err := s.Update(t.Context(), func(tx *state.Txn) error { test.run(tx); return nil }); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range backend.checked {
			switch {
			case c.Read && c.Key == "":
				got = append(got, "read all "+c.Kind)
			case c.Read:
				got = append(got, fmt.Sprintf("read %s %s@%d", c.Kind, c.Key, c.Revision))
			case c.Value == nil:
				got = append(got, fmt.Sprintf("delete %s %s@%d", c.Kind, c.Key, c.Revision))
			default:
				got = append(got, fmt.Sprintf("put %s %s@%d", c.Kind, c.Key, c.Revision))
			}
		}
		if got := strings.Join(got, ", "); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func record(key, owner string, revision int64) state.Record {
	c := change(key, owner, revision)
	return state.Record{Kind: c.Kind, Key: c.Key, Value: c.Value, Revision: c.Revision}
}
