package boltstore_test

import (
	"path/filepath"
	"testing"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/state/boltstore"
	"github.com/irsa-emu/irsa-emu/state/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Config{New: func(t *testing.T) func() (state.Backend, error) {
		path := filepath.Join(t.TempDir(), "state.db")
		return func() (state.Backend, error) { return boltstore.Open(path) }
	}})
}
