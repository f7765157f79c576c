// Package term writes for people: escaping of foreign text, colours, tables that
// align, plurals and lists. It knows nothing of what is written; what is said and
// in which order is the business of the package that says it.
//
// Everything printed beside the program's own words (claims, names, messages of
// a cluster, output of commands) is foreign text: whoever sends a token or names
// a resource could write lines of the report, colours, or commands to the
// terminal. [Printer] escapes every argument but [Safe] ones, so that forgetting
// to escape is not possible.
package term

import (
	"io"
	"os"

	"golang.org/x/term"
)

// IsTerminal reports whether what is written to w shows on a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Color reports whether w gets colours: it is a terminal, and its user has not
// set NO_COLOR (https://no-color.org) to something.
func Color(w io.Writer, getenv func(string) (string, bool)) bool {
	no, _ := getenv("NO_COLOR")
	return no == "" && IsTerminal(w)
}

// Columns is how wide the terminal w is; 80 when it is none or does not say.
func Columns(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 80
}

// ClearLine moves the cursor of a terminal to the start of its line and clears it.
const ClearLine = "\r\x1b[2K"
