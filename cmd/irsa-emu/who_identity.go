package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
	"github.com/irsa-emu/irsa-emu/prove/given"
	"github.com/irsa-emu/irsa-emu/sts"
	"github.com/irsa-emu/irsa-emu/term"
)

// rolesOf answers for one identity.
func (p *program) rolesOf(ctx context.Context, q *whoFlags, m *given.Model, output string) error {
	id, name, err := q.identity(p)
	if err != nil {
		return err
	}
	var doing *prove.Doing
	if q.action != "" {
		doing = &prove.Doing{Actions: []string{q.action}, Resources: []string{q.resource}}
	}
	holders, err := m.RolesOf(ctx, id, doing)
	if err != nil {
		return answered(err)
	}
	if holders == nil {
		holders = []given.Holder{}
	}
	switch output {
	case "json":
		return term.WriteJSON(p.stdout, map[string]any{"identity": name, "roles": holders})
	case "markdown":
		return writeLines(p.stdout, holdersMarkdown(holders))
	}
	return p.holdersText(name, q, holders)
}

// identity is whose roles are asked for.
func (q *whoFlags) identity(p *program) (given.Identity, string, error) {
	if q.claims != "" {
		return q.wholeToken(p)
	}
	subject := q.subject
	name := subject
	if q.serviceAccount != "" {
		account, err := readServiceAccount(q.serviceAccount)
		if err != nil {
			return given.Identity{}, "", err
		}
		subject, name = account.Subject(), q.serviceAccount
	}
	issuer := strings.TrimSuffix(strings.TrimPrefix(q.issuer, "https://"), "/")
	pin := func(pr *prove.Provider) (prove.Pin, bool) {
		if issuer != "" && pr.Issuer != issuer || !pr.CanBe("sub", subject) {
			return prove.Pin{}, false
		}
		if q.serviceAccount != "" && issuer == "" && pr.Kind != prove.EKS && pr.Kind != prove.Kubernetes {
			return prove.Pin{}, false // of no cluster, as far as the sources say
		}
		keys := policy.Context{}
		keys.Set(pr.Issuer+":sub", subject)
		if len(q.audience) == 1 {
			keys.Set(pr.Issuer+":aud", q.audience[0])
		}
		return prove.Pin{Keys: keys}, true
	}
	id := given.Identity{Pin: pin, Issuer: issuer}
	if account, ok := aws.ServiceAccountOf(subject); ok && len(q.audience) == 0 {
		id.ServiceAccount = account.String()
	}
	return id, name, nil
}

// wholeToken is the identity of a token's claims.
func (q *whoFlags) wholeToken(p *program) (given.Identity, string, error) {
	who := identity{claimsFile: q.claims, issuer: q.issuer, audience: q.audience}
	now := time.Now()
	claims, err := who.read(p, now)
	if err != nil {
		return given.Identity{}, "", err
	}
	for _, refused := range []error{claims.Check(), claims.CheckSession()} {
		if refused != nil {
			return given.Identity{}, "", usageError("--claims %s: %w", q.claims, refused)
		}
	}
	pin := func(pr *prove.Provider) (prove.Pin, bool) {
		if "https://"+pr.Issuer != claims.Issuer && pr.Issuer != claims.Issuer {
			return prove.Pin{}, false
		}
		keys := sts.TokenKeys(&claims.ClaimSet, pr.ARN)
		if q.trustPolicy == "" { // refuses leaves the roles of the claim, where there is one
			keys.SetBool("sts:roleauthorizedbyidp", len(claims.Roles) > 0)
		}
		return prove.Pin{Keys: keys, Whole: true}, true
	}
	refuses := func(role string) bool {
		return role != "" && (claims.CheckRole(role) != nil || claims.CheckOutbound(aws.AccountIn(role)) != nil || sts.TagsTooLarge(&claims.ClaimSet, role) != nil)
	}
	return given.Identity{Pin: pin, Refuses: refuses}, claims.Subject, nil
}

func (p *program) holdersText(name string, q *whoFlags, holders []given.Holder) error {
	out := p.out()
	undecided := 0
	for i := range holders {
		if holders[i].Undecided {
			undecided++
		}
	}
	open := ""
	if undecided > 0 {
		open = fmt.Sprintf("; %d undecided", undecided)
	}
	out.Line("%s can assume %s%s", out.Paint(term.Bold, name), term.Plural(len(holders)-undecided, "role"), open)
	var rows [][]any
	for i := range holders {
		h := &holders[i]
		row := []any{out.Paint(term.Cyan, h.Role)}
		if q.action != "" {
			row = append(row, mayWord(out, h))
		}
		rows = append(rows, append(row, holderNote(h)))
	}
	out.Table("  ", rows)
	if q.action != "" {
		yes := 0
		for i := range holders {
			if holders[i].May != nil && *holders[i].May {
				yes++
			}
		}
		out.Line("%s on %s: %d of %s may", q.action, q.resource, yes, term.Plural(len(holders), "role"))
	}
	return out.Err()
}

func mayWord(out *term.Printer, h *given.Holder) term.Safe {
	switch {
	case h.May == nil:
		return out.Paint(term.Yellow, "undecided")
	case *h.May:
		return out.Paint(term.Green, "may")
	}
	return out.Paint(term.Dim, "may not")
}

func holderNote(h *given.Holder) string {
	var more []string
	if len(h.Through) > 0 {
		more = append(more, "through "+strings.Join(h.Through, ", "))
	} else if len(h.Statements) > 0 {
		more = append(more, "by "+statementsText(h.Statements)+", token of "+h.Issuer)
	}
	if h.Cluster != "" {
		more = append(more, "by EKS Pod Identity, cluster "+h.Cluster)
	}
	for _, n := range h.Needs {
		more = append(more, "needs "+n)
	}
	if h.Call != "" {
		more = append(more, "such as "+h.Call)
	}
	if h.Why != "" {
		more = append(more, "undecided: "+h.Why)
	}
	return strings.Join(append(more, h.Notes...), "; ")
}

func holdersMarkdown(holders []given.Holder) []string {
	out := []string{"| role | may | how |", "|---|---|---|"}
	for i := range holders {
		h := &holders[i]
		may := ""
		if h.May != nil {
			may = map[bool]string{true: "may", false: "may not"}[*h.May]
		}
		out = append(out, fmt.Sprintf("| %s | %s | %s |", markdownCode(h.Role), may, markdownCell(holderNote(h))))
	}
	return out
}
