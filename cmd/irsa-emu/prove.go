package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/lint"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
	"github.com/irsa-emu/irsa-emu/prove/given"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
	"github.com/irsa-emu/irsa-emu/term"
)

const proveLong = `prove checks assertions about roles for all possible tokens. Where check answers for
one token, prove says that an assertion is proved for every token, refuted (with the
claims of a token that breaks it, and the statements that let it in), or undecided
(with the statement and the key on which it depends). A token that
is shown was let in by the engine of check first.

  --nobody                        no token can assume the role
  --only KEY=PATTERN[,PATTERN…]   every accepted token has a value like one of them
  --never KEY=PATTERN[,PATTERN…]  no accepted token has one

KEY is sub, aud, amr or another claim of the provider that the policy trusts,
serviceAccount (NAMESPACE/NAME), or a whole condition key. Patterns have * and ? as
StringLike. --file takes a document of kind Assertions, which can also narrow an
assertion to tokens that may then do an action on a resource.

What is proved holds of the tokens that the issuer can issue: the names of a
cluster's service accounts, GitHub's default subjects, and so on. Service control
policies, resource control policies and networks are left out: they only take away.

It exits with 0 when all are proved, 1 when one is refuted, 2 when an input cannot be
used, 3 when none is refuted and one undecided.

-o json prints {"proved": bool, "assertions": [{"name", "role", "verdict", "witness",
"statements", "why", "place"}]}; a witness is a token's claims, as check --claims
takes them.`

type proveFlags struct {
	modelFlags
	roles, only, never []string
	file               string
	nobody             bool
}

func (p *program) proveCommand() *cobra.Command {
	var q proveFlags
	var output string
	forms := []string{"text", "json", "markdown", "sarif"}
	cmd := &cobra.Command{
		Use: "prove", Short: "Prove who can assume roles, for all tokens, or show a token that refutes it", Args: noArguments, Long: proveLong,
		Example: `  irsa-emu prove --trust-policy trust-policy.json --only serviceAccount=payments/api
  irsa-emu prove --given plan.json --role 'payments-*' --only 'sub=system:serviceaccount:payments:*'
  irsa-emu prove --given plan.json --file assertions.yaml -o markdown`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output, forms...); err != nil {
				return err
			}
			assertions, err := q.assertions(p)
			if err != nil {
				return err
			}
			m, err := q.model(p)
			if err != nil {
				return err
			}
			results, err := checkAll(cmd.Context(), m, assertions)
			if err != nil {
				return err
			}
			if err := p.printProofs(m, results, output); err != nil {
				return err
			}
			if code := proofCode(results); code != exitOK {
				return &exitError{code: code}
			}
			return nil
		},
	}
	q.given.add(cmd, "where the roles are")
	q.given.addRegion(cmd)
	flags := cmd.Flags()
	flags.StringVar(&q.trustPolicy, "trust-policy", "", "file of one trust policy, IAM JSON (- is the standard input), in place of --given")
	flags.StringArrayVar(&q.roles, "role", nil, "roles by name or ARN, with * and ? (repeatable; default: all)")
	flags.BoolVar(&q.nobody, "nobody", false, "assert that no token can assume the role")
	flags.StringArrayVar(&q.only, "only", nil, "KEY=PATTERN[,PATTERN…]: assert that every accepted token has a value like one of them (repeatable)")
	flags.StringArrayVar(&q.never, "never", nil, "KEY=PATTERN[,PATTERN…]: assert that no accepted token has a value like one of them (repeatable)")
	flags.StringVar(&q.file, "file", "", "a document of kind Assertions (- is the standard input)")
	q.addClientIDs(cmd)
	outputFlag(cmd, &output, forms...)
	return cmd
}

// assertions are those of the flags, then those of the file.
func (q *proveFlags) assertions(p *program) ([]given.Assertion, error) {
	roles := q.roles
	if len(roles) == 0 {
		roles = []string{"*"}
	}
	var out []given.Assertion
	add := func(kind, value string) error {
		a, err := given.FlagAssertion(kind, value, roles)
		if err != nil {
			return usageError("%w", err)
		}
		out = append(out, a)
		return nil
	}
	if q.nobody {
		if err := add("nobody", ""); err != nil {
			return nil, err
		}
	}
	for _, flag := range []struct {
		kind   string
		values []string
	}{{"only", q.only}, {"never", q.never}} {
		for _, value := range flag.values {
			if err := add(flag.kind, value); err != nil {
				return nil, err
			}
		}
	}
	if q.file != "" {
		src, err := p.readInput(q.file)
		if err != nil {
			return nil, usageError("--file: %w", err)
		}
		more, err := given.ParseAssertions(q.file, src)
		if err != nil {
			return nil, unreadable(err)
		}
		if len(q.roles) > 0 {
			return nil, usageError("--role is of the flags' assertions; those of --file name their roles themselves")
		}
		out = append(out, more...)
	}
	if len(out) == 0 {
		return nil, usageError("what is asserted? write --nobody, --only KEY=PATTERN, --never KEY=PATTERN or --file FILE")
	}
	return out, nil
}

