package main

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/audit"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lint"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/policy/tree"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
	"github.com/irsa-emu/irsa-emu/term"
)

const lintLong = `lint reads trust policies and reports what AWS refuses, and what AWS accepts but does
not do what it seems to: each with its place, the reason, and the fixed document.
It reads IAM JSON (- is the standard input), directories of it, terraform show -json
of a plan or a state, CloudFormation templates, State documents, and what
aws iam get-account-authorization-details prints. Other policies in them are checked
against what IAM accepts.

It exits with 0 when clean, 1 with findings, 2 when a file cannot be read. What a
source does not say, such as a policy that is known after apply, is named on stderr, and
is a reason for 1 with --strict. --severity warning leaves notes out, of the exit code
too. --rules lists the rules.

--fix changes the words that are wrong and leaves the rest of the file as it is, in
IAM JSON and YAML, State documents and CloudFormation templates; it leaves what needs
a decision. --diff shows what it would change. Plans and what the AWS CLI prints are
outputs of others and are not changed.

-o json prints {"findings": […], "unchecked": […]}; a finding has file, line, column,
address (in a plan or template), rule, severity (error, warning, note), message, why,
fix and fixed (the whole document with the fix). -o sarif prints SARIF 2.1.0 for code scanning.`

// linted is one finding where it was written.
type linted struct {
	File    string `json:"file"`
	Address string `json:"address,omitempty"`
	lint.Finding

	text []byte // of the document
}

// lintReport is the promised form of -o json.
type lintReport struct {
	Findings  []linted    `json:"findings"`
	Unchecked []unchecked `json:"unchecked,omitempty"`
}

// unchecked is a policy that a source does not hold.
type unchecked struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Address string `json:"address,omitempty"`
	Message string `json:"message"`
}

