package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/term"
)

// cases runs f for each archive of a folder; what it returns are the files that
// the archive wants.
func cases(t *testing.T, folder string, f func(t *testing.T, in map[string][]byte) []txtar.File) {
	golden.Archives(t, filepath.Join("testdata", folder, "*.txtar"), func(t *testing.T, a *txtar.Archive) {
		in := map[string][]byte{}
		kept := a.Files[:0:0]
		for _, file := range a.Files {
			in[file.Name] = file.Data
			if !strings.HasPrefix(file.Name, "want") {
				kept = append(kept, file)
			}
		}
		a.Files = append(kept, f(t, in)...)
	})
}

// goldenRequest is request.json of a case. A list makes a multivalued key.
type goldenRequest struct {
	Action          string         `json:"action"`
	Resource        string         `json:"resource"`
	ResourceAccount string         `json:"resourceAccount"`
	Principal       Principal      `json:"principal"`
	Context         map[string]any `json:"context"`
}

func TestEvaluateGolden(t *testing.T) {
	cases(t, "evaluate", func(t *testing.T, in map[string][]byte) []txtar.File {
		var g goldenRequest
		dec := json.NewDecoder(bytes.NewReader(in["request.json"]))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&g); err != nil {
			t.Fatalf("request.json: %v", err)
		}
		r := Request{Action: g.Action, Resource: g.Resource, Principal: g.Principal, Context: Context{}}
		for k, v := range g.Context {
			switch v := v.(type) {
			case []any:
				list := make([]string, len(v))
				for i := range v {
					list[i] = v[i].(string)
				}
				r.Context.SetMulti(k, list)
			default:
				r.Context.Set(k, v.(string))
			}
		}
		d := Evaluate(goldenPolicies(t, in, g.ResourceAccount), r)
		checkDecision(t, d)

		// The decision travels as JSON and is rendered on the other side.
		wire, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back Decision
		if err := json.Unmarshal(wire, &back); err != nil {
			t.Fatal(err)
		}
		if back.String() != d.String() {
			t.Errorf("the explanation changed on its way through JSON:\n%s", cmp.Diff(d.String(), back.String()))
		}
		var b bytes.Buffer
		Explain(term.NewPrinter(&b, false), d, ExplainOptions{All: true})
		if text := DeniedText(d, g.Action); text != "" {
			fmt.Fprintf(&b, "\nAWS: …%s\n", text)
		}
		return []txtar.File{{Name: "want.txt", Data: b.Bytes()}}
	})
}

func goldenPolicies(t *testing.T, in map[string][]byte, account string) Policies {
	t.Helper()
	p := Policies{ResourceAccount: account}
	named := func(file string, kind SourceType) *Named {
		src, ok := in[file]
		if !ok {
			return nil
		}
		doc, err := Parse(src)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		return &Named{Name: strings.TrimSuffix(file, ".json"), Type: kind, Document: doc}
	}
	p.Trust = named("trust.json", TrustPolicy)
	p.Resource = named("resource.json", ResourcePolicy)
	if n := named("boundary.json", BoundaryPolicy); n != nil {
		n.Name = "arn:aws:iam::111122223333:policy/Boundary"
		p.Boundary = n
	}
	for _, file := range []string{"identity.json", "identity-2.json"} {
		if n := named(file, IdentityPolicy); n != nil {
			p.Identity = append(p.Identity, *n)
		}
	}
	if n := named("session.json", SessionPolicy); n != nil {
		p.Session, p.HasSession = []Named{*n}, true
	}
	return p
}

func TestLintGolden(t *testing.T) {
	cases(t, "lint", func(t *testing.T, in map[string][]byte) []txtar.File {
		var o LintOptions
		if src, ok := in["options.json"]; ok {
			if err := json.Unmarshal(src, &o); err != nil {
				t.Fatal(err)
			}
		}
		findings := Lint(in["policy.json"], o)
		var b bytes.Buffer
		before := map[string]int{}
		for _, f := range findings {
			before[f.Rule]++
		}
		for _, f := range findings {
			fmt.Fprintf(&b, "%d:%d: %s [%s] %s\n  why: %s\n  fix: %s\n", f.Line, f.Column, f.Severity, f.Rule, f.Message, f.Why, f.Fix)
			if f.Mended == nil {
				continue
			}
			for _, l := range strings.Split(string(diff.Diff("policy", in["policy.json"], "mended", f.Mended)), "\n") {
				if (strings.HasPrefix(l, "-") || strings.HasPrefix(l, "+")) && !strings.HasPrefix(l, "---") && !strings.HasPrefix(l, "+++") {
					b.WriteString("  " + l + "\n")
				}
			}
			after := 0
			for _, again := range Lint(f.Mended, o) {
				if again.Rule == f.Rule {
					after++
				}
			}
			if after >= before[f.Rule] {
				t.Errorf("%s at %d:%d: the mend does not take the finding away", f.Rule, f.Line, f.Column)
			}
		}
		if len(findings) == 0 {
			b.WriteString("clean\n")
		}
		return []txtar.File{{Name: "want.txt", Data: b.Bytes()}}
	})
}

// Every rule that lint lists has a case that shows it.
func TestEveryRuleHasACase(t *testing.T) {
	paths, err := filepath.Glob("testdata/lint/*.txtar")
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
	for _, r := range LintRules() {
		if !bytes.Contains(all, []byte("["+r.ID+"]")) {
			t.Errorf("no case shows %s", r.ID)
		}
	}
}

// Mend takes away what needs no decision, and what it leaves is stable.
func TestMend(t *testing.T) {
	src := []byte(`{"Version": "2008-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
 "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/https://issuer.example.com"},
 "Condition": {"StringEquals": {"issuer.example.com:aud": "sts.amazon.com", "issuer.example.com:iss": "x", "issuer.example.com:sub": "a-*"}}}]}`)
	mended, applied := Mend(src, LintOptions{})
	if _, err := ValidateTrust(mended, TrustOptions{}); err != nil {
		t.Errorf("IAM refuses the mended policy: %v\n%s", err, mended)
	}
	if left := Lint(mended, LintOptions{}); len(left) != 0 {
		t.Errorf("left: %+v\n%s", left, mended)
	}
	if len(applied) < 5 {
		t.Errorf("applied: %+v", applied)
	}
	if again, more := Mend(mended, LintOptions{}); len(more) != 0 || !bytes.Equal(again, mended) {
		t.Errorf("mended again: %+v", more)
	}
	open := []byte(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
 "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/issuer.example.com"},
 "Condition": {"StringEquals": {"issuer.example.com:aud": "sts.amazonaws.com"}}}]}`)
	if same, applied := Mend(open, LintOptions{}); len(applied) != 0 || !bytes.Equal(same, open) {
		t.Errorf("a subject was made up: %s", same)
	}
}