// checkAll decides all assertions; mistakes in several are reported together.
func checkAll(ctx context.Context, m *given.Model, assertions []given.Assertion) ([]given.Result, error) {
	var results []given.Result
	var mistakes strictyaml.Errors
	for i := range assertions {
		some, err := m.Check(ctx, &assertions[i])
		var mistake *strictyaml.Error
		if asMistake(err, &mistake) {
			mistakes = append(mistakes, mistake)
			continue
		}
		if err != nil {
			return nil, answered(err)
		}
		results = append(results, some...)
	}
	if err := mistakes.Err(); err != nil {
		return nil, unreadable(err)
	}
	return results, nil
}

func asMistake(err error, to **strictyaml.Error) bool {
	mistake, ok := err.(*strictyaml.Error)
	if ok {
		*to = mistake
	}
	return ok
}

func proofCode(results []given.Result) int {
	code := exitOK
	for _, r := range results {
		switch r.Verdict {
		case prove.Refuted:
			return exitFailed
		case prove.Undecided:
			code = exitUndecided
		}
	}
	return code
}

// proofReport is the promised form of prove -o json.
type proofReport struct {
	Proved     bool        `json:"proved"`
	Assertions []proofLine `json:"assertions"`
}

type proofLine struct {
	Name       string         `json:"name"`
	Role       string         `json:"role"`
	Verdict    prove.Verdict  `json:"verdict"`
	Witness    map[string]any `json:"witness,omitempty"`
	Statements []int          `json:"statements"`
	Why        string         `json:"why"`
	Needs      []string       `json:"needs,omitempty"`
	Place      string         `json:"place,omitempty"`
	Notes      []string       `json:"notes,omitempty"`

	result *given.Result
	at     strictyaml.Position
}

func proofLines(m *given.Model, results []given.Result) []proofLine {
	out := make([]proofLine, len(results))
	for i := range results {
		r := &results[i]
		l := proofLine{Name: r.Assertion.Name, Role: roleOf(r.Role), Verdict: r.Verdict, Statements: []int{}, Notes: r.Notes, result: r}
		statement := r.Statement
		switch r.Verdict {
		case prove.Proved:
			l.Why = "no token that breaks it is let in"
		case prove.Refuted:
			l.Witness, l.Statements = r.Witness.Claims, r.Witness.Statements
			for _, n := range r.Witness.Needs {
				l.Needs = append(l.Needs, n.String())
			}
			l.Why = refutation(r)
			if len(l.Statements) > 0 {
				statement = l.Statements[0]
			}
		case prove.Undecided:
			l.Why = undecided(&r.Answer)
			if r.Statement >= 0 {
				l.Statements = []int{r.Statement}
			}
		}
		l.at = placeOf(m, r.Role, statement)
		l.Place = l.at.String()
		out[i] = l
	}
	return out
}

// roleOf names a role: by its file when only its trust policy is known.
func roleOf(r *prove.Role) string {
	if r.ARN == "" {
		return r.Trust.Name
	}
	return r.ARN
}

func refutation(r *given.Result) string {
	why := "a token that breaks it is let in"
	if len(r.Witness.Statements) > 0 {
		why += " by " + statementsText(r.Witness.Statements)
	}
	if r.Witness.Action != "" {
		why += ", and may then do " + r.Witness.Action + " on " + r.Witness.Resource
	}
	if r.Why != "" {
		why += ", " + r.Why
	}
	return why
}

// statementsText counts from 1, as explain and lint do.
func statementsText(indexes []int) string {
	var out []string
	for _, i := range indexes {
		out = append(out, fmt.Sprint(i+1))
	}
	if len(out) == 1 {
		return "statement " + out[0]
	}
	return "statements " + term.And(out)
}

func undecided(a *prove.Answer) string {
	why := "undecided"
	if a.Statement >= 0 {
		why = statementsText([]int{a.Statement})
	}
	if a.Key != "" {
		why += ", key " + a.Key
	}
	if a.Why != "" {
		why += ": " + a.Why
	}
	return why
}

// placeOf is where a statement of a role's trust policy is written.
func placeOf(m *given.Model, role *prove.Role, statement int) strictyaml.Position {
	at := policy.Position{Line: 1, Column: 1}
	if statement >= 0 && statement < len(role.Trust.Document.Statements) {
		at = role.Trust.Document.Statements[statement].Start
	}
	if place, ok := m.Place(role, at); ok {
		return place
	}
	return strictyaml.Position{File: role.Place, Line: at.Line, Column: at.Column}
}

