package prove

import (
	"errors"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

// Permission is a pattern of actions that a role's sessions have gained.
type Permission struct {
	Action    string // as a statement has it
	Resources []string
	// Witness is a call that is allowed now and was not before; nil when it is not
	// decided whether there is one.
	Witness *Witness
	Why     string
}

// GainedPermissions lists what a role's sessions may do and could not before.
// Before is nil for a role that was not there.
func (a *Account) GainedPermissions(before, now *Role, was *Account) ([]Permission, error) {
	if before != nil && samePolicies(before, now) && sameResources(was, a) {
		return nil, nil
	}
	if before == nil {
		before = &Role{ARN: now.ARN, Account: now.Account, ID: now.ID, Tags: now.Tags}
	}
	var out []Permission
	for _, name := range now.sessionNames(a.resourceDocuments()...) {
		more, err := a.gainedAs(name, before, now, was)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// gainedAs is what sessions of a name have gained: those that no policy names, by the
// role's own policies and by those of resources, and those that one does.
func (a *Account) gainedAs(name string, before, now *Role, was *Account) ([]Permission, error) {
	var sources []granting
	for i := range now.Identity {
		if doc := now.Identity[i].Document; name == "" && doc != nil && !a.heldAlready(doc, before, now, was) {
			sources = append(sources, granting{name: now.Identity[i].Name, doc: doc})
		}
	}
	principal := sessionPrincipal(now, name)
	for i := range a.Resources {
		r := &a.Resources[i]
		if r.Policy.Document != nil && r.grants(&principal) && !(samePolicies(before, now) && was.has(r)) {
			sources = append(sources, granting{name: r.Policy.Name, doc: r.Policy.Document, principal: &principal, of: r.ARNs})
		}
	}
	var out []Permission
	for _, g := range sources {
		more, err := a.gainedBy(g, name, before, now, was)
		if errors.Is(err, errTooComplex) {
			more, err = []Permission{{Action: "*", Why: "the policy " + g.name + ": " + err.Error()}}, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// granting is a policy that may give a role's sessions something: an identity policy,
// or that of a resource, whose statements must name the principal.
type granting struct {
	name      string
	doc       *policy.Document
	principal *policy.Principal
	of        []string
}

// heldAlready says that the role had the identity policy, and nothing held it back.
func (a *Account) heldAlready(doc *policy.Document, before, now *Role, was *Account) bool {
	lifted := !sameResources(was, a) && slices.ContainsFunc(was.resources(), func(r ResourcePolicy) bool { return forbids(r.Policy.Document) })
	return !lifted && slices.ContainsFunc(before.Identity, func(n policy.Named) bool { return textOf(n.Document) == textOf(doc) }) &&
		before.Boundary == nil && now.Boundary == nil && before.UnreadBoundary == now.UnreadBoundary && !denies(before)
}

// grants says whether an Allow statement names the principal more closely than by its
// account: what that is left to allow is among its identity policies.
func (r *ResourcePolicy) grants(principal *policy.Principal) bool {
	least := policy.NamedByRole
	if r.Decides || r.Account != principal.Account {
		least = policy.NamedByAccount
	}
	return slices.ContainsFunc(r.Policy.Document.Statements, func(st policy.Statement) bool {
		return st.Effect == "Allow" && st.Names(principal) >= least
	})
}

// has says whether an account has the resource with the same policy.
func (a *Account) has(r *ResourcePolicy) bool {
	return a != nil && slices.ContainsFunc(a.Resources, func(o ResourcePolicy) bool {
		return slices.Equal(o.ARNs, r.ARNs) && textOf(o.Policy.Document) == textOf(r.Policy.Document)
	})
}

func samePolicies(a, b *Role) bool {
	same := func(x, y policy.Named) bool { return textOf(x.Document) == textOf(y.Document) }
	if a.UnreadBoundary != b.UnreadBoundary || !slices.EqualFunc(a.Identity, b.Identity, same) || (a.Boundary == nil) != (b.Boundary == nil) {
		return false
	}
	return a.Boundary == nil || same(*a.Boundary, *b.Boundary)
}

func sameResources(a, b *Account) bool {
	if a == nil {
		return len(b.Resources) == 0
	}
	return slices.EqualFunc(a.Resources, b.Resources, func(x, y ResourcePolicy) bool {
		return slices.Equal(x.ARNs, y.ARNs) && textOf(x.Policy.Document) == textOf(y.Policy.Document)
	})
}

func textOf(d *policy.Document) string {
	if d == nil {
		return ""
	}
	return d.Text()
}

// gainedBy lists what is new in one policy, a line for each action of its statements.
func (a *Account) gainedBy(g granting, name string, before, now *Role, was *Account) ([]Permission, error) {
	doc := g.doc
	q, err := a.sessionQuestionOf(now, opening{name: name}, Doing{Actions: []string{"*"}})
	if err != nil {
		return nil, err
	}
	s := q.space
	old := s.permit(before, name, was.resources())
	type line struct {
		statement *policy.Statement
		tests     []ref
		actions   []string // for people, each with its test
		values    []ref
	}
	var lines []line
	for i := range doc.Statements {
		st := &doc.Statements[i]
		patterns, ok := st.ResourcePatterns(doc.Variables())
		if st.Effect != "Allow" || !ok || g.principal != nil && st.Names(g.principal) == policy.NotNamed {
			continue
		}
		c := s.clause(st, i, policy.NamedItself)
		action := s.actionTest(st)
		l := line{statement: st, tests: append(c.tests, action, s.resourceTest(st.Resources.Not, patterns)), actions: []string{actionsText(st)}, values: []ref{action}}
		if g.of != nil {
			l.tests = append(l.tests, s.ownTest(g.of))
		}
		if n := len(st.Actions.Values); !st.Actions.Not && 0 < n && n <= maxSplit {
			l.actions, l.values = st.Actions.Values, nil
			for _, v := range st.Actions.Values {
				l.values = append(l.values, s.test(policy.Test{
					Comparison: actionComparison, Key: actionKey, Values: []policy.Pattern{{{Text: strings.ToLower(v)}}},
				}, nil))
			}
		}
		lines = append(lines, l)
	}
	if err := q.solve(); err != nil {
		return nil, err
	}
	regions := map[bound]region{}
	for _, b := range []bound{surely, atMost} {
		have, err := s.does(q.permissions, b)
		if err != nil {
			return nil, err
		}
		had, err := s.does(&old, !b)
		if err != nil {
			return nil, err
		}
		if regions[b], err = s.minusAll(have, had); err != nil {
			return nil, err
		}
	}
	var out []Permission
	for _, l := range lines {
		for i, v := range l.values {
			p, err := q.gainedLine(append(slices.Clone(l.tests), v), regions)
			if err != nil {
				return nil, err
			}
			if p != nil {
				p.Action, p.Resources = l.actions[i], g.resources(l.statement)
				p.Witness.opened(now, name)
				out = append(out, *p)
			}
		}
	}
	return out, nil
}

// resources are those of a statement for people; * is the resource itself in its
// own policy.
func (g *granting) resources(st *policy.Statement) []string {
	if g.of != nil && slices.Equal(st.Resources.Values, []string{"*"}) && !st.Resources.Not {
		return g.of
	}
	return resourcesText(st)
}

func denies(r *Role) bool {
	return slices.ContainsFunc(r.Identity, func(n policy.Named) bool { return forbids(n.Document) })
}

func forbids(d *policy.Document) bool {
	return d != nil && slices.ContainsFunc(d.Statements, func(s policy.Statement) bool { return s.Effect == "Deny" })
}

func (a *Account) resources() []ResourcePolicy {
	if a == nil {
		return nil
	}
	return a.Resources
}

// gainedLine is a permission without its names; nil when nothing is gained.
func (q *question) gainedLine(tests []ref, regions map[bound]region) (*Permission, error) {
	for _, b := range []bound{surely, atMost} {
		x := q.space.whole()
		for _, t := range tests {
			x = x.narrow(t.dim, q.space.cells(t, b))
		}
		if x.empty() {
			continue
		}
		in, err := q.space.intersect(regions[b], region{x})
		if err != nil {
			return nil, err
		}
		if b == surely {
			in = q.space.known(in)
		}
		p, some := q.space.best(in)
		switch {
		case some && b == surely:
			w, err := q.witness(p)
			return &Permission{Witness: w}, err
		case some && !q.space.exact():
			a := q.undecided(in)
			return &Permission{Witness: a.Witness, Why: a.Why}, nil
		}
	}
	return nil, nil
}

// actionsText is a statement's actions for people.
func actionsText(st *policy.Statement) string {
	if st.Actions.Not {
		return "all but " + strings.Join(st.Actions.Values, ", ")
	}
	return strings.Join(st.Actions.Values, ", ")
}

func resourcesText(st *policy.Statement) []string {
	if st.Resources.Not {
		return []string{"all but " + strings.Join(st.Resources.Values, ", ")}
	}
	return st.Resources.Values
}

// Actions are the patterns of actions that a role's Allow statements have, for
// people.
func (r *Role) Actions() []string {
	var out []string
	for i := range r.Identity {
		if r.Identity[i].Document == nil {
			continue
		}
		for j := range r.Identity[i].Document.Statements {
			st := &r.Identity[i].Document.Statements[j]
			if st.Effect != "Allow" {
				continue
			}
			if st.Actions.Not {
				out = append(out, actionsText(st))
				continue
			}
			for _, v := range st.Actions.Values {
				if !slices.Contains(out, v) {
					out = append(out, v)
				}
			}
		}
	}
	return out
}
