package aws

import (
	"bytes"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/lazyregexp"
)

// People replace account numbers before they show a policy or an account around:
// with crosses or stars, in whole or in part, with a word, in brackets or not, with
// the dashes of the console, or they take them out. A single star is a pattern, and
// ${…} a variable. In answers of the IAM API policies are escaped: %3A is a colon.
var (
	maskedARN    = lazyregexp.New(`arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:((?:[0-9]*[Xx*#]{3,}[0-9Xx*#]*)|<[^<>":]*>|\[[A-Za-z _-]*\]|(?i:[a-z_-]*account[a-z_-]*|redacted))[:/]`)
	identityARN  = lazyregexp.New(`arn` + colon + `aws[a-z-]*` + colon + `(?:iam|sts)` + colon + colon + `((?:[^:%"\\/\s]|%2[Aa])*)` + colon + `(?:role|user|group|policy|root|instance-profile|oidc-provider|saml-provider|assumed-role|federated-user|mfa)`)
	maskedNumber = lazyregexp.New(`"([0-9]*[Xx*#]{3,}[0-9Xx*#]*)"`)
	numberedARN  = lazyregexp.New(`arn` + colon + `aws[a-z-]*` + colon + `[a-z0-9-]*` + colon + `[a-z0-9-]*` + colon + `([0-9]{12})` + colon)
	digits       = lazyregexp.New(`^[0-9]*$`)
)

const colon = `(?::|%3[Aa])`

// isMask says whether something is in an ARN in an account's place that is none, nor
// a pattern or a variable. In what AWS has printed a number of another length is one too.
func isMask(s string, printed bool) bool {
	switch {
	case digits.MatchString(s):
		return printed && len(s) != len(DefaultAccount)
	case strings.ContainsAny(s, "${"): // a placeholder: IAM's own variables have a colon
		return printed
	case s == "aws", s == "cloudfront", strings.ContainsAny(s, "*?") && !strings.Contains(s, "***"):
		return false
	}
	return true
}

// Unmask puts an account's number in the place of those that were removed from a
// text: the only one that the text's ARNs have left, or else account. masks are what
// stood there, each once; the text is as it was when there are none. Printed is what
// AWS has answered and nobody has typed.
func Unmask(text []byte, account string, printed bool) (out []byte, masks []string, number string) {
	spans := maskedARN.Compiled().FindAllSubmatchIndex(text, -1)
	for _, m := range identityARN.Compiled().FindAllSubmatchIndex(text, -1) {
		known := slices.ContainsFunc(spans, func(have []int) bool { return have[2] == m[2] })
		if !known && isMask(string(text[m[2]:m[3]]), printed) {
			spans = append(spans, m)
		}
	}
	for _, m := range maskedNumber.Compiled().FindAllSubmatchIndex(text, -1) {
		if m[3]-m[2] == len(DefaultAccount) {
			spans = append(spans, m)
		}
	}
	if len(spans) == 0 {
		return text, nil, ""
	}
	var left []string
	for _, m := range numberedARN.Compiled().FindAllSubmatch(text, -1) {
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
