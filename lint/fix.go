package lint

import (
	"bytes"
	"cmp"
	"slices"
)

// Fix applies the fixes that Lint offers, one after the other, and lists the
// findings that they took away. Fixes that leave a value for people to fill in,
// which begins with YOUR-, are not applied, nor are those that may refuses; nil takes
// all. Fixed is src itself when there is nothing to do.
func Fix(src []byte, o Options, may func(fixed []byte, f Finding) bool) (fixed []byte, applied []Finding) {
	const most = 100 // fixes; each takes a finding away, so this is never met
	fixed = src
	for range most {
		next := fixable(Lint(fixed, o), fixed, may)
		if next == nil {
			break
		}
		fixed = next.Fixed
		applied = append(applied, *next)
	}
	return fixed, applied
}

// fixable is the first finding whose fix says something, and leaves nothing
// to be filled in that was not open before.
func fixable(findings []Finding, src []byte, may func([]byte, Finding) bool) *Finding {
	const open = "YOUR-"
	slices.SortStableFunc(findings, func(a, b Finding) int { // a word that IAM refuses first: the other fixes build on it
		return cmp.Compare(bit(b.Rule == "refused"), bit(a.Rule == "refused"))
	})
	for i := range findings {
		f := &findings[i]
		if f.Fixed != nil && bytes.Count(f.Fixed, []byte(open)) <= bytes.Count(src, []byte(open)) && f.Severity != Note &&
			(may == nil || may(f.Fixed, *f)) {
			return f
		}
	}
	return nil
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
