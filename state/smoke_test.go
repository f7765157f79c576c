package state_test

import (
	"testing"

	"github.com/irsa-emu/irsa-emu/state"
)

type thing struct{ Key, Owner string }

var thingKind = state.Kind{Name: "thing", Type: (*thing)(nil), Indexes: map[string]func(state.Entity) []string{
	"owner": func(e state.Entity) []string { return []string{e.(*thing).Owner} },
}}

func (t *thing) StateKey() string { return t.Key }

func TestPutGetLookupAll(t *testing.T) {
	s, err := state.Open(t.Context(), state.NewMemory(), state.Kind{Name: "thing", Type: (*thing)(nil), Indexes: map[string]func(state.Entity) []string{
		"owner": func(e state.Entity) []string { return []string{e.(*thing).Owner} },
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Update(t.Context(), func(tx *state.Txn) error {
		tx.Put(&thing{"a/1", "x"})
		tx.Put(&thing{"a/2", "y"})
		tx.Put(&thing{"b/1", "y"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	snap := s.Snapshot()
	if e, ok := state.Get[*thing](snap, "a/1"); !ok || e.Owner != "x" {
		t.Errorf("Get = %v, %v", e, ok)
	}
	if e, ok := state.Lookup[*thing](snap, "owner", "y"); !ok || e.Key != "a/2" {
		t.Errorf("Lookup = %v, %v", e, ok)
	}
	n := 0
	for range state.All[*thing](snap, "a/") {
		n++
	}
	if n != 2 {
		t.Errorf("All gave %d", n)
	}
}
