package irsaemu

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// otherFacts are literals that are spelt like a constant of package aws and are
// another fact.
var otherFacts = map[string]string{
	"services/eks/service.go eks.amazonaws.com": "EKS as a service principal, not the prefix of annotations",
	"services/s3/bucket.go us-east-1":           "the region of buckets without a location constraint",
	"sts/records.go sts.amazonaws.com":          "the global endpoint and the event source, not an audience",
}

// A fact of AWS is written down once: no literal in the product is equal to a
// constant of package aws. Typed constants are names of ours, such as the kind of an issuer.
func TestFactsHaveOneHome(t *testing.T) {
	out, err := exec.Command("git", "ls-files", "--", "*.go", ":!:*_test.go", ":!:compat/", ":!:images/", ":!:integrations/", ":!:examples/", ":!:iam/maketables/").Output()
	if err != nil {
		t.Skipf("git ls-files: %v: this is no work tree", err)
	}
	files := strings.Fields(string(out))
	if len(files) < 100 {
		t.Fatalf("git ls-files finds %d files", len(files))
	}
	fset := token.NewFileSet()
	parsed := map[string]*ast.File{}
	for _, file := range files {
		if f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution); err == nil { // else deleted and not committed yet
			parsed[file] = f
		}
	}
	names := map[string]string{}
	for file, f := range parsed {
		if !strings.HasPrefix(file, "aws/") {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if ok && spec.Type == nil && len(spec.Names) == 1 && len(spec.Values) == 1 && spec.Names[0].IsExported() {
				if text, ok := literal(spec.Values[0]); ok && len(text) > 4 {
					names[text] = spec.Names[0].Name
				}
			}
			return true
		})
	}
	if len(names) < 30 {
		t.Fatalf("package aws has %d constants", len(names))
	}
	found := map[string]bool{}
	for file, f := range parsed {
		if strings.HasPrefix(file, "aws/") {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			expr, _ := n.(ast.Expr)
			text, ok := literal(expr)
			if name := names[text]; ok && name != "" {
				key := file + " " + text
				found[key] = true
				if otherFacts[key] == "" {
					t.Errorf("%s: %q: write aws.%s", fset.Position(n.Pos()), text, name)
				}
			}
			return true
		})
	}
	for key := range otherFacts {
		if !found[key] {
			t.Errorf("%s is no longer there: take it out of this test", key)
		}
	}
}

// literal is the value of a string literal.
func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}
