package aws

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// People replace account numbers before they show a policy or an account around:
// with crosses or stars, in whole or in part, with a word in brackets, or with the
// word that documentation has there. A single star is a pattern, and ${…} a variable.
var (
	maskedARN    = regexp.MustCompile(`arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:((?:[0-9]*[Xx*#]{3,}[0-9Xx*#]*)|<[^<>":]*>|\[[A-Za-z _-]*\]|(?i:[a-z_-]*account[a-z_-]*|redacted))[:/]`)
	maskedNumber = regexp.MustCompile(`"([0-9]*[Xx*#]{3,}[0-9Xx*#]*)"`)
	numberedARN  = regexp.MustCompile(`arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:([0-9]{12}):`)
)

// Unmask puts an account's number in the place of those that were removed from a
// text: the only one that the text's ARNs have left, or else account. masks are what
// stood there, each once; the text is as it was when there are none.
func Unmask(text []byte, account string) (out []byte, masks []string, number string) {
	spans := maskedARN.FindAllSubmatchIndex(text, -1)
	for _, m := range maskedNumber.FindAllSubmatchIndex(text, -1) {
		if m[3]-m[2] == len(DefaultAccount) {
			spans = append(spans, m)
		}
	}
	if len(spans) == 0 {
		return text, nil, ""
	}
	var left []string
	for _, m := range numberedARN.FindAllSubmatch(text, -1) {
		left = append(left, string(m[1]))
	}
	slices.Sort(left)
	if number = account; len(slices.Compact(left)) == 1 {
		number = left[0]
	}
	slices.SortFunc(spans, func(a, b []int) int { return a[2] - b[2] })
	var b bytes.Buffer
	at := 0
	for _, m := range spans {
		if mask := strings.Clone(string(text[m[2]:m[3]])); !slices.Contains(masks, mask) {
			masks = append(masks, mask)
		}
		b.Write(text[at:m[2]])
		b.WriteString(number)
		at = m[3]
	}
	b.Write(text[at:])
	return b.Bytes(), masks, number
}
