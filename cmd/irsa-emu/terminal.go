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
