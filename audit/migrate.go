package audit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/webhook"
)

// MoveState says how far a service account is from the other mechanism.
type MoveState string

const (
	// Moved: it is given the other mechanism, and that works.
	Moved MoveState = "moved"
	// Ready: the role's trust lets the other mechanism in; the association or the
	// annotation is all that is missing.
	Ready MoveState = "ready"
	// Change: the role's trust policy has to change, or something beside it.
	Change MoveState = "change"
	// Blocked: it cannot be moved as it is.
	Blocked MoveState = "blocked"
	// Open: a source is missing.
	Open MoveState = "unknown"
)

// Works is one mechanism's verdict for a service account.
type Works struct {
	Verdict Verdict `json:"verdict"`
	Why     string  `json:"why"`
}

// Move is what it takes to give one service account its role by the other
// mechanism. Its JSON is promised; fields may be added.
type Move struct {
	Cluster        string `json:"cluster"`
	Namespace      string `json:"namespace"`
	ServiceAccount string `json:"serviceAccount"`
	Role           string `json:"role"`
	TargetRole     string `json:"targetRole,omitempty"`
	// Today is the mechanism that its pods use: an association wins.
	Today       Mechanism `json:"today"`
	IRSA        Works     `json:"irsa"`
	PodIdentity Works     `json:"podIdentity"`
	To          Mechanism `json:"to"`
	State       MoveState `json:"state"`
	// Needs are what has to be done, in order; Watch what will be different.
	Needs []string `json:"needs"`
	Watch []string `json:"watch,omitempty"`
	// TrustPolicy is the role's whole trust policy with the other mechanism let in
	// beside the present one, for all service accounts of the role that move; it was
	// held against both. Place is where the present one is written.
	TrustPolicy json.RawMessage `json:"trustPolicy,omitempty"`
	Place       string          `json:"place,omitempty"`
	// Add is what to add beside the trust policy, by where: cli, kubernetes, state,
	// terraform, cloudformation, eksctl.
	Add map[string]string `json:"add,omitempty"`

	account *account
	role    *role
}

// Moves is the answer of [Migrate].
type Moves struct {
	Moves []*Move  `json:"moves"`
	Notes []string `json:"notes"`
}

// Clean says that nothing has to be changed but associations or annotations.
func (m *Moves) Clean() bool {
	return !slices.ContainsFunc(m.Moves, func(v *Move) bool { return v.State != Moved && v.State != Ready })
}

// Count is the number of moves in a state.
func (m *Moves) Count(s MoveState) int {
	n := 0
	for _, v := range m.Moves {
		if v.State == s {
			n++
		}
	}
	return n
}

// Migrate says of each service account with a role which mechanism works today and
// what the other one needs. To is the mechanism to move to; empty: each to the one
// that it does not use. The error is a [UsageError].
func Migrate(found *sources.Found, o Options, to Mechanism) (*Moves, error) {
	a := auditorOf(found, o)
	if err := a.clusters(); err != nil {
		return nil, err
	}
	a.collect()
	out := &Moves{Moves: []*Move{}, Notes: []string{}}
	byRole := map[string][]*Move{}
	for _, sa := range a.accounts {
		m := a.move(sa, to)
		if m == nil {
			continue
		}
		out.Moves = append(out.Moves, m)
		if m.State == "" {
			byRole[m.role.arn] = append(byRole[m.role.arn], m)
		}
	}
	if len(out.Moves) == 0 {
		return nil, UsageError("--given: no service account with a role is in what was given; give the manifests with the annotations, or the associations")
	}
	for _, moves := range byRole {
		a.mend(moves)
	}
	slices.SortStableFunc(out.Moves, func(x, y *Move) int {
		return cmp.Or(cmp.Compare(x.Cluster, y.Cluster), cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.ServiceAccount, y.ServiceAccount))
	})
	out.Notes = append(out.Notes, a.report.Notes...)
	return out, nil
}

// move tells where a service account stands; nil when it has no role. What the
// trust policy needs is found by mend, for all of a role together: its state is
// empty then.
func (a *auditor) move(sa *account, to Mechanism) *Move {
	annotations, at, said := a.annotations(sa)
	config := webhook.Config{RegionalSTS: true}
	annotated, hasRole := config.IdentityOf(annotations)
	if !hasRole && len(sa.associations) == 0 {
		return nil
	}
	m := &Move{Cluster: sa.cluster, Namespace: sa.namespace, ServiceAccount: sa.name, Today: IRSA, To: PodIdentity, Needs: []string{}, account: sa}
	none := Works{NoRole, "no annotation"}
	m.IRSA, m.PodIdentity = none, Works{NoRole, "no association"}
	if hasRole {
		m.Role = annotated.RoleARN
		got := a.unsure(&identity{mechanism: IRSA, said: said}, a.webIdentity(sa, annotated.RoleARN, annotated.Audience, at[aws.RoleAnnotation]))
		m.IRSA, m.role = Works{got.verdict, got.why}, got.role
	}
	if len(sa.associations) > 0 {
		as := sa.associations[0]
		got := a.podIdentity(sa, &identity{mechanism: PodIdentity, role: as.Role, at: as.At, association: as})
		m.PodIdentity, m.Today, m.Role, m.TargetRole = Works{got.verdict, got.why}, PodIdentity, as.Role, as.TargetRole
		if m.role, _ = a.resolve(sa, as.Role, true, as.At); !hasRole {
			m.To = IRSA
		}
	}
	if to != "" {
		m.To = to
	}
	if m.To == IRSA && hasRole { // the annotation's, which may be another
		m.Role = annotated.RoleARN
		m.role, _ = a.resolve(sa, annotated.RoleARN, false, at[aws.RoleAnnotation])
	}
	m.Role = a.roles.display(m.Role)
	a.stand(m)
	return m
}

