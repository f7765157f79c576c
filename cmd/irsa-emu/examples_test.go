package main

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// notRun are the examples, by how they begin, that this test does not run, and
// why. Each must begin some example.
var notRun = map[string]string{
	"aws ":                         "a client of AWS",
	"terraform ":                   "Terraform",
	"helm ":                        "Helm",
	"irsa-emu run --cluster kind":  "needs a Docker engine",
	"irsa-emu up":                  "needs a Docker engine",
	"irsa-emu down":                "needs a Docker engine",
	"irsa-emu doctor":              "needs a cluster",
	"irsa-emu agent":               "runs until it is stopped, on a port that may be taken",
	"irsa-emu serve --store 'etcd": "needs etcd",
	"irsa-emu issuer check https:": "reads the network",
}

// Every example of a --help text works as it is typed, with files of the names
// that it has, on a machine where the emulator runs: it is no misuse.
func TestExamples(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/examples.txtar")
	if err != nil {
		t.Fatal(err)
	}
	library, err := filepath.Abs("../../scenarios")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range archive.Files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o600)
		if strings.HasPrefix(f.Name, "bin/") {
			mode = 0o700
		}
		if err := os.WriteFile(name, f.Data, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(library, filepath.Join(dir, "scenarios")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	t.Setenv("PATH", filepath.Join(dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	env := examplesEnvironment(t)
	skipped := maps.Clone(notRun)
	ran := 0
	for _, command := range examplesOf((&program{}).rootCommand()) {
		if prefix := beginning(command); prefix != "" {
			delete(skipped, prefix)
			continue
		}
		ran++
		t.Run(command, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			var stdout, stderr watched
			url, _ := env("IRSA_EMU_URL")
			words := shellWords(strings.ReplaceAll(command, "http://127.0.0.1:4772", url)) // where an emulator listens usually
			// Some run until they are stopped: serve, once it is ready, and what keeps a
			// file, once it is there.
			if strings.HasPrefix(command, "irsa-emu serve") {
				stdout.enough = func(text string) bool { return strings.Contains(text, "irsa-emu ready on ") }
			}
			if i := slices.Index(words, "--write"); i >= 0 {
				stderr.enough = func(string) bool { _, err := os.Stat(words[i+1]); return err == nil }
			}
			stdout.stop, stderr.stop = cancel, cancel
			if words[0] != "irsa-emu" {
				t.Fatalf("what program is %s?", words[0])
			}
			code := run(ctx, words[1:], env, strings.NewReader(""), &stdout, &stderr)
			if code != exitOK && code != exitFailed {
				t.Errorf("exit %d: %s", code, &stderr.text)
			}
			if code == exitFailed && stdout.text.Len() == 0 {
				t.Errorf("it failed and found nothing: %s", &stderr.text)
			}
		})
	}
	if ran < 30 {
		t.Errorf("%d examples were run", ran)
	}
	for prefix, why := range skipped {
		t.Errorf("no example begins with %q (%s); take it out of this test", prefix, why)
	}
}

// watched is what a command prints, and when that is enough of it.
type watched struct {
	text   bytes.Buffer
	enough func(text string) bool
	stop   func()
}

func (w *watched) Write(b []byte) (int, error) {
	n, err := w.text.Write(b)
	if w.enough != nil && w.enough(w.text.String()) {
		w.stop()
	}
	return n, err
}

// examplesEnvironment is that of a machine where an emulator runs that has
// refused a call.
func examplesEnvironment(t *testing.T) func(string) (string, bool) {
	t.Helper()
	given, err := statefile.Load("state.yaml")
	if err != nil {
		t.Fatal(err)
	}
	emu := emulator.Start(t, emulator.Config{Given: []statefile.State{given}})
	token, err := emu.Token(t.Context(), control.TokenRequest{ServiceAccount: "other/api"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("token.txt", []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"IRSA_EMU_URL": emu.URL, "IRSA_EMU_LISTEN": "127.0.0.1:0", "HOME": t.TempDir()}
	get := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	var out bytes.Buffer
	args := []string{"exec", "--service-account", "other/api", "--role", "arn:aws:iam::111122223333:role/payments-api", "--", "assume"}
	run(t.Context(), args, get, strings.NewReader(""), &out, &out)
	return get
}

// examplesOf are the commands of all examples, one each.
func examplesOf(c *cobra.Command) []string {
	var all []string
	for line := range strings.Lines(strings.ReplaceAll(c.Example, "\\\n", " ")) {
		line, _, _ = strings.Cut(line, "     #")
		for part := range strings.SplitSeq(line, " && ") {
			part = strings.TrimSpace(part)
			if inner, ok := strings.CutPrefix(part, `eval "$(`); ok {
				part = strings.TrimSuffix(inner, `)"`)
			}
			if part != "" && !strings.HasPrefix(part, "#") {
				all = append(all, strings.Join(strings.Fields(part), " "))
			}
		}
	}
	for _, sub := range c.Commands() {
		all = append(all, examplesOf(sub)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func beginning(command string) string {
	for prefix := range notRun {
		if strings.HasPrefix(command, prefix) {
			return prefix
		}
	}
	return ""
}

// shellWords are a command's words without its redirection.
func shellWords(command string) []string {
	var words []string
	var word strings.Builder
	quote, in := rune(0), false
	flush := func() {
		if in {
			words = append(words, word.String())
			word.Reset()
			in = false
		}
	}
	for _, r := range command {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, in = r, true
		case r == ' ':
			flush()
		default:
			word.WriteRune(r)
			in = true
		}
	}
	flush()
	if i := slices.Index(words, ">"); i >= 0 {
		words = words[:i]
	}
	return words
}
