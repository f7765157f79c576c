// Package spelling finds what was probably meant by a name that nothing has.
package spelling

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// mostCompared and longestCompared bound the work of one message, which anybody
// can cause: an account may have a thousand providers, and a token may name an
// issuer of thousands of characters.
const (
	mostCompared    = 256
	longestCompared = 255
)

// Nearest returns the candidate with the smallest distance to a word, and that
// distance, which is -1 when there is none. Letter case does not count.
func Nearest(word string, candidates []string) (string, int) {
	best, bestDistance := "", -1
	if len(word) > longestCompared {
		return best, bestDistance
	}
	for i, candidate := range candidates {
		if i == mostCompared {
			break
		}
		// The lengths alone are a distance.
		apart := max(len(word)-len(candidate), len(candidate)-len(word))
		if len(candidate) > longestCompared || bestDistance >= 0 && apart >= bestDistance {
			continue
		}
		if d := Distance(strings.ToLower(word), strings.ToLower(candidate)); bestDistance < 0 || d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best, bestDistance
}

// Near is the known name that was probably meant, which differs in letter case or
// in few letters; "" when none is close.
func Near(name string, known []string) string {
	best, least := Nearest(name, known)
	if least < 0 || least > max(2, len(name)/3) || least >= len(best) {
		return ""
	}
	return best
}

// Distance is Levenshtein's, in bytes: how many must be added, dropped or
// replaced to make one text the other. Of texts too long to compare it is the
// length of the longer one.
func Distance(a, b string) int {
	if len(a) > longestCompared || len(b) > longestCompared {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// Closest are the known names that are most like a name, the likest first; where
// there are more than most, the last entry says how many more.
func Closest(name string, known []string, most int) []string {
	sorted := slices.Clone(known)
	distances := make(map[string]int, len(sorted))
	for _, k := range sorted {
		distances[k] = Distance(name, k)
	}
	slices.SortFunc(sorted, func(a, b string) int { return cmp.Or(distances[a]-distances[b], strings.Compare(a, b)) })
	if sorted = slices.Compact(sorted); len(sorted) > most {
		return append(sorted[:most], fmt.Sprintf("and %d more", len(sorted)-most))
	}
	return sorted
}
