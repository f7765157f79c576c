package iam_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/irsa-emu/irsa-emu/iam"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden plays the conversations of testdata/golden. A file is a
// conversation with an empty account: each .form is a request of the
// administrator, one parameter a line, and each .xml after it the whole answer
// with its status. The comment at the top says where the texts were seen.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			archive := txtar.Parse(src)
			if !strings.Contains(string(archive.Comment), "Source:") {
				t.Error("the comment names no source")
			}
			w := newWorld(t)
			out := &txtar.Archive{Comment: archive.Comment}
			for i, f := range archive.Files {
				name, isForm := strings.CutSuffix(f.Name, ".form")
				if !isForm {
					continue
				}
				answer := w.play(t, string(f.Data))
				out.Files = append(out.Files, f, txtar.File{Name: name + ".xml", Data: []byte(answer)})
				if *update {
					continue
				}
				if i+1 >= len(archive.Files) || archive.Files[i+1].Name != name+".xml" {
					t.Errorf("%s has no answer; run with -update", f.Name)
					continue
				}
				if diff := cmp.Diff(string(archive.Files[i+1].Data), answer); diff != "" {
					t.Errorf("%s: want -, got +\n%s", name, diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(out), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// play sends one request and gives status and body.
func (w *world) play(t *testing.T, request string) string {
	form := url.Values{"Version": {iam.Version}}
	for line := range strings.Lines(request) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !ok {
			t.Fatalf("not NAME=VALUE: %q", line)
		}
		// @N repeats a letter, for values that are too long.
		if letter, n, long := strings.Cut(value, "@x"); long {
			var count int
			if _, err := fmt.Sscan(n, &count); err != nil {
				t.Fatal(err)
			}
			value = strings.Repeat(letter, count)
		}
		form.Set(name, value)
	}
	rec := httptest.NewRecorder()
	w.serve(rec, httptest.NewRequest(http.MethodPost, "/", nil), form, root(account))
	body := strings.TrimSuffix(rec.Body.String(), "\n")
	return fmt.Sprintf("%d\n%s\n", rec.Code, body)
}
