package prove

// box is a set of requests: those whose keys are in the given cells. Nil stands
// for all cells of a key.
type box []bits

func (s *space) whole() box { return make(box, len(s.dims)) }

// narrow is the box with one more test of a key.
func (b box) narrow(dim int, cells bits) box {
	out := append(box(nil), b...)
	if out[dim] == nil {
		out[dim] = cells
	} else {
		out[dim] = out[dim].and(cells)
	}
	return out
}

func (b box) empty() bool {
	for _, cells := range b {
		if cells != nil && cells.empty() {
			return true
		}
	}
	return false
}

func (b box) and(o box) (box, bool) {
	out := append(box(nil), b...)
	for i, cells := range o {
		if cells == nil {
			continue
		}
		if out[i] == nil {
			out[i] = cells
		} else {
			out[i] = out[i].and(cells)
		}
		if out[i].empty() {
			return nil, false
		}
	}
	return out, true
}

// region is a union of boxes.
type region []box

// minus cuts a box out: what is left of each box lies outside of it in one key,
// and inside of it in the keys before.
func (s *space) minus(r region, o box) (region, error) {
	var out region
	for _, b := range r {
		if err := s.budget.spend(len(s.dims) + 4); err != nil {
			return nil, err
		}
		if _, overlap := b.and(o); !overlap {
			out = append(out, b)
			continue
		}
		rest := b
		for i, cells := range o {
			if cells == nil {
				continue
			}
			have := rest[i]
			if have == nil {
				have = fullBits(len(s.dims[i].cells))
			}
			if outside := have.minus(cells); !outside.empty() {
				piece := append(box(nil), rest...)
				piece[i] = outside
				out = append(out, piece)
			}
			rest = append(box(nil), rest...)
			rest[i] = have.and(cells)
		}
	}
	return out, nil
}

func (s *space) minusAll(r region, boxes region) (region, error) {
	var err error
	for _, o := range boxes {
		if len(r) == 0 {
			return nil, nil
		}
		if r, err = s.minus(r, o); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (s *space) intersect(a, b region) (region, error) {
	var out region
	for _, x := range a {
		for _, y := range b {
			if err := s.budget.spend(len(s.dims) + 2); err != nil {
				return nil, err
			}
			if both, ok := x.and(y); ok {
				out = append(out, both)
			}
		}
	}
	return out, nil
}

// known is the part of a region of which every cell is known to have a value.
func (s *space) known(r region) region {
	var out region
	for _, b := range r {
		b = append(box(nil), b...)
		for i, d := range s.dims {
			for j := range d.cells {
				if d.cells[j].supposed {
					if b[i] == nil {
						b[i] = fullBits(len(d.cells))
					} else {
						b[i] = b[i].clone()
					}
					for k := range d.cells {
						if d.cells[k].supposed {
							b[i][k/64] &^= 1 << (k % 64)
						}
					}
					break
				}
			}
		}
		if !b.empty() {
			out = append(out, b)
		}
	}
	return out
}

// point is one cell for each key.
type point []int

// cheapest is the box's point with the shortest values: cells are in their order.
func (s *space) cheapest(b box) (point, int) {
	p, cost := make(point, len(b)), 0
	for i, cells := range b {
		if cells != nil {
			p[i] = cells.first()
		}
		cost += s.dims[i].cells[p[i]].cost
	}
	return p, cost
}

// best is the region's point with the shortest values.
func (s *space) best(r region) (point, bool) {
	var best point
	least := -1
	for _, b := range r {
		if p, cost := s.cheapest(b); least < 0 || cost < least {
			best, least = p, cost
		}
	}
	return best, least >= 0
}
