package state_test

import (
	"testing"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/state/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, storetest.Config{Forgets: true, New: func(*testing.T) func() (state.Backend, error) {
		return func() (state.Backend, error) { return state.NewMemory(), nil }
	}})
}