// stand settles what does not hang on the mended trust policy.
func (a *auditor) stand(m *Move) {
	given := m.PodIdentity
	if m.To == IRSA {
		given = m.IRSA
	}
	switch {
	case given.Verdict == Gets:
		m.State = Moved
		if m.To == PodIdentity && m.IRSA.Verdict != NoRole {
			m.Needs = append(m.Needs, "when no pod from before the association runs any more: take the annotation "+aws.RoleAnnotation+" and the statement for the OIDC provider out")
		}
		if m.To == IRSA && m.Today == PodIdentity {
			m.Needs = append(m.Needs, "delete the association, then restart the pods: it wins as long as it is there")
		}
	case m.role == nil:
		m.State = Open
		m.Needs = append(m.Needs, "give a source that has the role "+m.Role+": a plan, a template, or aws iam get-account-authorization-details")
	case m.role.trust == nil:
		m.State = Open
		m.Needs = append(m.Needs, "the role's trust policy is not known from the sources")
	case m.To == IRSA && a.issuerOf(m.Cluster).url == "":
		m.State = Open
		m.Needs = append(m.Needs, a.issuerOf(m.Cluster).why)
	}
	if m.State == "" {
		a.block(m)
	}
	a.watch(m)
}

// block finds what no trust policy can mend.
func (a *auditor) block(m *Move) {
	if m.To != PodIdentity {
		return
	}
	for _, w := range m.account.workloads {
		if w.Pod == nil {
			continue
		}
		if platform := a.platform(m.account, w.Pod); platform != "" {
			m.State = Blocked
			m.Needs = append(m.Needs, fmt.Sprintf("%s runs on %s, where EKS Pod Identity does not work: leave it with IRSA, or run it on Linux nodes of EC2", w.Title(), platform))
		}
	}
	if c, ok := a.found.State.Clusters[m.Cluster]; ok && c.Account != "" && c.Account != m.role.account {
		m.State = Blocked
		m.Needs = append(m.Needs, fmt.Sprintf("the role is of account %s, and an association's role must be of the cluster's, %s: make a role there which may do sts:AssumeRole and sts:TagSession on %s, associate it, and give this role as its target role; its trust policy then names that role and sts:ExternalId", m.role.account, c.Account, m.role.arn))
	}
}

// watch says what will be different.
func (a *auditor) watch(m *Move) {
	if m.role == nil || m.State == Moved {
		return
	}
	documents := m.role.documents(a.found)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(documents, func(d string) bool {
			return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(d, strings.ToLower(p)) })
		})
	}
	say := func(when bool, text string) {
		if when {
			m.Watch = append(m.Watch, text)
		}
	}
	if m.To == PodIdentity {
		host := strings.TrimPrefix(a.issuerOf(m.Cluster).url, "https://")
		say(host != "" && has(host+":sub", host+":aud", "aws:federatedprovider"), "a policy of the role tests a claim of the token, which the session of EKS Pod Identity has not: test aws:PrincipalTag/kubernetes-namespace and aws:PrincipalTag/kubernetes-service-account there")
		say(has(`"sts:assumerole"`) && !has("sts:tagsession", `"sts:*"`), "the role may assume others: the six session tags go along, so that its policy and their trust policies must allow sts:TagSession too (or the association disables session tags)")
		for _, w := range m.account.workloads {
			say(w.Pod != nil && w.Pod.HostNetwork, w.Title()+" is on the host's network; whether its SDK reaches the agent must be tried")
		}
		return
	}
	say(has("aws:principaltag/kubernetes-", "aws:principaltag/eks-cluster-"), "a policy of the role tests session tags of EKS Pod Identity, which a web identity's session has not: give each namespace a role of its own, or write its name into the policy")
	say(m.TargetRole != "", "the association has the target role "+m.TargetRole+": with IRSA the program assumes it itself (role_arn and source_profile), or that account registers the cluster's issuer and the annotation names its role")
	for _, as := range m.account.associations {
		say(as.Policy != "", "the association's session policy is gone with it: the role's own policies count")
	}
}

// documents are the policies of a role in lower case.
func (r *role) documents(found *sources.Found) []string {
	var all []string
	for _, d := range r.InlinePolicies {
		all = append(all, strings.ToLower(d.Text()))
	}
	for _, arn := range r.AttachedPolicies {
		if raw := managed(&found.State, arn); raw != nil {
			all = append(all, strings.ToLower(string(raw)))
		}
	}
	return all
}

// with evaluates as if a role had another trust policy.
func (a *auditor) with(r *role, trust *policy.Document, ask func()) {
	other := *r
	other.trust = trust
	key := withoutPartition(r.arn)
	a.roles.byARN[key] = &other
	ask()
	a.roles.byARN[key] = r
}
