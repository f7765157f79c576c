package prove

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

// permissions are the policies that say what a session may do, registered in a
// space whose tests have an action and a resource.
type permissions struct {
	identity layer
	boundary *layer // nil: there is none
	session  *layer // the session policy; nil: there is none
	resource layer
	apart    []apartPolicy
	locks    []lock
	// limited says that there is a boundary which is not known: at most it forbids
	// nothing, and what it surely lets through is nothing.
	limited bool
}

// limit makes the permissions those of a role whose boundary is not known.
func (s *space) limit(p *permissions, role *Role) {
	if role.UnreadBoundary != "" {
		p.limited, s.hidden = true, "the source does not have the permissions boundary "+role.UnreadBoundary
	}
}

// permit registers the permissions of a role's sessions.
func (s *space) permit(role *Role, session string, resources []ResourcePolicy) permissions {
	var p permissions
	for i := range role.Identity {
		s.statements(&p.identity, role.Identity[i].Document, nil, nil)
	}
	if role.Boundary != nil {
		p.boundary = &layer{}
		s.statements(p.boundary, role.Boundary.Document, nil, nil)
	}
	s.limit(&p, role)
	principal := sessionPrincipal(role, session)
	for i := range resources {
		r := &resources[i]
		if r.apartFrom(role) {
			s.addApart(&p, r, role, &principal)
			continue
		}
		s.statements(&p.resource, r.Policy.Document, &principal, r.ARNs)
	}
	s.addForeign(&p, role, resources)
	return p
}

// statements registers a policy's statements with their actions, resources and
// conditions. Those of a resource's policy must name the caller, and are about
// that resource alone.
func (s *space) statements(l *layer, doc *policy.Document, caller *policy.Principal, of []string) {
	if doc == nil {
		return
	}
	for i := range doc.Statements {
		st := &doc.Statements[i]
		grant := policy.NamedItself
		if caller != nil {
			if grant = st.Names(caller); grant == policy.NotNamed {
				continue
			}
		}
		patterns, ok := st.ResourcePatterns(doc.Variables())
		if !ok {
			continue // it is about nothing
		}
		c := s.clause(st, i, grant)
		c.tests = append(c.tests, s.actionTest(st), s.resourceTest(st.Resources.Not, patterns))
		if of != nil {
			c.tests = append(c.tests, s.ownTest(of))
		}
		l.add(c)
	}
}

// The comparisons of a statement's Action and Resource elements.
const (
	actionComparison   = "Action"
	resourceComparison = "Resource"
)

func (s *space) actionTest(st *policy.Statement) ref {
	t := policy.Test{Comparison: actionComparison, Key: actionKey, Negated: st.Actions.Not}
	for _, v := range st.Actions.Values {
		t.Values = append(t.Values, policy.Pattern{{Text: strings.ToLower(v)}})
	}
	return s.test(t, nil)
}

// resourceTest keeps each pattern's parts as they are: joined by a character that
// no policy has.
func (s *space) resourceTest(not bool, patterns []policy.ResourcePattern) ref {
	t := policy.Test{Comparison: resourceComparison, Key: resourceKey, Negated: not}
	for _, p := range patterns {
		t.Values = append(t.Values, joinResource(p))
	}
	return s.test(t, nil)
}

const resourceJoint = "\x00"

func joinResource(p policy.ResourcePattern) policy.Pattern {
	switch {
	case p.All:
		return policy.Pattern{{Text: "*"}}
	case p.Parts == nil:
		return policy.Pattern{{Text: resourceJoint}, {Text: p.Whole}}
	}
	var out policy.Pattern
	for _, part := range p.Parts {
		out = append(append(out, policy.PatternPart{Text: resourceJoint}), part...)
	}
	return out
}

// resourceLanguage is the language of a joined resource pattern.
func resourceLanguage(p policy.Pattern, resolve resolver) (e expr, possible bool, unknown string) {
	if len(p) == 1 {
		return star(anyChar), true, ""
	}
	var parts []policy.Pattern
	for _, piece := range p {
		if piece.Text == resourceJoint && piece.Variable == "" {
			parts = append(parts, nil)
			continue
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], piece)
	}
	if len(parts) == 1 {
		return glob(parts[0], resolve, anyChar), true, ""
	}
	last, possible, unknown := resolved(parts[5], resolve)
	if !possible {
		return nil, false, ""
	}
	parts[5] = last
	return arnLanguage(parts, resolve, false), true, unknown
}

// does is the region of what the permissions let a session do.
func (s *space) does(p *permissions, b bound) (region, error) {
	own := s.boxes(p.identity.allow, b, policy.NotNamed)
	var apart region
	for i := range p.apart {
		apart = append(apart, s.whole().narrow(p.apart[i].own.dim, s.cells(p.apart[i].own, b)))
	}
	own, err := s.minusAll(own, apart)
	if err != nil {
		return nil, err
	}
	out, err := s.limitedTo(append(own, s.boxes(p.resource.allow, b, policy.NamedByRole)...), p, b)
	if err != nil {
		return nil, err
	}
	// The guide: a resource policy that names the session is not limited.
	out = append(out, s.boxes(p.resource.allow, b, policy.NamedItself)...)
	more, err := s.doesApart(p, b)
	if err != nil {
		return nil, err
	}
	if out, err = s.unlocked(append(out, more...), p.locks); err != nil {
		return nil, err
	}
	return s.undenied(out, b, p)
}

func (s *space) undenied(r region, b bound, p *permissions) (region, error) {
	layers := []*layer{&p.identity, &p.resource}
	if p.boundary != nil {
		layers = append(layers, p.boundary)
	}
	if p.session != nil {
		layers = append(layers, p.session)
	}
	var err error
	for _, l := range layers {
		if r, err = s.minusAll(r, s.boxes(l.deny, !b, policy.NotNamed)); err != nil {
			return nil, err
		}
	}
	return r, nil
}