func (p *program) lintCommand() *cobra.Command {
	var given givenFlags
	var l lintRun
	var output, severity string
	var list bool
	cmd := &cobra.Command{
		Use: "lint FILE|DIR…", Short: "Find mistakes and risks in trust policies", Long: lintLong,
		Args: func(cmd *cobra.Command, files []string) error {
			if list {
				return noArguments(cmd, files)
			}
			return someArguments(cmd, files)
		},
		Example: `  irsa-emu lint trust-policy.json
  irsa-emu lint --diff trust-policy.json && irsa-emu lint --fix trust-policy.json
  terraform show -json plan.out > plan.json && irsa-emu lint plan.json -o sarif > lint.sarif
  aws iam get-account-authorization-details > account.json && irsa-emu lint account.json`,
		RunE: func(_ *cobra.Command, files []string) error {
			if output != "text" && output != "json" && output != "sarif" {
				return usageError("-o %s: write text, json or sarif", output)
			}
			if l.least = lint.Severity(severity); !slices.Contains([]lint.Severity{lint.Error, lint.Warning, lint.Note}, l.least) {
				return usageError("--severity %s: write error, warning or note", severity)
			}
			if list {
				return p.printLintRules(output)
			}
			var err error
			if l.options, err = given.options(l.account, ""); err != nil {
				return err
			}
			l.options.KeepMasks = true
			return p.lint(&l, files, output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text, json or sarif")
	cmd.Flags().StringVar(&l.account, "account", "", "the account of roles whose source names none, to find providers of another one")
	cmd.Flags().StringVar(&severity, "severity", "note", "the lowest severity to report: error, warning or note")
	cmd.Flags().BoolVar(&l.fix, "fix", false, "write the safe fixes into the files; findings that need a decision are only reported")
	cmd.Flags().BoolVar(&l.diff, "diff", false, "show what --fix would change, and write nothing")
	cmd.Flags().BoolVar(&l.strict, "strict", false, "exit with 1 also when a policy could not be checked")
	cmd.Flags().BoolVar(&list, "rules", false, "list the rules")
	given.addParameters(cmd)
	given.addRegion(cmd)
	return cmd
}

// lintRun is what lint is asked for.
type lintRun struct {
	options   sources.Options
	account   string
	least     lint.Severity
	fix, diff bool
	strict    bool
}

func (p *program) lint(l *lintRun, files []string, output string) error {
	if slices.Contains(files, "-") {
		src, err := io.ReadAll(p.stdin)
		if err != nil {
			return usageError("the standard input: %w", err)
		}
		l.options.Stdin = bytes.NewReader(src)
	}
	found, err := l.options.Read(files...)
	if err != nil {
		return unreadable(err)
	}
	if l.fix || l.diff {
		fixed, err := p.fix(l, found, files)
		if err != nil {
			return err
		}
		if l.diff {
			return p.printRepairs(fixed)
		}
		if fixed != nil {
			found = fixed.found
		}
	}
	report := lintReport{Findings: []linted{}}
	for _, r := range found.Refused {
		report.Findings = append(report.Findings, linted{File: r.File, Address: r.Address,
			Finding: lint.Finding{Rule: "refused", Severity: lint.Error, Line: r.Line, Column: r.Column, Message: r.Message, Why: r.Why, Fix: r.Fix}})
	}
	for i := range found.Policies {
		for _, f := range lintPolicy(found, &found.Policies[i], l.account) {
			if f.Severity.AtLeast(l.least) {
				report.Findings = append(report.Findings, f)
			}
		}
	}
	for _, n := range found.Notes {
		if n.Unchecked {
			report.Unchecked = append(report.Unchecked, unchecked{n.File, n.Line, n.Column, n.Address, n.Message})
		}
	}
	if err := p.printLint(report, output); err != nil {
		return err
	}
	if len(report.Findings) > 0 || l.strict && len(report.Unchecked) > 0 {
		return &exitError{code: exitFailed}
	}
	return nil
}

// lintOptions are what the sources know of the account of a policy.
func lintOptions(found *sources.Found, p *sources.Policy, account string) lint.Options {
	o := lint.Options{Account: p.Account, Partition: p.Partition}
	if o.Account == "" {
		o.Account = account
	}
	for i := range found.State.Accounts[p.Account].Roles {
		if r := &found.State.Accounts[p.Account].Roles[i]; strings.EqualFold(r.Name, p.Owner) {
			o.Tags = r.Tags
			if o.Tags == nil {
				o.Tags = map[string]string{}
			}
		}
	}
	known := map[string]bool{}
	for _, provider := range found.State.Accounts[o.Account].OIDCProviders {
		known[aws.IssuerName(provider.URL)] = true
		o.Providers = append(o.Providers, lint.Provider{Issuer: provider.URL, ClientIDs: provider.ClientIDs})
	}
	all, complete := found.Providers[o.Account]
	o.AllProviders = complete
	for _, issuer := range all {
		if !known[aws.IssuerName(issuer)] {
			o.Providers = append(o.Providers, lint.Provider{Issuer: issuer})
		}
	}
	for i := range found.Manifests.Associations {
		a := &found.Manifests.Associations[i]
		if arn, err := aws.ParseARN(a.Role); err == nil && arn.Account == o.Account && strings.EqualFold(aws.NameIn(a.Role), p.Owner) {
			o.Associations = append(o.Associations, lint.Association{Pod: *audit.PodOf(&found.State, a, a.Cluster, arn.Account), Place: a.At.String()})
		}
	}
	if p.Guessed {
		o.Account = ""
	}
	return o
}

// lintPolicy gives the findings of one policy, placed in its source. Policies
// that are no trust policies are held against IAM only.
func lintPolicy(found *sources.Found, p *sources.Policy, account string) []linted {
	var findings []lint.Finding
	if p.Type == policy.TrustPolicy {
		findings = lint.Lint(p.Text, lintOptions(found, p, account))
	} else if refused := p.Refusal(); refused != nil {
		findings = []lint.Finding{lint.RefusedBy(refused)}
	}
	out := make([]linted, len(findings))
	for i, f := range findings {
		at := p.Place(f.Line, f.Column)
		f.Line, f.Column = at.Line, at.Column
		out[i] = linted{File: at.File, Finding: f, text: p.Text}
		if p.Address != at.File {
			out[i].Address = p.Address
		}
	}
	return out
}

func (p *program) printLint(report lintReport, output string) error {
	switch output {
	case "json":
		return term.WriteJSON(p.stdout, report)
	case "sarif":
		return term.WriteJSON(p.stdout, sarif(report.Findings))
	}
	out := p.out()
	for _, f := range report.Findings {
		f.print(out)
	}
	for _, u := range report.Unchecked {
		at := strictyaml.Position{File: u.File, Line: u.Line, Column: u.Column}
		if err := p.complain("unchecked: %s", sources.Note{Position: at, Address: u.Address, Message: u.Message}.String()); err != nil {
			return err
		}
	}
	return out.Err()
}

// printLintRules lists the rules.
func (p *program) printLintRules(output string) error {
	switch output {
	case "json":
		type rule struct {
			ID       string        `json:"id"`
			Severity lint.Severity `json:"severity"`
			Reads    lint.Reads    `json:"reads"`
			Summary  string        `json:"summary"`
		}
		var rules []rule
		for _, r := range lint.Rules() {
			rules = append(rules, rule{r.ID, r.Severity, r.Reads, r.Summary})
		}
		return term.WriteJSON(p.stdout, rules)
	case "sarif":
		return term.WriteJSON(p.stdout, sarif(nil))
	}
	rows := [][]any{{"RULE", "SEVERITY", "READS", "WHAT IS WRONG"}}
	for _, r := range lint.Rules() {
		rows = append(rows, []any{r.ID, r.Severity, r.Reads, r.Summary})
	}
	out := p.out()
	out.Table("", rows)
	return out.Err()
}

var severityStyle = map[lint.Severity]term.Style{lint.Error: term.Red, lint.Warning: term.Yellow, lint.Note: term.Cyan}

// print shows a finding with the lines of the document that its fix changes.
func (f *linted) print(out *term.Printer) {
	out.Line("%s:%d:%d: %s: %s [%s]", f.File, f.Line, f.Column, out.Paint(severityStyle[f.Severity], string(f.Severity)), f.Message, f.Rule)
	if f.Address != "" {
		out.Line("    in:  %s", f.Address)
	}
	out.Line("    why: %s", f.Why)
	out.Line("    fix: %s", f.Fix)
	for _, line := range f.changes() {
		style := term.Green
		if line[0] == '-' {
			style = term.Red
		}
		out.Line("      %s", out.Paint(style, line))
	}
}

// changes are the lines that the fix takes away and adds. A document in one line is
// shown with a line for each of its parts.
func (f *linted) changes() []string {
	before, after := f.text, []byte(f.Fixed)
	if after == nil {
		return nil
	}
	if !bytes.Contains(bytes.TrimSpace(before), []byte("\n")) {
		was, err := tree.Parse(string(before))
		is, wrong := tree.Parse(string(after))
		if err != nil || wrong != nil {
			return nil
		}
		before, after = was.Indented(), is.Indented()
	}
	var changed []string
	for line := range strings.Lines(string(diff.Diff("policy", before, "fixed", after))) {
		line = strings.TrimRight(line, "\r\n")
		if line != "" && (line[0] == '-' || line[0] == '+') && !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "+++") {
			changed = append(changed, line)
		}
	}
	return changed
}
