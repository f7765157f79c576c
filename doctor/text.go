package doctor

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

// Text writes links as they are seen, a row each, and the verdict last.
type Text struct {
	W     io.Writer
	Color bool

	broken *Link // the first one
	links  []Link
	err    error
}

// painted is text that may hold colours; all other text may come from a cluster,
// whose annotations and messages are anybody's words.
type painted string

func (t *Text) printf(format string, args ...any) {
	for i := range args {
		if text, ok := args[i].(string); ok {
			args[i] = printable(text)
		}
	}
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.W, format, args...)
	}
}

const (
	green  = "32"
	red    = "31"
	yellow = "33"
	bold   = "1"
)

func (t *Text) paint(code, s string) painted {
	if s = printable(s); !t.Color {
		return painted(s)
	}
	return painted("\x1b[" + code + "m" + s + "\x1b[0m")
}

// printable keeps line ends, which commands have, and nothing else that a
// terminal would obey.
func printable(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = policy.Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

var marks = map[Status][2]string{OK: {"✓", green}, Warning: {"!", yellow}, Broken: {"✗", red}, Unknown: {"?", yellow}}

var width = len(slices.MaxFunc(Names(), func(a, b string) int { return len(a) - len(b) }))

// Link writes a link's row. What explains the first broken one comes with the
// verdict; behind it, only what there is to see, since one mend comes before the next.
func (t *Text) Link(l Link) {
	t.links = append(t.links, l)
	mark := marks[l.Status]
	t.printf("%s %-*s  %s\n", t.paint(mark[1], mark[0]), width, l.Name, oneLine(l.Detail))
	if l.Status == Broken {
		if t.broken == nil {
			t.broken = &l
		}
		return
	}
	for _, line := range l.More {
		t.printf("  %-*s  %s\n", width, "", oneLine(line))
	}
	for _, command := range l.Mend {
		t.printf("  %-*s  %s\n", width, "", command)
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// Verdict writes what it comes to.
func (t *Text) Verdict(r *Report) error {
	t.printf("\n")
	switch {
	case t.broken != nil:
		t.printf("%s %s\n", t.paint(bold+";"+red, "The first broken link is "+t.broken.Name+":"), oneLine(t.broken.Detail))
		for _, line := range t.broken.More {
			t.printf("  %s\n", line)
		}
		t.commands("Mend it:", t.broken.Mend)
	default:
		t.notBroken(r)
	}
	return t.err
}

func (t *Text) notBroken(r *Report) {
	var names, tell []string
	for _, l := range t.links {
		if l.Status != Unknown {
			continue
		}
		names = append(names, l.Name)
		for _, command := range l.Tell {
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
		t.printf("%s%s\n", t.paint(bold+";"+green, "The chain is whole."), leads)
		return
	}
	t.printf("%s%s Not known: %s.\n", t.paint(bold, "Nothing is broken as far as can be seen from here."), leads, strings.Join(names, ", "))
	t.commands("These tell:", tell)
}

func (t *Text) commands(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	t.printf("\n%s\n", title)
	for _, line := range lines {
		t.printf("  %s\n", line)
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
