package given

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/prove"
)

// Access is who can assume one role, and what he reaches from there.
type Access struct {
	Role  string `json:"role"`
	Place string `json:"place,omitempty"`
	// Tokens are those of OIDC providers, by the policy's patterns.
	Tokens []TokenAccess `json:"tokens"`
	// Principals are the others that the trust policy names.
	Principals []PrincipalAccess `json:"principals"`
	// PodIdentity are the associations of EKS Pod Identity with the role.
	PodIdentity []PodIdentityAccess `json:"podIdentity,omitempty"`
	// Reaches are the roles that its sessions can assume.
	Reaches []ReachedRole `json:"reaches"`
	// MayDo are the actions of its policies, as they have them.
	MayDo []string `json:"mayDo,omitempty"`
	// Notes are what the answer takes for granted.
	Notes []string `json:"notes,omitempty"`
}

// Nobody says that nobody at all can assume the role.
func (a *Access) Nobody() bool { return len(a.Tokens) == 0 && len(a.Principals) == 0 }

// TokenAccess is one pattern of a provider's tokens.
type TokenAccess struct {
	Provider  string         `json:"provider"`
	Issuer    string         `json:"issuer"`
	Kind      prove.Kind     `json:"kind"`
	Pattern   string         `json:"pattern"`
	Where     []string       `json:"where,omitempty"`
	Statement int            `json:"statement"`
	Witness   map[string]any `json:"witness"`
	Needs     []string       `json:"needs,omitempty"`
	// Why says what it depends on when it is not decided whether any is let in.
	Why string `json:"why,omitempty"`
}

// PrincipalAccess is another principal.
type PrincipalAccess struct {
	Kind  prove.CallerKind `json:"kind"`
	Name  string           `json:"name"`
	Needs []string         `json:"needs,omitempty"`
	Why   string           `json:"why,omitempty"`
}

// PodIdentityAccess is an association of EKS Pod Identity.
type PodIdentityAccess struct {
	Cluster        string `json:"cluster"`
	ServiceAccount string `json:"serviceAccount"`
	Place          string `json:"place,omitempty"`
}

// ReachedRole is a role behind another one.
type ReachedRole struct {
	Role string `json:"role"`
	// Through are the roles between.
	Through []string `json:"through,omitempty"`
	Needs   []string `json:"needs,omitempty"`
	Why     string   `json:"why,omitempty"`
}

// Who answers for the roles that a glob names.
func (m *Model) Who(glob string) ([]Access, error) {
	var roles []*prove.Role
	var providers [][]*prove.Provider // looked up here, for that writes to the model
	for _, r := range m.Roles {
		if glob == "" || r.ARN == "" || RoleMatches(r, glob) {
			roles = append(roles, r)
			providers = append(providers, m.Providers(r))
		}
	}
	m.Index()
	return parallel(len(roles), func(i int) ([]Access, error) {
		a, err := m.who(roles[i], providers[i])
		return []Access{a}, err
	})
}

func (m *Model) who(role *prove.Role, providers []*prove.Provider) (Access, error) {
	a := Access{Role: roleName(role), Place: role.Place, Tokens: []TokenAccess{}, Principals: []PrincipalAccess{}, Reaches: []ReachedRole{}, MayDo: role.Actions()}
	for _, p := range providers {
		rows, err := prove.Tokens(p, role)
		if err != nil {
			return a, err
		}
		for _, r := range rows {
			t := TokenAccess{
				Provider: p.ARN, Issuer: p.Issuer, Kind: p.Kind, Pattern: r.Pattern, Where: r.Where, Statement: r.Statement,
				Why: why(r.Witness, r.Statement, r.Key, r.Why),
			}
			if r.Witness != nil {
				t.Witness, t.Needs = r.Witness.Claims, needs(r.Witness)
			}
			a.Tokens = append(a.Tokens, t)
		}
		switch {
		case p.Missing:
			a.Notes = append(a.Notes, "the account has no provider for "+p.Issuer+", so STS refuses its tokens")
		case p.Assumed:
			a.Notes = append(a.Notes, "the client ids of "+p.Issuer+" are not in the source; sts.amazonaws.com is taken to be the only one")
		}
	}
	callers, err := prove.Delegations(nil, role)
	if err != nil {
		return a, err
	}
	for _, d := range callers {
		c := PrincipalAccess{Kind: d.Kind, Name: d.Name, Why: why(d.Witness, d.Statement, d.Key, d.Answer.Why)}
		if d.Witness != nil {
			c.Needs = needs(d.Witness)
		}
		a.Principals = append(a.Principals, c)
	}
	a.PodIdentity = m.associations(role)
	hops, err := m.Reach(role)
	for _, h := range hops {
		path := h.Path()
		r := ReachedRole{Role: h.Role.ARN, Through: path[:len(path)-1], Why: h.Why}
		for _, n := range h.Needs() {
			r.Needs = append(r.Needs, n.String())
		}
		a.Reaches = append(a.Reaches, r)
	}
	return a, err
}

