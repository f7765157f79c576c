package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/state"
)

// patience is how long a change may take to be seen elsewhere before a test fails.
const patience = 20 * time.Second

func (p *place) stores(t *testing.T, n int) []*state.Store {
	t.Helper()
	list := make([]*state.Store, n)
	for i := range list {
		list[i] = p.store(t)
	}
	return list
}

// await waits until the store's snapshot is as it should be.
func await(t *testing.T, s *state.Store, what string, ok func(*state.Snapshot) bool) {
	t.Helper()
	for deadline := time.After(patience); ; {
		changed := s.Changed()
		if ok(s.Snapshot()) {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("not seen within %v: %s (fault: %v)", patience, what, s.Fault())
		}
	}
}

func testPropagation(t *testing.T, p *place) {
	stores := p.stores(t, 3)
	put(t, stores[0], &Item{Key: "a", Group: "x"}, &Note{"a", "1"})
	for i, s := range stores {
		await(t, s, fmt.Sprintf("a put, in store %d", i), func(now *state.Snapshot) bool {
			item, ok := state.Lookup[*Item](now, "group", "x")
			return ok && item.Key == "a"
		})
	}
	put(t, stores[1], &Item{Key: "a", Group: "y"}) // from another store than the first
	for i, s := range stores {
		await(t, s, fmt.Sprintf("a change, in store %d", i), func(now *state.Snapshot) bool {
			_, old := state.Lookup[*Item](now, "group", "x")
			_, ok := state.Lookup[*Item](now, "group", "y")
			return ok && !old
		})
	}
	update(t, stores[2], func(tx *state.Txn) error {
		tx.Delete(&Item{Key: "a"})
		return nil
	})
	for i, s := range stores {
		await(t, s, fmt.Sprintf("a deletion, in store %d", i), func(now *state.Snapshot) bool {
			_, item := state.Get[*Item](now, "a")
			_, note := state.Get[*Note](now, "a")
			return !item && note
		})
	}
	// What one store puts and deletes does not come back when the reports arrive.
	for i := range 50 {
		put(t, stores[0], &Item{Key: "flash", N: i})
		update(t, stores[0], func(tx *state.Txn) error {
			tx.Delete(&Item{Key: "flash"})
			return nil
		})
		if item, ok := state.Get[*Item](stores[0].Snapshot(), "flash"); ok {
			t.Fatalf("%+v is there after its deletion", item)
		}
	}
}

// testCatchUp: what one store has kept, another sees at once, if it asks; an update that its function refuses asks by itself.
func testCatchUp(t *testing.T, p *place) {
	stores := p.stores(t, 2)
	absent := errors.New("absent")
	for i := range 50 {
		key := fmt.Sprint("asked/", i)
		put(t, stores[i%2], &Item{Key: key})
		if i%4 < 2 {
			if err := stores[1-i%2].CatchUp(context.Background()); err != nil {
				t.Fatalf("CatchUp: %v", err)
			}
			if _, ok := state.Get[*Item](stores[1-i%2].Snapshot(), key); !ok {
				t.Fatalf("%s was kept before CatchUp, and is not there after it", key)
			}
			continue
		}
		update(t, stores[1-i%2], func(tx *state.Txn) error {
			if _, ok := state.Get[*Item](tx, key); !ok {
				return absent
			}
			return nil
		})
	}
	if err := stores[0].Update(context.Background(), func(*state.Txn) error { return absent }); err != absent {
		t.Errorf("an update whose function gives an error: %v", err)
	}
}

