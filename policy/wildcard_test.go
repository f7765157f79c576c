package policy

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestWildcard(t *testing.T) {
	cases := []struct {
		pattern, value string
		want           bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "a/b:c", true}, {"**", "x", true},
		{"?", "", false}, {"?", "é", true}, {"??", "é", false},
		{"a*", "a", true}, {"*a", "ba", true}, {"*a", "ab", false}, {"a*a", "a", false}, {"a*a", "aa", true},
		{"*ab*ab", "abab", true}, {"*ab*ab", "ab", false}, {"*a?c*", "xxabcxx", true}, {"a?*", "a", false},
		{"*aab", "aaab", true}, {"?*?", "a", false}, {"*?", "é", true}, {"*é?", "éé", true},
	}
	for _, c := range cases {
		g := compileGlob(c.pattern)
		if got := g.match(c.value); got != c.want {
			t.Errorf("match(%q, %q) = %v", c.pattern, c.value, got)
		}
	}
}

// TestWildcardRandom compares with the plainest matcher on small alphabets,
// where patterns match by chance.
func TestWildcardRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(alphabet []rune, n int) string {
		out := make([]rune, r.IntN(n))
		for i := range out {
			out[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(out)
	}
	matched := 0
	for range 20_000 {
		pattern, value := pick([]rune("aabé**?"), 9), pick([]rune("aabé"), 12)
		g := compileGlob(pattern)
		got := g.match(value)
		if want := naiveMatch([]rune(pattern), []rune(value)); got != want {
			t.Fatalf("match(%q, %q) = %v, want %v", pattern, value, got, want)
		}
		if got {
			matched++
		}
	}
	if matched < 500 {
		t.Fatalf("only %d patterns matched: the comparison says little", matched)
	}
}

// TestHostilePatterns counts the characters that matching compares: patterns
// that make a backtracking matcher take exponential time cost no more than their
// length times the value's.
func TestHostilePatterns(t *testing.T) {
	for _, c := range []struct{ pattern, value string }{
		{strings.Repeat("*a", 500) + "b", strings.Repeat("a", 5000)},
		{strings.Repeat("a*", 1000), strings.Repeat("a", 999)},
		{strings.Repeat("*", 2000) + "b", strings.Repeat("a", 5000)},
		{"*" + strings.Repeat("a", 1000) + "b*", strings.Repeat("a", 5000)},
		{strings.Repeat("*?a", 500) + "b", strings.Repeat("a", 5000)},
		{"*" + strings.Repeat("?", 1000) + "b*", strings.Repeat("a", 3000)},
	} {
		work := 0
		g := compileGlob(c.pattern)
		if g.matchCounting(c.value, &work) {
			t.Errorf("%.20q… matches", c.pattern)
		}
		limit := 2*(len(c.pattern)+len(c.value)) + 1
		if strings.Contains(c.pattern, "?") {
			limit = len(c.pattern) * (len(c.value) + 1)
		}
		if work > limit {
			t.Errorf("%.20q…: %d characters compared, more than %d", c.pattern, work, limit)
		}
	}
}

// TestManyStatements: a document of thousands of statements is parsed and judged
// with all of them explained, and the allocations grow no faster than it does.
func TestManyStatements(t *testing.T) {
	allocations := func(n int) float64 {
		var b strings.Builder
		b.WriteString(`{"Version":"2012-10-17","Statement":[`)
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"Effect":"Allow","Action":"*a*a*a*b","Resource":"*","Condition":{"StringLike":{"k%d":"*a*a*b"}}}`, i)
		}
		b.WriteString("]}")
		doc, err := Parse([]byte(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		r := Request{Action: "s3:" + strings.Repeat("a", 1000), Resource: "*", Principal: Principal{ARN: "arn:aws:iam::111122223333:user/a"}}
		p := Policies{Identity: []Named{{Document: doc}}}
		if got := len(Evaluate(p, r).Policies[0].Statements); got != n {
			t.Fatalf("%d of %d statements explained", got, n)
		}
		return testing.AllocsPerRun(3, func() { Evaluate(p, r) })
	}
	few, many := allocations(20), allocations(2000)
	if many > few+10 {
		t.Errorf("%v allocations for 20 statements, %v for 2,000", few, many)
	}
}
