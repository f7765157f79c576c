package prove

import (
	"regexp"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

// maxTries bounds the points that are tried where a variable leaves it open.
const maxTries = 64

// solveVariables looks for a witness where a variable makes keys depend on each
// other: it takes a point that could be one, gives the variable's key what the
// tested value has in its place, and asks the engine. It finds what is let in
// when the caller chooses the key (a session name), and proves nothing.
func (q *question) solveVariables(found region) (*Witness, bool) {
	for i, b := range found {
		if i == maxTries {
			break
		}
		p, _ := q.space.cheapest(b)
		for _, settle := range []bool{true, false} { // a deny is kept away from by another value
			w := q.space.request(p)
			if settle {
				q.settle(w)
			}
			if q.letsIn(w) && q.space.inBox(w, b) {
				return w, true
			}
		}
	}
	return nil, false
}

// settle gives the keys of variables values that the tests ask for.
func (q *question) settle(w *Witness) {
	for _, d := range q.space.dims {
		got, ok := w.Context.Get(d.key)
		if !ok || len(got.List) != 1 {
			continue
		}
		for _, t := range d.tests {
			if t.unknown == "" {
				continue
			}
			for _, v := range t.test.Values {
				value, ok := captured(v, t.unknown, got.List[0], t.test.Comparison)
				if ok && q.space.canBe(t.unknown, value) {
					w.Context.Set(t.unknown, value)
					w.Needs = slices.DeleteFunc(w.Needs, func(n Need) bool { return strings.EqualFold(n.Key, t.unknown) })
					w.Needs = append(w.Needs, Need{Key: t.unknown, Value: value, Chosen: q.space.world.domain(t.unknown).chosen})
				}
			}
		}
	}
}

// canBe says whether a key that the caller chooses can have a value.
func (s *space) canBe(key, value string) bool {
	d := s.world.domain(key)
	return d.chosen && holds(d.values.words, value) && d.values.lengths.keeps(value)
}

// captured is what a variable must be for the pattern to match the value.
func captured(p policy.Pattern, variable, value, comparison string) (string, bool) {
	var b strings.Builder
	b.WriteString("(?s)^")
	first := true
	for _, part := range p {
		switch {
		case part.Variable == variable && first:
			b.WriteString("(.*)")
			first = false
		case part.Variable != "":
			b.WriteString(".*")
		case part.Literal || comparison == "StringEquals":
			b.WriteString(regexp.QuoteMeta(part.Text))
		default:
			text := regexp.QuoteMeta(part.Text)
			b.WriteString(strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(text))
		}
	}
	re, err := regexp.Compile(b.String() + "$")
	if err != nil {
		return "", false
	}
	m := re.FindStringSubmatch(value)
	if len(m) < 2 {
		return "", false
	}
	return m[1], true
}

func (q *question) letsIn(w *Witness) bool {
	w.Decisions = nil
	for _, action := range q.space.world.actions {
		d := q.evaluate(action, w.Context)
		w.Decisions = append(w.Decisions, d)
		if !d.Allowed {
			return false
		}
	}
	if len(w.Decisions) > 0 {
		w.Statements = letIn(&w.Decisions[0])
	}
	if q.permissions != nil {
		d := q.follow(w)
		w.Decisions = append(w.Decisions, d)
		return d.Allowed
	}
	return true
}

// inBox says whether a request is in a box as far as claims go: a condition's
// cells are the engine's to decide once a variable has a value.
func (s *space) inBox(w *Witness, b box) bool {
	for i, cells := range b {
		if cells != nil && slices.ContainsFunc(s.dims[i].tests, func(t *keyTest) bool { return t.condition == nil }) && !s.inCells(i, cells, w) {
			return false
		}
	}
	return true
}

// inCells says whether the request's value of a key is in one of the cells; the
// witness has the cell's own value unless a variable was settled.
func (s *space) inCells(dim int, cells bits, w *Witness) bool {
	d := s.dims[dim]
	got, has := w.Context.Get(d.key)
	for j := range d.cells {
		c := &d.cells[j]
		if cells.has(j) && (c.absent && !has || !c.absent && has && slices.Equal(c.values, got.List)) {
			return true
		}
	}
	return false
}
