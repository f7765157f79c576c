package prove

import "slices"

// several makes sets of one value into sets of that value twice, which a list of
// audiences can be.
func several(cells []cell) []cell {
	for i := range cells {
		if c := &cells[i]; len(c.values) == 1 {
			c.values, c.in, c.cost = append(slices.Clone(c.values), c.values[0]), append(slices.Clone(c.in), c.in[0]), 2*c.cost
		}
	}
	return cells
}

func (c *cell) with(o *cell) cell {
	return cell{
		values: append(slices.Clone(c.values), o.values...), in: append(slices.Clone(c.in), o.in...),
		supposed: c.supposed || o.supposed, cost: c.cost + o.cost + 1,
	}
}

// wordsIn are the cells of the values of a language.
func (d *dimension) wordsIn(e expr, b *budget) ([]cell, error) {
	narrowed := *d
	narrowed.domain.values = shape{words: e}
	return narrowed.values(b)
}
