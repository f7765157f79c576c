package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/prove"
	"github.com/irsa-emu/irsa-emu/prove/given"
	"github.com/irsa-emu/irsa-emu/term"
)

const whoLong = `who shows for each role who can assume it: the tokens of each OIDC provider by the
patterns of the trust policy, each with the subject of a token that is let in, other
roles, users and services, accounts that it is delegated to, associations of EKS Pod
Identity, and the roles that its sessions can assume in turn, with what the caller
must know (an external id) or choose.

With --service-account, --subject or --claims it answers the other way round: every
role that this identity can assume, directly and by chains, and with --action and
--resource whether it may do that.

A token that is shown was let in by the engine of check first. Service control
policies, resource control policies and networks are left out: they only take away.

It exits with 0, or 2 when an input cannot be used.

-o json prints {"roles": [{"role", "place", "tokens", "principals", "podIdentity",
"reaches", "further", "mayDo", "notes"}]}, where further is how many roles are not listed (--all
lists them; with atLeast not all were counted), and with an identity {"identity", "roles": [{"role",
"issuer", "through", "needs", "statements", "may", "call", "why"}]}. Fields may be
added.`

type whoFlags struct {
	modelFlags
	role                            string
	serviceAccount, subject, claims string
	issuer, action, resource        string
	audience                        []string
	all                             bool
}

// mostReached is how many of the roles behind a role are listed.
const mostReached = 100

// most is how many are.
func (q *whoFlags) most() int {
	if q.all {
		return math.MaxInt
	}
	return mostReached
}

