package audit

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/page"
)

// kinds are the verdicts as a page shows them.
var kinds = map[Verdict]page.Kind{
	Gets:    {ID: "good", Label: "gets", Mark: "✓"},
	Refused: {ID: "bad", Label: "refused", Mark: "✗"},
	NoRole:  {ID: "off", Label: "no role", Mark: "–"},
	Unknown: {ID: "open", Label: "unknown", Mark: "?"},
}

// HTML writes the report as one file that needs no network.
func (r *Report) HTML(w io.Writer) error {
	d := page.Document{
		Title: "Which pod gets which role", Summary: r.Summary(), RowsTitle: "Service accounts", Notes: r.remarks(),
		Columns: []string{"Service account", "Workloads", "By", "Role"}, Grid: r.grid(),
	}
	for _, v := range []Verdict{Gets, Refused, NoRole, Unknown} {
		k := kinds[v]
		k.Count = r.Count(v)
		d.Kinds = append(d.Kinds, k)
	}
	for i := range r.Matrix {
		row := &r.Matrix[i]
		k := kinds[row.Verdict]
		shown := page.Row{Kind: k.ID, Label: k.Label, Mark: k.Mark, Why: row.Why, Cells: []string{row.title(), strings.Join(row.Workloads, ", "), string(row.Mechanism), row.role()}}
		for _, link := range row.Path {
			step := link.What
			if link.Place != "" {
				step += " (" + link.Place + ")"
			}
			shown.Steps = append(shown.Steps, step)
		}
		for _, e := range row.Exceptions {
			shown.Steps = append(shown.Steps, "except "+e)
		}
		d.Rows = append(d.Rows, shown)
	}
	for _, f := range r.Findings {
		d.Findings = append(d.Findings, page.Finding{Severity: string(f.Severity), Rule: f.Rule, Place: fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column), Message: f.Message, Fix: f.Fix})
	}
	if len(r.UnusedRoles) > 0 {
		d.Notes = append(slices.Clone(d.Notes), "used by nobody: "+strings.Join(r.UnusedRoles, ", "))
	}
	return d.Write(w)
}

// grid is the matrix as a picture: service accounts against roles.
func (r *Report) grid() *page.Grid {
	g := &page.Grid{}
	const none = "(no role)"
	for i := range r.Matrix {
		role := cmp.Or(r.Matrix[i].role(), none)
		if !slices.Contains(g.Columns, role) {
			g.Columns = append(g.Columns, role)
		}
	}
	slices.Sort(g.Columns)
	at := map[string]int{}
	for i := range r.Matrix {
		row := &r.Matrix[i]
		line, ok := at[row.title()]
		if !ok {
			line = len(g.Lines)
			at[row.title()] = line
			g.Lines = append(g.Lines, row.title())
			g.Cells = append(g.Cells, make([]page.Cell, len(g.Columns)))
		}
		k := kinds[row.Verdict]
		g.Cells[line][slices.Index(g.Columns, cmp.Or(row.role(), none))] = page.Cell{Kind: k.ID, Mark: k.Mark, Row: i, Tip: k.Label + ": " + row.Why}
	}
	return g
}
