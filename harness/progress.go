package harness

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/term"
)

// ProgressOptions say how progress is shown.
type ProgressOptions struct {
	// Live keeps one line at the bottom that says what is running: for terminals.
	Live bool
	// Color uses ANSI colours.
	Color bool
	// Brief leaves out the steps of scenarios that did not fail.
	Brief bool
}

// Progress shows a run of total scenarios as it goes: a block for each scenario when
// it has ended, and on a terminal a line with what is running. Pass it as
// [Config.Progress].
func Progress(w io.Writer, total int, o ProgressOptions) func(Event) {
	p := &progress{w: w, total: total, options: o, style: style{o.Color}, running: map[*Scenario]string{}, since: map[*Scenario]time.Time{}, wrote: time.Now()}
	return p.event
}

// quietInterval is how long a log that is no terminal stays without a line.
const quietInterval = 30 * time.Second

type progress struct {
	w       io.Writer
	options ProgressOptions
	style   style
	total   int
	counts  Counts
	running map[*Scenario]string
	since   map[*Scenario]time.Time // its step has been running
	order   []*Scenario
	shown   bool
	wrote   time.Time
}

func (p *progress) event(e Event) {
	var out strings.Builder
	if p.shown {
		out.WriteString(term.ClearLine)
		p.shown = false
	}
	switch {
	case e.Done != nil:
		delete(p.running, e.Scenario)
		p.counts.add(e.Done.Status)
		p.block(&out, e.Done)
	case e.Step != nil:
		p.running[e.Scenario], p.since[e.Scenario] = e.Step.Name, time.Now()
	case e.Scenario != nil:
		p.running[e.Scenario], p.since[e.Scenario] = "starting", time.Now()
		p.order = append(p.order, e.Scenario)
	case !p.options.Live && len(p.running) > 0 && time.Since(p.wrote) >= quietInterval:
		out.WriteString("… " + p.line() + "\n")
	}
	if p.options.Live && len(p.running) > 0 {
		out.WriteString(p.line())
		p.shown = true
	}
	if out.Len() > 0 {
		p.wrote = time.Now()
	}
	_, _ = io.WriteString(p.w, out.String()) // nobody to tell
}

// line is what is running, cut to the terminal's width.
func (p *progress) line() string {
	text := fmt.Sprintf("%d of %d", p.counts.Total(), p.total)
	if p.counts.Failed > 0 {
		text += fmt.Sprintf(", %d failed", p.counts.Failed)
	}
	for _, s := range p.order {
		if step, is := p.running[s]; is {
			text += fmt.Sprintf("  %s › %s", s.Metadata.Name, step)
			if d := time.Since(p.since[s]); d >= heartbeatInterval {
				text += fmt.Sprintf(" (%d s)", int(d.Seconds()))
			}
		}
	}
	return string(p.style.dim(term.Cut(term.Printable(text), term.Columns(p.w)-1)))
}

func (p *progress) block(to io.Writer, r *ScenarioResult) {
	out := term.NewPrinter(to, p.options.Color)
	out.Line("%s %s  %s  %s", p.style.mark(r.Status), p.style.bold(r.Name), term.Lines(r.Description), p.style.dim(rounded(r.Duration)))
	if p.options.Brief && r.Status != Failed {
		return
	}
	if r.Error != "" {
		out.Line("%s", term.Indent(term.Lines(r.Error), "    "))
	}
	for i := range r.Steps {
		s := &r.Steps[i]
		note := s.Summary
		if s.Status == Skipped {
			note = "skipped: " + s.Reason
		}
		out.Line("    %s %s", p.style.mark(s.Status), s.Name)
		if note != "" {
			out.Line("        %s", p.style.dim(note))
		}
		if s.Status == Failed {
			out.Line("        %s", p.style.paint(term.Red, oneLine(s))) // the whole of it is in the report
		}
	}
}

// failure is what went wrong in a step: expected, actual, why.
func failure(s *StepResult) string {
	var out strings.Builder
	if s.Error != "" {
		fmt.Fprintf(&out, "error: %s\n", s.Error)
	}
	for _, m := range s.Mismatches {
		fmt.Fprintf(&out, "%s\n  expected: %s\n  actual:   %s\n", m.What, hanging(m.Expected), hanging(m.Actual))
	}
	if s.Explanation != "" {
		fmt.Fprintf(&out, "why the emulator answered so:\n%s\n", term.Indent(s.Explanation, "  "))
	}
	return string(term.Lines(out.String()))
}

// hanging puts the lines of a text under its first, which follows a label.
func hanging(text string) string { return strings.TrimLeft(term.Indent(text, "            "), " ") }

func rounded(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}
