package lint_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/lint"
	"github.com/irsa-emu/irsa-emu/policy"
)

// Each case is a policy, what is known beside it, and what lint says. Its comment
// names the source.
func TestGolden(t *testing.T) {
	golden.Archives(t, filepath.Join("testdata", "*.txtar"), func(t *testing.T, a *txtar.Archive) {
		if len(bytes.TrimSpace(a.Comment)) == 0 {
			t.Error("the case does not say where it is from")
		}
		in := map[string][]byte{}
		kept := a.Files[:0:0]
		for _, file := range a.Files {
			in[file.Name] = file.Data
			if !strings.HasPrefix(file.Name, "want") {
				kept = append(kept, file)
			}
		}
		var o lint.Options
		if src, ok := in["options.json"]; ok {
			if err := json.Unmarshal(src, &o); err != nil {
				t.Fatal(err)
			}
		}
		a.Files = append(kept, txtar.File{Name: "want.txt", Data: []byte(said(t, in["policy.json"], o))})
	})
}

// said is what lint says of a policy, with the lines that each fix changes.
func said(t *testing.T, src []byte, o lint.Options) string {
	findings := lint.Lint(src, o)
	var b strings.Builder
	before := map[string]int{}
	for _, f := range findings {
		before[f.Rule]++
	}
	for _, f := range findings {
		fmt.Fprintf(&b, "%d:%d: %s [%s] %s\n  why: %s\n  fix: %s\n", f.Line, f.Column, f.Severity, f.Rule, f.Message, f.Why, f.Fix)
		if f.Fixed == nil {
			continue
		}
		for l := range strings.Lines(string(diff.Diff("policy", src, "fixed", f.Fixed))) {
			if (strings.HasPrefix(l, "-") || strings.HasPrefix(l, "+")) && !strings.HasPrefix(l, "---") && !strings.HasPrefix(l, "+++") {
				b.WriteString("  " + l)
			}
		}
		after := 0
		for _, again := range lint.Lint(f.Fixed, o) {
			if again.Rule == f.Rule {
				after++
			}
		}
		if after >= before[f.Rule] {
			t.Errorf("%s at %d:%d: the fix does not take the finding away", f.Rule, f.Line, f.Column)
		}
	}
	if len(findings) == 0 {
		b.WriteString("clean\n")
	}
	return b.String()
}

// Every rule has a case that shows it.
func TestEveryRuleHasACase(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, src...)
	}
	for _, r := range lint.Rules() {
		if !bytes.Contains(all, []byte("["+r.ID+"]")) {
			t.Errorf("no case shows %s", r.ID)
		}
	}
}

// Fix takes away what needs no decision, and what it leaves is stable.
func TestFix(t *testing.T) {
	src := []byte(`{"Version": "2008-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
 "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/https://issuer.example.com"},
 "Condition": {"StringEquals": {"issuer.example.com:aud": "sts.amazon.com", "issuer.example.com:iss": "x", "issuer.example.com:sub": "a-*"}}}]}`)
	fixed, applied := lint.Fix(src, lint.Options{}, nil)
	if _, err := policy.ValidateTrust(fixed, policy.TrustOptions{}); err != nil {
		t.Errorf("IAM refuses the fixed policy: %v\n%s", err, fixed)
	}
	if left := lint.Lint(fixed, lint.Options{}); len(left) != 0 {
		t.Errorf("left: %+v\n%s", left, fixed)
	}
	if len(applied) < 5 {
		t.Errorf("applied: %+v", applied)
	}
	if again, more := lint.Fix(fixed, lint.Options{}, nil); len(more) != 0 || !bytes.Equal(again, fixed) {
		t.Errorf("fixed again: %+v", more)
	}
	open := []byte(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
 "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/issuer.example.com"},
 "Condition": {"StringEquals": {"issuer.example.com:aud": "sts.amazonaws.com"}}}]}`)
	if same, applied := lint.Fix(open, lint.Options{}, nil); len(applied) != 0 || !bytes.Equal(same, open) {
		t.Errorf("a subject was made up: %s", same)
	}
}
