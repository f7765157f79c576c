package state_test

import (
	"context"
	"fmt"

	"github.com/irsa-emu/irsa-emu/state"
)

// Role is an entity: it has a key, and encoding/json can write and read it.
type Role struct {
	Account, Name string
	Tags          map[string]string
}

func (r *Role) StateKey() string { return r.Account + "/" + r.Name }

func Example() {
	ctx := context.Background()
	s, err := state.Open(ctx, state.NewMemory(), state.Kind{Name: "role", Type: (*Role)(nil)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	before := s.Snapshot()
	err = s.Update(ctx, func(tx *state.Txn) error {
		if _, exists := state.Get[*Role](tx, "111122223333/reader"); exists {
			return fmt.Errorf("role reader already exists")
		}
		tx.Put(&Role{Account: "111122223333", Name: "reader"})
		tx.Put(&Role{Account: "111122223333", Name: "writer"})
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	for role := range state.All[*Role](s.Snapshot(), "111122223333/") {
		fmt.Println(role.Name)
	}
	_, found := state.Get[*Role](before, "111122223333/reader")
	fmt.Println("in the snapshot from before:", found)
	// Output:
	// reader
	// writer
	// in the snapshot from before: false
}
