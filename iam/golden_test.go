package iam_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/iam"
)

// TestGolden plays the conversations of testdata/golden. A file is a
// conversation with an empty account: each .form is a request of the
// administrator, one parameter a line, and each .xml after it the whole answer
// with its status. The comment at the top says where the texts were seen.
func TestGolden(t *testing.T) {
	golden.Archives(t, "testdata/golden/*.txtar", func(t *testing.T, a *txtar.Archive) {
		if !strings.Contains(string(a.Comment), "Source:") {
			t.Error("the comment names no source")
		}
		w := newWorld(t)
		var played []txtar.File
		for _, f := range a.Files {
			if name, isForm := strings.CutSuffix(f.Name, ".form"); isForm {
				played = append(played, f, txtar.File{Name: name + ".xml", Data: []byte(w.play(t, string(f.Data)))})
			}
		}
		a.Files = played
	})
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
