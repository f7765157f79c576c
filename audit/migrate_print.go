package audit

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/term"
)

var moveStyles = map[MoveState]term.Style{Moved: term.Green, Ready: term.Green, Change: term.Yellow, Blocked: term.Red, Open: term.Cyan}

// Summary counts the states in one line.
func (m *Moves) Summary() string {
	return fmt.Sprintf("%s: %d moved, %d ready, %d to change, %d blocked, %d unknown",
		term.Plural(len(m.Moves), "service account"), m.Count(Moved), m.Count(Ready), m.Count(Change), m.Count(Blocked), m.Count(Open))
}

// way is where the association or annotation is shown: in the language of the
// source that has the role.
func (a *Move) way() string {
	place := strings.ToLower(a.Place)
	switch {
	case a.role != nil && a.role.source != nil && strings.HasPrefix(a.role.source.Address, "aws_iam_role."), strings.Contains(place, "plan"):
		return "terraform"
	case a.role != nil && a.role.source != nil && strings.Contains(a.role.source.Address, "AssumeRolePolicyDocument"):
		return "cloudformation"
	case a.role != nil && a.role.source != nil && strings.HasPrefix(a.role.source.Address, "accounts"):
		return "state"
	}
	return "cli"
}

// Text writes the moves for people.
func (m *Moves) Text(p *term.Printer) error {
	shown := map[string]bool{}
	for _, v := range m.Moves {
		title := v.Namespace + "/" + v.ServiceAccount
		if v.Cluster != "" {
			title = v.Cluster + ": " + title
		}
		p.Line("%s  %s → %s  %s", title, string(v.Today), string(v.To), p.Paint(moveStyles[v.State], string(v.State)))
		p.Line("    role          %s", v.Role)
		p.Line("    irsa          %s: %s", string(v.IRSA.Verdict), v.IRSA.Why)
		p.Line("    pod-identity  %s: %s", string(v.PodIdentity.Verdict), v.PodIdentity.Why)
		for _, n := range v.Needs {
			p.Line("    needs: %s", n)
		}
		for _, w := range v.Watch {
			p.Line("    watch: %s", w)
		}
		if way := v.way(); v.Add[way] != "" || v.Add["cli"] != "" {
			text := v.Add[way]
			if text == "" {
				way, text = "cli", v.Add["cli"]
			}
			p.Line("    add (%s):", way)
			lines(p, text)
		}
		if v.TrustPolicy != nil && !shown[v.Role] {
			shown[v.Role] = true
			p.Line("    the trust policy of %s (%s), for both:", v.Role, v.Place)
			lines(p, string(v.TrustPolicy))
		} else if v.TrustPolicy != nil {
			p.Line("    the trust policy of %s: as above", v.Role)
		}
		p.Line("")
	}
	for _, n := range m.Notes {
		p.Line("note: %s", n)
	}
	p.Line("%s", m.Summary())
	return p.Err()
}

func lines(p *term.Printer, text string) {
	for line := range strings.Lines(text) {
		p.Line("      %s", strings.TrimRight(line, "\n"))
	}
}

// Markdown writes the moves as a comment for a pull request, or a page of a plan.
func (m *Moves) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### Between IRSA and EKS Pod Identity\n\n%s\n\n| service account | today | to | state | role |\n|---|---|---|---|---|\n", m.Summary())
	for _, v := range m.Moves {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", cell(v.Cluster+" "+v.Namespace+"/"+v.ServiceAccount), v.Today, v.To, v.State, cell(v.Role))
	}
	shown := map[string]bool{}
	for _, v := range m.Moves {
		if len(v.Needs)+len(v.Watch) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n#### %s\n\n", cell(v.Namespace+"/"+v.ServiceAccount))
		for _, n := range v.Needs {
			fmt.Fprintf(&b, "- [ ] %s\n", plain(n))
		}
		for _, n := range v.Watch {
			fmt.Fprintf(&b, "- watch: %s\n", plain(n))
		}
		way := v.way()
		if v.Add[way] == "" {
			way = "cli"
		}
		language := map[string]string{"terraform": "hcl", "cloudformation": "yaml", "state": "yaml", "cli": "console"}[way]
		fenced(&b, language, v.Add[way])
		if v.TrustPolicy != nil && !shown[v.Role] {
			shown[v.Role] = true
			fmt.Fprintf(&b, "\nThe trust policy of %s for both:\n", cell(v.Role))
			fenced(&b, "json", string(v.TrustPolicy))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// fenced is a block that its own text cannot end.
func fenced(b *strings.Builder, language, text string) {
	if text == "" {
		return
	}
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	fmt.Fprintf(b, "\n%s%s\n%s\n%s\n", fence, language, strings.TrimRight(string(term.Lines(text)), "\n"), fence)
}

// Mechanisms are those that a service account can move to.
func Mechanisms() []string { return []string{string(IRSA), string(PodIdentity)} }

// MechanismNamed finds one by its name.
func MechanismNamed(name string) (Mechanism, bool) {
	return Mechanism(name), slices.Contains(Mechanisms(), name)
}
