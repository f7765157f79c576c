package doctor

import (
	"io"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/term"
)

// Text writes links as they are seen, a row each, and the verdict last.
type Text struct {
	out    *term.Printer
	broken *Link // the first one
	links  []Link
}

// NewText makes a report that is written to w, with colours or without.
func NewText(w io.Writer, color bool) *Text { return &Text{out: term.NewPrinter(w, color)} }

var marks = map[Status]struct {
	sign  string
	style term.Style
}{OK: {"✓", term.Green}, Warning: {"!", term.Yellow}, Broken: {"✗", term.Red}, Unknown: {"?", term.Yellow}}

var width = len(slices.MaxFunc(Names(), func(a, b string) int { return len(a) - len(b) }))

// Link writes a link's row. What explains the first broken one comes with the
// verdict; behind it, only what there is to see, since one mend comes before the next.
func (t *Text) Link(l Link) {
	t.links = append(t.links, l)
	mark := marks[l.Status]
	t.out.Printf("%s %-*s  %s\n", t.out.Paint(mark.style, mark.sign), width, l.Name, oneLine(l.Detail))
	switch {
	case l.Status == Broken && t.broken == nil:
		t.broken = &l
		return
	case l.Status == Broken && l.Name != linkAuthority && l.Name != linkHandshakes: // these need no role
		return
	}
	for _, line := range l.More {
		t.out.Printf("  %-*s  %s\n", width, "", oneLine(line))
	}
	for _, command := range l.Fix {
		t.out.Line("%s", term.Indent(term.Lines(command), strings.Repeat(" ", width+4)))
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// Verdict writes what it comes to.
func (t *Text) Verdict(r *Report) error {
	t.out.Printf("\n")
	switch {
	case t.broken != nil:
		t.out.Printf("%s %s\n", t.out.Paint(term.Bold.And(term.Red), "The first broken link is "+t.broken.Name+":"), oneLine(t.broken.Detail))
		for _, line := range t.broken.More {
			t.out.Line("%s", term.Indent(term.Lines(line), "  "))
		}
		t.commands("To fix it:", t.broken.Fix)
	default:
		t.notBroken(r)
	}
	return t.out.Err()
}

func (t *Text) notBroken(r *Report) {
	var names, tell []string
	for _, l := range t.links {
		if l.Status != Unknown {
			continue
		}
		names = append(names, l.Name)
		for _, command := range l.FindOut {
			if !slices.Contains(tell, command) {
				tell = append(tell, command)
			}
		}
	}
	leads := ""
	if r.Session != "" {
		leads = " It leads to " + r.Session + "."
	}
	if len(names) == 0 {
		t.out.Printf("%s%s\n", t.out.Paint(term.Bold.And(term.Green), "All links are healthy."), leads)
		return
	}
	t.out.Printf("%s%s Not known: %s.\n", t.out.Paint(term.Bold, "Nothing is broken as far as can be seen from here."), leads, strings.Join(names, ", "))
	t.commands("To find out:", tell)
}

func (t *Text) commands(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	t.out.Printf("\n%s\n", title)
	for _, line := range lines {
		t.out.Line("%s", term.Indent(term.Lines(line), "  "))
	}
}

// word is a value of the cluster's in a command that people copy: quoted for a
// POSIX shell where it needs it.
func word(s string) string {
	if s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:/._@%+=,-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
