package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/spelling"
)

// Judgement says whether the pods of one service account get their role by EKS
// Pod Identity.
type Judgement struct {
	Cluster, Issuer string
	// Association is the one that counts; nil when the service account has none.
	Association *sources.Association
	// Near are service accounts with an association, those with a like name first.
	Near    []string
	Verdict Verdict
	Why     string
	// Role is the ARN of the role that decided: the association's or its target.
	Role string
	// Place is where its trust policy is written; empty when it is not known.
	Place string
	// Checks are the policy evaluations, in order.
	Checks []decision.Check
	// Findings are what [Audit] would say of it.
	Findings []Finding
	Notes    []string
}

// Pods judges one service account, NAMESPACE and name, of the cluster that the
// options name, else of the only one. The error is a [UsageError].
func Pods(found *sources.Found, o Options, namespace, name string) (*Judgement, error) {
	a := auditorOf(found, o)
	if err := a.onlyCluster(); err != nil {
		return nil, err
	}
	a.collect()
	j := &Judgement{Cluster: a.cluster, Issuer: a.issuerOf(a.cluster).url, Verdict: NoRole}
	sa := &account{cluster: a.cluster, namespace: namespace, name: name}
	var titles []string
	for _, other := range a.accounts {
		if len(other.associations) == 0 || other.cluster != a.cluster {
			continue
		}
		titles = append(titles, other.title())
		if other.namespace == namespace && other.name == name {
			sa = other
		}
	}
	const most = 5
	j.Near = spelling.Closest(sa.title(), titles, most)
	if len(sa.associations) == 0 {
		j.Why = fmt.Sprintf("no association for service account %s in cluster %s", sa.title(), a.cluster)
		return j, nil
	}
	j.Association = sa.associations[0]
	said := a.podIdentity(sa, &identity{mechanism: PodIdentity, role: j.Association.Role, at: j.Association.At, association: j.Association})
	j.Verdict, j.Why, j.Checks, j.Role = said.verdict, said.why, said.checks, j.Association.Role
	if said.role != nil {
		j.Role, j.Place = a.roles.display(said.role.arn), said.role.place(said.at).String()
	}
	if other := sa.annotated(); other != "" && j.Verdict == Gets {
		j.Notes = append(j.Notes, fmt.Sprintf("the annotation with %s counts for nothing: the association wins", other))
	}
	j.Findings, j.Notes = a.report.Findings, append(j.Notes, a.report.Notes...)
	return j, nil
}

// annotated is the role of a service account's annotation.
func (sa *account) annotated() string {
	for _, s := range sa.said {
		if role := s.Annotations[aws.RoleAnnotation]; role != "" {
			return role
		}
	}
	return ""
}

// onlyCluster is clusters, for a question about associations: they name theirs.
func (a *auditor) onlyCluster() error {
	if a.o.Cluster != "" {
		a.cluster = a.o.Cluster
		if names := a.clusterNames(); len(names) > 0 && !slices.Contains(names, a.o.Cluster) {
			return UsageError(fmt.Sprintf("--cluster %s: no such cluster is given; there are: %s", a.o.Cluster, strings.Join(names, ", ")))
		}
		return nil
	}
	names := a.clusterNames()
	switch len(names) {
	case 0:
		return UsageError("--cluster: no cluster is in what was given; write --cluster NAME")
	case 1:
		a.cluster = names[0]
		return nil
	}
	return UsageError(fmt.Sprintf("several clusters are given, %s; write --cluster NAME", strings.Join(names, ", ")))
}

// Decision is the one that refused; nil when none did.
func (j *Judgement) Decision() *policy.Decision {
	for i := range j.Checks {
		if !j.Checks[i].Decision.Allowed {
			return &j.Checks[i].Decision
		}
	}
	return nil
}
