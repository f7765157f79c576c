package audit_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/irsa-emu/irsa-emu/audit"
	"github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/lint"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/term"
)

// TestGolden audits the files of each archive of testdata. "options" holds
// NAME=VALUE words. An archive says what it shows and where it comes from.
func TestGolden(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, a *txtar.Archive) { golden.Set(a, "want", report(t, a)) })
}

// report audits the files of an archive, each by its own name.
func report(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	folder := t.TempDir()
	found, o, err := given(t, a, folder)
	if err != nil {
		return "error: " + strings.ReplaceAll(err.Error(), folder+"/", "") + "\n"
	}
	r, err := audit.Audit(found, o)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	var out bytes.Buffer
	if err := r.Text(term.NewPrinter(&out, false)); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(out.String(), folder+"/", "")
}

// Each rule has an archive that shows it.
func TestEveryRuleIsShown(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	for _, r := range audit.Rules() {
		if same, ok := lint.RuleByID(r.ID); ok && (same.Severity != r.Severity || same.Summary != r.Summary) {
			t.Errorf("lint has another rule %s: %s %q", r.ID, same.Severity, same.Summary)
		}
		if !strings.Contains(all.String(), " ["+r.ID+"]\n") {
			t.Errorf("no archive shows %s: %s", r.ID, r.Summary)
		}
	}
}

// What was taken for granted is in the text and in a comment for a pull request, once,
// and it is counted.
func TestNotesAreSaidAndCounted(t *testing.T) {
	r := &audit.Report{
		Findings: []audit.Finding{{Rule: "agent-missing", Severity: lint.Note, Message: "said by a finding"}},
		Notes:    []string{"taken for granted: a <b>", "said by a finding"},
	}
	var text, markdown bytes.Buffer
	if err := r.Text(term.NewPrinter(&text, false)); err != nil {
		t.Fatal(err)
	}
	if err := r.Markdown(&markdown); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ out, note string }{
		{text.String(), "note: taken for granted: a <b>\n"}, {markdown.String(), "\nNotes:\n\n- taken for granted: a &lt;b&gt;\n"},
	} {
		if !strings.Contains(c.out, c.note) || !strings.Contains(c.out, "0 errors, 0 warnings, 2 notes\n") || strings.Count(c.out, "said by a finding") != 1 {
			t.Errorf("no %q, or not two notes:\n%s", c.note, c.out)
		}
	}
}

func TestJSONHasNoNulls(t *testing.T) {
	found, err := sources.Options{Stdin: strings.NewReader("{apiVersion: v1, kind: ServiceAccount, metadata: {name: a, namespace: b}}")}.Read("-")
	if err != nil {
		t.Fatal(err)
	}
	r, err := audit.Audit(found, audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r)
	if err != nil || string(b) != `{"matrix":[],"unusedRoles":[],"findings":[],"notes":[]}` {
		t.Errorf("%s, %v", b, err)
	}
}

func TestUnresolved(t *testing.T) {
	for text, want := range map[string]string{
		"arn:aws:iam::${account}:role/x": "${account}", "{{ .Values.role }}": "{{ .Values.role }}", "$(ROLE)": "$(ROLE)",
		"arn:aws:iam::111122223333:role/x": "", "": "", "${open": "${open", "a<no value>b": "<no value>", "$x": "",
	} {
		if got := sources.Unresolved(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
