package prove

import (
	"github.com/irsa-emu/irsa-emu/policy"
)

// permissionsOf registers what the caller's own policies say of each action.
func (q *question) permissionsOf(caller *Role) {
	q.caller = caller
	for _, action := range q.space.world.actions {
		var p permissions
		for i := range caller.Identity {
			q.space.about(&p.identity, caller.Identity[i].Document, action)
		}
		if caller.Boundary != nil {
			p.boundary = &layer{}
			q.space.about(p.boundary, caller.Boundary.Document, action)
		}
		q.space.limit(&p, caller)
		q.callers = append(q.callers, p)
	}
}

// about registers the statements of an identity policy that are about an action.
func (s *space) about(l *layer, doc *policy.Document, action string) {
	if doc == nil {
		return
	}
	for i := range doc.Statements {
		st := &doc.Statements[i]
		patterns, ok := st.ResourcePatterns(doc.Variables())
		if !ok || !st.Concerns(action) {
			continue
		}
		c := s.clause(st, i, policy.NamedItself)
		c.tests = append(c.tests, s.resourceTest(st.Resources.Not, patterns))
		l.add(c)
	}
}

// letCaller is the region of what lets a role's session assume the role.
func (q *question) letCaller(i int, b bound) (region, error) {
	s, trust, own := q.space, &q.layers[i], &q.callers[i]
	out, err := s.bySides(trust, q.caller.Account != q.role.Account, own, b)
	if err != nil {
		return nil, err
	}
	return s.undenied(out, b, own)
}

// policies are what the engine holds a call of the question's world against.
func (q *question) policies() policy.Policies {
	p := policy.Policies{Trust: &q.role.Trust, ResourceAccount: q.space.world.account}
	if q.trustOnly {
		p.Identity = allowsAll
	}
	if q.caller != nil {
		p.Identity, p.Boundary = q.caller.Identity, q.caller.Boundary
	}
	return p
}

// allowsAll is the permission that a caller is taken to have.
var allowsAll = func() []policy.Named {
	doc, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`))
	if err != nil {
		panic(err) // the text is our own
	}
	return []policy.Named{{Name: "the caller's own", Type: policy.IdentityPolicy, Document: doc}}
}()

// follow asks the engine for what the session does then.
func (q *question) follow(w *Witness) policy.Decision {
	p := policy.Policies{Identity: q.role.Identity, Boundary: q.role.Boundary, ResourceAccount: q.role.Account}
	if q.session != nil {
		p.HasSession, p.Session = true, []policy.Named{{Name: "the session policy", Type: policy.SessionPolicy, Document: q.session}}
	}
	for i := range q.resources {
		r := &q.resources[i]
		if covers(r.ARNs, w.Resource) {
			p.Resource, p.ResourceAccount, p.ResourceDecides = &r.Policy, r.Account, r.Decides
		}
	}
	return policy.Evaluate(p, policy.Request{
		Action: w.Action, Resource: w.Resource, Principal: sessionPrincipal(q.role, q.sessionName), Context: w.Then,
	})
}

func covers(arns []string, resource string) bool {
	for _, arn := range arns {
		if e, ok, _ := resourceLanguage(joinResource(policy.ResourcePatternOf(arn)), nil); ok && holds(e, resource) {
			return true
		}
	}
	return false
}
