package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/lint"
	"github.com/irsa-emu/irsa-emu/prove/given"
	"github.com/irsa-emu/irsa-emu/term"
)

const diffLong = `diff lists the access that NEW gives and OLD did not, and what is lost: which tokens
and which other principals can assume which role now, each gain with the claims of a
token that has it, and what the sessions of a role may do now. OLD and NEW are
sources as --given of the other commands takes them, such as the plans of two
branches, or two trust policies.

It exits with 0 when nothing is gained, 1 when something is, 2 when an input cannot
be used, 3 when nothing is known to be gained and something is undecided.

-o json prints {"gained": […], "lost": […], "undecided": […]}, each a list of
{"role", "principal", "pattern", "witness", "actions"} and what else is known
(resources, call, needs, why, place). Fields may be added.`

func (p *program) diffCommand() *cobra.Command {
	var q modelFlags
	var output string
	forms := []string{"text", "json", "markdown", "sarif", "html"}
	cmd := &cobra.Command{
		Use: "diff OLD NEW", Short: "List the access that one source gives and another did not", Args: arguments(2, 2), Long: diffLong,
		Example: `  irsa-emu diff old-plan.json new-plan.json -o markdown
  irsa-emu diff trust-policy.json new-trust-policy.json --provider-client-id sts.amazonaws.com`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output, forms...); err != nil {
				return err
			}
			before, after, err := q.two(p, args[0], args[1])
			if err != nil {
				return err
			}
			d, err := given.Compare(cmd.Context(), before, after)
			if err != nil {
				return answered(err)
			}
			if err := p.printDiff(&d, output); err != nil {
				return err
			}
			switch {
			case len(d.Gained) > 0:
				return &exitError{code: exitFailed}
			case len(d.Undecided) > 0:
				return &exitError{code: exitUndecided}
			}
			return nil
		},
	}
	q.given.addParameters(cmd)
	q.given.addRegion(cmd)
	q.addClientIDs(cmd)
	outputFlag(cmd, &output, forms...)
	return cmd
}

// two reads both sides: two trust policies, or two sources.
func (q *modelFlags) two(p *program, before, after string) (old, now *given.Model, err error) {
	if trustPolicyIn(before) && trustPolicyIn(after) {
		if q.given.region != "" {
			return nil, nil, regionWithoutGiven()
		}
		if old, err = q.onePolicy(p, before); err != nil {
			return nil, nil, err
		}
		if now, err = q.onePolicy(p, after); err != nil {
			return nil, nil, err
		}
		old.Roles[0].Account = now.Roles[0].Account
		return old, now, nil
	}
	if old, err = q.side(p, before); err != nil {
		return nil, nil, err
	}
	now, err = q.side(p, after)
	return old, now, err
}

// side reads a source, which may have no roles: a branch can add the first one or
// remove the last.
func (q *modelFlags) side(p *program, path string) (*given.Model, error) {
	found, err := q.found(p, []string{path})
	if err != nil {
		return nil, err
	}
	o, err := q.options()
	if err != nil {
		return nil, err
	}
	m, err := given.Read(found, o)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return m, nil
}

// trustPolicyIn says whether a file is one policy document with principals.
func trustPolicyIn(path string) bool {
	src, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	var doc struct{ Statement json.RawMessage }
	if json.Unmarshal(src, &doc) != nil {
		return false
	}
	return bytes.Contains(doc.Statement, []byte(`"Principal"`)) || bytes.Contains(doc.Statement, []byte(`"NotPrincipal"`))
}

func (p *program) printDiff(d *given.Diff, output string) error {
	switch output {
	case "json":
		return term.WriteJSON(p.stdout, d)
	case "markdown":
		return writeLines(p.stdout, diffMarkdown(d))
	case "sarif":
		return term.WriteJSON(p.stdout, diffSARIF(d))
	case "html":
		return diffPage(d).Write(p.stdout)
	}
	out := p.out()
	for _, part := range []struct {
		sign, word string
		style      term.Style
		changes    []given.Change
	}{{"+", "gained", term.Red, d.Gained}, {"-", "lost", term.Green, d.Lost}, {"?", "undecided", term.Yellow, d.Undecided}} {
		for i := range part.changes {
			c := &part.changes[i]
			out.Line("%s %s  %s", out.Paint(part.style, part.sign), out.Paint(part.style, fmt.Sprintf("%-9s", part.word)), c.Role)
			out.Table("             ", changeRows(c))
		}
	}
	out.Line("%d gained, %d lost, %d undecided", len(d.Gained), len(d.Lost), len(d.Undecided))
	return out.Err()
}

