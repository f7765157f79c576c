package prove

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

// clause is a statement that is about the request's action and caller, with its
// conditions as tests of the space.
type clause struct {
	statement *policy.Statement
	index     int
	grant     policy.Grant
	tests     []ref
	never     bool // an operator that AWS does not know is never met
}

// layer is what the policies of one kind say: of one action, for one caller.
type layer struct{ allow, deny []clause }

func (l *layer) add(c clause) {
	if c.statement.Effect == "Deny" {
		l.deny = append(l.deny, c)
	} else {
		l.allow = append(l.allow, c)
	}
}

// trust registers the statements of a trust policy that are about the action and
// name the world's caller.
func (s *space) trust(doc *policy.Document, action string) layer {
	var l layer
	if doc == nil {
		return l
	}
	for i := range doc.Statements {
		st := &doc.Statements[i]
		grant := st.Names(&s.world.principal)
		if grant == policy.NotNamed || !st.Concerns(action) {
			continue
		}
		l.add(s.clause(st, i, grant))
	}
	return l
}

func (s *space) clause(st *policy.Statement, index int, grant policy.Grant) clause {
	c := clause{statement: st, index: index, grant: grant}
	for i := range st.Conditions {
		r, known := s.register(&st.Conditions[i])
		if !known {
			c.never = true
			continue
		}
		c.tests = append(c.tests, r)
	}
	return c
}

// bound says which side of what is not known exactly is taken.
type bound bool

const (
	atMost bound = true
	surely bound = false
)

func (s *space) cells(r ref, b bound) bits {
	if t := s.dims[r.dim].tests[r.test]; b == atMost {
		return t.may
	} else {
		return t.must
	}
}

// box is where the statement applies.
func (s *space) box(c *clause, b bound) (box, bool) {
	if c.never {
		return nil, false
	}
	out := s.whole()
	for _, r := range c.tests {
		out = out.narrow(r.dim, s.cells(r, b))
	}
	return out, !out.empty()
}

func (s *space) boxes(clauses []clause, b bound, least policy.Grant) region {
	var out region
	for i := range clauses {
		if clauses[i].grant < least {
			continue
		}
		if x, ok := s.box(&clauses[i], b); ok {
			out = append(out, x)
		}
	}
	return out
}

// allowed is what a layer lets through: at most, or surely.
func (s *space) allowed(l *layer, b bound) (region, error) {
	return s.minusAll(s.boxes(l.allow, b, policy.NotNamed), s.boxes(l.deny, !b, policy.NotNamed))
}

// blame names a statement and key on which it depends that something is
// undecided, and why.
func (s *space) blame(layers []*layer) (statement int, key, why string) {
	for _, l := range layers {
		for _, clauses := range [][]clause{l.allow, l.deny} {
			for i := range clauses {
				for _, r := range clauses[i].tests {
					if why := s.open(r); why != "" {
						return clauses[i].index, strings.TrimPrefix(s.dims[r.dim].tests[r.test].test.Key, thenPrefix), why
					}
				}
			}
		}
	}
	if s.hidden != "" {
		return -1, "", s.hidden
	}
	return -1, "", "it depends on keys that cannot be told apart"
}

// open says why a test's cells are not known for sure; "" when they are.
func (s *space) open(r ref) string {
	d := s.dims[r.dim]
	if v := d.tests[r.test].unknown; v != "" {
		return "its value depends on ${" + v + "}"
	}
	for i := range d.cells {
		if d.cells[i].supposed {
			return "which of its values there are is not known here"
		}
	}
	return ""
}

// everyLayer are all policies of a question.
func (q *question) everyLayer() []*layer {
	var out []*layer
	for i := range q.layers {
		out = append(out, &q.layers[i])
	}
	more := func(p *permissions) {
		out = append(out, &p.identity, &p.resource)
		for i := range p.apart {
			out = append(out, &p.apart[i].layer)
		}
		if p.boundary != nil {
			out = append(out, p.boundary)
		}
		if p.session != nil {
			out = append(out, p.session)
		}
	}
	for i := range q.callers {
		more(&q.callers[i])
	}
	if q.permissions != nil {
		more(q.permissions)
	}
	return out
}

// heaviest is the statement and key with the most values: what to split when the
// patterns are too many.
func heaviest(doc *policy.Document) (statement int, key string) {
	most := -1
	if doc == nil {
		return -1, ""
	}
	for i := range doc.Statements {
		for j := range doc.Statements[i].Conditions {
			c := &doc.Statements[i].Conditions[j]
			weight := 0
			for _, v := range c.Values {
				weight += len(v) * (1 + strings.Count(v, "*") + 4*strings.Count(v, "?"))
			}
			if weight > most {
				most, statement, key = weight, i, c.Key
			}
		}
	}
	return statement, key
}
