package harness

import "github.com/irsa-emu/irsa-emu/term"

// style writes with colours or without. What it is given is escaped: names come
// from files, messages and output from whatever a step ran.
type style struct{ color bool }

func (s style) paint(style term.Style, text string) term.Safe {
	return term.Paint(s.color, style, text)
}
func (s style) bold(text string) term.Safe { return s.paint(term.Bold, text) }
func (s style) dim(text string) term.Safe  { return s.paint(term.Dim, text) }

// mark is one sign for a status.
func (s style) mark(status Status) term.Safe {
	if status == Skipped {
		return s.paint(term.Yellow, "-")
	}
	return term.Mark(s.color, status == Passed)
}
