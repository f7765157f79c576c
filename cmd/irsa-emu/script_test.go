package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/irsa-emu/irsa-emu/golden"
)

// TestScripts plays testdata/script/*.txtar: what a person types, and what the
// command answers. They run in this process, one at a time, because they are
// many and the working directory is one:
//
//	irsa-emu ARG… [<FILE]    ends with 0; after !, with 1
//	undecided ARG… [<FILE]   irsa-emu, which ends with 3
//	misused ARG… [<FILE]     irsa-emu, which ends with 2 and prints nothing on stdout
func TestScripts(t *testing.T) {
	dir, err := filepath.Abs("testdata/script") // the working directory moves
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	play := func(ts *testscript.TestScript, args []string) int {
		stdin := ""
		if last := len(args) - 1; last >= 0 && strings.HasPrefix(args[last], "<") {
			stdin = ts.ReadFile(args[last][1:])
			args = args[:last]
		}
		mu.Lock()
		defer mu.Unlock()
		before, err := os.Getwd()
		ts.Check(err)
		ts.Check(os.Chdir(ts.MkAbs(".")))
		defer func() { ts.Check(os.Chdir(before)) }()
		env := func(name string) (string, bool) { v := ts.Getenv(name); return v, v != "" }
		var out, errs bytes.Buffer
		code := run(context.Background(), args, env, strings.NewReader(stdin), &out, &errs)
		_, err = io.WriteString(ts.Stdout(), golden.Unworded(out.String()))
		ts.Check(err)
		_, err = io.WriteString(ts.Stderr(), golden.Unworded(errs.String()))
		ts.Check(err)
		return code
	}
	testscript.Run(t, testscript.Params{
		Dir: dir, UpdateScripts: golden.Update(), RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"irsa-emu": func(ts *testscript.TestScript, neg bool, args []string) {
				want := exitOK
				if neg {
					want = exitFailed
				}
				if code := play(ts, args); code != want {
					ts.Fatalf("exit %d, want %d", code, want)
				}
			},
			"undecided": func(ts *testscript.TestScript, neg bool, args []string) {
				if code := play(ts, args); neg || code != exitUndecided {
					ts.Fatalf("exit %d, want %d", code, exitUndecided)
				}
			},
			"misused": func(ts *testscript.TestScript, neg bool, args []string) {
				if code := play(ts, args); neg || code != exitUsage {
					ts.Fatalf("exit %d, want %d", code, exitUsage)
				}
			},
		},
	})
}
