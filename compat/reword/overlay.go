package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/golden"
)

const module = "github.com/irsa-emu/irsa-emu"

// theirs are the folders whose texts are not ours to word: AWS's answers, what holds
// tests, and other programs.
var theirs = []string{"wire/", "api/", "policy/denied.go", "services/", "iam/", "agent/", "compat/", "images/", "integrations/", "examples/", "golden/", "emulatortest/", "state/storetest/", "sts/ststest/"}

// promised are lines that programs wait for; they are no messages.
var promised = []string{`"irsa-emu ready on %s"`}

// between is where a text that is English has room for another word.
var between = regexp.MustCompile(`([a-z,;:.)]) ([a-z(])`)

// overlay is what go test -overlay reads.
type overlay struct{ Replace map[string]string }

// overlaid writes the product's files with their messages worded anew.
func overlaid(dir string) (o overlay, count int, err error) {
	o.Replace = map[string]string{}
	list, err := exec.Command("git", "ls-files", "--", "*.go", ":!:*_test.go").Output()
	if err != nil {
		return o, 0, fmt.Errorf("git ls-files: %w", err)
	}
	for _, name := range strings.Fields(string(list)) {
		if slices.ContainsFunc(theirs, func(folder string) bool { return strings.HasPrefix(name, folder) }) {
			continue
		}
		text, n, err := reworded(name)
		if err != nil {
			return o, 0, err
		}
		if n == 0 {
			continue
		}
		from, err := filepath.Abs(name)
		if err != nil {
			return o, 0, err
		}
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return o, 0, err
		}
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return o, 0, err
		}
		o.Replace[from] = to
		count += n
	}
	return o, count, nil
}

// reworded is a file with a word more between the words of each message. Texts that
// begin with a capital are AWS's by rule of this house; what is compared or searched
// for is left, so that a comparison with a message fails.
func reworded(name string) (string, int, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return "", 0, err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, src, parser.SkipObjectResolution)
	if err != nil {
		return "", 0, err
	}
	left := map[ast.Node]bool{}
	var b strings.Builder
	last, count := 0, 0
	ast.Inspect(file, func(n ast.Node) bool {
		if n != nil && left[n] {
			return false
		}
		leave(n, left)
		text, ok := n.(*ast.BasicLit)
		if !ok || !isMessage(text) {
			return true
		}
		start := files.Position(text.Pos()).Offset
		b.Write(src[last:start])
		b.WriteString(between.ReplaceAllString(text.Value, "${1} "+golden.Word+"${2}"))
		last = start + len(text.Value)
		count++
		return true
	})
	b.Write(src[last:])
	return b.String(), count, nil
}

func isMessage(l *ast.BasicLit) bool {
	return l.Kind == token.STRING && l.Value[0] == '"' && strings.Count(l.Value, " ") > 1 && between.MatchString(l.Value) &&
		!strings.Contains(l.Value, `\x`) && !slices.Contains(promised, l.Value) && (l.Value[1] < 'A' || l.Value[1] > 'Z')
}

// leave marks what a node holds that is no message.
func leave(n ast.Node, left map[ast.Node]bool) {
	switch n := n.(type) {
	case *ast.ImportSpec:
		left[n.Path] = true
	case *ast.Field:
		if n.Tag != nil {
			left[n.Tag] = true
		}
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Example" { // of a command: it is run
			left[n.Value] = true
		}
	case *ast.CaseClause:
		for _, e := range n.List {
			left[e] = true
		}
	case *ast.BinaryExpr:
		if n.Op == token.EQL || n.Op == token.NEQ {
			left[n.X], left[n.Y] = true, true
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.SelectorExpr); ok {
			if pkg, ok := f.X.(*ast.Ident); ok && (pkg.Name == "strings" || pkg.Name == "bytes" || pkg.Name == "regexp" || pkg.Name == "lazyregexp" || pkg.Name == "exec") {
				for _, a := range n.Args {
					left[a] = true
				}
			}
		}
	}
}
