package harness

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteText writes the table at the end of a run, and where the logs of
// failures are.
func (r *Report) WriteText(w io.Writer, colour bool) error {
	s := style{colour}
	var out strings.Builder
	out.WriteByte('\n')
	table := tabwriter.NewWriter(&out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "SCENARIO\tRESULT\tPASSED\tFAILED\tSKIPPED\tTIME")
	for i := range r.Scenarios {
		x := &r.Scenarios[i]
		c := x.Counts()
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%s\n", x.Name, x.Status, c.Passed, c.Failed, c.Skipped, rounded(x.Duration))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for i := range r.Scenarios {
		x := &r.Scenarios[i]
		for j := range x.Steps {
			if x.Steps[j].Status == Failed {
				fmt.Fprintf(&out, "\n%s %s › %s (%s:%d)\n%s\n", s.mark(Failed), s.bold(x.Name), x.Steps[j].Name, x.File, x.Steps[j].Line, indented(failure(&x.Steps[j]), "    "))
			}
		}
		if x.Error != "" {
			fmt.Fprintf(&out, "\n%s %s (%s:%d)\n%s\n", s.mark(Failed), s.bold(x.Name), x.File, x.Line, indented(printable(x.Error), "    "))
		}
		if x.Logs != "" {
			fmt.Fprintf(&out, "    logs: %s\n", x.Logs)
		}
	}
	skips := r.skips()
	for _, reason := range sortedKeys(skips) {
		fmt.Fprintf(&out, "\n%s %s skipped: %s", s.mark(Skipped), plural(skips[reason], "step"), reason)
	}
	if len(skips) > 0 {
		out.WriteByte('\n')
	}
	fmt.Fprintf(&out, "\n%s\n", s.bold(r.Verdict()))
	_, err := io.WriteString(w, out.String())
	return err
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
		plural(scenarios.Total(), "scenario"), text(scenarios), plural(steps.Total(), "step"), text(steps), r.Cluster, rounded(r.Duration))
}
