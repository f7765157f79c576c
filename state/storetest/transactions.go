package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/state"
)

// faulty is a backend that fails when it is told to.
type faulty struct {
	state.Backend
	fail    func(commit int) error // asked before each commit, counted from 1; nil lets it through
	commits atomic.Int64
}

func (f *faulty) Commit(ctx context.Context, changes []state.Change) (int64, error) {
	if err := f.fail(int(f.commits.Add(1))); err != nil {
		return 0, err
	}
	return f.Backend.Commit(ctx, changes)
}

func testAtomic(t *testing.T, p *place) {
	disk := errors.New("the disk is full")
	refused := errors.New("refused by the function")
	backend := &faulty{Backend: p.backend(t), fail: func(commit int) error {
		if commit == 2 {
			return disk
		}
		return nil
	}}
	s := openStore(t, backend)
	put(t, s, &Item{Key: "a", N: 1}, &Item{Key: "b", N: 1}, &Note{"a", "1"})
	want := contents(s.Snapshot())
	before := s.Snapshot()
	attempt := func(end error) error {
		return s.Update(context.Background(), func(tx *state.Txn) error {
			tx.Put(&Item{Key: "a", N: 2})
			tx.Delete(&Item{Key: "b"})
			tx.Put(&Note{"a", "2"})
			tx.Put(&Item{Key: "c"})
			return end
		})
	}
	if err := attempt(refused); err != refused {
		t.Errorf("the function's error came back as %v", err)
	}
	wantContents(t, s.Snapshot(), want)
	if err := attempt(nil); !errors.Is(err, disk) {
		t.Errorf("the backend's error came back as %v", err)
	}
	wantContents(t, s.Snapshot(), want)
	if s.Snapshot() != before {
		t.Error("a failed update made a new snapshot")
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the function's panic did not come through")
			}
		}()
		s.Update(context.Background(), func(tx *state.Txn) error {
			tx.Put(&Item{Key: "a", N: 3})
			panic("in the function")
		})
	}()
	wantContents(t, s.Snapshot(), want)
	if err := attempt(nil); err != nil {
		t.Errorf("an update after failed ones: %v", err)
	}
	want = map[string]any{"item a": Item{Key: "a", N: 2}, "item c": Item{Key: "c"}, "note a": Note{"a", "2"}}
	wantContents(t, s.Snapshot(), want)
	wantContents(t, p.reopen(t, s).Snapshot(), want)
}

// testConcurrent moves amounts between accounts from several goroutines while others check that none was lost on the way.
func testConcurrent(t *testing.T, p *place) {
	const accounts, each, writers, rounds = 8, 100, 8, 20
	s := p.store(t)
	update(t, s, func(tx *state.Txn) error {
		for i := range accounts {
			tx.Put(&Item{Key: fmt.Sprint("account/", i), N: each})
		}
		return nil
	})
	total := func(r state.Reader) (sum int) {
		for item := range state.All[*Item](r, "account/") {
			sum += item.N
		}
		return sum
	}
	var writing, reading sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		reading.Go(func() {
			for {
				if sum := total(s.Snapshot()); sum != accounts*each {
					t.Errorf("a snapshot has %d, want %d", sum, accounts*each)
					return
				}
				select {
				case <-done:
					return
				case <-time.After(100 * time.Microsecond):
				}
			}
		})
	}
	for w := range writers {
		writing.Go(func() {
			for i := range rounds {
				from, to := rand.IntN(accounts), rand.IntN(accounts-1)
				if to >= from {
					to++
				}
				err := s.Update(context.Background(), func(tx *state.Txn) error {
					a, _ := state.Get[*Item](tx, fmt.Sprint("account/", from))
					b, _ := state.Get[*Item](tx, fmt.Sprint("account/", to))
					tx.Put(&Item{Key: a.Key, N: a.N - i})
					tx.Put(&Item{Key: b.Key, N: b.N + i})
					done, _ := state.Get[*Item](tx, fmt.Sprint("done/", w))
					if done == nil {
						done = &Item{}
					}
					tx.Put(&Item{Key: fmt.Sprint("done/", w), N: done.N + 1})
					return nil
				})
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
				if mine, ok := state.Get[*Item](s.Snapshot(), fmt.Sprint("done/", w)); !ok || mine.N != i+1 {
					t.Errorf("writer %d does not see its own update %d: %+v", w, i+1, mine)
				}
			}
		})
	}
	writing.Wait()
	close(done)
	reading.Wait()
	now := p.reopen(t, s).Snapshot()
	if sum := total(now); sum != accounts*each {
		t.Errorf("in the end there are %d, want %d", sum, accounts*each)
	}
	for w := range writers {
		if item, ok := state.Get[*Item](now, fmt.Sprint("done/", w)); !ok || item.N != rounds {
			t.Errorf("writer %d: %+v kept, want %d rounds", w, item, rounds)
		}
	}
}

