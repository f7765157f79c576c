// Command reword shows that no decision is taken by looking at English: it words
// every message of the product anew, runs the tests on that, and reports those that
// fail and are not listed as tests of words.
//
// Golden files and scripts are compared without the change (package golden), so that
// their tests fail when something other than words is different: a verdict, a code,
// an order, what is left out.
//
//	go run ./compat/reword [PACKAGE…]
package main

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/golden"
)

// words lists the tests that are about words, one a line as PACKAGE.TEST: that a
// mistake is said with what to write instead, and AWS's own texts.
//
//go:embed words.txt
var words string

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "reword:", err)
		os.Exit(1)
	}
}

func run(packages []string) error {
	dir, err := os.MkdirTemp("", "irsa-emu-reword-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	overlay, count, err := overlaid(dir)
	if err != nil {
		return err
	}
	fmt.Printf("%d texts in %d files are worded anew\n", count, len(overlay.Replace))
	file := filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(overlay)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	if len(packages) == 0 {
		packages = []string{"./..."}
	}
	ran, failed, err := test(file, packages)
	if err != nil {
		return err
	}
	return judge(ran, failed)
}

// event is a line of go test -json.
type event struct{ Action, Package, Test string }

// test runs the tests, and gives those that passed or failed and those that failed.
// A package that did not compile has failed by itself.
func test(overlay string, packages []string) (ran, failed map[string]bool, err error) {
	cmd := exec.Command("go", append([]string{"test", "-json", "-vet=off", "-timeout=15m", "-overlay", overlay}, packages...)...)
	cmd.Env = append(os.Environ(), golden.RewordedVariable+"=1")
	cmd.Stderr = os.Stderr
	out, runErr := cmd.Output()
	ran, failed = map[string]bool{}, map[string]bool{}
	fails := map[string]bool{} // packages with a test that failed
	var broken []string
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Action != "pass" && e.Action != "fail" || strings.Contains(e.Test, "/") {
			continue
		}
		name := strings.TrimPrefix(strings.TrimPrefix(e.Package, module), "/")
		switch {
		case e.Test != "":
			ran[name+"."+e.Test] = true
			if e.Action == "fail" {
				failed[name+"."+e.Test], fails[name] = true, true
			}
		case e.Action == "fail" && !fails[name]:
			broken = append(broken, name)
		}
	}
	if len(ran) == 0 || len(broken) > 0 {
		return nil, nil, fmt.Errorf("go test: %v; these did not run: %s", runErr, strings.Join(broken, " "))
	}
	return ran, failed, lines.Err()
}

// judge holds the tests that failed against the list.
func judge(ran, failed map[string]bool) error {
	listed := map[string]bool{}
	for line := range strings.Lines(words) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			listed[line] = true
		}
	}
	faults := 0
	for _, name := range slices.Sorted(maps.Keys(failed)) {
		if !listed[name] {
			faults++
			fmt.Printf("%s fails when messages are worded anew: hold it against a code or another value, or list it as a test of words\n", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(listed)) {
		if ran[name] && !failed[name] {
			faults++
			fmt.Printf("%s is listed as a test of words, and does not fail: take it out of words.txt\n", name)
		}
	}
	fmt.Printf("%d tests ran, %d of them are about words\n", len(ran), len(failed))
	if faults > 0 {
		return fmt.Errorf("%d tests to look at", faults)
	}
	return nil
}
