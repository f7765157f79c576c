// Package golden compares what code says now with what a file under testdata
// says, for the tests of every package.
//
// A case is a txtar archive: a comment that says what the case shows and where it
// is known from, what is given, and what must come. The test changes in the
// archive what must come into what came; package golden compares the two, or with
// -update writes the archive anew. Other files, such as a report, are compared
// whole.
//
// Every test package imports it, if only for its flag, so that
// go test ./... -update works on the whole tree. The product does not.
package golden

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files from what the code says now")

// Update says whether golden files are to be rewritten.
func Update() bool { return *update }

// Archives plays every archive that the pattern finds, as a test of its own. play
// changes what must come into what came.
func Archives(t *testing.T, pattern string, play func(t *testing.T, a *txtar.Archive)) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: no golden files: %v", pattern, err)
	}
	for _, path := range paths {
		path, err := filepath.Abs(path) // a test may change its directory
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { playArchive(t, path, play) })
	}
}

func playArchive(t *testing.T, path string, play func(*testing.T, *txtar.Archive)) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, got := txtar.Parse(text), txtar.Parse(bytes.Clone(text))
	if len(bytes.TrimSpace(want.Comment)) == 0 {
		t.Error("the case does not say what it shows and where it is known from")
	}
	play(t, got)
	if t.Failed() || t.Skipped() {
		return
	}
	if *update {
		write(t, path, txtar.Format(got))
		return
	}
	wanted := map[string]string{}
	for _, f := range want.Files {
		wanted[f.Name] = string(f.Data)
	}
	for _, f := range got.Files {
		if diff := cmp.Diff(Plain(wanted[f.Name]), Plain(string(f.Data))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f.Name, diff)
		}
	}
	// Names and their order.
	if diff := cmp.Diff(Plain(string(txtar.Format(want))), Plain(string(txtar.Format(got)))); diff != "" && !t.Failed() {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Steps plays the files of an archive as tests in their order: each is a script, a
// line "----" and the answer, which play gives.
func Steps(t *testing.T, a *txtar.Archive, play func(t *testing.T, name, script string) string) {
	t.Helper()
	for i := range a.Files {
		file := &a.Files[i]
		t.Run(file.Name, func(t *testing.T) {
			script, want, _ := strings.Cut(string(file.Data), "----\n")
			got := play(t, file.Name, script)
			if diff := cmp.Diff(Plain(want), Plain(got)); diff != "" && !*update {
				t.Errorf("(-want +got):\n%s", diff)
			}
			file.Data = []byte(script + "----\n" + got)
		})
	}
}

// Set gives a file of an archive its content; one that is not there is added.
func Set(a *txtar.Archive, name, content string) {
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = []byte(content)
			return
		}
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(content)})
}

// File compares a text with a whole file.
func File(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		write(t, path, []byte(got))
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Plain(string(want)), Plain(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// write leaves a file alone that has the content already.
func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
