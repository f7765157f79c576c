package given

import (
	"slices"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
	"github.com/irsa-emu/irsa-emu/sources"
)

// association is an association of EKS Pod Identity with the roles that it names;
// nil for one that no source has.
type association struct {
	*sources.Association
	role, target *prove.Role
	as           prove.Association
}

// associations are those of the sources, in their order.
func (m *Model) associations() []association {
	roles := map[string]*prove.Role{} // by ARN, and by name
	for _, r := range slices.Backward(m.Roles) {
		roles[r.Name()] = r
	}
	for _, r := range m.Roles {
		roles[r.ARN] = r
	}
	var out []association
	for i := range m.found.Manifests.Associations {
		s := &m.found.Manifests.Associations[i]
		a := association{Association: s, role: roles[s.Role], target: roles[s.TargetRole]}
		a.as = prove.Association{Cluster: s.Cluster, Namespace: s.Namespace, ServiceAccount: s.ServiceAccount, Untagged: s.DisableSessionTags, ExternalID: s.ExternalID}
		account := aws.AccountIn(s.Role)
		if c, ok := m.state.Clusters[s.Cluster]; ok && c.Region != "" && account != "" {
			a.as.ClusterARN = aws.EKSClusterARN(c.Region, account, s.Cluster)
			if s.ExternalID == "" {
				a.as.ExternalID = aws.TargetExternalID(c.Region, account, s.Cluster, s.Holder())
			}
		}
		if s.Policy != "" {
			doc, err := policy.Parse([]byte(s.Policy))
			if err != nil {
				doc = &policy.Document{} // EKS refuses it; nothing is allowed by it here
			}
			a.as.Policy = doc
		}
		out = append(out, a)
	}
	return out
}

// holds is the role whose sessions the association's pods get.
func (a *association) holds() (arn string, role *prove.Role) {
	if a.TargetRole != "" {
		return a.TargetRole, a.target
	}
	return a.Role, a.role
}

// open says whether EKS can open the sessions: refuted, it can; and what it
// depends on when that is not decided, or why not.
func (a *association) open() (verdict prove.Verdict, why string, err error) {
	const missing = " is in none of the sources"
	if a.role == nil {
		return prove.Undecided, "the role " + a.Role + missing, nil
	}
	answer, err := a.as.Opens(a.role)
	switch {
	case err != nil:
		return "", "", err
	case answer.Verdict == prove.Proved:
		return answer.Verdict, "the trust policy of " + a.Role + " does not let EKS Pod Identity open its sessions", nil
	case answer.Verdict == prove.Undecided:
		why = undecidedText(answer)
	}
	if a.TargetRole == "" {
		return answer.Verdict, why, nil
	}
	if a.target == nil {
		return prove.Undecided, "the target role " + a.TargetRole + missing, nil
	}
	handed, err := a.as.Hands(a.role, a.target)
	switch {
	case err != nil:
		return "", "", err
	case handed.Verdict == prove.Proved:
		return handed.Verdict, a.Role + " cannot assume the target role " + a.TargetRole + " as EKS does it", nil
	case handed.Verdict == prove.Undecided:
		return prove.Undecided, undecidedText(handed), nil
	}
	return answer.Verdict, why, nil
}

func undecidedText(a prove.Answer) string { return why(nil, a.Statement, a.Key, a.Why) }

// podIdentity lists the associations with a role, or with one that has it as its
// target.
func (m *Model) podIdentity(role *prove.Role) ([]PodIdentityAccess, error) {
	var out []PodIdentityAccess
	for _, a := range m.associated {
		if a.role != role && a.target != role {
			continue
		}
		one := PodIdentityAccess{Cluster: a.Cluster, ServiceAccount: a.Holder().String(), Place: a.At.String()}
		verdict, why, err := a.open()
		if err != nil {
			return nil, err
		}
		switch {
		case a.target == role && a.role != role:
			one.Through = a.Role
		case a.TargetRole != "":
			one.Then = a.TargetRole
		}
		one.Why, one.Refused = why, verdict == prove.Proved
		out = append(out, one)
	}
	return out, nil
}

// podHolders lists the roles that a service account's pods get through EKS Pod
// Identity, and those behind them. An issuer narrows it to its cluster.
func (m *Model) podHolders(id *Identity, doing *prove.Doing) ([]Holder, error) {
	var out []Holder
	for _, a := range m.associated {
		if a.Holder().String() != id.ServiceAccount || !m.ofIssuer(a.Cluster, id.Issuer) {
			continue
		}
		verdict, why, err := a.open()
		if err != nil {
			return nil, err
		}
		if verdict == prove.Proved {
			continue
		}
		arn, role := a.holds()
		h := Holder{Role: arn, Mechanism: PodIdentity, Cluster: a.Cluster, Statements: []int{}, Undecided: why != "", Why: why}
		if a.TargetRole != "" {
			h.Through = []string{a.Role}
		}
		if role == nil {
			out = append(out, h)
			continue
		}
		if doing != nil {
			may, err := m.Does(&a.as, role, *doing)
			if err != nil {
				return nil, err
			}
			h.may(may, role)
		}
		more, err := m.further(h, role, doing)
		if err != nil {
			return nil, err
		}
		out = append(append(out, h), more...)
	}
	return out, nil
}

// ofIssuer says whether a cluster can be that of an issuer, without scheme.
func (m *Model) ofIssuer(cluster, issuer string) bool {
	c, known := m.state.Clusters[cluster]
	return issuer == "" || !known || c.Issuer == "" || aws.ProviderURL(c.Issuer) == issuer
}

// podGains lists the service accounts that are given a role by an association of EKS
// Pod Identity and were not before.
func podGains(before, after *Model) ([]Change, error) {
	var out []Change
	for i := range after.associated {
		a := &after.associated[i]
		verdict, why, err := a.open()
		if err != nil {
			return nil, err
		}
		if verdict == prove.Proved {
			continue
		}
		had, err := before.gave(a)
		if err != nil {
			return nil, err
		}
		if had == prove.Refuted || had == verdict {
			continue
		}
		arn, role := a.holds()
		c := Change{
			Role: arn, Principal: "EKS Pod Identity in cluster " + a.Cluster, Pattern: a.Holder().Subject(),
			Actions: []string{"eks-auth:AssumeRoleForPodIdentity"}, Why: why, At: a.At, Place: a.At.String(),
		}
		if role != nil {
			c.Actions = append(c.Actions, role.Actions()...)
		}
		out = append(out, c)
	}
	return out, nil
}

// gave is whether the model has an association that gives at least as much: refuted
// when it does, proved when there is none.
func (m *Model) gave(a *association) (prove.Verdict, error) {
	most := prove.Proved
	for i := range m.associated {
		o := &m.associated[i]
		if o.Cluster != a.Cluster || o.Namespace != a.Namespace || o.ServiceAccount != a.ServiceAccount || o.Role != a.Role || o.TargetRole != a.TargetRole ||
			o.Policy != "" && o.Policy != a.Policy {
			continue
		}
		verdict, _, err := o.open()
		if err != nil {
			return "", err
		}
		if most = verdict; verdict == prove.Refuted {
			break
		}
	}
	return most, nil
}
