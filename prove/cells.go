package prove

import "github.com/irsa-emu/irsa-emu/policy"

// values are the cells of single values.
func (d *dimension) values(b *budget) ([]cell, error) {
	var languages []expr
	index := map[int]int{} // of a test's first language
	measured := false
	for i, t := range d.tests {
		switch comparisonOf(t.test.Comparison) {
		case byMeasure:
			measured = true
		case byText:
			index[i] = len(languages)
			languages = append(languages, t.most)
			if t.unknown != "" {
				languages = append(languages, t.least)
			}
			if t.isARN() {
				languages = append(languages, anARN)
			}
		}
	}
	found, err := d.words(languages, b)
	if err != nil {
		return nil, err
	}
	of := func(text string, in bits) cell {
		c := cell{values: []string{text}, in: []bits{newBits(2 * len(d.tests))}, cost: len(text) + 1}
		for i, t := range d.tests {
			at, ok := index[i]
			if !ok {
				continue
			}
			most := in.has(at)
			if t.unknown != "" {
				at++
			}
			least := in.has(at)
			if t.isARN() && !in.has(at+1) {
				most, least = true, true // what is no ARN does not meet the negation either
			}
			if most {
				c.in[0].set(2 * i)
			}
			if least {
				c.in[0].set(2*i + 1)
			}
		}
		return c
	}
	var cells []cell
	for _, w := range found {
		cells = append(cells, of(w.text, w.in))
	}
	if measured {
		return d.measured(cells, b)
	}
	return cells, nil
}

// words are those of the domain; see [shape].
func (d *dimension) words(languages []expr, b *budget) ([]word, error) {
	found, err := words([]expr{d.domain.values.words}, languages, b)
	if err != nil || d.domain.values.lengths == nil {
		return found, err
	}
	for _, w := range found {
		if !d.domain.values.lengths.keeps(w.text) {
			return words([]expr{d.domain.values.words, d.domain.values.lengths}, languages, b)
		}
	}
	return found, nil
}

const arnComparison = "ArnLike"

// isARN says that the test is met by ARNs alone though it is negated.
func (t *keyTest) isARN() bool { return t.test.Comparison == arnComparison && t.test.Negated }

// variableIn names a variable of patterns; "" when there is none.
func variableIn(values []policy.Pattern) string {
	for _, v := range values {
		for _, part := range v {
			if part.Variable != "" {
				return part.Variable
			}
		}
	}
	return ""
}

// sets are the cells of sets of values. A test asks whether a set has a value of
// some kind; two sets that have values of the same kinds are alike. So the unions
// of the single values' kinds are all there are, and the smallest of each is kept.
func (d *dimension) sets(present []cell, b *budget) ([]cell, error) {
	kind := func(c *cell, at int) bits {
		out := newBits(4 * len(d.tests))
		for i := range d.tests {
			for j := range 2 {
				if c.in[at].has(2*i + j) {
					out.set(4*i + j)
				} else {
					out.set(4*i + 2 + j)
				}
			}
		}
		return out
	}
	type state struct {
		c    cell
		kind bits
	}
	var all []state
	seen := map[string]bool{}
	add := func(st state) {
		if k := st.kind.key(); !seen[k] {
			seen[k] = true
			all = append(all, st)
		}
	}
	start := state{c: cell{}, kind: newBits(4 * len(d.tests))}
	starts := []state{start}
	for _, with := range d.domain.with {
		var next []state
		required, err := d.wordsIn(with, b)
		if err != nil {
			return nil, err
		}
		for _, st := range starts {
			for i := range required {
				next = append(next, state{st.c.with(&required[i]), st.kind.or(kind(&required[i], 0))})
			}
		}
		starts = next
	}
	for _, st := range starts {
		add(st)
	}
	for i := 0; i < len(all); i++ {
		for j := range present {
			if err := b.spend(4*len(d.tests) + 8*len(all[i].c.values) + 100); err != nil {
				return nil, err
			}
			add(state{all[i].c.with(&present[j]), all[i].kind.or(kind(&present[j], 0))})
		}
	}
	var cells []cell
	for _, st := range all {
		if len(st.c.values) > 0 {
			cells = append(cells, st.c)
		}
	}
	if d.domain.many == either {
		return several(cells), nil
	}
	return cells, nil
}