func testRetry(t *testing.T, p *place) {
	conflicts := 3
	if p.Forgets {
		conflicts = 0 // a conflict makes the store load again, which it cannot
	}
	backend := &faulty{Backend: p.backend(t), fail: func(commit int) error {
		if commit > 1 && commit <= 1+conflicts {
			return fmt.Errorf("somebody was faster: %w", state.ErrConflict)
		}
		return nil
	}}
	s := openStore(t, backend)
	put(t, s, &Item{Key: "n", N: 1})
	runs := 0
	update(t, s, func(tx *state.Txn) error {
		runs++
		item, _ := state.Get[*Item](tx, "n")
		tx.Put(&Item{Key: "n", N: item.N + 1})
		return nil
	})
	if runs != conflicts+1 {
		t.Errorf("the function ran %d times for %d conflicts", runs, conflicts)
	}
	if item, _ := state.Get[*Item](p.reopen(t, s).Snapshot(), "n"); item == nil || item.N != 2 {
		t.Errorf("after the runs: %+v, want 2", item)
	}
}

func testContext(t *testing.T, p *place) {
	s := p.store(t)
	put(t, s, &Item{Key: "a"})
	ctx, cancel := context.WithCancel(context.Background())
	err := s.Update(ctx, func(tx *state.Txn) error {
		tx.Put(&Item{Key: "b"})
		cancel()
		return nil
	})
	kept := []string{"a"}
	if err == nil {
		kept = append(kept, "b") // the outcome counts, whichever it is
	} else if !errors.Is(err, context.Canceled) {
		t.Errorf("an update whose context ended: %v", err)
	}
	wantKeys(t, s.Snapshot(), "", kept...)

	// Waiting for another writer is bounded by the context.
	inside, leave, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		s.Update(context.Background(), func(*state.Txn) error {
			close(inside)
			<-leave
			return nil
		})
	}()
	<-inside
	ctx, cancel = context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := s.Update(ctx, func(*state.Txn) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an update that waited for another: %v, want DeadlineExceeded", err)
	}
	close(leave)
	<-left
	wantKeys(t, p.reopen(t, s).Snapshot(), "", kept...)
}

func testClosed(t *testing.T, p *place) {
	backend := p.backend(t)
	s := openStore(t, backend)
	put(t, s, &Item{Key: "a"})
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	err := s.Update(context.Background(), func(tx *state.Txn) error {
		t.Error("the function ran on a closed store")
		return nil
	})
	if !errors.Is(err, state.ErrClosed) {
		t.Errorf("Update after Close: %v, want ErrClosed", err)
	}
	wantKeys(t, s.Snapshot(), "", "a")
	if _, err := backend.Load(context.Background()); !errors.Is(err, state.ErrClosed) {
		t.Errorf("the backend's Load after Close: %v, want ErrClosed", err)
	}
	if _, err := backend.Commit(context.Background(), nil); !errors.Is(err, state.ErrClosed) {
		t.Errorf("the backend's Commit after Close: %v, want ErrClosed", err)
	}
	if err := backend.Close(); err != nil {
		t.Errorf("the backend's second Close: %v", err)
	}
}

// testModel compares a store with a plain map through a random history of updates, failed updates and restarts.
func testModel(t *testing.T, p *place) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := p.store(t)
	want := map[string]any{}
	for range 150 {
		next := maps.Clone(want)
		fails := random.IntN(5) == 0
		end := errors.New("given up")
		err := s.Update(context.Background(), func(tx *state.Txn) error {
			for range random.IntN(8) {
				key := fmt.Sprintf("%d/%d", random.IntN(3), random.IntN(12))
				switch random.IntN(6) {
				case 0, 1:
					item := Item{Key: key, Group: fmt.Sprint(random.IntN(3)), N: random.IntN(1000)}
					tx.Put(&item)
					next["item "+key] = item
				case 2:
					note := Note{key, fmt.Sprint(random.IntN(1000))}
					tx.Put(&note)
					next["note "+key] = note
				case 3:
					tx.Delete(&Item{Key: key})
					delete(next, "item "+key)
				case 4:
					if item, ok := state.Get[*Item](tx, key); ok != (next["item "+key] != nil) || ok && !reflect.DeepEqual(*item, next["item "+key]) {
						t.Fatalf("within a transaction: %s is %+v, want %+v", key, item, next["item "+key])
					}
				case 5:
					if random.IntN(10) == 0 {
						state.DeleteAll[*Note](tx, "")
						maps.DeleteFunc(next, func(_ string, entity any) bool { _, note := entity.(Note); return note })
					}
				}
			}
			if fails {
				return end
			}
			return nil
		})
		if fails && err != end || !fails && err != nil {
			t.Fatalf("Update: %v", err)
		}
		if !fails {
			want = next
		}
		wantContents(t, s.Snapshot(), want)
		if random.IntN(30) == 0 {
			s = p.reopen(t, s)
			wantContents(t, s.Snapshot(), want)
		}
		if t.Failed() {
			t.FailNow()
		}
	}
}
