package given

import (
	"context"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/prove"
)

// Access is who can assume one role, and what he reaches from there.
type Access struct {
	Role  string `json:"role"`
	Place string `json:"place,omitempty"`
	// Why says why it is not decided who can: the trust policy is not known.
	Why string `json:"why,omitempty"`
	// Tokens are those of OIDC providers, by the policy's patterns.
	Tokens []TokenAccess `json:"tokens"`
	// Principals are the others that the trust policy names.
	Principals []PrincipalAccess `json:"principals"`
	// PodIdentity are the associations of EKS Pod Identity with the role.
	PodIdentity []PodIdentityAccess `json:"podIdentity,omitempty"`
	// Reaches are the roles that its sessions can assume, the nearest first.
	Reaches []ReachedRole `json:"reaches"`
	// Further is how many more it reaches; AtLeast says that not all were counted.
	Further int  `json:"further,omitempty"`
	AtLeast bool `json:"atLeast,omitempty"`
	// MayDo are the actions of its policies, as they have them.
	MayDo []string `json:"mayDo,omitempty"`
	// Notes are what the answer takes for granted.
	Notes []string `json:"notes,omitempty"`
}

// Nobody says that nobody at all can assume the role.
func (a *Access) Nobody() bool { return len(a.Tokens) == 0 && len(a.Principals) == 0 && a.Why == "" }

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
	// Through is the association's role when this one is its target, Then the target.
	Through string `json:"through,omitempty"`
	Then    string `json:"then,omitempty"`
	// Refused: EKS cannot open the sessions. Why says why, or what it depends on.
	Refused bool   `json:"refused,omitempty"`
	Why     string `json:"why,omitempty"`
	Place   string `json:"place,omitempty"`
}

// ReachedRole is a role behind another one.
type ReachedRole struct {
	Role string `json:"role"`
	// Through are the roles between.
	Through []string `json:"through,omitempty"`
	Needs   []string `json:"needs,omitempty"`
	Why     string   `json:"why,omitempty"`
}

// Who answers for the roles that a glob names. Of the roles behind each it lists at
// most so many, and counts the rest.
func (m *Model) Who(ctx context.Context, glob string, most int) ([]Access, error) {
	var roles []*prove.Role
	var providers [][]*prove.Provider // looked up here, for that writes to the model
	for _, r := range m.Roles {
		if glob == "" || r.ARN == "" || roleMatches(r, glob) {
			roles = append(roles, r)
			providers = append(providers, m.Providers(r))
		}
	}
	m.Index()
	return parallel(ctx, len(roles), func(i int) ([]Access, error) {
		a, err := m.who(roles[i], providers[i], most)
		return []Access{a}, err
	})
}

