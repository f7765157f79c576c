package emulator

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/state/boltstore"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// A store that keeps its state is given a document once, and again when it is another.
func TestGivenOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	life := func(document string, during func(*Emulator)) {
		t.Helper()
		given, err := statefile.Parse("given.yaml", []byte(document), nil)
		if err != nil {
			t.Fatal(err)
		}
		backend, err := boltstore.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		e, err := New(t.Context(), Config{Backend: backend, Given: []statefile.State{given}})
		if err != nil {
			t.Fatal(err)
		}
		during(e)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	const role = "EKSServiceAccountRole"
	there := func(e *Emulator) bool {
		_, ok := iam.RoleByName(e.store.Snapshot(), "111122223333", role)
		return ok
	}
	life(tutorial, func(e *Emulator) {
		found, _ := iam.RoleByName(e.store.Snapshot(), "111122223333", role)
		if err := e.store.Update(t.Context(), func(tx *state.Txn) error { tx.Delete(found); return nil }); err != nil {
			t.Fatal(err)
		}
	})
	life(tutorial, func(e *Emulator) {
		if there(e) {
			t.Error("a role that was deleted is back after a start with the same document")
		}
		if err := e.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !there(e) {
			t.Error("a reset does not bring back what was given")
		}
	})
	life(strings.Replace(tutorial, role, "Another", 1), func(e *Emulator) {
		if _, ok := iam.RoleByName(e.store.Snapshot(), "111122223333", "Another"); !ok || !there(e) {
			t.Error("another document is not merged into what is there")
		}
	})
}

// The clock goes where it was told to, or says that it cannot.
func TestClockRange(t *testing.T) {
	emu := Start(t, Config{})
	far := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	for _, err := range []error{emu.Clock().Set(far), emu.Clock().Set(time.Time{}), emu.Clock().Advance(1<<63 - 1), emu.Clock().Advance(-1 << 63)} {
		if !errors.Is(err, errClockRange) {
			t.Errorf("%v, want %v", err, errClockRange)
		}
	}
	near := time.Now().AddDate(280, 0, 0)
	if err := emu.Clock().Set(near); err != nil {
		t.Fatal(err)
	}
	if err := emu.Clock().Advance(20 * 366 * 24 * time.Hour); !errors.Is(err, errClockRange) {
		t.Errorf("beyond the range in two steps: %v", err)
	}
	if off := emu.Clock().Now().Sub(near).Abs(); off > time.Minute {
		t.Errorf("a refused move has moved the clock by %v", off)
	}
	if status := callControl(t, emu, "POST", "/_emu/clock", `{"set": "9999-12-31T23:59:59Z"}`, nil); status != 400 {
		t.Errorf("the control API: status %d", status)
	}
}
