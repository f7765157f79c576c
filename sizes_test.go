package irsaemu

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// Beyond these, a file holds more than one job, or a function more than one thought.
const (
	mostLinesOfFile     = 450
	mostLinesOfFunction = 80
)

// TestSizes: no Go file but tests is longer than mostLinesOfFile, no function
// than mostLinesOfFunction.
func TestSizes(t *testing.T) {
	const files = `{{$dir := .Dir}}{{range .GoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{range .IgnoredGoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}`
	seen := 0
	for line := range strings.Lines(goList(t, "-f", files, "./...")) {
		path := strings.TrimSpace(line)
		if path == "" || strings.HasSuffix(path, "_test.go") {
			continue
		}
		seen++
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(src, []byte("\n")); n > mostLinesOfFile {
			t.Errorf("%s has %d lines, more than %d: split it by its jobs", path, n, mostLinesOfFile)
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, src, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, is := d.(*ast.FuncDecl)
			if !is {
				continue
			}
			if n := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1; n > mostLinesOfFunction {
				t.Errorf("%s: %s has %d lines, more than %d", set.Position(f.Pos()), f.Name.Name, n, mostLinesOfFunction)
			}
		}
	}
	if seen == 0 {
		t.Error("no files were looked at")
	}
}

// TestEveryPackageUpdates: every test package knows the flag -update, so that
// go test ./... -update rewrites the golden files of the whole tree.
func TestEveryPackageUpdates(t *testing.T) {
	const imports = `{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{range .TestImports}} {{.}}{{end}}{{range .XTestImports}} {{.}}{{end}}{{end}}`
	for line := range strings.Lines(goList(t, "-f", imports, "./...")) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.Contains(line, " "+module+"golden") {
			continue
		}
		t.Errorf(`%s: go test -update does not work there: write _ %q in one of its test files`, fields[0], module+"golden")
	}
}
