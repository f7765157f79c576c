// Package page renders a review as one HTML file: what was counted, a matrix as a
// picture, rows with their reasons, and findings, all of which can be filtered.
//
// The file needs no network and loads nothing, says so to the browser by a
// content security policy, reads without scripts, and prints in black and white.
// Whatever it shows came from files of others and is escaped by html/template.
package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/term"
)

// Document is what a page shows.
type Document struct {
	Title, Summary string
	// Kinds are what rows are filtered by, in their order.
	Kinds []Kind
	// Grid is the matrix; nil for none.
	Grid  *Grid
	Rows  []Row
	Notes []string
	// Findings are problems, worst first.
	Findings []Finding
	// RowsTitle and Columns head the rows.
	RowsTitle string
	Columns   []string
}

// Kind is a verdict.
type Kind struct {
	// ID is a word fit for a CSS class: good, bad, off, open, lost.
	ID    string
	Label string
	// Mark is one character that tells kinds apart without colours.
	Mark  string
	Count int
}

// Grid is a picture of lines and columns with a cell where they meet.
type Grid struct {
	Lines, Columns []string
	Cells          [][]Cell // by line; the zero value is empty
}

// Cell is one meeting of a line and a column.
type Cell struct {
	Kind, Mark, Tip string
	Row             int // which row it is about
}

// Row is one line of the answer.
type Row struct {
	Kind, Label, Mark string
	Cells             []string
	Why               string
	// Steps are the links of a chain, or a witness, one text each.
	Steps []string
}

// Finding is a problem with its place and fix.
type Finding struct{ Severity, Rule, Place, Message, Fix string }

//go:embed page.html
var source string

func page() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{"short": short}).Parse(source))
}

// short is an ARN's resource: what is before it is the same in most of a matrix,
// and stands in the rows.
func short(text string) string {
	if parts, ok := aws.SplitARN(text); ok {
		return parts[5]
	}
	return text
}

// Write writes the page. What would hide or turn text around is written as \u escapes,
// as on a terminal.
func (d *Document) Write(w io.Writer) error {
	var out strings.Builder
	err := page().Execute(&out, d)
	if err == nil {
		_, err = io.WriteString(w, string(term.Lines(out.String())))
	}
	if err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}
