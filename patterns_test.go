package irsaemu

import (
	"errors"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"regexp"
	"strings"
	"testing"
)

// The program compiles no pattern of its own when it starts, and all that it may
// compile later are right.
func TestPatterns(t *testing.T) {
	patterns := 0
	for line := range strings.Lines(goList(t, "-deps", "-f", `{{.ImportPath}}{{range .GoFiles}} {{.}}{{end}}`, "./cmd/irsa-emu")) {
		fields := strings.Fields(line)
		dir, ours := strings.CutPrefix(fields[0], module)
		if !ours {
			continue
		}
		fset := token.NewFileSet()
		var files []*ast.File
		for _, name := range fields[1:] {
			f, err := parser.ParseFile(fset, path.Join(dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		values := constants(dir, fset, files)
		for _, f := range files {
			eachCall(f, func(call *ast.CallExpr, function string, inFunction bool) {
				at := fset.Position(call.Pos())
				switch {
				case function == "regexp.MustCompile" && !inFunction:
					t.Errorf("%s: write lazyregexp.New, which compiles when it is used", at)
				case function != "lazyregexp.New":
				case inFunction || values[call.Args[0]].Value == nil:
					t.Errorf("%s: lazyregexp.New is for package variables and constants of their package", at)
				default:
					patterns++
					if _, err := regexp.Compile(constant.StringVal(values[call.Args[0]].Value)); err != nil {
						t.Errorf("%s: %v", at, err)
					}
				}
			})
		}
	}
	if patterns < 50 {
		t.Errorf("%d patterns were found", patterns)
	}
}

// eachCall calls see with the calls of a package's functions, as they are written.
func eachCall(f *ast.File, see func(call *ast.CallExpr, function string, inFunction bool)) {
	for _, decl := range f.Decls {
		_, inFunction := decl.(*ast.FuncDecl)
		ast.Inspect(decl, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				see(call, types.ExprString(call.Fun), inFunction)
			}
			_, literal := n.(*ast.FuncLit)
			return !literal
		})
	}
}

// constants are the values of what a package's variables are made of, as far as the
// package itself says them.
func constants(dir string, fset *token.FileSet, files []*ast.File) map[ast.Expr]types.TypeAndValue {
	info := types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: noImports{}, IgnoreFuncBodies: true, Error: func(error) {}} // what is imported is missing
	_, _ = config.Check(dir, fset, files, &info)
	return info.Types
}

type noImports struct{}

func (noImports) Import(string) (*types.Package, error) { return nil, errors.New("not needed") }
