package harness

import (
	"fmt"
	"io"
	"strings"

	"github.com/irsa-emu/irsa-emu/term"
)

// WriteMarkdown writes the report for a pull request or a job summary.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "# irsa-emu scenarios\n\n%s\n\n| scenario | result | passed | failed | skipped | time |\n|---|---|--:|--:|--:|--:|\n", r.Verdict())
	for i := range r.Scenarios {
		x := &r.Scenarios[i]
		c := x.Counts()
		name := "**" + x.Name + "**"
		if x.Description != "" {
			name += "<br>" + cell(x.Description)
		}
		fmt.Fprintf(&out, "| %s | %s | %d | %d | %d | %s |\n", name, x.Status, c.Passed, c.Failed, c.Skipped, rounded(x.Duration))
	}
	for i := range r.Scenarios {
		x := &r.Scenarios[i]
		if x.Status != Failed {
			continue
		}
		fmt.Fprintf(&out, "\n## %s failed\n\n`%s:%d`\n", x.Name, x.File, x.Line)
		if x.Error != "" {
			fmt.Fprintf(&out, "\n%s\n", fenced(string(term.Lines(x.Error))))
		}
		for j := range x.Steps {
			if x.Steps[j].Status == Failed {
				fmt.Fprintf(&out, "\n### %s\n\n%s\n", cell(x.Steps[j].Name), fenced(failure(&x.Steps[j])))
			}
		}
		if x.Logs != "" {
			fmt.Fprintf(&out, "\nLogs: `%s`\n", x.Logs)
		}
	}
	if skips := r.skips(); len(skips) > 0 {
		out.WriteString("\n## Skipped\n\n")
		for _, reason := range sortedKeys(skips) {
			fmt.Fprintf(&out, "- %s: %s\n", term.Plural(skips[reason], "step"), cell(reason))
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", ">", "&gt;").Replace(string(term.Lines(s)))
}

// fenced is a block of text whatever backticks are in it.
func fenced(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + "\n" + strings.TrimRight(text, "\n") + "\n" + fence
}
