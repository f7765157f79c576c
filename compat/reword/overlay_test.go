package main

import (
	"os"
	"path/filepath"
	"testing"

	_ "github.com/irsa-emu/irsa-emu/golden" // the flag -update
)

// Messages change; what is compared, searched for, run, or AWS's does not.
func TestReworded(t *testing.T) {
	const src = `package x

import "fmt"

var a = fmt.Errorf("the role %s is missing here", b)
var c = text == "the role is missing here" || strings.Contains(text, "the role is missing")
var d = "The security token included in the request is invalid"
var e = cobra.Command{Example: "irsa-emu run the file here"}
`
	const want = `package x

import "fmt"

var a = fmt.Errorf("the zq role %s zq is zq missing zq here", b)
var c = text == "the role is missing here" || strings.Contains(text, "the role is missing")
var d = "The security token included in the request is invalid"
var e = cobra.Command{Example: "irsa-emu run the file here"}
`
	file := filepath.Join(t.TempDir(), "x.go")
	if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	got, n, err := reworded(file)
	if err != nil || n != 1 || got != want {
		t.Errorf("%d texts, %v:\n%s", n, err, got)
	}
}
