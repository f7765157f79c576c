package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

func anyAllowed(verdicts []verdict) bool {
	return slices.ContainsFunc(verdicts, func(v verdict) bool { return v.Allowed })
}

func (p *program) printVerdicts(verdicts []verdict, single bool, output string, explain bool) error {
	if output == "json" {
		var report any = map[string]any{"allowed": anyAllowed(verdicts), "verdicts": verdicts}
		if single {
			report = verdicts[0]
		}
		return printJSON(p.stdout, report)
	}
	if single {
		return verdicts[0].print(p.stdout, explain, p.coloured(p.stdout))
	}
	allowed := 0
	for _, v := range verdicts {
		if v.Allowed {
			allowed++
		}
		switch {
		case explain:
			if err := v.print(p.stdout, true, p.coloured(p.stdout)); err != nil {
				return err
			}
		case v.Allowed:
			if _, err := fmt.Fprintf(p.stdout, "allowed: %s\n", v.Role); err != nil {
				return err
			}
		}
	}
	v := verdicts[0]
	_, err := fmt.Fprintf(p.stdout, "%s of %s may assume %d of %d roles; --role NAME says why of one\n", v.Subject, v.Issuer, allowed, len(verdicts))
	return err
}

func printJSON(w io.Writer, report any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(report)
}

// print shows a verdict to people. What is refused is always explained.
func (v *verdict) print(w io.Writer, explain, color bool) error {
	var b strings.Builder
	word := "denied"
	if v.Allowed {
		word = "allowed"
	}
	fmt.Fprintf(&b, "%s: %s of %s", word, v.Subject, v.Issuer)
	if v.Role != "" {
		fmt.Fprintf(&b, " as %s", v.Role)
	}
	b.WriteByte('\n')
	if v.Reason != nil {
		fmt.Fprintf(&b, "  why: %s\n", v.Reason.Message)
		if v.Reason.Hint != "" {
			fmt.Fprintf(&b, "  hint: %s\n", v.Reason.Hint)
		}
	}
	if v.Place != "" && (!v.Allowed || explain) {
		fmt.Fprintf(&b, "  trust policy: %s\n", v.Place)
	}
	if !v.Allowed || explain {
		for _, d := range v.Checks {
			b.WriteByte('\n')
			if err := policy.Explain(&b, d, policy.ExplainOptions{Color: color, All: explain}); err != nil {
				return err
			}
		}
	}
	if len(v.Notes) > 0 && (!v.Allowed || explain) {
		b.WriteByte('\n')
	}
	for _, note := range v.Notes {
		if !v.Allowed || explain || !strings.HasPrefix(note, "taken for granted") {
			fmt.Fprintln(&b, "note: "+note)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// readInput reads a file, or the standard input for "-".
func (p *program) readInput(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(p.stdin)
	}
	return os.ReadFile(file)
}
