package boltstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/state/boltstore"
	"github.com/irsa-emu/irsa-emu/state/storetest"
)

func Example() {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	ctx, path := context.Background(), filepath.Join(folder, "state.db")
	for range 2 { // the second time, what the first has kept is there
		backend, err := boltstore.Open(path)
		if err != nil {
			fmt.Println(err)
			return
		}
		s, err := state.Open(ctx, backend, storetest.Kinds()...)
		if err != nil {
			backend.Close()
			fmt.Println(err)
			return
		}
		_, there := state.Get[*storetest.Note](s.Snapshot(), "a")
		fmt.Println("there:", there)
		if err := s.Update(ctx, func(tx *state.Txn) error {
			tx.Put(&storetest.Note{Key: "a", Text: "kept"})
			return nil
		}); err != nil {
			fmt.Println(err)
		}
		if err := s.Close(); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// there: false
	// there: true
}
