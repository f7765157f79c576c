package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// isTerminal is whether w shows to a person; only then is anything coloured.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// coloured is whether what goes to w is coloured: for a person who has not said
// no (https://no-color.org).
func (p *program) coloured(w io.Writer) bool {
	_, no := p.getenv("NO_COLOR")
	return isTerminal(w) && !no
}
