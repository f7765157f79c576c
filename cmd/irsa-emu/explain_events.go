package main

import (
	"errors"
	"strings"

	"github.com/irsa-emu/irsa-emu/denial"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove/given"
	"github.com/irsa-emu/irsa-emu/term"
)

// explainEvents explains the refused calls of a file of CloudTrail events.
func (p *program) explainEvents(file string, from *givenFlags, account, output string, args []string) error {
	switch {
	case len(args) > 0:
		return usageError("--cloudtrail and a request id exclude each other")
	case len(from.paths) == 0:
		return usageError("--given: missing; give what has the roles and policies, such as the output of aws iam get-account-authorization-details")
	}
	src, err := p.readInput(file)
	if err != nil {
		return usageError("--cloudtrail: %w", err)
	}
	events, err := denial.Read(src)
	if err != nil {
		return usageError("--cloudtrail %s: %w", file, err)
	}
	options, err := from.options(account, "")
	if err != nil {
		return err
	}
	found, err := options.Read(from.paths...)
	if err != nil {
		return unreadable(err)
	}
	if err := found.ValidateStored(); err != nil {
		return unreadable(err)
	}
	x, err := denial.New(found, given.Options{Managed: iam.ManagedDocument})
	if err != nil {
		return &exitError{exitUsage, err}
	}
	answers := []*denial.Explanation{}
	for _, e := range events {
		if e.Refused() {
			answers = append(answers, x.Explain(e))
		}
	}
	if err := errors.Join(p.notes(found.Notes), p.printEvents(answers, output)); err != nil {
		return err
	}
	if len(answers) == 0 {
		return &exitError{exitFailed, errors.New("no call of the file was refused: none has an errorCode")}
	}
	return nil
}

func (p *program) printEvents(answers []*denial.Explanation, output string) error {
	if output == "json" {
		return term.WriteJSON(p.stdout, map[string]any{"events": answers})
	}
	out := p.out()
	styles := map[denial.Verdict]term.Style{denial.Explained: term.Red, denial.Undecided: term.Yellow, denial.Contradiction: term.Cyan, denial.Elsewhere: term.Cyan}
	for i, a := range answers {
		if i > 0 {
			out.Line("")
		}
		out.Line("%s  %s %s", a.Time, a.EventName, a.EventID)
		out.Line("  caller    %s", a.Caller)
		out.Line("  action    %s", a.Action)
		out.Line("  resource  %s", a.Resource)
		out.Line("  AWS said  %s", a.Error)
		out.Line("  %s: %s", out.Paint(styles[a.Verdict], string(a.Verdict)), a.Why)
		for _, s := range a.Statements {
			place := s.Place
			if place != "" {
				place = " (" + place + ")"
			}
			word := map[policy.Answer]string{policy.No: "false", policy.Unknown: "not in the event"}[s.Answer]
			if s.Effect == "Deny" {
				word = "denies"
			}
			out.Line("    %s statement %d of %s%s: %s %s %s", s.Effect, s.Index+1, s.Policy, place, strings.TrimSpace(s.Operator+" "+s.Key), strings.Join(s.Want, ", "), word)
		}
		for _, n := range a.Next {
			out.Line("  → %s", n)
		}
	}
	return out.Err()
}
