package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/term"
)

// ExplainOptions adjust [Explain].
type ExplainOptions struct {
	All      bool // also statements that are about other actions
	Policies bool // the policies and hints alone: who asked for what, and the reason, are said already
	// Said are the hints that stand above already, and those that Explain writes: each
	// is written once. Nil is none.
	Said map[string]bool
}

// Explain writes a decision for people: the verdict, then each policy with its
// statements and conditions, what was wanted and what came, and hints.
func Explain(out *term.Printer, d Decision, o ExplainOptions) {
	if o.Said == nil {
		o.Said = map[string]bool{}
	}
	e := explainer{options: o, Printer: out}
	e.decision(&d)
}

// String is the explanation without colours.
func (d Decision) String() string {
	var out strings.Builder
	Explain(term.NewPrinter(&out, false), d, ExplainOptions{})
	return out.String()
}

type explainer struct {
	options ExplainOptions
	*term.Printer
}

func (e *explainer) decision(d *Decision) {
	if !e.options.Policies {
		e.verdict(d)
	}
	for i := range d.Policies {
		e.policy(&d.Policies[i])
	}
	e.hints(d.Hints)
}

func (e *explainer) verdict(d *Decision) {
	verdict := e.Paint(term.Bold.And(term.Green), "ALLOWED")
	if !d.Allowed {
		verdict = e.Paint(term.Bold.And(term.Red), "REFUSED")
	}
	e.Line("%s  %s", verdict, d.Action)
	rows := [][2]string{{"caller", d.Caller.Describe()}, {"resource", d.Resource}, {"reason", d.Because()}}
	for _, r := range rows {
		if r[1] != "" {
			e.Line("  %-9s %s", r[0], r[1])
		}
	}
}

// Explains says whether the explanation has the hint of a code.
func (d *Decision) Explains(code string) bool {
	return code != "" && slices.ContainsFunc(d.Hints, func(h Hint) bool { return h.Code == code })
}

// hints writes those that no condition shows already.
func (e *explainer) hints(hints []Hint) {
	first := true
	for _, h := range hints {
		if h.Key != "" || !e.news(h.String()) {
			continue
		}
		if first {
			e.Line("")
			e.Line("Hints")
		}
		first = false
		e.Line("  %s %s", e.Paint(term.Yellow, "→"), h.String())
	}
}

// Because is the reason, with the policy that denies.
func (d *Decision) Because() string {
	if d.Outcome == ExplicitDeny {
		return fmt.Sprintf("%s in %s %q", d.Reason, withArticle(d.By), d.ByName)
	}
	return d.Reason
}

// Describe says who it is, for people.
func (p *Principal) Describe() string {
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
	outcome := map[Outcome]term.Safe{Allowed: e.Paint(term.Green, "allows"), ImplicitDeny: e.Paint(term.Yellow, "does not allow"),
		ExplicitDeny: e.Paint(term.Red, "denies")}[p.Outcome]
	name := ""
	if p.Name != "" {
		name = fmt.Sprintf(" %q", p.Name)
	}
	e.Line("")
	e.Line("%s%s: %s", capital(policyWords(p.Type)), name, outcome)
	if len(p.Statements) == 0 {
		e.Line("  it has no statements")
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
		are := "are"
		if others == 1 {
			are = "is"
		}
		e.Line("  %s %s about other actions", term.Plural(others, "statement"), are)
	}
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

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
	e.Line("  %s %s, line %d: %s", s.Effect, title, s.Start.Line, applies)
	lines := []line{{ok: s.ActionMatch, label: s.Actions.label("Action"), text: s.Actions.text()}}
	if len(s.Principals.Values) > 0 {
		lines = append(lines, line{ok: s.PrincipalMatch, label: Element{Not: s.Principals.Not}.label("Principal"), text: s.Principals.text()})
	}
	if len(s.Resources.Values) > 0 {
		lines = append(lines, line{ok: s.ResourceMatch, label: s.Resources.label("Resource"), text: s.Resources.text()})
	}
	for i := range s.Conditions {
		lines = append(lines, e.condition(&s.Conditions[i]))
	}
	width := 0
	for _, l := range lines {
		width = max(width, term.Width(l.label))
	}
	for _, l := range lines {
		e.Line("    %s %s  %s", e.Mark(l.ok), term.Pad(l.label, width), l.text)
		for _, b := range l.below {
			e.Line("      %-*s  %s", width, "", b)
		}
	}
}

func (el Element) label(name string) string {
	if el.Not {
		return "Not" + name
	}
	return name
}

func (p Principals) text() string {
	texts := make([]string, len(p.Values))
	for i, v := range p.Values {
		texts[i] = v.String()
	}
	return strings.Join(texts, ", ")
}

func (el Element) text() string { return strings.Join(el.Values, ", ") }

// news says whether a hint has not been written yet.
func (e *explainer) news(text string) bool {
	said := e.options.Said[text]
	e.options.Said[text] = true
	return !said
}

func (e *explainer) condition(c *ConditionResult) line {
	l := line{ok: c.Met, label: c.Operator, text: c.Key}
	l.below = append(l.below, "wanted  "+quoteAll(c.Want))
	got := "(absent)"
	if c.Present {
		got = quoteAll(c.Got)
	}
	l.below = append(l.below, "got     "+got)
	if advice := hint.Sentence(c.Hint, c.Fix); advice != "" && e.news(advice) {
		l.below = append(l.below, "→ "+advice)
	}
	return l
}

func quoteAll(values []string) string {
	if len(values) == 0 {
		return "(nothing)"
	}
	return strings.Join(term.Quoted(values), ", ")
}