// associations are those of EKS Pod Identity with a role.
func (m *Model) associations(role *prove.Role) []PodIdentityAccess {
	if m.found == nil {
		return nil
	}
	var out []PodIdentityAccess
	for i := range m.found.Manifests.Associations {
		as := &m.found.Manifests.Associations[i]
		if as.Role == role.ARN || as.Role == role.Name() {
			out = append(out, PodIdentityAccess{Cluster: as.Cluster, ServiceAccount: as.Namespace + "/" + as.ServiceAccount, Place: as.At.String()})
		}
	}
	return out
}

// Holder is one role that an identity can assume, and how.
type Holder struct {
	Role    string   `json:"role"`
	Issuer  string   `json:"issuer"`
	Through []string `json:"through,omitempty"`
	Needs   []string `json:"needs,omitempty"`
	// Statements are those that let it in, of the first role's trust policy.
	Statements []int  `json:"statements"`
	Why        string `json:"why,omitempty"`
	// May says whether the role's session may do what was asked; null when nothing
	// was, or when it is not decided.
	May *bool `json:"may,omitempty"`
	// Call is one call that it may make, Policies are those that allow it.
	Call string `json:"call,omitempty"`
}

// Identity is whose roles are asked for: pins of the providers whose tokens he
// could have.
type Identity struct {
	// Pin gives the provider's tokens of this identity; false when it has none there.
	Pin func(p *prove.Provider) (prove.Pin, bool)
	// Refuses says that the token itself rules the role out; nil rules none out.
	Refuses func(role string) bool
}

// Holds lists the roles that an identity can assume, directly and by chains, and
// with doing whether each of them may do that.
func (m *Model) RolesOf(id Identity, doing *prove.Doing) ([]Holder, error) {
	m.Index()
	var out []Holder
	for _, role := range m.Roles {
		if id.Refuses != nil && id.Refuses(role.ARN) {
			continue
		}
		for _, p := range m.Providers(role) {
			pin, ok := id.Pin(p)
			if !ok {
				continue
			}
			more, err := m.held(p.Pinned(pin), role, doing)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		}
	}
	return dedupe(out), nil
}

// dedupe keeps the shortest way to each role of an issuer.
func dedupe(list []Holder) []Holder {
	slices.SortStableFunc(list, func(a, b Holder) int { return len(a.Through) - len(b.Through) })
	var out []Holder
	for _, h := range list {
		if !slices.ContainsFunc(out, func(o Holder) bool { return o.Role == h.Role && o.Issuer == h.Issuer }) {
			out = append(out, h)
		}
	}
	return out
}

func (m *Model) held(p *prove.Provider, role *prove.Role, doing *prove.Doing) ([]Holder, error) {
	answer, err := prove.Holds(p, role, prove.Claim{Nobody: true})
	if err != nil || answer.Verdict == prove.Proved {
		return nil, err
	}
	first := Holder{Role: roleName(role), Issuer: p.Issuer, Statements: []int{}, Why: why(answer.Witness, answer.Statement, answer.Key, answer.Why)}
	if answer.Witness != nil {
		first.Needs, first.Statements = needs(answer.Witness), answer.Witness.Statements
	}
	open := first.Why
	if doing != nil {
		may, err := m.Directly(p, role, *doing)
		if err != nil {
			return nil, err
		}
		first.may(may)
	}
	out := []Holder{first}
	hops, err := m.Reach(role)
	for _, h := range hops {
		next := Holder{Role: h.Role.ARN, Issuer: p.Issuer, Through: append([]string{first.Role}, h.Path()...), Statements: first.Statements, Needs: slices.Clone(first.Needs), Why: open}
		next.Through = next.Through[:len(next.Through)-1]
		if h.Why != "" {
			next.Why = strings.TrimPrefix(next.Why+"; "+h.Why, "; ")
		}
		for _, n := range h.Needs() {
			next.Needs = append(next.Needs, n.String())
		}
		if doing != nil {
			may, err := m.Can(h.Role, *doing)
			if err != nil {
				return nil, err
			}
			next.may(may)
		}
		out = append(out, next)
	}
	return out, err
}

// may writes down whether a call is allowed: an answer that refutes "no call is".
func (h *Holder) may(a prove.Answer) {
	yes := a.Verdict == prove.Refuted
	if a.Verdict != prove.Undecided {
		h.May = &yes
	} else {
		h.Why = strings.TrimPrefix(h.Why+"; whether it may is not decided: "+a.Why, "; ")
	}
	if a.Witness != nil {
		h.Call = a.Witness.Action + " on " + a.Witness.Resource
	}
}
