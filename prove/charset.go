package prove

import (
	"slices"
	"unicode"
)

// charset is a set of characters as sorted, disjoint, non-adjacent ranges.
type charset []runeRange

type runeRange struct{ lo, hi rune }

// anyChar is every character that a claim or an ARN can hold: all of Unicode but
// the surrogates, which no UTF-8 text has.
var anyChar = charset{{0, 0xD7FF}, {0xE000, unicode.MaxRune}}

func one(r rune) charset { return charset{{r, r}} }

// chars reads a set as a regular expression's brackets do, without negation:
// "a-z0-9-" are ranges, and a dash at the end is itself.
func chars(text string) charset {
	var set charset
	rs := []rune(text)
	for i := 0; i < len(rs); i++ {
		if i+2 < len(rs) && rs[i+1] == '-' {
			set = append(set, runeRange{rs[i], rs[i+2]})
			i += 2
			continue
		}
		set = append(set, runeRange{rs[i], rs[i]})
	}
	return set.normal()
}

func (s charset) normal() charset {
	slices.SortFunc(s, func(a, b runeRange) int { return int(a.lo) - int(b.lo) })
	var out charset
	for _, r := range s {
		if n := len(out); n > 0 && r.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, r.hi)
			continue
		}
		out = append(out, r)
	}
	return out
}

func (s charset) has(r rune) bool {
	for _, rr := range s {
		if r < rr.lo {
			return false
		}
		if r <= rr.hi {
			return true
		}
	}
	return false
}

// without is the set less the given characters.
func (s charset) without(rs ...rune) charset {
	slices.Sort(rs)
	var out charset
	for _, rr := range s {
		lo := rr.lo
		for _, r := range rs {
			if r < lo || r > rr.hi {
				continue
			}
			if r > lo {
				out = append(out, runeRange{lo, r - 1})
			}
			lo = r + 1
		}
		if lo <= rr.hi {
			out = append(out, runeRange{lo, rr.hi})
		}
	}
	return out
}

// folded are the characters that are the same as r in lower case, as the engine
// compares them: the long s is no s, and the I with a dot is an i.
func folded(r rune) charset {
	lower := unicode.ToLower(r)
	var set charset
	add := func(c rune) {
		if unicode.ToLower(c) == lower {
			set = append(set, runeRange{c, c})
		}
	}
	add(r)
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		add(f)
	}
	add('İ')
	return set.normal()
}

// preferred are the blocks of characters in the order in which a witness takes
// them: one that a person can read and copy is worth more than a short one of
// control characters.
var preferred = []runeRange{
	{'a', 'z'}, {'0', '9'}, {'A', 'Z'}, {'-', '-'}, {'.', '/'}, {':', '@'}, {'_', '_'}, {'!', ','}, {'[', '`'}, {'{', '~'},
	{' ', ' '}, {0xA1, 0xD7FF}, {0xE000, unicode.MaxRune}, {0, 0x1F}, {0x7F, 0xA0},
}

// rank orders characters by preference.
func rank(r rune) int {
	for i, block := range preferred {
		if r >= block.lo && r <= block.hi {
			return i<<21 | int(r-block.lo)
		}
	}
	return len(preferred) << 21
}
