package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/page"
	"github.com/irsa-emu/irsa-emu/prove/given"
)

// diffPage is a diff as a page: roles against who has them, what is gained in red.
func diffPage(d *given.Diff) *page.Document {
	doc := &page.Document{
		Title: "What changes about who can assume which role", RowsTitle: "Access", Columns: []string{"Role", "Who", "Pattern", "May do"}, Grid: &page.Grid{},
		Summary: fmt.Sprintf("%d gained, %d lost, %d undecided", len(d.Gained), len(d.Lost), len(d.Undecided)),
	}
	for _, part := range []struct {
		kind    page.Kind
		changes []given.Change
	}{
		{page.Kind{ID: "bad", Label: "gained", Mark: "+"}, d.Gained}, {page.Kind{ID: "open", Label: "undecided", Mark: "?"}, d.Undecided}, {page.Kind{ID: "lost", Label: "lost", Mark: "−"}, d.Lost},
	} {
		k := part.kind
		k.Count = len(part.changes)
		doc.Kinds = append(doc.Kinds, k)
		for i := range part.changes {
			c := &part.changes[i]
			addCell(doc.Grid, c, page.Cell{Kind: k.ID, Mark: k.Mark, Row: len(doc.Rows), Tip: k.Label + ": " + c.Pattern})
			doc.Rows = append(doc.Rows, changeRow(c, k))
		}
	}
	if len(doc.Rows) == 0 {
		doc.Notes = []string{"No access is gained or lost."}
	}
	return doc
}

func changeRow(c *given.Change, k page.Kind) page.Row {
	row := page.Row{Kind: k.ID, Label: k.Label, Mark: k.Mark, Why: c.Why, Cells: []string{c.Role, c.Principal, c.Pattern, firstActions(c.Actions)}}
	for _, claim := range claimLines(c.Witness) {
		row.Steps = append(row.Steps, claim[0]+": "+claim[1])
	}
	for _, n := range c.Needs {
		row.Steps = append(row.Steps, "needs "+n)
	}
	if len(c.Resources) > 0 {
		row.Steps = append(row.Steps, "on "+strings.Join(firstFew(c.Resources), ", "))
	}
	if c.Call != "" {
		row.Steps = append(row.Steps, "such as "+c.Call)
	}
	if c.Place != "" {
		row.Steps = append(row.Steps, "at "+c.Place)
	}
	if row.Why == "" && len(c.Witness) > 0 {
		row.Why = "a token that has it:"
	}
	return row
}

// addCell puts a change where its role and its principal meet. A gain covers what
// else is there.
func addCell(g *page.Grid, c *given.Change, cell page.Cell) {
	line, column := slices.Index(g.Lines, c.Role), slices.Index(g.Columns, c.Principal)
	if column < 0 {
		column = len(g.Columns)
		g.Columns = append(g.Columns, c.Principal)
		for i := range g.Cells {
			g.Cells[i] = append(g.Cells[i], page.Cell{})
		}
	}
	if line < 0 {
		line = len(g.Lines)
		g.Lines = append(g.Lines, c.Role)
		g.Cells = append(g.Cells, make([]page.Cell, len(g.Columns)))
	}
	if g.Cells[line][column].Kind == "" {
		g.Cells[line][column] = cell
	}
}
