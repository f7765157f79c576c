package prove

import (
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// measured are the cells of a key that is tested by order: numbers, dates, or
// addresses. The wanted values are points; between two of them every value is
// alike, so that one value of each interval, and each point, is enough. What a
// value meets is asked of the engine itself.
//
// A key that is tested as text too has cells of both kinds; a combination for
// which no value was found is supposed to have one.
func (d *dimension) measured(byWord []cell, b *budget) ([]cell, error) {
	inDomain := newMatcher(d.domain.values.words)
	texts := slices.DeleteFunc(d.points(), func(text string) bool { return !inDomain.holds(text) })
	for _, c := range byWord {
		texts = append(texts, c.values[0])
	}
	alsoText := false
	for _, t := range d.tests {
		alsoText = alsoText || comparisonOf(t.test.Comparison) == byText
	}
	var cells []cell
	seen := map[string]bool{}
	measures := map[string]bits{}
	for _, text := range texts {
		if err := b.spend(len(d.tests) * 8); err != nil {
			return nil, err
		}
		c := cell{values: []string{text}, in: []bits{newBits(2 * len(d.tests))}, cost: len(text) + 1}
		only := newBits(2 * len(d.tests))
		for i, t := range d.tests {
			if comparisonOf(t.test.Comparison) == byNull {
				continue
			}
			for j, in := range t.holds(text) {
				if in {
					c.in[0].set(2*i + j)
					if comparisonOf(t.test.Comparison) == byMeasure {
						only.set(2*i + j)
					}
				}
			}
		}
		measures[only.key()] = only
		if k := c.in[0].key(); !seen[k] {
			seen[k] = true
			cells = append(cells, c)
		}
	}
	if !alsoText {
		return cells, nil
	}
	for _, c := range byWord {
		for _, m := range measures {
			in := c.in[0].or(m)
			if k := in.key(); !seen[k] {
				seen[k] = true
				cells = append(cells, cell{values: c.values, in: []bits{in}, supposed: true, cost: 1 << 20})
			}
		}
	}
	return cells, nil
}

// holds asks whether a value matches the test before its negation: at most, and
// surely.
func (t *keyTest) holds(value string) [2]bool {
	if comparisonOf(t.test.Comparison) == byText {
		if t.isARN() && !holds(anARN, value) {
			return [2]bool{true, true}
		}
		return [2]bool{holds(t.most, value), holds(t.least, value)}
	}
	ctx := policy.Context{}
	ctx.Set(t.condition.Key, value)
	in := t.condition.Met(ctx) != t.test.Negated
	return [2]bool{in, in}
}

// points are the values to try: for each kind of order that tests use.
func (d *dimension) points() []string {
	var numbers []*big.Rat
	var dates []time.Time
	var addresses []netip.Addr
	for _, t := range d.tests {
		for _, v := range t.test.Values {
			text := plainText(v)
			switch name := t.test.Comparison; {
			case strings.HasPrefix(name, "Numeric"):
				if n, ok := policy.ParseNumber(text); ok {
					numbers = append(numbers, n)
				}
			case strings.HasPrefix(name, "Date"):
				if at, ok := policy.ParseDate(text); ok {
					dates = append(dates, at)
				}
			case name == "IpAddress":
				if p, ok := policy.ParseAddressBlock(text); ok {
					addresses = append(addresses, p.Masked().Addr(), lastOf(p).Next())
				}
			}
		}
	}
	var out []string
	out = append(out, numberPoints(numbers)...)
	out = append(out, datePoints(dates)...)
	return append(out, addressPoints(addresses)...)
}

func numberPoints(points []*big.Rat) []string {
	if len(points) == 0 {
		return nil
	}
	slices.SortFunc(points, (*big.Rat).Cmp)
	half := big.NewRat(1, 2)
	var out []string
	add := func(r *big.Rat) {
		out = append(out, strings.TrimSuffix(strings.TrimRight(r.FloatString(20), "0"), "."))
	}
	one := big.NewRat(1, 1)
	add(new(big.Rat).Sub(points[0], one))
	for i, p := range points {
		add(p)
		if i+1 < len(points) {
			mid := new(big.Rat).Add(p, points[i+1])
			add(mid.Mul(mid, half))
		}
	}
	add(new(big.Rat).Add(points[len(points)-1], one))
	return out
}

func datePoints(points []time.Time) []string {
	if len(points) == 0 {
		return nil
	}
	slices.SortFunc(points, time.Time.Compare)
	var out []string
	add := func(t time.Time) {
		if y := t.Year(); y >= 0 && y <= 9999 {
			out = append(out, t.UTC().Format(aws.TimeLayout))
		} else {
			out = append(out, strconv.FormatInt(t.Unix(), 10))
		}
	}
	add(points[0].Add(-time.Hour))
	for i, p := range points {
		add(p)
		if i+1 < len(points) {
			add(p.Add(points[i+1].Sub(p) / 2))
		}
	}
	add(points[len(points)-1].Add(time.Hour))
	return out
}

func addressPoints(starts []netip.Addr) []string {
	if len(starts) == 0 {
		return nil
	}
	out := []string{"192.0.2.1", "0.0.0.0", "2001:db8::1", "::"}
	for _, a := range starts {
		if a.IsValid() { // the end of all addresses has no next
			out = append(out, a.String())
		}
	}
	return out
}

func lastOf(p netip.Prefix) netip.Addr {
	bytes := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(bytes)*8; i++ {
		bytes[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(bytes)
	return a
}
