package prove_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutants are faults of the analyser: what a file says, and what the mutant says
// instead. The tests of prove and below must notice each.
var mutants = []struct{ name, file, says, mutant string }{
	{"at most is surely", "clause.go", "return t.may\n", "return t.must\n"},
	{"a deny is taken on the same side as an allow", "clause.go", "s.boxes(l.deny, !b, policy.NotNamed))", "s.boxes(l.deny, b, policy.NotNamed))"},
	{"a test is known by its key and values alone", "space.go", "b.WriteString(t.Key + \"\\x00\" + t.Comparison)", "b.WriteString(t.Key)"},
	{"an absent key does not meet a negation", "space.go", "met = test.Negated || test.IfExists", "met = test.IfExists"},
	{"an absent key does not meet IfExists", "space.go", "met = test.Negated || test.IfExists", "met = test.Negated"},
	{"ForAllValues wants a value", "space.go", "case policy.ForAllValues:\n\t\t\tmet = true", "case policy.ForAllValues:\n\t\t\tmet = false"},
	{"ForAnyValue wants all values", "space.go", "may, must = may || x, must || y", "may, must = may && x, must && y"},
	{"a plain operator takes a set", "space.go", "return false, false // recorded: it never matches, negated or not", "return value(0)"},
	{"a box loses a test", "box.go", "out[dim] = out[dim].and(cells)\n", "out[dim] = cells\n"},
	{"what is cut out stays", "box.go", "if outside := have.minus(cells); !outside.empty() {", "if outside := have; !outside.empty() {"},
	{"tags need no sts:TagSession", "world.go", "w.actions = append(w.actions, \"sts:TagSession\")", "_ = w.actions"},
	{"a source identity needs no action", "world.go", "w.actions = append(w.actions, \"sts:SetSourceIdentity\")", "_ = w.actions"},
	{"tokens bring no roles", "world.go", "w.keys[\"sts:roleauthorizedbyidp\"] = domain{values: trueOrFalse}", "w.keys[\"sts:roleauthorizedbyidp\"] = always(\"false\")"},
	{"any audience is taken", "issuer.go", "audience = oneOf(p.ClientIDs...)", "_ = p.ClientIDs"},
	{"names of namespaces may have dots", "shapes.go", "words:   seq{text(serviceAccount), dnsLabel, text(\":\")", "words:   seq{text(serviceAccount), plus{class(chars(\"a-z0-9.-\"))}, text(\":\")"},
	{"a question mark is a star", "language.go", "out = append(out, class(wild))", "out = append(out, star(wild))"},
	{"case counts where it must not", "language.go", "func(s string) expr { return fold(s) }", "func(s string) expr { return text(s) }"},
	{"no value below the smallest", "measure.go", "add(points[0].Add(-time.Hour))", "_ = points[0]"},
	{"a language that is required may be missed", "product.go", "if whole < w.required {", "if whole < 0 {"},
	{"a claim holds of an absent key", "claim.go", "Qualifier: policy.ForAnyValue,", "Qualifier: policy.ForAllValues,"},
	{"a list of audiences is one", "sets.go", "len(c.values) == 1 {", "false {"},
	{"a pull request may have an environment", "github.go", "[]string{\"environment\"}, &pullRef},", "nil, &pullRef},"},
	{"denies do not count as new access", "diff.go", "out = append(append(out, not...), denied...)", "_ = denied\n\t\tout = append(out, not...)"},
	{"a permissions boundary is forgotten", "apart.go", "[]*layer{p.boundary, p.session}", "[]*layer{p.session}"},
	{"a key's policy does not count", "apart.go", "return r.Decides || ", "return "},
	{"another account's bucket is one's own", "apart.go", "r.Account != role.Account && r.Account", "false && r.Account"},
	{"nobody chooses a session's name", "named.go", "ok && r.opensAs(name) && ", "false && ok && r.opensAs(name) && "},
	{"denies of a session's policies are forgotten", "identity.go", "for _, l := range layers {", "for _, l := range layers[:0] {"},
	{"another account's role needs no permission", "caller.go", "q.caller.Account != q.role.Account, own", "false, own"},
	{"a boundary that is not known forbids nothing", "apart.go", "if p.limited && b == surely {", "if false {"},
}

// TestMutants plays the tests against every mutant, when PROVE_MUTANTS is set; it
// always holds that each mutant is still one.
func TestMutants(t *testing.T) {
	play := os.Getenv("PROVE_MUTANTS") != ""
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			src, err := os.ReadFile(m.file)
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(src, []byte(m.says)); n != 1 {
				t.Fatalf("%s says %d times %q; write the mutant anew", m.file, n, m.says)
			}
			if play {
				playMutant(t, m.file, bytes.Replace(src, []byte(m.says), []byte(m.mutant), 1))
			}
		})
	}
	if !play {
		t.Log("they are not played: PROVE_MUTANTS=1 does it, .ci/run too")
	}
}

func playMutant(t *testing.T, file string, src []byte) {
	folder := t.TempDir()
	here, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	mutant, overlay := filepath.Join(folder, filepath.Base(file)), filepath.Join(folder, "overlay.json")
	text, err := json.Marshal(map[string]map[string]string{"Replace": {here: mutant}})
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{mutant: src, overlay: text} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-vet=off", "-failfast", "-overlay", overlay, "-skip", "TestMutants|TestWorst", "./...")
	cmd.Env = append(os.Environ(), "PROVE_MUTANTS=", "PROVE_POLICIES=600")
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		t.Errorf("no test notices it")
	case strings.Contains(string(out), "[build failed]") || !strings.Contains(string(out), "--- FAIL"):
		t.Errorf("it is no mutant:\n%s", out)
	}
}
