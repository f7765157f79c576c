package main

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/audit"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
	"github.com/irsa-emu/irsa-emu/term"
)

const auditLong = `audit joins Kubernetes manifests with IAM: which pods run as which service account,
which role it is given (an annotation for IRSA, an association for EKS Pod Identity),
and whether the role's trust policy lets it in. It prints the matrix and every broken
or dangerous link with its place and the fix.

--given takes manifests (also what helm template and kustomize build print), Terraform
plans and states with kubernetes_*, helm_release and aws_eks_* resources, eksctl's
ClusterConfigs, CloudFormation and CDK templates, ACK's and Crossplane's objects, State
documents, and what the AWS CLI prints of an account. What is not rendered or not known
yet is unknown, never "gets".

It exits with 0 when clean, 1 with findings (notes alone do not count), 2 when an input
cannot be read or the question cannot be answered.

-o json prints {"matrix": [{"cluster", "namespace", "serviceAccount", "workloads",
"exceptions", "mechanism": "irsa|pod-identity|none", "role", "targetRole", "verdict":
"gets|refused|no role|unknown", "why", "place", "path"}], "unusedRoles": […],
"findings": [{"rule", "severity", "file", "line", "column", "message", "fix"}],
"notes": […]}. Fields may be added.

--migrate says instead, of each service account with a role, which mechanism works
today, what the other one needs, and what to watch: the role's whole trust policy for
both, held against both, and the association or annotation to add (--to chooses the
direction; default: each to the one that it does not use). -o text, json or markdown;
json is {"moves": [{"cluster", "namespace", "serviceAccount", "role", "today", "irsa":
{"verdict", "why"}, "podIdentity": {…}, "to", "state": "moved|ready|change|blocked|unknown",
"needs": […], "watch": […], "trustPolicy", "place", "add": {"cli", "terraform", …}}],
"notes": […]}. It exits with 0 when nothing but associations or annotations is to be
added, 1 when a trust policy or something else has to change.

-o html is one file with the matrix as a picture that can be filtered; it loads nothing
from the network.`

func (p *program) auditCommand() *cobra.Command {
	var given givenFlags
	var o audit.Options
	var account, output, to string
	var migrate bool
	cmd := &cobra.Command{
		Use: "audit", Short: "Show which pod gets which role: manifests against IAM, with every broken link", Args: noArguments, Long: auditLong,
		Example: `  helm template loki grafana/loki -n monitoring > loki.yaml
  irsa-emu audit --given loki.yaml --given account.json --issuer https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE1
  irsa-emu audit --migrate --given loki.yaml --given account.json --cluster my-cluster
  terraform show -json plan.out > plan.json && irsa-emu audit --given plan.json --given manifests/ -o html > audit.html`,
		RunE: func(*cobra.Command, []string) error {
			formats := []string{"text", "json", "markdown", "sarif", "html"}
			if migrate {
				formats = formats[:3]
			}
			if err := oneOf(output, formats...); err != nil {
				return err
			}
			if to != "" && !migrate {
				return usageError("--to: of use with --migrate only")
			}
			if _, ok := audit.MechanismNamed(to); to != "" && !ok {
				return usageError("--to %s: write %s", to, strings.Join(audit.Mechanisms(), " or "))
			}
			if err := checkIssuer(o.Issuer); err != nil {
				return err
			}
			if len(given.paths) == 0 {
				return usageError("--given: missing; give the manifests, and a plan, a template or an account's details that has the roles")
			}
			options, err := given.options(account, "")
			if err != nil {
				return err
			}
			options.Stdin = p.stdin
			found, err := options.Read(given.paths...)
			if err != nil {
				return unreadable(err)
			}
			if err := found.ValidateStored(); err != nil {
				return unreadable(err)
			}
			o.Now = time.Now()
			if migrate {
				return p.migrate(found, o, audit.Mechanism(to), output)
			}
			report, err := audit.Audit(found, o)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			if err := errors.Join(p.notes(found.Notes), p.printAudit(report, output)); err != nil {
				return err
			}
			if !report.Clean() {
				return &exitError{code: exitFailed}
			}
			return nil
		},
	}
	given.add(cmd, "manifests, and what has the roles")
	given.addRegion(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.Cluster, "cluster", "", "the cluster that manifests are for (default: the only one that is given)")
	flags.StringVar(&o.Issuer, "issuer", "", "the cluster's issuer URL (default: as the sources say)")
	flags.StringVar(&o.Namespace, "namespace", "", "the namespace of manifests that name none, such as a release's")
	flags.StringVar(&account, "account", "", "the account of what names none")
	flags.BoolVar(&migrate, "migrate", false, "what it takes to move between IRSA and EKS Pod Identity, in place of the matrix")
	flags.StringVar(&to, "to", "", "with --migrate: irsa or pod-identity (default: each to the one that it does not use)")
	flags.StringVarP(&output, "output", "o", "text", "text, json, markdown, sarif or html")
	return cmd
}

// migrate prints what it takes to move.
func (p *program) migrate(found *sources.Found, o audit.Options, to audit.Mechanism, output string) error {
	moves, err := audit.Migrate(found, o, to)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	err = p.notes(found.Notes)
	switch output {
	case "json":
		err = errors.Join(err, term.WriteJSON(p.stdout, moves))
	case "markdown":
		err = errors.Join(err, moves.Markdown(p.stdout))
	default:
		err = errors.Join(err, moves.Text(p.out()))
	}
	if err != nil {
		return err
	}
	if !moves.Clean() {
		return &exitError{code: exitFailed}
	}
	return nil
}

func (p *program) printAudit(r *audit.Report, output string) error {
	switch output {
	case "json":
		return term.WriteJSON(p.stdout, r)
	case "markdown":
		return r.Markdown(p.stdout)
	case "html":
		return r.HTML(p.stdout)
	case "sarif":
		return term.WriteJSON(p.stdout, auditSARIF(r))
	}
	return r.Text(p.out())
}

// auditSARIF is the report's findings as SARIF 2.1.0.
func auditSARIF(r *audit.Report) sarifLog {
	var rules []sarifRule
	for _, rule := range audit.Rules() {
		rules = append(rules, sarifRule{rule.ID, sarifText{rule.Summary}, sarifConfiguration{rule.Severity}})
	}
	log := newSARIF(rules)
	for _, f := range r.Findings {
		log.add(f.Rule, f.Severity, sentence(f.Message)+" Fix: "+sentence(f.Fix), strictyaml.Position{File: f.File, Line: f.Line, Column: f.Column}, "")
	}
	return log
}
