package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/policy"
)

// linted is one finding with the file that it is in.
type linted struct {
	File string `json:"file"`
	policy.Finding
}

func (p *program) lintCommand() *cobra.Command {
	var output, account string
	cmd := &cobra.Command{
		Use: "lint FILE…", Short: "Find mistakes and risks in trust policies", Args: cobra.MinimumNArgs(1),
		Long: `lint reads trust policies (IAM JSON; - is the standard input) and reports what AWS
accepts but what does not do what it seems to, each with its place, why, and the
mended document. It exits with 0 when clean, 1 with findings, 2 when a file cannot be read.`,
		RunE: func(_ *cobra.Command, files []string) error {
			var found []linted
			for _, file := range files {
				src, err := p.readInput(file)
				if err != nil {
					return &exitError{exitUsage, err}
				}
				if _, err := policy.Parse(src); err != nil {
					return usageError("%s", placed(file, err))
				}
				for _, f := range policy.Lint(src, policy.LintOptions{Account: account}) {
					found = append(found, linted{file, f})
				}
			}
			if err := printFindings(p.stdout, output, found); err != nil {
				return err
			}
			if len(found) > 0 {
				return &exitError{code: exitFailed}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text, json or sarif")
	cmd.Flags().StringVar(&account, "account", "", "the role's account, to find providers of another one")
	return cmd
}

// readInput reads a file, or the standard input for "-".
func (p *program) readInput(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(p.stdin)
	}
	return os.ReadFile(file)
}

func printFindings(w io.Writer, output string, found []linted) error {
	var report any
	switch output {
	case "text":
		for _, f := range found {
			if _, err := fmt.Fprintf(w, "%s:%d:%d: %s: %s [%s]\n    why: %s\n    fix: %s\n", f.File, f.Line, f.Column, f.Severity, f.Message, f.Rule, f.Why, f.Fix); err != nil {
				return err
			}
		}
		return nil
	case "json":
		if found == nil {
			found = []linted{}
		}
		report = map[string]any{"findings": found}
	case "sarif":
		report = sarif(found)
	default:
		return usageError("-o %s: write text, json or sarif", output)
	}
	b, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}

// sarif is the findings as SARIF 2.1.0, which code scanning reads.
func sarif(found []linted) any {
	type text struct {
		Text string `json:"text"`
	}
	type object = map[string]any
	rules := []object{}
	index := map[string]int{}
	for i, r := range policy.LintRules() {
		index[r.ID] = i
		rules = append(rules, object{"id": r.ID, "shortDescription": text{r.Summary}, "defaultConfiguration": object{"level": r.Severity}})
	}
	results := []object{}
	for _, f := range found {
		results = append(results, object{
			"ruleId": f.Rule, "ruleIndex": index[f.Rule], "level": f.Severity,
			"message": text{f.Message + ". " + f.Why + " " + f.Fix},
			"locations": []object{{"physicalLocation": object{
				"artifactLocation": object{"uri": f.File},
				"region":           object{"startLine": max(f.Line, 1), "startColumn": max(f.Column, 1)},
			}}},
		})
	}
	return object{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []object{{
			"tool":    object{"driver": object{"name": "irsa-emu", "version": version(), "rules": rules}},
			"results": results,
		}},
	}
}
