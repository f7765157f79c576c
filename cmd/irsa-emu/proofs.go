package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
	"github.com/irsa-emu/irsa-emu/prove/given"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/term"
)

// exitUndecided says that nothing was refuted, but not everything was decided.
const exitUndecided = 3

// modelFlags say which roles a question about all tokens is asked of.
type modelFlags struct {
	given       givenFlags
	trustPolicy string
	account     string
	clientIDs   []string
	subjects    []string // templates of GitHub's subjects
}

func (f *modelFlags) addClientIDs(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.clientIDs, "provider-client-id", nil, "audience that the OIDC provider takes, where the source does not say (repeatable; default for an EKS issuer: sts.amazonaws.com, for others: any)")
	cmd.Flags().StringArrayVar(&f.subjects, "github-subject", nil, "include_claim_keys of a customised subject of GitHub Actions that is in use beside the default one, such as repo,context,job_workflow_ref (repeatable)")
	cmd.Flags().StringVar(&f.account, "account", "", "the account of what names none")
}

// model reads the roles.
func (f *modelFlags) model(p *program) (*given.Model, error) {
	switch {
	case slices.Contains(f.clientIDs, ""):
		return nil, usageError("--provider-client-id: an empty text is not an audience; write one, such as sts.amazonaws.com")
	case f.trustPolicy == "" && len(f.given.paths) == 0:
		return nil, usageError("which roles? write --given FILE, or --trust-policy FILE")
	case f.trustPolicy != "" && len(f.given.paths) > 0:
		return nil, usageError("--trust-policy and --given exclude each other")
	case f.trustPolicy != "" && f.given.region != "":
		return nil, regionWithoutGiven()
	}
	if f.trustPolicy != "" {
		return f.onePolicy(p, f.trustPolicy)
	}
	return f.sources(p, f.given.paths)
}

func (f *modelFlags) onePolicy(p *program, file string) (*given.Model, error) {
	src, err := p.readTrustPolicy(file)
	if err != nil {
		return nil, err
	}
	doc, err := policy.ValidateTrust(src, policy.TrustOptions{Stored: true, MaxSize: policy.MaxRaisedTrustSize})
	if err != nil {
		return nil, usageError("%s", placed(file, err))
	}
	if _, err := policy.ValidateTrust(src, policy.TrustOptions{MaxSize: policy.MaxRaisedTrustSize}); err != nil {
		if err := p.complain("note: %s: %s", file, sources.StoredNote); err != nil {
			return nil, err
		}
	}
	o, err := f.options()
	if err != nil {
		return nil, err
	}
	return given.OnePolicy(file, doc, "", f.account, o), nil
}

func (f *modelFlags) options() (given.Options, error) {
	o := given.Options{Managed: iam.ManagedDocument, ClientIDs: f.clientIDs}
	for _, list := range f.subjects {
		t, err := prove.ParseTemplate(list)
		if err != nil {
			return o, usageError("--github-subject %s: %w", list, err)
		}
		o.Templates = append(o.Templates, t)
	}
	return o, nil
}

// sources reads the roles of files.
func (f *modelFlags) sources(p *program, paths []string) (*given.Model, error) {
	found, err := f.found(p, paths)
	if err != nil {
		return nil, err
	}
	o, err := f.options()
	if err != nil {
		return nil, err
	}
	m, err := given.Read(found, o)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if len(m.Roles) == 0 {
		return nil, usageError("%s: no role is in there; give a State, IAM JSON, terraform show -json, a CloudFormation template or what aws iam get-account-authorization-details prints", strings.Join(paths, ", "))
	}
	return m, nil
}

func (f *modelFlags) found(p *program, paths []string) (*sources.Found, error) {
	o, err := f.given.options(f.account, "")
	if err != nil {
		return nil, err
	}
	o.Stdin = p.stdin
	found, err := o.Read(paths...)
	if err != nil {
		return nil, unreadable(err)
	}
	if err := found.ValidateStored(); err != nil {
		return nil, unreadable(err)
	}
	return found, p.notes(found.Notes)
}

// answered turns an error of a question into a command's: a disagreement is a
// fault of the program, everything else one of the input.
func answered(err error) error {
	var bug *prove.Disagreement
	if errors.As(err, &bug) || errors.Is(err, context.Canceled) {
		return &exitError{exitFailed, err}
	}
	return &exitError{exitUsage, err}
}

// outputFlag is -o with the forms that a command knows.
func outputFlag(cmd *cobra.Command, output *string, forms ...string) {
	cmd.Flags().StringVarP(output, "output", "o", "text", term.Or(forms))
}

func checkOutput(output string, forms ...string) error {
	if slices.Contains(forms, output) {
		return nil
	}
	return usageError("-o %s: write %s", output, term.Or(forms))
}

// claimLines are a witness's claims for people, the telling ones first.
func claimLines(claims map[string]any) [][2]string {
	order := []string{"sub", "aud", "azp", "iss"}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(claims)), func(n string) bool { return slices.Contains(order, n) })
	var out [][2]string
	for _, name := range append(order[:3:3], append(names, "iss")...) {
		if v, ok := claims[name]; ok {
			out = append(out, [2]string{name, claimText(v)})
		}
	}
	return out
}

func claimText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []string:
		return "[" + strings.Join(v, ", ") + "]"
	}
	return fmt.Sprint(v)
}

// markdownNotes lists what answers take for granted, each once, behind their table.
func markdownNotes(notes []string) []string {
	if len(notes) == 0 {
		return nil
	}
	out := []string{"", "Notes:", ""}
	for i, n := range notes {
		if !slices.Contains(notes[:i], n) {
			out = append(out, "- "+n)
		}
	}
	return out
}

// markdownCell is text for a cell of a table in Markdown.
func markdownCell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "<", "&lt;").Replace(term.Printable(s))
}

// markdownCode is text as code in a cell of a table.
func markdownCode(s string) string {
	if s == "" {
		return ""
	}
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	s = strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ").Replace(term.Printable(s))
	if len(fence) > 1 {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

func writeLines(w io.Writer, lines []string) error {
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}
