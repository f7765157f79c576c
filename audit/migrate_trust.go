package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/sources"
)

// mend makes the trust policy that lets the moves of one role in by both
// mechanisms, holds it against both, and says what else they need.
func (a *auditor) mend(moves []*Move) {
	r := moves[0].role
	text := []byte(r.TrustPolicy.Text())
	changed := false
	for _, to := range []Mechanism{PodIdentity, IRSA} {
		var wanting []*Move
		for _, m := range moves {
			if m.To == to && !a.admits(m, r.trust) {
				wanting = append(wanting, m)
			}
		}
		if len(wanting) == 0 {
			continue
		}
		changed = true
		text = a.mended(text, r, to, wanting)
	}
	var trust *policy.Document
	if changed {
		doc, err := policy.Parse(text)
		if err != nil {
			text = nil // nothing that can be vouched for
		}
		trust = doc
	}
	for _, m := range moves {
		m.Place = r.place(policy.Position{}).String()
		a.settle(m, trust, text)
	}
}

// settle says what one move needs, given the mended trust policy, if any.
func (a *auditor) settle(m *Move, trust *policy.Document, text []byte) {
	if m.State == Blocked {
		return
	}
	m.State = Ready
	if !a.admits(m, m.role.trust) {
		verdict := Unknown
		if trust != nil {
			verdict = a.verdict(m, trust)
		}
		switch verdict {
		case Gets:
		case Refused:
			m.State = Blocked
			m.Needs = append(m.Needs, "a Deny statement of the trust policy (or the target role's) to go: it stands against every statement that could be added")
			return
		default:
			m.State = Open
			m.Needs = append(m.Needs, "a condition decided that no source decides: it stands against the statement that irsa-emu would add")
			return
		}
		size := policy.Size(text)
		if size > policy.MaxRaisedTrustSize {
			m.State = Blocked
			m.Needs = append(m.Needs, fmt.Sprintf("a role of its own: the trust policy for both would have %d characters, and IAM takes %d at most", size, policy.MaxRaisedTrustSize))
			return
		}
		m.State = Change
		m.Needs = append(m.Needs, a.trustNeed(m))
		if size > policy.MaxTrustSize {
			m.Needs = append(m.Needs, fmt.Sprintf("room for it: the trust policy will have %d characters, and IAM takes %d unless the account's quota for role trust policies is raised (to %d at most)",
				size, policy.MaxTrustSize, policy.MaxRaisedTrustSize))
		}
		m.TrustPolicy = bytes.TrimSpace(text)
	}
	a.add(m)
}

// trustNeed words what the trust policy lacks.
func (a *auditor) trustNeed(m *Move) string {
	role := a.roles.display(m.role.arn)
	switch {
	case m.To == IRSA:
		return fmt.Sprintf("the trust policy of %s needs a statement that lets the cluster's OIDC provider do sts:AssumeRoleWithWebIdentity, for %s", role, m.account.subject())
	case m.role.trustsPods() && !m.role.allowsPods("sts:TagSession"):
		return fmt.Sprintf("the trust policy of %s lets pods.eks.amazonaws.com in, but does not allow it sts:TagSession", role)
	case m.role.trustsPods():
		return fmt.Sprintf("the trust policy of %s lets pods.eks.amazonaws.com in, but its conditions do not fit this service account", role)
	}
	return fmt.Sprintf("the trust policy of %s needs a statement that lets the service pods.eks.amazonaws.com do sts:AssumeRole and sts:TagSession", role)
}

// allowsPods is whether a statement for the service names an action.
func (r *role) allowsPods(action string) bool {
	return slices.ContainsFunc(r.podStatements(), func(i int) bool {
		return slices.ContainsFunc(r.trust.Statements[i].Actions.Values, func(a string) bool { return strings.EqualFold(a, action) || a == "*" || strings.EqualFold(a, "sts:*") })
	})
}

// podStatements are the statements that let the service in, conditions aside.
func (r *role) podStatements() []int {
	var found []int
	for i, s := range r.trust.Statements {
		if s.Effect == "Allow" && slices.Contains(s.Principals.Values, podsPrincipal) {
			found = append(found, i)
		}
	}
	return found
}

// admits is whether a trust policy would let a service account in by the mechanism
// that it moves to.
func (a *auditor) admits(m *Move, trust *policy.Document) bool { return a.verdict(m, trust) == Gets }

