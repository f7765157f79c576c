package policy

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ExplainOptions adjust [Explain].
type ExplainOptions struct {
	Color bool // ANSI colours
	All   bool // also statements that are about other actions
}

// Explain writes a decision for people: the verdict, then each policy with its
// statements and conditions, what was wanted and what came, and hints.
func Explain(w io.Writer, d Decision, o ExplainOptions) error {
	e := explainer{options: o}
	e.decision(&d)
	_, err := io.WriteString(w, e.out.String())
	return err
}

// String is the explanation without colours.
func (d Decision) String() string {
	e := explainer{}
	e.decision(&d)
	return e.out.String()
}

type explainer struct {
	options ExplainOptions
	out     strings.Builder
}

const (
	green  = "32"
	red    = "31"
	yellow = "33"
	bold   = "1"
)

// painted is text that may hold colours; all other text came from outside.
type painted string

func (e *explainer) paint(code, s string) painted {
	if !e.options.Color {
		return painted(s)
	}
	return painted("\x1b[" + code + "m" + s + "\x1b[0m")
}

// Printable is text as a terminal may be shown it: whoever sends a token or a
// request writes some of the words of an explanation, and could write a line of
// his own, colours, or commands to the terminal.
func Printable(s string) string {
	if strings.IndexFunc(s, hidden) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if hidden(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// hidden are controls, and what changes the direction of text.
func hidden(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }

// printf drops the blanks that empty columns leave at the end of a line.
func (e *explainer) printf(format string, args ...any) {
	for i := range args {
		if text, ok := args[i].(string); ok {
			args[i] = Printable(text)
		}
	}
	e.out.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

func (e *explainer) mark(ok bool) painted {
	if ok {
		return e.paint(green, "✓")
	}
	return e.paint(red, "✗")
}

func (e *explainer) decision(d *Decision) {
	verdict := e.paint(bold+";"+green, "ALLOWED")
	if !d.Allowed {
		verdict = e.paint(bold+";"+red, "REFUSED")
	}
	e.printf("%s  %s", verdict, d.Action)
	rows := [][2]string{{"caller", d.Caller.describe()}, {"resource", d.Resource}, {"reason", d.reason()}}
	for _, r := range rows {
		if r[1] != "" {
			e.printf("  %-9s %s", r[0], r[1])
		}
	}
	for i := range d.Policies {
		e.policy(&d.Policies[i])
	}
	if len(d.Hints) > 0 {
		e.printf("")
		e.printf("Hints")
		for _, h := range d.Hints {
			e.printf("  %s %s", e.paint(yellow, "→"), h.Message)
		}
	}
}

func (d *Decision) reason() string {
	if d.Outcome == ExplicitDeny {
		return fmt.Sprintf("%s in %s %q", d.Reason, withArticle(d.By), d.ByName)
	}
	return d.Reason
}

func (p *Principal) describe() string {
	switch {
	case p.webIdentity():
		return "a web identity of " + p.Federated
	case p.Service != "":
		return "the service " + p.Service
	case p.Anonymous:
		return "anonymous"
	case p.RoleARN != "":
		return fmt.Sprintf("%s (a session of %s)", p.ARN, p.RoleARN)
	}
	return p.ARN
}

func (e *explainer) policy(p *PolicyResult) {
	outcome := map[Outcome]painted{Allowed: e.paint(green, "allows"), ImplicitDeny: e.paint(yellow, "does not allow"),
		ExplicitDeny: e.paint(red, "denies")}[p.Outcome]
	name := ""
	if p.Name != "" {
		name = fmt.Sprintf(" %q", p.Name)
	}
	e.printf("")
	e.printf("%s%s: %s", capital(policyWords(p.Type)), name, outcome)
	if len(p.Statements) == 0 {
		e.printf("  it has no statements")
	}
	others := 0
	for i := range p.Statements {
		s := &p.Statements[i]
		if !s.ActionMatch && !e.options.All && len(p.Statements) > 1 {
			others++
			continue
		}
		e.statement(s)
	}
	if others > 0 {
		e.printf("  %s about other actions", plural(others, "statement"))
	}
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return fmt.Sprintf("%d %ss are", n, noun)
}

// line is one row under a statement.
type line struct {
	ok    bool
	label string
	text  string
	below []string
}

func (e *explainer) statement(s *StatementResult) {
	title := fmt.Sprintf("statement %d", s.Index+1)
	if s.Sid != "" {
		title += " " + s.Sid
	}
	applies := "applies"
	if !s.Applies {
		applies = "does not apply"
	}
	e.printf("  %s %s, line %d: %s", s.Effect, title, s.Start.Line, applies)
	lines := []line{{ok: s.ActionMatch, label: s.Actions.label("Action"), text: s.Actions.text()}}
	if len(s.Principals.Values) > 0 {
		lines = append(lines, line{ok: s.PrincipalMatch, label: s.Principals.label("Principal"), text: s.Principals.text()})
	}
	if len(s.Resources.Values) > 0 {
		lines = append(lines, line{ok: s.ResourceMatch, label: s.Resources.label("Resource"), text: s.Resources.text()})
	}
	for i := range s.Conditions {
		lines = append(lines, conditionLine(&s.Conditions[i]))
	}
	width := 0
	for _, l := range lines {
		width = max(width, utf8.RuneCountInString(l.label))
	}
	for _, l := range lines {
		e.printf("    %s %-*s  %s", e.mark(l.ok), width, l.label, l.text)
		for _, b := range l.below {
			e.printf("      %-*s  %s", width, "", b)
		}
	}
}

func (el Element) label(name string) string {
	if el.Not {
		return "Not" + name
	}
	return name
}

func (el Element) text() string { return strings.Join(el.Values, ", ") }

func conditionLine(c *ConditionResult) line {
	l := line{ok: c.Met, label: c.Operator, text: c.Key}
	l.below = append(l.below, "wanted  "+quoteAll(c.Want))
	got := "(absent)"
	if c.Present {
		got = quoteAll(c.Got)
	}
	l.below = append(l.below, "got     "+got)
	if c.Hint != "" {
		l.below = append(l.below, "→ "+c.Hint)
	}
	return l
}

func quoteAll(values []string) string {
	if len(values) == 0 {
		return "(nothing)"
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = fmt.Sprintf("%q", v)
	}
	return strings.Join(quoted, ", ")
}
