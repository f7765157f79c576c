package policy

import "bytes"

// Indented is a JSON document as Lint's mended documents are printed, so that
// the two can be compared line by line. The error is a [*SyntaxError].
func Indented(src []byte) ([]byte, error) {
	root, err := parseJSON(string(src))
	if err != nil {
		return nil, err
	}
	return root.indented(), nil
}

// Mend applies the mends that Lint offers, one after the other, and lists the
// findings that they took away. Mends that leave a value for people to fill in,
// which begins with YOUR-, are not applied. Mended is src itself when there is
// nothing to do.
func Mend(src []byte, o LintOptions) (mended []byte, applied []Finding) {
	const most = 100 // mends; each takes a finding away, so this is never met
	mended = src
	for range most {
		next := mendable(Lint(mended, o), mended)
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
func mendable(findings []Finding, src []byte) *Finding {
	const open = "YOUR-"
	for i := range findings {
		f := &findings[i]
		if f.Mended != nil && bytes.Count(f.Mended, []byte(open)) <= bytes.Count(src, []byte(open)) && f.Severity != SeverityNote {
			return f
		}
	}
	return nil
}
