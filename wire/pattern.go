package wire

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"unicode/utf8"

	"github.com/irsa-emu/irsa-emu/lazyregexp"
)

// patterns of AWS's models by the name that a tag uses. AWS prints them as
// they stand in the model, which is Java's syntax; \uXXXX means a code point.
var patterns = map[string]string{
	"IAMTEXT":      `[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+`,
	"LATIN1":       `[\u0009\u000A\u000D\u0020-\u00FF]+`,
	"NAME":         `[\w+=,.@-]+`, // of users, roles, policies, instance profiles
	"SESSIONNAME":  `[\w+=,.@-]*`,
	"ROLEID":       `[\w+=,.@:-]*`,
	"EXTERNALID":   `[\w+=,.@:\/-]*`,
	"SERIALNUMBER": `[\w+=/:,.@-]*`,
	"DIGITS":       `[\d]*`,
	"WORD":         `[\w]+`,
	"ACCESSKEYID":  `[\w]*`, // STS; IAM's is WORD
	"TAGKEY":       `[\p{L}\p{Z}\p{N}_.:/=+\-@]+`,
	"TAGVALUE":     `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`,
	"PATH":         `(\u002F)|(\u002F[\u0021-\u007E]+\u002F)`,
	"POLICYPATH":   `((/[A-Za-z0-9\.,\+@=_-]+)*)/`,
	"MARKER":       `[\u0020-\u00FF]+`,
	"VERSIONID":    `v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`,
}

// pattern is one compiled pattern: text is what a violation prints.
type pattern struct {
	text string
	// class and atLeastOne decide without the regexp engine where the pattern is
	// one repeated character class, as nearly all are: policies of 128 KiB are
	// matched on the hot path.
	class      *runeClass
	atLeastOne bool
	// re is nil where class decides.
	re *regexp.Regexp
}

var unicodeEscape = lazyregexp.New(`\\u([0-9A-F]{4,6})`)

// compilePattern takes a name of the table above or a pattern itself. Patterns
// are matched against the whole value.
func compilePattern(nameOrText string) (*pattern, error) {
	text, ok := patterns[nameOrText]
	if !ok {
		text = nameOrText
	}
	expr := unicodeEscape.ReplaceAllString(text, `\x{$1}`)
	if text == patterns["IAMTEXT"] {
		// No string of Go's holds the surrogates, which bound the range.
		expr = `[\x09\x0A\x0D\x20-\x7E\x{85}\x{A0}-\x{FFFD}\x{10000}-\x{10FFFF}]+`
	}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", text, err)
	}
	p := &pattern{text: text}
	if (tree.Op == syntax.OpStar || tree.Op == syntax.OpPlus) && tree.Sub[0].Op == syntax.OpCharClass {
		p.class, p.atLeastOne = newRuneClass(tree.Sub[0].Rune), tree.Op == syntax.OpPlus
		return p, nil
	}
	if p.re, err = regexp.Compile(`^(?:` + expr + `)$`); err != nil {
		return nil, fmt.Errorf("pattern %q: %w", text, err)
	}
	return p, nil
}

func (p *pattern) match(s string) bool {
	if p.class == nil {
		return utf8.ValidString(s) && p.re.MatchString(s)
	}
	return (s != "" || !p.atLeastOne) && p.class.all(s)
}

// runeClass is a set of characters.
type runeClass struct {
	ascii  [utf8.RuneSelf]bool
	ranges []rune // pairs of first and last, ascending
}

func newRuneClass(ranges []rune) *runeClass {
	c := &runeClass{ranges: ranges}
	for i := 0; i < len(ranges); i += 2 {
		for r := ranges[i]; r <= ranges[i+1] && r < utf8.RuneSelf; r++ {
			c.ascii[r] = true
		}
	}
	return c
}

// all says whether s is made of the class's characters only. What is not UTF-8
// is in no class.
func (c *runeClass) all(s string) bool {
	for i, r := range s {
		if r < utf8.RuneSelf {
			if !c.ascii[r] {
				return false
			}
			continue
		}
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return false
			}
		}
		if !c.has(r) {
			return false
		}
	}
	return true
}

func (c *runeClass) has(r rune) bool {
	pair, exact := slices.BinarySearch(c.ranges, r)
	return exact || pair%2 == 1
}
