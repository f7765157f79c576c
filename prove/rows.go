package prove

import (
	"errors"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

// Row is one line of an answer to who: tokens that a statement lets in, by the
// pattern of its subject.
type Row struct {
	Provider *Provider
	// Pattern is the statement's wanted subject, or, when it wants none in
	// particular, what all subjects of the issuer look like.
	Pattern string
	// Where are the statement's other conditions, for people.
	Where []string
	// Statement is the index of the statement.
	Statement int
	// Witness is nil when it is not decided whether there is one; Key and Why then
	// say what that depends on.
	Witness *Witness
	Key     string
	Why     string
}

// maxSplit is how many values of a condition get a line each.
const maxSplit = 64

// split registers each value of a subject's condition as a test by itself.
func (q *question) split() {
	for i := range q.layers[0].allow {
		c := &q.layers[0].allow[i]
		for _, r := range q.subjectTests(c) {
			t := q.space.dims[r.dim].tests[r.test].test
			if len(t.Values) < 2 || len(t.Values) > maxSplit || manyOpen(t.Values) {
				continue
			}
			for _, v := range t.Values {
				one := t
				one.Values = []policy.Pattern{v}
				q.space.test(one, nil)
			}
		}
	}
}

// manyOpen says that several patterns begin with a wildcard: telling them apart
// would double the work with each.
func manyOpen(values []policy.Pattern) bool {
	n := 0
	for _, v := range values {
		if len(v) > 0 && strings.HasPrefix(v[0].Text, "*") {
			n++
		}
	}
	return n > 4
}

// subjectTests are a statement's tests that want certain subjects.
func (q *question) subjectTests(c *clause) []ref {
	var out []ref
	for _, r := range c.tests {
		t := &q.space.dims[r.dim].tests[r.test].test
		if t.Key == q.space.world.subject && !t.Negated && comparisonOf(t.Comparison) == byText {
			out = append(out, r)
		}
	}
	return out
}

// rows are the lines for a region, which is asked for twice: surely and at most.
func (q *question) rows(of func(bound) (region, error)) ([]Row, error) {
	sure, err := of(surely)
	if err != nil {
		return nil, err
	}
	sure = q.space.known(sure)
	most := sure
	if !q.space.exact() {
		if most, err = of(atMost); err != nil {
			return nil, err
		}
	}
	var out []Row
	for i := range q.layers[0].allow {
		c := &q.layers[0].allow[i]
		where := q.where(c)
		for _, part := range q.parts(c) {
			row := Row{Provider: q.space.world.provider, Pattern: part.pattern, Where: where, Statement: c.index}
			in, err := q.within(sure, c, part, surely)
			if err != nil {
				return nil, err
			}
			if p, some := q.space.best(in); some {
				if row.Witness, err = q.witness(p); err != nil {
					return nil, err
				}
				out = append(out, row)
				continue
			}
			if in, err = q.within(most, c, part, atMost); err != nil {
				return nil, err
			}
			if len(in) == 0 || q.space.exact() {
				continue
			}
			a := q.undecided(in)
			row.Witness, row.Key, row.Why = a.Witness, a.Key, a.Why
			out = append(out, row)
		}
	}
	return out, nil
}

// part is a value of a statement's subject condition.
type part struct {
	pattern string
	tests   []ref
}

func (q *question) parts(c *clause) []part {
	tests := q.subjectTests(c)
	if len(tests) == 0 {
		return []part{{pattern: q.space.world.provider.AnySubject()}}
	}
	var out []part
	t := q.space.dims[tests[0].dim].tests[tests[0].test].test
	var joined []string
	for _, v := range t.Values {
		one := t
		one.Values = []policy.Pattern{v}
		joined = append(joined, written(v))
		if r, ok := q.space.refs[signatureOf(one)]; ok {
			out = append(out, part{pattern: written(v), tests: []ref{r}})
		}
	}
	if len(out) < len(t.Values) {
		return []part{{pattern: strings.Join(joined, ", "), tests: tests[:1]}}
	}
	return out
}

// written is a pattern as the policy has it.
func written(p policy.Pattern) string {
	var b strings.Builder
	for _, part := range p {
		switch {
		case part.Variable != "":
			b.WriteString("${" + part.Variable + "}")
		case part.Literal:
			b.WriteString("${" + part.Text + "}")
		default:
			b.WriteString(part.Text)
		}
	}
	return b.String()
}

func (q *question) within(r region, c *clause, p part, b bound) (region, error) {
	x, ok := q.space.box(c, b)
	if !ok {
		return nil, nil
	}
	for _, t := range p.tests {
		x = x.narrow(t.dim, q.space.cells(t, b))
	}
	if x.empty() {
		return nil, nil
	}
	return q.space.intersect(r, region{x})
}

// where are a statement's conditions but those on its subject and audience.
func (q *question) where(c *clause) []string {
	subjects := q.subjectTests(c)
	var out []string
	i := 0
	for j := range c.statement.Conditions {
		cond := &c.statement.Conditions[j]
		if _, known := cond.Test(); !known {
			continue
		}
		r := c.tests[i]
		i++
		if len(subjects) > 0 && r == subjects[0] || strings.EqualFold(cond.Key, q.space.world.provider.prefix()+"aud") {
			continue
		}
		key := cond.Key
		if rest, ok := cutFold(key, q.space.world.provider.prefix()); ok {
			key = rest
		}
		out = append(out, key+" "+cond.Operator+" "+strings.Join(cond.Values, ", "))
	}
	return out
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// AnySubject is what all subjects of the issuer look like.
func (p *Provider) AnySubject() string {
	switch p.Kind {
	case EKS, Kubernetes:
		return serviceAccount + "*:*"
	case GitHub:
		return "repo:*/*:*"
	case GitLab:
		return "project_path:*/*:ref_type:*:ref:*"
	case HCPTerraform:
		return "organization:*:project:*:workspace:*:run_phase:*"
	case Buildkite:
		return "organization:*:pipeline:*:*"
	case CircleCI:
		return "org/*/project/*/user/*"
	}
	return "*"
}

// mergeRows joins the rows of several worlds: the same pattern of the same
// statement once, with the shorter witness.
func mergeRows(rows, more []Row) []Row {
	for _, m := range more {
		i := slices.IndexFunc(rows, func(r Row) bool { return r.Statement == m.Statement && r.Pattern == m.Pattern })
		switch {
		case i < 0:
			rows = append(rows, m)
		case m.Witness != nil && (rows[i].Witness == nil || m.Witness.cost < rows[i].Witness.cost):
			rows[i] = m
		}
	}
	return rows
}

// Tokens lists who can assume a role by tokens of a provider.
func Tokens(p *Provider, role *Role) ([]Row, error) {
	rows, err := tokens(p, role)
	if errors.Is(err, errTooComplex) {
		statement, key := heaviest(role.Trust.Document)
		return []Row{{Provider: p, Pattern: p.AnySubject(), Statement: statement, Key: key, Why: err.Error()}}, nil
	}
	return rows, err
}

func tokens(p *Provider, role *Role) ([]Row, error) {
	b := &budget{left: defaultWork}
	worlds, err := tokenWorlds(p, role, mentionedKeys(p, nil, role.Trust.Document))
	if err != nil {
		return nil, err
	}
	var out []Row
	for i := range worlds {
		q := newQuestion(&worlds[i], role, b)
		q.split()
		if err := q.solve(); err != nil {
			return nil, err
		}
		rows, err := q.rows(q.accepted)
		if err != nil {
			return nil, err
		}
		out = mergeRows(out, rows)
	}
	return out, nil
}
