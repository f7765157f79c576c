package prove

import (
	"errors"
	"strings"
	"testing"

	_ "github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/policy"
)

// FuzzPatterns holds the automata against the engine's matcher: of each two
// patterns, every cell's word is in exactly the languages that the engine says.
func FuzzPatterns(f *testing.F) {
	f.Add("a*b", "*a?")
	f.Add("system:serviceaccount:*", "*:*:?")
	f.Add("", "**")
	f.Fuzz(func(t *testing.T, one, two string) {
		if len(one)+len(two) > 40 || strings.ToValidUTF8(one, "") != one || strings.ToValidUTF8(two, "") != two {
			return
		}
		languages := []expr{glob(policy.Pattern{{Text: one}}, nil, anyChar), glob(policy.Pattern{{Text: two}}, nil, anyChar)}
		found, err := words([]expr{star(anyChar)}, languages, &budget{left: 4_000_000})
		if errors.Is(err, errTooComplex) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range found {
			for i, pattern := range []string{one, two} {
				if w.in.has(i) != policy.Like(pattern, w.text) {
					t.Errorf("%q like %q: automaton says %v", w.text, pattern, w.in.has(i))
				}
			}
		}
	})
}
