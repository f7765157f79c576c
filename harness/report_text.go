package harness

import (
	"fmt"
	"io"

	"github.com/irsa-emu/irsa-emu/term"
)

// WriteText writes the table at the end of a run, and where the logs of
// failures are.
func (r *Report) WriteText(w io.Writer, color bool) error {
	s, out := style{color}, term.NewPrinter(w, color)
	rows := [][]any{{"SCENARIO", "RESULT", "PASSED", "FAILED", "SKIPPED", "TIME"}}
	for i := range r.Scenarios {
		x := &r.Scenarios[i]
		c := x.Counts()
		rows = append(rows, []any{x.Name, x.Status, c.Passed, c.Failed, c.Skipped, rounded(x.Duration)})
	}
	out.Line("")
	out.Table("", rows)
	for i := range r.Scenarios {
		x := &r.Scenarios[i]
		for j := range x.Steps {
			if step := &x.Steps[j]; step.Status == Failed {
				out.Printf("\n%s %s › %s (%s:%d)\n%s\n", s.mark(Failed), s.bold(x.Name), step.Name, x.File, step.Line, term.Indent(term.Lines(failure(step)), "    "))
			}
		}
		if x.Error != "" {
			out.Printf("\n%s %s (%s:%d)\n%s\n", s.mark(Failed), s.bold(x.Name), x.File, x.Line, term.Indent(term.Lines(x.Error), "    "))
		}
		if x.Logs != "" {
			out.Line("    logs: %s", x.Logs)
		}
	}
	skips := r.skips()
	for _, reason := range sortedKeys(skips) {
		out.Printf("\n%s %s skipped: %s", s.mark(Skipped), term.Plural(skips[reason], "step"), reason)
	}
	if len(skips) > 0 {
		out.Line("")
	}
	out.Printf("\n%s\n", s.bold(r.Verdict()))
	return out.Err()
}

// skips counts steps by why they were skipped.
func (r *Report) skips() map[string]int {
	reasons := map[string]int{}
	for i := range r.Scenarios {
		for _, s := range r.Scenarios[i].Steps {
			if s.Status == Skipped {
				reasons[s.Reason]++
			}
		}
	}
	return reasons
}

// Verdict is the run in one line.
func (r *Report) Verdict() string {
	scenarios, steps := r.Counts()
	text := func(c Counts) string {
		t := fmt.Sprintf("%d passed", c.Passed)
		if c.Failed > 0 {
			t += fmt.Sprintf(", %d failed", c.Failed)
		}
		if c.Skipped > 0 {
			t += fmt.Sprintf(", %d skipped", c.Skipped)
		}
		return t
	}
	return fmt.Sprintf("%s: %s; %s: %s; cluster %s, %s",
		term.Plural(scenarios.Total(), "scenario"), text(scenarios), term.Plural(steps.Total(), "step"), text(steps), r.Cluster, rounded(r.Duration))
}
