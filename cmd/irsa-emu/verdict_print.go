package main

import (
	"cmp"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/term"
)

func anyAllowed(verdicts []verdict) bool {
	return slices.ContainsFunc(verdicts, func(v verdict) bool { return v.Allowed })
}

func (p *program) printVerdicts(verdicts []verdict, unknown []string, single bool, output string, explain bool) error {
	if output == "json" {
		several := map[string]any{"allowed": anyAllowed(verdicts), "verdicts": verdicts}
		if len(unknown) > 0 {
			several["unknown"] = unknown
		}
		var report any = several
		if single {
			report = verdicts[0]
		}
		return term.WriteJSON(p.stdout, report)
	}
	out := p.out()
	if single || len(verdicts) == 1 && len(unknown) == 0 {
		verdicts[0].print(out, explain)
		return out.Err()
	}
	allowed := 0
	for _, v := range verdicts {
		if v.Allowed {
			allowed++
		}
		switch {
		case explain:
			v.print(out, true)
		case v.Allowed:
			out.Line("allowed: %s", v.Role)
			v.printShapes(out)
		}
	}
	v := verdicts[0]
	word := ""
	if allowed == 0 && len(unknown) == 0 {
		word = "denied: "
	}
	out.Line("%s%s of %s may assume %d of %s; --role NAME says why of one", word, v.subject(), v.issuer(), allowed, term.Plural(len(verdicts), "role"))
	if len(unknown) > 0 {
		out.Line("not known: the trust policies of %s", strings.Join(firstFew(unknown), ", "))
	}
	return out.Err()
}

// sure says whether a role may be assumed whatever the sources do not hold, and
// says what they do not if none may.
func (p *program) sure(verdicts []verdict) bool {
	var granted []string
	for _, v := range verdicts {
		switch {
		case v.Allowed && v.granted == "":
			return true
		case v.Allowed && !slices.Contains(granted, v.granted):
			granted = append(granted, v.granted)
		}
	}
	for _, text := range granted {
		_ = p.complain("--strict: %s", text) // the exit code says it all the same
	}
	return false
}

func (v *verdict) subject() string { return cmp.Or(v.Subject, "a token without sub") }
func (v *verdict) issuer() string  { return cmp.Or(v.Issuer, "no issuer") }

// print shows a verdict to people. What is refused is always explained.
func (v *verdict) print(out *term.Printer, all bool) {
	word := "denied"
	if v.Allowed {
		word = "allowed"
	}
	as := ""
	if v.Role != "" {
		as = " as " + v.Role
	}
	of := v.issuer()
	if v.Cluster != "" {
		of = "cluster " + v.Cluster + ", by EKS Pod Identity"
	}
	out.Line("%s: %s of %s%s", word, v.subject(), of, as)
	v.printShapes(out)
	explain := all || !v.Allowed
	if v.Reason != nil {
		out.Line("  reason: %s", v.why())
		v.advise(out)
	}
	for _, r := range v.Beyond {
		out.Line("  beyond that: %s", hint.Sentence(r.Message, r.Advice()))
	}
	if v.Association != "" && explain {
		out.Line("  association: %s", v.Association)
	}
	if v.Place != "" && explain {
		out.Line("  trust policy: %s", v.Place)
	}
	if explain {
		options := policy.ExplainOptions{All: all, Policies: true, Said: map[string]bool{}}
		for _, d := range v.Checks {
			v.explain(out, d, options)
		}
	}
	if len(v.Notes) > 0 && explain {
		out.Line("")
	}
	for i, note := range v.Notes {
		if explain || i < len(v.Notes)-v.assumed {
			out.Line("note: %s", note)
		}
	}
}

// explain shows the evaluation of one action's policies. A mark says how it ended:
// the verdict's word stands above.
func (v *verdict) explain(out *term.Printer, d policy.Decision, options policy.ExplainOptions) {
	out.Line("")
	out.Line("%s  %s", out.Mark(d.Allowed), d.Action)
	rows := [][2]string{{"caller", d.Caller.Describe()}, {"resource", d.Resource}, {"reason", d.Because()}}
	if v.Reason != nil && v.Reason.Message == d.Because() { // said above
		rows = rows[:2]
	}
	for _, r := range rows {
		if r[1] != "" {
			out.Line("  %-9s %s", r[0], r[1])
		}
	}
	policy.Explain(out, d, options)
}

// why is AWS's answer and what it does not say.
func (v *verdict) why() string {
	text := v.Error.Code + ": " + v.Error.Message
	if v.Reason.Message != v.Error.Message {
		text += " (" + v.Reason.Message + ")"
	}
	return text
}

// advise prints what to do, unless the explanation of the trust policy does below.
func (v *verdict) advise(out *term.Printer) {
	for _, d := range v.Checks {
		if d.Explains(v.Reason.Code) {
			return
		}
	}
	if v.Reason.Hint != "" {
		out.Line("  hint: %s", v.Reason.Hint)
	}
	if v.Reason.Fix != "" {
		out.Line("  fix: %s", v.Reason.Fix)
	}
}

// readTrustPolicy reads the one policy that a question is about, with an account's
// number where it was removed.
func (p *program) readTrustPolicy(file string) ([]byte, error) {
	src, err := p.readInput(file)
	if err != nil {
		return nil, usageError("--trust-policy: %w", err)
	}
	src, masks, number := aws.Unmask(src, aws.DefaultAccount, false)
	if len(masks) > 0 {
		return src, p.complain("note: %s: account numbers were removed from it (%s); taken as %s", file, strings.Join(masks, ", "), number)
	}
	return src, nil
}

// readInput reads a file, or the standard input for "-".
func (p *program) readInput(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(p.stdin)
	}
	src, err := os.ReadFile(file)
	if err != nil && (strings.HasPrefix(file, "{") || strings.HasPrefix(file, "eyJ") && strings.Count(file, ".") == 2) {
		return nil, errors.New("a file's name is wanted, or - for the standard input, and this is what the file would hold")
	}
	return src, err
}