// verdict is what a trust policy says to the mechanism that a service account moves to.
func (a *auditor) verdict(m *Move, trust *policy.Document) Verdict {
	quiet := *a
	quiet.report = &Report{}
	quiet.used = map[string]bool{}
	verdict := Unknown
	a.with(m.role, trust, func() {
		if m.To == IRSA {
			other, _ := quiet.resolve(m.account, m.role.arn, false, position{})
			if other == nil {
				return
			}
			switch yes, _, _ := quiet.evaluate(m.account, other, aws.DefaultAudience); yes {
			case policy.Yes:
				verdict = Gets
			case policy.No:
				verdict = Refused
			}
			return
		}
		as := &sources.Association{Cluster: m.Cluster, Namespace: m.Namespace, ServiceAccount: m.ServiceAccount, Role: m.role.arn}
		if len(m.account.associations) > 0 {
			as = m.account.associations[0]
		}
		verdict = quiet.podIdentity(m.account, &identity{mechanism: PodIdentity, role: as.Role, association: as}).verdict
	})
	return verdict
}

// mended is a trust policy with the service accounts let in. Where the service is
// let in already and only sts:TagSession is missing, that is added in place.
func (a *auditor) mended(text []byte, r *role, to Mechanism, moves []*Move) []byte {
	if to == PodIdentity && r.trustsPods() && !r.allowsPods("sts:TagSession") {
		for _, i := range r.podStatements() {
			if next, err := withAction(text, i, "sts:TagSession"); err == nil {
				text = next
			}
		}
		if doc, err := policy.Parse(text); err == nil && !slices.ContainsFunc(moves, func(m *Move) bool { return !a.admits(m, doc) }) {
			return text
		}
	}
	for _, statement := range a.statements(r, to, moves) {
		b, err := json.Marshal(statement)
		if err != nil {
			continue // a map of texts
		}
		if next, err := withStatement(text, string(b)); err == nil {
			text = next
		}
	}
	return text
}

// statement is one of a trust policy, its members in the order that people write.
type statement struct {
	Effect    string
	Principal map[string]string
	Action    any
	Condition map[string]map[string]any `json:",omitempty"`
}

// statements let service accounts in and nobody else: for EKS Pod Identity one for
// each namespace of each cluster, since a condition on both names lets in every
// pair; for IRSA one with all subjects of an issuer.
func (a *auditor) statements(r *role, to Mechanism, moves []*Move) []statement {
	type group struct{ cluster, namespace string }
	names := map[group][]string{}
	var order []group
	for _, m := range moves {
		g := group{m.Cluster, m.Namespace}
		name := m.ServiceAccount
		if to == IRSA {
			g.namespace, name = "", m.account.subject()
		}
		if names[g] == nil {
			order = append(order, g)
		}
		names[g] = append(names[g], name)
	}
	var out []statement
	for _, g := range order {
		slices.Sort(names[g])
		if to == IRSA {
			host := strings.TrimPrefix(a.issuerOf(g.cluster).url, "https://")
			out = append(out, statement{
				Effect: "Allow", Principal: map[string]string{"Federated": aws.ProviderARN(r.partition, r.account, host)}, Action: "sts:AssumeRoleWithWebIdentity",
				Condition: map[string]map[string]any{"StringEquals": {host + ":aud": aws.DefaultAudience, host + ":sub": oneOrMore(names[g])}},
			})
			continue
		}
		equals := map[string]any{"aws:SourceAccount": r.account, "aws:RequestTag/kubernetes-namespace": g.namespace, "aws:RequestTag/kubernetes-service-account": oneOrMore(names[g])}
		s := statement{
			Effect: "Allow", Principal: map[string]string{"Service": aws.PodIdentityService}, Action: []string{"sts:AssumeRole", "sts:TagSession"},
			Condition: map[string]map[string]any{"StringEquals": equals},
		}
		switch arn := a.clusterARN(g.cluster, r); {
		case arn != "":
			s.Condition["ArnEquals"] = map[string]any{"aws:SourceArn": arn}
		case g.cluster != "":
			equals["aws:RequestTag/eks-cluster-name"] = g.cluster
		}
		if slices.ContainsFunc(moves, func(m *Move) bool { return m.untagged() }) { // nothing to tell them by but the cluster
			delete(equals, "aws:RequestTag/kubernetes-namespace")
			delete(equals, "aws:RequestTag/kubernetes-service-account")
			delete(equals, "aws:RequestTag/eks-cluster-name")
		}
		out = append(out, s)
	}
	return out
}

// untagged is whether the association disables session tags.
func (m *Move) untagged() bool {
	return len(m.account.associations) > 0 && m.account.associations[0].DisableSessionTags
}

func oneOrMore(values []string) any {
	if len(values) == 1 {
		return values[0]
	}
	return values
}

// clusterARN is the cluster's, if its region is known: from the sources, or from
// an issuer of EKS's.
func (a *auditor) clusterARN(cluster string, r *role) string {
	region := a.found.State.Clusters[cluster].Region
	if region == "" {
		region, _, _ = aws.EKSIssuerParts(a.issuerOf(cluster).url)
	}
	if region == "" || cluster == "" {
		return ""
	}
	return aws.EKSClusterARN(region, r.account, cluster)
}
