package audit

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/lint"
	"github.com/irsa-emu/irsa-emu/term"
)

// Text writes a report for people: the matrix, then what is broken or dangerous.
func (r *Report) Text(p *term.Printer) error {
	rows := [][4]string{{"NAMESPACE/SERVICE ACCOUNT", "WORKLOADS", "MECHANISM", "ROLE"}}
	for i := range r.Matrix {
		row := &r.Matrix[i]
		rows = append(rows, [4]string{row.title(), cmp.Or(strings.Join(row.Workloads, ", "), "-"), string(row.Mechanism), cmp.Or(row.role(), "-")})
	}
	var widths [4]int
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = min(max(widths[i], term.Width(cell)), 60)
		}
	}
	line := func(row [4]string, verdict term.Safe) {
		p.Line("%s  %s  %s  %s  %s", term.Pad(row[0], widths[0]), term.Pad(row[1], widths[1]), term.Pad(row[2], widths[2]), term.Pad(row[3], widths[3]), verdict)
	}
	line(rows[0], "VERDICT")
	for i := range r.Matrix {
		row := &r.Matrix[i]
		line(rows[i+1], p.Paint(styles[row.Verdict], string(row.Verdict)))
		p.Line("    %s (%s)", row.Why, row.Place)
		for _, e := range row.Exceptions {
			p.Line("    except %s", e)
		}
	}
	if len(r.UnusedRoles) > 0 {
		p.Line("")
		p.Line("used by nobody: %s", strings.Join(r.UnusedRoles, ", "))
	}
	if len(r.Findings) > 0 {
		p.Line("")
	}
	for _, f := range r.Findings {
		p.Line("%s:%d:%d: %s: %s [%s]", f.File, f.Line, f.Column, p.Paint(severities[f.Severity], string(f.Severity)), f.Message, f.Rule)
		p.Line("    fix: %s", f.Fix)
	}
	for _, n := range r.remarks() {
		p.Line("note: %s", n)
	}
	p.Line("")
	p.Line("%s", r.Summary())
	return p.Err()
}

var (
	styles     = map[Verdict]term.Style{Gets: term.Green, Refused: term.Red, NoRole: term.Yellow, Unknown: term.Cyan}
	severities = map[lint.Severity]term.Style{lint.Error: term.Red, lint.Warning: term.Yellow, lint.Note: term.Cyan}
)

// title is [CLUSTER: ]NAMESPACE/NAME.
func (row *Row) title() string {
	name := row.Namespace + "/" + row.ServiceAccount
	if row.Cluster != "" {
		name = row.Cluster + ": " + name
	}
	return name
}

func (row *Row) role() string {
	role := ""
	if row.Role != nil {
		role = *row.Role
	}
	if row.TargetRole != "" {
		role += " → " + row.TargetRole
	}
	return role
}

// Summary counts the verdicts and findings in one line.
func (r *Report) Summary() string {
	counts := map[lint.Severity]int{}
	for _, f := range r.Findings {
		counts[f.Severity]++
	}
	return fmt.Sprintf("%s: %d with their role, %d refused, %d without a role, %d unknown; %s, %s, %s",
		term.Plural(len(r.Matrix), "row"), r.Count(Gets), r.Count(Refused), r.Count(NoRole), r.Count(Unknown),
		term.Plural(counts[lint.Error], "error"), term.Plural(counts[lint.Warning], "warning"), term.Plural(counts[lint.Note]+len(r.remarks()), "note"))
}

// remarks are the notes that no finding says.
func (r *Report) remarks() []string {
	return slices.DeleteFunc(slices.Clone(r.Notes), func(n string) bool {
		return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Message == n })
	})
}

// Markdown writes a report as a comment for a pull request.
func (r *Report) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### Which pod gets which role\n\n%s\n\n", r.Summary())
	marks := map[Verdict]string{Gets: "✅", Refused: "❌", NoRole: "➖", Unknown: "❔"}
	if len(r.Matrix) > 0 {
		fmt.Fprintln(&b, "| | service account | workloads | by | role | why |\n|---|---|---|---|---|---|")
	}
	for _, row := range r.Matrix {
		why := row.Why
		for _, e := range row.Exceptions {
			why += "; except " + e
		}
		fmt.Fprintf(&b, "| %s %s | %s | %s | %s | %s | %s |\n", marks[row.Verdict], row.Verdict, cell(row.title()), cell(strings.Join(row.Workloads, ", ")), row.Mechanism, cell(row.role()), plain(why))
	}
	if len(r.Findings) > 0 {
		fmt.Fprintln(&b, "\n| severity | where | what | fix |\n|---|---|---|---|")
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "| %s | %s | %s (%s) | %s |\n", f.Severity, cell(fmt.Sprintf("%s:%d", f.File, f.Line)), plain(f.Message), f.Rule, plain(f.Fix))
	}
	for i, role := range r.UnusedRoles {
		if i == 0 {
			fmt.Fprint(&b, "\nUsed by nobody:\n\n")
		}
		fmt.Fprintf(&b, "- %s\n", cell(role))
	}
	for i, n := range r.remarks() {
		if i == 0 {
			fmt.Fprint(&b, "\nNotes:\n\n")
		}
		fmt.Fprintf(&b, "- %s\n", plain(n))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cell is a text as code in a table's cell. It came from a file, and must not end
// the cell, the code or the line.
func cell(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.NewReplacer("`", "'", "|", `\|`, "\n", " ", "\r", " ").Replace(term.Printable(text)) + "`"
}

// plain is a text in a table's cell that Markdown and HTML leave as it is.
func plain(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`, "`", "'", "[", `\[`, "@", "@\u200b", "\n", " ", "\r", " ").Replace(term.Printable(text))
}