func (m *Model) who(role *prove.Role, providers []*prove.Provider, most int) (Access, error) {
	if role.Unknown != "" {
		return Access{Role: roleName(role), Place: role.Place, Why: unknownTrust(role), Tokens: []TokenAccess{}, Principals: []PrincipalAccess{}, Reaches: []ReachedRole{}}, nil
	}
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
	for _, arn := range role.Trust.Document.Federated() {
		if where := elsewhere(prove.NewProvider(arn), role); where != "" {
			a.Notes = append(a.Notes, "the provider "+arn+" is "+where+" than the role, so STS refuses its tokens")
		}
	}
	a.Notes = append(a.Notes, customised(role, providers)...)
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
	if a.PodIdentity, err = m.podIdentity(role); err != nil {
		return a, err
	}
	if role.UnreadBoundary != "" {
		a.Notes = append(a.Notes, "the source does not have the permissions boundary "+role.UnreadBoundary+", which may forbid some of this")
	}
	hops, further, err := m.ReachFirst(role, most)
	a.Further, a.AtLeast = further.Roles, further.AtLeast
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

// Holder is one role that an identity can assume, and how.
type Holder struct {
	Role      string    `json:"role"`
	Mechanism Mechanism `json:"mechanism"`
	Issuer    string    `json:"issuer,omitempty"`  // of web identities
	Cluster   string    `json:"cluster,omitempty"` // of EKS Pod Identity
	Through   []string  `json:"through,omitempty"`
	Needs     []string  `json:"needs,omitempty"`
	// Statements are those that let it in, of the first role's trust policy.
	Statements []int `json:"statements"`
	// Undecided says that it is not decided whether it can assume the role; Why says
	// on what that depends.
	Undecided bool   `json:"undecided,omitempty"`
	Why       string `json:"why,omitempty"`
	// May says whether the role's session may do what was asked; null when nothing
	// was, or when it is not decided.
	May *bool `json:"may,omitempty"`
	// Call is one call that it may make, Policies are those that allow it.
	Call string `json:"call,omitempty"`
	// Notes are what the answer takes for granted.
	Notes []string `json:"notes,omitempty"`
}

// Mechanism is how an identity gets its first role.
type Mechanism string

// Mechanisms.
const (
	WebIdentity Mechanism = "web-identity"
	PodIdentity Mechanism = "pod-identity"
)

// Identity is whose roles are asked for: pins of the providers whose tokens he
// could have.
type Identity struct {
	// Pin gives the provider's tokens of this identity; false when it has none there.
	Pin func(p *prove.Provider) (prove.Pin, bool)
	// Refuses says that the token itself rules the role out; nil rules none out.
	Refuses func(role string) bool
	// ServiceAccount is NAMESPACE/NAME, whose pods may have an association of EKS Pod
	// Identity; "" for others. Issuer, without scheme, narrows it to its cluster.
	ServiceAccount, Issuer string
}

// Holds lists the roles that an identity can assume, directly and by chains, and
// with doing whether each of them may do that.
func (m *Model) RolesOf(ctx context.Context, id Identity, doing *prove.Doing) ([]Holder, error) {
	m.Index()
	type candidate struct {
		role *prove.Role
		p    *prove.Provider // nil: the trust policy is not known
	}
	var candidates []candidate
	for _, role := range m.Roles {
		if id.Refuses != nil && id.Refuses(role.ARN) {
			continue
		}
		if role.Unknown != "" {
			candidates = append(candidates, candidate{role: role})
		}
		for _, p := range m.Providers(role) {
			if pin, ok := id.Pin(p); ok {
				candidates = append(candidates, candidate{role, p.Pinned(pin)})
			}
		}
	}
	out, err := parallel(ctx, len(candidates), func(i int) ([]Holder, error) {
		c := candidates[i]
		if c.p == nil {
			return []Holder{{Role: roleName(c.role), Mechanism: WebIdentity, Statements: []int{}, Undecided: true, Why: unknownTrust(c.role)}}, nil
		}
		return m.held(c.p, c.role, doing)
	})
	if err != nil {
		return nil, err
	}
	if id.ServiceAccount != "" {
		more, err := m.podHolders(&id, doing)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return dedupe(out), nil
}

// dedupe keeps the shortest way to each role of an issuer.
func dedupe(list []Holder) []Holder {
	slices.SortStableFunc(list, func(a, b Holder) int { return len(a.Through) - len(b.Through) })
	var out []Holder
	for _, h := range list {
		if !slices.ContainsFunc(out, func(o Holder) bool {
			return o.Role == h.Role && o.Issuer == h.Issuer && o.Mechanism == h.Mechanism && o.Cluster == h.Cluster
		}) {
			out = append(out, h)
		}
	}
	return out
}

func (m *Model) held(p *prove.Provider, role *prove.Role, doing *prove.Doing) ([]Holder, error) {
	missing := p.Missing
	if missing { // what the role would let in if the provider were there
		there := *p
		there.Missing = false
		p = there.Usual()
	}
	answer, err := prove.Holds(p, role, prove.Claim{Nobody: true})
	if err != nil || answer.Verdict == prove.Proved {
		return nil, err
	}
	first := Holder{Role: roleName(role), Mechanism: WebIdentity, Issuer: p.Issuer, Statements: []int{}, Why: why(answer.Witness, answer.Statement, answer.Key, answer.Why)}
	if answer.Witness != nil {
		first.Needs, first.Statements = needs(answer.Witness), answer.Witness.Statements
	}
	if missing {
		first.Why = missingProvider(p)
	}
	first.Undecided = first.Why != ""
	if doing != nil {
		may, err := m.Directly(p, role, *doing)
		if err != nil {
			return nil, err
		}
		first.may(may, role)
	}
	more, err := m.further(first, role, doing)
	return append([]Holder{first}, more...), err
}

func missingProvider(p *prove.Provider) string {
	return "the account has no provider for " + p.Issuer + ", so STS refuses its tokens until it has"
}

// further lists the roles behind the role of a holder.
func (m *Model) further(first Holder, role *prove.Role, doing *prove.Doing) ([]Holder, error) {
	hops, err := m.Reach(role)
	if err != nil {
		return nil, err
	}
	var out []Holder
	for _, h := range hops {
		if first.Mechanism == PodIdentity && slices.ContainsFunc(h.Needs(), func(n prove.Need) bool { return n.SessionOf == role.ARN }) {
			continue // EKS gives the sessions their names
		}
		path := append(append(slices.Clone(first.Through), first.Role), h.Path()...)
		next := Holder{
			Role: h.Role.ARN, Mechanism: first.Mechanism, Issuer: first.Issuer, Cluster: first.Cluster,
			Through: path[:len(path)-1], Statements: first.Statements, Needs: slices.Clone(first.Needs), Why: first.Why,
		}
		next.Undecided = first.Undecided || h.Verdict == prove.Undecided
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
			next.may(may, h.Role)
		}
		out = append(out, next)
	}
	return out, nil
}

// may writes down whether a call is allowed: an answer that refutes "no call is".
func (h *Holder) may(a prove.Answer, role *prove.Role) {
	for _, p := range role.Unread {
		h.Notes = append(h.Notes, "the source does not have the policy "+p+" of "+role.ARN+", which could allow or deny it")
	}
	yes := a.Verdict == prove.Refuted
	if a.Verdict != prove.Undecided {
		h.May = &yes
	} else {
		h.Why = strings.TrimPrefix(h.Why+"; whether it may is not decided: "+a.Why, "; ")
	}
	if a.Witness != nil {
		h.Needs = withSession(h.Needs, a.Witness)
		h.Call = a.Witness.Action + " on " + a.Witness.Resource
	}
}
