package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
	"github.com/irsa-emu/irsa-emu/term"
)

const lintLong = `lint reads trust policies and reports what AWS accepts but what does not do what it
seems to, and what AWS refuses: each with its place, why, and the fixed document.
It reads IAM JSON (- is the standard input), directories of it, terraform show -json
of a plan or a state, CloudFormation templates, State documents, and what
aws iam get-account-authorization-details prints. Other policies in there are held
against what IAM accepts.

It exits with 0 when clean, 1 with findings, 2 when a file cannot be read. What a
source does not say, such as a policy that is known after apply, is named on stderr.

-o json prints {"findings": […], "unchecked": […]}; a finding has file, line, column,
address (in a plan or template), rule, severity (error, warning, note), message, why,
fix and fixed (the whole document with the fix). -o sarif prints SARIF 2.1.0 for code scanning.`

// linted is one finding where it was written.
type linted struct {
	File    string `json:"file"`
	Address string `json:"address,omitempty"`
	policy.Finding

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
	var output, account string
	var given givenFlags
	var fix bool
	cmd := &cobra.Command{
		Use: "lint FILE|DIR…", Short: "Find mistakes and risks in trust policies", Args: cobra.MinimumNArgs(1), Long: lintLong,
		Example: `  irsa-emu lint trust-policy.json
  terraform show -json plan.out > plan.json && irsa-emu lint plan.json -o sarif > lint.sarif
  aws iam get-account-authorization-details > account.json && irsa-emu lint account.json`,
		RunE: func(_ *cobra.Command, files []string) error {
			if output != "text" && output != "json" && output != "sarif" {
				return usageError("-o %s: write text, json or sarif", output)
			}
			o, err := given.options(account, "")
			if err != nil {
				return err
			}
			o.Stdin = p.stdin
			found, err := o.Read(files...)
			if err != nil {
				return unreadable(err)
			}
			if fix {
				if err := p.fix(found, account); err != nil {
					return err
				}
			}
			report := lintReport{Findings: []linted{}}
			for _, r := range found.Refused {
				report.Findings = append(report.Findings, linted{File: r.File, Address: r.Address, Finding: r.Finding})
			}
			for i := range found.Policies {
				report.Findings = append(report.Findings, lintPolicy(found, &found.Policies[i], account)...)
			}
			for _, n := range found.Notes {
				if n.Unchecked {
					report.Unchecked = append(report.Unchecked, unchecked{n.File, n.Line, n.Column, n.Address, n.Message})
				}
			}
			if err := p.printLint(report, output); err != nil {
				return err
			}
			if len(report.Findings) > 0 {
				return &exitError{code: exitFailed}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text, json or sarif")
	cmd.Flags().StringVar(&account, "account", "", "the account of roles whose source names none, to find providers of another one")
	cmd.Flags().BoolVar(&fix, "fix", false, "rewrite files that hold a single JSON policy with the safe fixes; findings that need a human decision are only reported")
	given.addParameters(cmd)
	return cmd
}

func lintOptions(found *sources.Found, p *sources.Policy, account string) policy.LintOptions {
	o := policy.LintOptions{Account: p.Account, Providers: found.Providers[p.Account]}
	if o.Account == "" {
		o.Account = account
	}
	return o
}

// lintPolicy gives the findings of one policy, placed in its source. Policies
// that are no trust policies are held against IAM only.
func lintPolicy(found *sources.Found, p *sources.Policy, account string) []linted {
	var findings []policy.Finding
	if p.Type == policy.TrustPolicy {
		findings = policy.Lint(p.Text, lintOptions(found, p, account))
	} else if refused := p.Refusal(); refused != nil {
		findings = []policy.Finding{*refused}
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

// fix writes mended policies back to their files.
func (p *program) fix(found *sources.Found, account string) error {
	for i := range found.Policies {
		source := &found.Policies[i]
		file, whole := source.WholeFile()
		if !whole || source.Type != policy.TrustPolicy || file == "stdin" {
			continue
		}
		mended, applied := policy.Mend(source.Text, lintOptions(found, source, account))
		if len(applied) == 0 {
			continue
		}
		if err := writeBack(file, mended); err != nil {
			return &exitError{exitFailed, err}
		}
		source.Text = mended
		for _, f := range applied {
			if err := p.complain("fixed: %s: %s [%s]", file, f.Fix, f.Rule); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeBack replaces a file by rename, so that nobody reads half of it, and
// keeps its mode.
func writeBack(file string, content []byte) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target
	}
	temp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	_, err = temp.Write(content)
	if err = errors.Join(err, temp.Chmod(info.Mode().Perm()), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
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

var severityStyle = map[policy.Severity]term.Style{policy.SeverityError: term.Red, policy.SeverityWarning: term.Yellow, policy.SeverityNote: term.Cyan}

// print shows a finding with the lines of the document that its mend changes.
func (f *linted) print(out *term.Printer) {
	out.Line("%s:%d:%d: %s: %s [%s]", f.File, f.Line, f.Column, out.Paint(severityStyle[f.Severity], string(f.Severity)), f.Message, f.Rule)
	if f.Address != "" {
		out.Line("    in:  %s", f.Address)
	}
	out.Line("    why: %s", f.Why)
	out.Line("    fix: %s", f.Fix)
	for _, line := range f.mend() {
		style := term.Green
		if line[0] == '-' {
			style = term.Red
		}
		out.Line("      %s", out.Paint(style, line))
	}
}

// mend is the lines that the mend takes away and adds.
func (f *linted) mend() []string {
	before, err := policy.Indented(f.text)
	if f.Mended == nil || err != nil {
		return nil
	}
	var changed []string
	for line := range strings.Lines(string(diff.Diff("policy", before, "mended", f.Mended))) {
		line = strings.TrimRight(line, "\n")
		if line != "" && (line[0] == '-' || line[0] == '+') && !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "+++") {
			changed = append(changed, line)
		}
	}
	return changed
}