func (p *program) printProofs(m *given.Model, results []given.Result, output string) error {
	lines := proofLines(m, results)
	switch output {
	case "json":
		return term.WriteJSON(p.stdout, proofReport{Proved: proofCode(results) == exitOK, Assertions: lines})
	case "markdown":
		return writeLines(p.stdout, proofMarkdown(lines))
	case "sarif":
		return term.WriteJSON(p.stdout, proofSARIF(lines))
	}
	return p.proofText(lines)
}

func (p *program) proofText(lines []proofLine) error {
	out := p.out()
	style := map[prove.Verdict]term.Style{prove.Proved: term.Green, prove.Refuted: term.Red, prove.Undecided: term.Yellow}
	sign := map[prove.Verdict]string{prove.Proved: "✓", prove.Refuted: "✗", prove.Undecided: "?"}
	count := map[prove.Verdict]int{}
	for i := range lines {
		l := &lines[i]
		count[l.Verdict]++
		out.Line("%s %s  %s", out.Paint(style[l.Verdict], sign[l.Verdict]), out.Paint(style[l.Verdict], fmt.Sprintf("%-9s", string(l.Verdict))), l.Name)
		rows := [][]any{{"role", l.Role}}
		switch l.Verdict {
		case prove.Refuted:
			for j, c := range claimLines(l.Witness) {
				label := ""
				if j == 0 {
					label = "token"
				}
				rows = append(rows, []any{label, term.Sprintf("%s  %s", term.Pad(c[0], 4), c[1])})
			}
			for _, n := range l.Needs {
				rows = append(rows, []any{"needs", n})
			}
			rows = append(rows, []any{"why", l.Why}, []any{"at", l.Place}, []any{"next", nextStep(l)})
		case prove.Undecided:
			rows = append(rows, []any{"why", l.Why}, []any{"at", l.Place})
		}
		for _, n := range l.Notes {
			rows = append(rows, []any{"note", n})
		}
		out.Table("             ", rows)
	}
	out.Line("%s: %d proved, %d refuted, %d undecided", term.Plural(len(lines), "answer"), count[prove.Proved], count[prove.Refuted], count[prove.Undecided])
	return out.Err()
}

// nextStep is what to do about a refutation.
func nextStep(l *proofLine) string {
	claim := &l.result.Assertion.Claim
	switch {
	case claim.Nobody:
		return "if the token is meant to be let in, say who with --only; if not, narrow the statement"
	case len(claim.Only) > 0:
		return "narrow the statement to the wanted " + claim.Only[0].Key + ", or widen the assertion if this token is meant to be let in"
	}
	return "narrow the statement, or add a Deny for this " + claim.Never[0].Key
}

func proofMarkdown(lines []proofLine) []string {
	sign := map[prove.Verdict]string{prove.Proved: "✅", prove.Refuted: "❌", prove.Undecided: "❓"}
	out := []string{"| | assertion | role | why | witness |", "|---|---|---|---|---|"}
	var notes []string
	for i := range lines {
		l := &lines[i]
		for _, n := range l.Notes {
			notes = append(notes, markdownCell(n))
		}
		witness := ""
		if sub, ok := l.Witness["sub"]; ok {
			witness = markdownCode("sub: " + claimText(sub))
		}
		out = append(out, fmt.Sprintf("| %s %s | %s | %s | %s | %s |", sign[l.Verdict], l.Verdict,
			markdownCell(l.Name), markdownCode(l.Role), markdownCell(l.Why), witness))
	}
	return append(out, markdownNotes(notes)...)
}

// proofRules are the rules of prove -o sarif.
var proofRules = []sarifRule{
	{"assertion-refuted", sarifText{"A token that an assertion rules out can assume the role."}, sarifConfiguration{lint.Error}},
	{"assertion-undecided", sarifText{"It is not decided whether an assertion holds for all tokens."}, sarifConfiguration{lint.Warning}},
}

func proofSARIF(lines []proofLine) sarifLog {
	run := sarifRun{
		Tool: sarifTool{sarifDriver{Name: "irsa-emu", Version: version(), Rules: proofRules}}, ColumnKind: "unicodeCodePoints", Results: []sarifResult{},
	}
	for i := range lines {
		l := &lines[i]
		index := 0
		switch l.Verdict {
		case prove.Proved:
			continue
		case prove.Undecided:
			index = 1
		}
		text := "The assertion “" + l.Name + "” does not hold for " + l.Role + ": " + sentence(l.Why)
		if sub, ok := l.Witness["sub"]; ok {
			text += " The token's sub is " + claimText(sub) + "."
		}
		run.Results = append(run.Results, sarifResult{
			RuleID: proofRules[index].ID, RuleIndex: index, Level: proofRules[index].DefaultConfiguration.Level, Message: sarifText{text},
			Locations: []sarifLocation{{
				Physical: sarifPhysical{artifactOf(l.at.File), sarifRegion{max(l.at.Line, 1), max(l.at.Column, 1)}},
				Logical:  []sarifLogical{{strings.TrimSpace(l.Role)}},
			}},
		})
	}
	return sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
}
