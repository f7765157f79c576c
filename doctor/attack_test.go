package doctor

import (
	"strings"
	"testing"
)

// An annotation, or a message of the API server's, that would forge a row,
// colour it, or command the terminal.
func TestAttackClusterTexts(t *testing.T) {
	var out strings.Builder
	text := NewText(&out, false)
	hostile := "arn\x1b]0;owned\x07\x1b[2K\r✓ forged \u202e\x00\x9b31m"
	text.Link(Link{Name: "annotation", Status: Warning, Detail: hostile + "\n✓ webhook  fine", More: []string{hostile}, Fix: []string{"kubectl get " + hostile}})
	text.Link(Link{Name: "webhook", Status: Unknown, Detail: hostile, FindOut: []string{hostile}})
	text.Link(Link{Name: "role", Status: Broken, Detail: hostile, More: []string{hostile, "\n✓ role  fine"}, Fix: []string{hostile, "true\n✓ role  fine"}})
	if err := text.Verdict(&Report{Session: hostile}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsFunc(out.String(), func(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x202e }) {
		t.Errorf("the terminal would be commanded: %q", out.String())
	}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "✓") {
			t.Errorf("a row was forged: %q", line)
		}
	}
}

// A value of the cluster's in a command to copy stays one word of it.
func TestAttackCommandsToCopy(t *testing.T) {
	for value, want := range map[string]string{
		"sts.amazonaws.com": "sts.amazonaws.com", "https://oidc.eks.us-west-2.amazonaws.com/id/A": "https://oidc.eks.us-west-2.amazonaws.com/id/A",
		"": "''", "a b": "'a b'", "$(touch x)": "'$(touch x)'", "a'; touch x; '": `'a'\''; touch x; '\'''`, "a\nb": "'a\nb'", "`x`": "'`x`'", "*": "'*'", "~": "'~'", "#": "'#'",
	} {
		if got := word(value); got != want {
			t.Errorf("%q became %s, want %s", value, got, want)
		}
	}
}
