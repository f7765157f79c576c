package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/spelling"
)

// Position is a place in a file; line and column count from one, columns in characters.
type Position struct {
	File   string
	Line   int
	Column int
}

func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Error is one mistake: where it is, what it is, and what to write instead.
type Error struct {
	Position
	// Path names the value in the document; empty when it is of the whole.
	Path    string
	Message string
	// Cause is the error that the mistake is known from, when there is one.
	Cause error
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Position.String() + ": " + e.Message
	}
	return e.Position.String() + ": " + e.Path + ": " + e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// Errors are all mistakes of a document, in the order of their places. As an
// error it reads as one line a mistake.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Sorted orders mistakes by file, as first seen, and place, and drops repetitions.
func (e Errors) Sorted() Errors {
	files := map[string]int{}
	for i := range e {
		if _, ok := files[e[i].File]; !ok {
			files[e[i].File] = len(files)
		}
	}
	sorted := slices.Clone(e)
	slices.SortStableFunc(sorted, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(files[a.File], files[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(sorted, func(a, b *Error) bool { return *a == *b })
}

// Err is nil when there is no mistake.
func (e Errors) Err() error {
	if len(e) == 0 {
		return nil
	}
	return e.Sorted()
}

// Instead words the advice for a name that is not among the known ones.
func Instead(name string, known []string) string {
	if n := spelling.Near(name, known); n != "" {
		return "write " + n
	}
	return "write one of: " + strings.Join(known, ", ")
}