func changeRows(c *given.Change) [][]any {
	rows := [][]any{{"who", c.Principal}}
	add := func(label, text string) {
		if text != "" {
			rows = append(rows, []any{label, text})
		}
	}
	add("pattern", c.Pattern)
	if sub, ok := c.Witness["sub"]; ok {
		add("witness", "sub "+claimText(sub)+", aud "+claimText(c.Witness["aud"]))
	}
	for _, n := range c.Needs {
		add("needs", n)
	}
	add("may do", firstActions(c.Actions))
	add("on", strings.Join(c.Resources, ", "))
	add("such as", c.Call)
	add("why", c.Why)
	add("at", c.Place)
	return rows
}

// firstActions shortens a long list of actions.
func firstActions(actions []string) string {
	return strings.Join(firstFew(actions), ", ")
}

func diffMarkdown(d *given.Diff) []string {
	var out []string
	table := func(title string, changes []given.Change) {
		if len(changes) == 0 {
			return
		}
		out = append(out, "### "+title, "", "| role | who | pattern | witness | actions |", "|---|---|---|---|---|")
		for i := range changes {
			c := &changes[i]
			witness := ""
			if sub, ok := c.Witness["sub"]; ok {
				witness = markdownCode(claimText(sub))
			} else if len(c.Needs) > 0 {
				witness = "needs " + markdownCell(strings.Join(c.Needs, "; "))
			}
			if c.Why != "" {
				witness = markdownCell(c.Why)
			}
			actions := markdownCell(firstActions(c.Actions))
			if len(c.Resources) > 0 {
				actions += " on " + markdownCode(strings.Join(firstFew(c.Resources), ", "))
			}
			out = append(out, fmt.Sprintf("| %s | %s | %s | %s | %s |", markdownCode(c.Role), markdownCode(c.Principal), markdownCode(c.Pattern), witness, actions))
		}
		out = append(out, "")
	}
	table(fmt.Sprintf("➕ Access gained (%d)", len(d.Gained)), d.Gained)
	table(fmt.Sprintf("❓ Undecided (%d)", len(d.Undecided)), d.Undecided)
	table(fmt.Sprintf("➖ Access lost (%d)", len(d.Lost)), d.Lost)
	if len(out) == 0 {
		return []string{"No access is gained or lost."}
	}
	return out[:len(out)-1]
}

// diffRules are the rules of diff -o sarif.
var diffRules = []sarifRule{
	{"access-gained", sarifText{"Somebody can assume a role, or do something with it, who could not before."}, sarifConfiguration{lint.Warning}},
	{"access-undecided", sarifText{"It is not decided whether somebody gained access."}, sarifConfiguration{lint.Note}},
}

func diffSARIF(d *given.Diff) sarifLog {
	log := newSARIF(diffRules)
	for i, changes := range [][]given.Change{d.Gained, d.Undecided} {
		for j := range changes {
			c := &changes[j]
			text := c.Principal
			if c.Pattern != "" {
				text += ", " + c.Pattern
			}
			if text != "" {
				text += ": "
			}
			text += "access to " + c.Role
			if c.Call != "" {
				text += ", whose sessions may now " + c.Call
			}
			if sub, ok := c.Witness["sub"]; ok {
				text += ", for a token whose sub is " + claimText(sub)
			}
			if c.Why != "" {
				text += "; " + c.Why
			}
			log.add(diffRules[i].ID, diffRules[i].DefaultConfiguration.Level, sentence(text), c.At, c.Role)
		}
	}
	return log
}
