package state_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/irsa-emu/irsa-emu/state"
)

// An observer hears of commits with their outcome, of what others changed, and
// of reloads; the revision is that of the newest change, whoever made it.
func TestObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := newScripted()
		backend.commits = 10
		s := open(t, backend, thingKind)
		defer s.Close()
		if s.Revision() != 0 {
			t.Errorf("revision %d of an empty store", s.Revision())
		}
		var heard []string
		s.Observe(&state.Observer{
			Committed: func(_ time.Duration, err error) { heard = append(heard, fmt.Sprint("commit ", err)) },
			Reloaded:  func(err error) { heard = append(heard, fmt.Sprint("reload ", err)) },
			Followed:  func(n int) { heard = append(heard, fmt.Sprint("followed ", n)) },
		})
		backend.others(change("a", "them", 3), change("b", "them", 4))
		backend.others(change("a", "them", 3)) // told again: nothing new
		if s.Revision() != 4 {
			t.Errorf("revision %d, want that of the others' change", s.Revision())
		}
		putThing(t, s, "mine", "me")
		if s.Revision() != 11 {
			t.Errorf("revision %d, want that of the commit", s.Revision())
		}
		backend.others(change("c", "them", 7)) // older than one's own, and late
		if s.Revision() != 11 {
			t.Errorf("the revision went back to %d", s.Revision())
		}
		backend.set(errors.New("no route to host"))
		backend.lose <- errors.New("compacted")
		time.Sleep(time.Minute)
		backend.set(nil, record("a", "them", 20))
		time.Sleep(time.Minute)
		if s.Revision() != 20 {
			t.Errorf("revision %d after loading anew", s.Revision())
		}
		synctest.Wait()
		heard = slices.Compact(heard) // a reload is tried more than once
		want := []string{"followed 2", "commit <nil>", "followed 1", "reload no route to host", "reload <nil>"}
		if !slices.Equal(heard, want) {
			t.Errorf("heard %q, want %q", heard, want)
		}
	})
}

// A commit that is refused is heard of, and is no revision.
func TestObserverOfRefusals(t *testing.T) {
	for _, refused := range []error{state.ErrUnavailable, state.ErrUncertain, state.ErrTooLarge} {
		s := open(t, &refusing{err: refused}, thingKind)
		var heard error
		s.Observe(&state.Observer{Committed: func(_ time.Duration, err error) { heard = err }})
		err := s.Update(t.Context(), func(tx *state.Txn) error { tx.Put(&thing{Key: "a"}); return nil })
		if !errors.Is(err, refused) || !errors.Is(heard, refused) || s.Revision() != 0 {
			t.Errorf("%v: Update gave %v, heard %v, revision %d", refused, err, heard, s.Revision())
		}
	}
}

// refusing takes no commits.
type refusing struct {
	state.Backend
	err error
}

func (r *refusing) Load(context.Context) ([]state.Record, error) { return nil, nil }
func (r *refusing) Commit(context.Context, []state.Change) (int64, error) {
	return 0, r.err
}
func (r *refusing) Close() error { return nil }