func testSharedCounter(t *testing.T, p *place) {
	const rounds = 20
	stores := p.stores(t, 3)
	var writing sync.WaitGroup
	for i, s := range stores {
		writing.Go(func() {
			for range rounds {
				err := s.Update(context.Background(), func(tx *state.Txn) error {
					n, mine := 0, 0
					if item, ok := state.Get[*Item](tx, "counter"); ok {
						n = item.N
					}
					if item, ok := state.Get[*Item](tx, fmt.Sprint("of/", i)); ok {
						mine = item.N
					}
					tx.Put(&Item{Key: "counter", N: n + 1})
					tx.Put(&Item{Key: fmt.Sprint("of/", i), N: mine + 1})
					return nil
				})
				if err != nil {
					t.Errorf("store %d: %v", i, err)
					return
				}
			}
		})
	}
	writing.Wait()
	for i, s := range stores {
		await(t, s, fmt.Sprintf("the last count, in store %d", i), func(now *state.Snapshot) bool {
			item, ok := state.Get[*Item](now, "counter")
			return ok && item.N == rounds*len(stores)
		})
	}
	for i := range stores {
		if item, ok := state.Get[*Item](p.store(t).Snapshot(), fmt.Sprint("of/", i)); !ok || item.N != rounds {
			t.Errorf("of store %d's increments %+v are kept, want %d", i, item, rounds)
		}
	}
}

// testWriteSkew: of two that are there, each of two stores deletes one, if the other is still there.
func testWriteSkew(t *testing.T, p *place) {
	stores := p.stores(t, 2)
	names := []string{"left", "right"}
	for range 10 {
		put(t, stores[0], &Item{Key: "left"}, &Item{Key: "right"})
		await(t, stores[1], "both", func(now *state.Snapshot) bool { return len(keys(now, "")) == 2 })
		race(t, stores, func(i int, tx *state.Txn) error {
			if _, ok := state.Get[*Item](tx, names[1-i]); ok {
				tx.Delete(&Item{Key: names[i]})
			}
			return nil
		})
		if left := keys(p.store(t).Snapshot(), ""); len(left) != 1 {
			t.Fatalf("left over: %q, want one", left)
		}
	}
}

// testPhantoms: of several stores, each puts an item if there is none in the group.
func testPhantoms(t *testing.T, p *place) {
	stores := p.stores(t, 2)
	for round := range 10 {
		group := fmt.Sprint("group ", round)
		race(t, stores, func(i int, tx *state.Txn) error {
			if _, ok := state.Lookup[*Item](tx, "group", group); !ok {
				tx.Put(&Item{Key: fmt.Sprintf("%d/%d", round, i), Group: group})
			}
			return nil
		})
		if found := keys(p.store(t).Snapshot(), fmt.Sprintf("%d/", round)); len(found) != 1 {
			t.Fatalf("put: %q, want one", found)
		}
	}
}

// race runs an update in every store at once.
func race(t *testing.T, stores []*state.Store, fn func(i int, tx *state.Txn) error) {
	t.Helper()
	var running sync.WaitGroup
	start := make(chan struct{})
	for i, s := range stores {
		running.Go(func() {
			<-start
			if err := s.Update(context.Background(), func(tx *state.Txn) error { return fn(i, tx) }); err != nil {
				t.Errorf("store %d: %v", i, err)
			}
		})
	}
	close(start)
	running.Wait()
}

// testWholeBatches: what one update writes, however much, is seen by another store all at once.
func testWholeBatches(t *testing.T, p *place) {
	const many, generations = 500, 3
	stores := p.stores(t, 2)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for g := 1; g <= generations; g++ {
			err := stores[0].Update(context.Background(), func(tx *state.Txn) error {
				for i := range many {
					tx.Put(&Item{Key: fmt.Sprintf("%04d", i), N: g})
				}
				return nil
			})
			if err != nil {
				t.Errorf("generation %d: %v", g, err)
				return
			}
		}
	}()
	seen := 0
	await(t, stores[1], "the last generation", func(now *state.Snapshot) bool {
		count, first := 0, 0
		for item := range state.All[*Item](now, "") {
			if count == 0 {
				first = item.N
			} else if item.N != first {
				t.Fatalf("a snapshot has generations %d and %d", first, item.N)
			}
			count++
		}
		if count != 0 && count != many {
			t.Fatalf("a snapshot has %d of %d", count, many)
		}
		if first < seen {
			t.Fatalf("generation %d after %d", first, seen)
		}
		seen = first
		return first == generations
	})
	<-done
}
