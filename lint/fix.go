package lint

import (
	"bytes"
	"cmp"
	"slices"
)

// Mend applies the mends that Lint offers, one after the other, and lists the
// findings that they took away. Mends that leave a value for people to fill in,
// which begins with YOUR-, are not applied, nor are those that may refuses; nil takes
// all. Mended is src itself when there is nothing to do.
func Mend(src []byte, o Options, may func(mended []byte, f Finding) bool) (mended []byte, applied []Finding) {
	const most = 100 // mends; each takes a finding away, so this is never met
	mended = src
	for range most {
		next := mendable(Lint(mended, o), mended, may)
		if next == nil {
			break
		}
		mended = next.Mended
		applied = append(applied, *next)
	}
	return mended, applied
}

// mendable is the first finding whose mend says something, and leaves nothing
// to be filled in that was not open before.
func mendable(findings []Finding, src []byte, may func([]byte, Finding) bool) *Finding {
	const open = "YOUR-"
	slices.SortStableFunc(findings, func(a, b Finding) int { // a word that IAM refuses first: the other fixes build on it
		return cmp.Compare(bit(b.Rule == "refused"), bit(a.Rule == "refused"))
	})
	for i := range findings {
		f := &findings[i]
		if f.Mended != nil && bytes.Count(f.Mended, []byte(open)) <= bytes.Count(src, []byte(open)) && f.Severity != Note &&
			(may == nil || may(f.Mended, *f)) {
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
