package golden_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/irsa-emu/irsa-emu/golden"
)

// A case that comes out as it is written passes; what is compared is what play
// leaves in the archive, and files that it does not touch stay.
func TestArchives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "case.txtar")
	text := "What it shows.\n-- in --\nabc\n-- want --\nABC\n-- step --\nxy\n----\nXY\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	played := 0
	golden.Archives(t, path, func(t *testing.T, a *txtar.Archive) {
		played++
		golden.Set(a, "want", strings.ToUpper(string(a.Files[0].Data)))
		steps := &txtar.Archive{Files: a.Files[2:]}
		golden.Steps(t, steps, func(_ *testing.T, _, script string) string { return strings.ToUpper(script) })
	})
	if played != 1 {
		t.Errorf("played %d times", played)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != text {
		t.Errorf("the file is now %q, %v", after, err)
	}
}
