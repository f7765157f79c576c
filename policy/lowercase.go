package policy

import (
	"strings"
	"unicode"
)

// lowerCase is a text as StringEqualsIgnoreCase compares it. Recorded: the long s
// is not an s, and a capital sigma at a word's end is the final small one, as in
// Java's lower case, where Go's folding makes them all equal.
func lowerCase(s string) string {
	lower := strings.ToLower(s)
	if !strings.ContainsRune(s, 'Σ') {
		return lower
	}
	runes, in := []rune(lower), []rune(s)
	if len(runes) != len(in) {
		return lower
	}
	for i, r := range in {
		if r == 'Σ' && i > 0 && unicode.IsLetter(in[i-1]) && (i+1 == len(in) || !unicode.IsLetter(in[i+1])) {
			runes[i] = 'ς'
		}
	}
	return string(runes)
}