func (p *program) whoCommand() *cobra.Command {
	var q whoFlags
	var output string
	forms := []string{"text", "json", "markdown"}
	cmd := &cobra.Command{
		Use: "who", Short: "Show who can assume which role, or which roles an identity can assume", Args: noArguments, Long: whoLong,
		Example: `  irsa-emu who --given plan.json --role 'payments-*'
  irsa-emu who --given plan.json --service-account payments/api
  irsa-emu who --given account.json --subject repo:octo-org/octo-repo:ref:refs/heads/main --action s3:PutObject --resource 'arn:aws:s3:::reports/*'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output, forms...); err != nil {
				return err
			}
			return p.who(cmd.Context(), &q, output)
		},
	}
	q.given.add(cmd, "where the roles are")
	q.given.addRegion(cmd)
	flags := cmd.Flags()
	flags.StringVar(&q.trustPolicy, "trust-policy", "", "file of one trust policy, IAM JSON (- is the standard input), in place of --given")
	flags.StringVar(&q.role, "role", "", "roles by name or ARN, with * and ? (default: all)")
	flags.StringVar(&q.serviceAccount, "service-account", "", "NAMESPACE/NAME: the roles that this service account can assume")
	flags.StringVar(&q.subject, "subject", "", "the roles that tokens with this sub claim can assume")
	flags.StringVar(&q.claims, "claims", "", "JSON file of a token's claims (- is the standard input): the roles that it can assume")
	flags.StringVar(&q.issuer, "issuer", "", "issuer URL of the identity (default: every provider that can have it)")
	flags.StringArrayVar(&q.audience, "audience", nil, "the token's audience (default: one that the provider takes)")
	flags.StringVar(&q.action, "action", "", "SERVICE:ACTION, with * and ?: may the identity then do it?")
	flags.StringVar(&q.resource, "resource", "*", "ARN of the action's resource, with * and ?")
	flags.BoolVar(&q.all, "all", false, "list every role that a role's sessions can assume, not the first 100 of each")
	q.addClientIDs(cmd)
	outputFlag(cmd, &output, forms...)
	return cmd
}

func (p *program) who(ctx context.Context, q *whoFlags, output string) error {
	said := 0
	for _, s := range []string{q.serviceAccount, q.subject, q.claims} {
		if s != "" {
			said++
		}
	}
	switch {
	case said > 1:
		return usageError("whose roles? write one of --service-account NAMESPACE/NAME, --subject and --claims FILE")
	case said == 0 && (q.action != "" || q.issuer != "" || len(q.audience) > 0):
		return usageError("--action, --issuer and --audience are of an identity; write --service-account NAMESPACE/NAME, --subject or --claims FILE too")
	case q.action != "" && q.action != "*" && !given.IsAction(q.action):
		return usageError("--action %s: write SERVICE:ACTION, such as secretsmanager:GetSecretValue", q.action)
	case q.resource != "*" && (!strings.HasPrefix(q.resource, "arn:") || strings.Count(q.resource, ":") < 5):
		return usageError("--resource %s: write an ARN, such as arn:aws:secretsmanager:*:*:secret:prod/*, or *", q.resource)
	}
	if issuer := q.issuer; issuer != "" { // with or without its scheme, as IAM writes it
		if err := checkIssuer("https://" + strings.TrimPrefix(issuer, "https://")); err != nil {
			return err
		}
	}
	m, err := q.model(p)
	if err != nil {
		return err
	}
	if said == 1 {
		return p.rolesOf(ctx, q, m, output)
	}
	access, err := m.Who(ctx, q.role, q.most())
	if err != nil {
		return answered(err)
	}
	if len(access) == 0 {
		return usageError("--role %s: no such role is given; there are: %s", q.role, strings.Join(firstFew(roleNames(m)), ", "))
	}
	switch output {
	case "json":
		return term.WriteJSON(p.stdout, map[string]any{"roles": access})
	case "markdown":
		return writeLines(p.stdout, whoMarkdown(access))
	}
	return p.whoText(access)
}

func roleNames(m *given.Model) []string {
	var out []string
	for _, r := range m.Roles {
		out = append(out, r.Name())
	}
	return out
}

// kindName is an issuer's kind for people.
func kindName(t *given.TokenAccess) string {
	switch t.Kind {
	case prove.Kubernetes:
		return "Kubernetes"
	case prove.Unknown:
		return "an issuer whose tokens may say anything"
	}
	return aws.IssuerOf(t.Issuer).Title
}

func (p *program) whoText(access []given.Access) error {
	out := p.out()
	for i := range access {
		a := &access[i]
		if i > 0 {
			out.Line("")
		}
		out.Line("%s  %s", out.Paint(term.Bold, a.Role), out.Paint(term.Dim, a.Place))
		if a.Why != "" {
			out.Line("  %s", out.Paint(term.Yellow, "undecided: "+a.Why))
		}
		if a.Nobody() && len(a.PodIdentity) == 0 {
			out.Line("  %s", out.Paint(term.Yellow, "nobody: no token and no other principal can assume it"))
		}
		issuer := ""
		var rows [][]any
		flush := func() {
			if len(rows) > 0 {
				out.Table("    ", rows)
				rows = nil
			}
		}
		for j := range a.Tokens {
			t := &a.Tokens[j]
			if t.Issuer != issuer {
				flush()
				issuer = t.Issuer
				out.Line("  tokens of %s (%s)", t.Issuer, kindName(t))
			}
			rows = append(rows, tokenRow(out, t))
		}
		flush()
		p.whoOthers(out, a)
	}
	out.Line("")
	out.Line("%s", term.Plural(len(access), "role"))
	return out.Err()
}

func tokenRow(out *term.Printer, t *given.TokenAccess) []any {
	row := []any{out.Paint(term.Cyan, t.Pattern)}
	switch {
	case t.Why != "":
		row = append(row, "undecided: "+t.Why)
	default:
		witness := ""
		if sub, ok := t.Witness["sub"]; ok && claimText(sub) != t.Pattern {
			witness = "such as " + claimText(sub)
		}
		row = append(row, witness)
	}
	var more []string
	for _, w := range t.Where {
		more = append(more, "where "+w)
	}
	for _, n := range t.Needs {
		more = append(more, "needs "+n)
	}
	return append(row, strings.Join(more, "; "))
}

// whoOthers prints what is no token.
func (p *program) whoOthers(out *term.Printer, a *given.Access) {
	if len(a.Principals) > 0 {
		out.Line("  other principals")
		var rows [][]any
		for _, c := range a.Principals {
			note := callerNote(&c)
			rows = append(rows, []any{string(c.Kind), out.Paint(term.Cyan, c.Name), note})
		}
		out.Table("    ", rows)
	}
	if len(a.PodIdentity) > 0 {
		out.Line("  EKS Pod Identity")
		var rows [][]any
		for _, as := range a.PodIdentity {
			rows = append(rows, []any{"cluster " + as.Cluster, out.Paint(term.Cyan, as.ServiceAccount), podNote(&as), as.Place})
		}
		out.Table("    ", rows)
	}
	if len(a.Reaches) > 0 {
		out.Line("  and from there")
		var rows [][]any
		for _, r := range a.Reaches {
			var more []string
			if len(r.Through) > 0 {
				more = append(more, "through "+strings.Join(r.Through, ", "))
			}
			for _, n := range r.Needs {
				more = append(more, "needs "+n)
			}
			if r.Why != "" {
				more = append(more, "undecided: "+r.Why)
			}
			rows = append(rows, []any{out.Paint(term.Cyan, r.Role), strings.Join(more, "; ")})
		}
		out.Table("    ", rows)
		if a.Further > 0 {
			out.Line("    %s", furtherText(a))
		}
	}
	if len(a.MayDo) > 0 {
		out.Line("  may do  %s", strings.Join(firstFew(a.MayDo), ", "))
	}
	for _, n := range a.Notes {
		out.Line("  note    %s", n)
	}
}

// furtherText says how many roles are not listed.
func furtherText(a *given.Access) string {
	least := ""
	if a.AtLeast {
		least = "at least "
	}
	return "and " + least + term.Plural(a.Further, "more role") + " (--all lists them)"
}

func podNote(a *given.PodIdentityAccess) string {
	var more []string
	if a.Through != "" {
		more = append(more, "through "+a.Through)
	}
	if a.Then != "" {
		more = append(more, "which is handed on to "+a.Then)
	}
	switch {
	case a.Refused:
		more = append(more, "refused: "+a.Why)
	case a.Why != "":
		more = append(more, "undecided: "+a.Why)
	}
	return strings.Join(more, "; ")
}

func callerNote(c *given.PrincipalAccess) string {
	var more []string
	switch c.Kind {
	case prove.AccountCaller:
		more = append(more, "delegated: whom that account's administrators let")
	case prove.AnyCaller:
		more = append(more, "everyone in any account whose administrators let them")
	}
	for _, n := range c.Needs {
		more = append(more, "needs "+n)
	}
	if c.Why != "" {
		more = append(more, "undecided: "+c.Why)
	}
	return strings.Join(more, "; ")
}

func whoMarkdown(access []given.Access) []string {
	out := []string{"| role | who | pattern | such as | and then |", "|---|---|---|---|---|"}
	var notes []string
	for i := range access {
		a := &access[i]
		for _, n := range a.Notes {
			notes = append(notes, markdownCode(a.Role)+": "+markdownCell(n))
		}
		var reach []string
		for _, r := range a.Reaches {
			reach = append(reach, markdownCode(r.Role))
		}
		if a.Further > 0 {
			reach = append(reach, furtherText(a))
		}
		row := func(who, pattern, witness string) {
			out = append(out, fmt.Sprintf("| %s | %s | %s | %s | %s |", markdownCode(a.Role), markdownCell(who), markdownCode(pattern), witness, strings.Join(reach, ", ")))
		}
		for j := range a.Tokens {
			t := &a.Tokens[j]
			witness := markdownCell(t.Why)
			if sub, ok := t.Witness["sub"]; ok {
				witness = markdownCode(claimText(sub))
			}
			row("tokens of "+t.Issuer, t.Pattern, witness)
		}
		for j := range a.Principals {
			row(string(a.Principals[j].Kind), a.Principals[j].Name, markdownCell(callerNote(&a.Principals[j])))
		}
		for _, as := range a.PodIdentity {
			row("EKS Pod Identity, cluster "+as.Cluster, as.ServiceAccount, markdownCell(podNote(&as)))
		}
		if a.Why != "" {
			row("undecided", "", markdownCell(a.Why))
		}
		if a.Nobody() && len(a.PodIdentity) == 0 {
			row("nobody", "", "")
		}
	}
	return append(out, markdownNotes(notes)...)
}
