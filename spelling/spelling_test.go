package spelling_test

import (
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/spelling"
)

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"roles", "role", 1}, {"ab", "ba", 2},
		{strings.Repeat("a", 300), "a", 300},
	} {
		if got := spelling.Distance(test.a, test.b); got != test.want || spelling.Distance(test.b, test.a) != got {
			t.Errorf("%.10q, %.10q: %d", test.a, test.b, got)
		}
	}
}

func TestNearest(t *testing.T) {
	if near, d := spelling.Nearest("STS.amazon.com", []string{"x", "sts.amazonaws.com"}); near != "sts.amazonaws.com" || d != 3 {
		t.Error(near, d)
	}
	for _, none := range [][]string{nil, {strings.Repeat("b", 300)}} {
		if near, d := spelling.Nearest("a", none); near != "" || d != -1 {
			t.Error(near, d)
		}
	}
	if near, _ := spelling.Nearest(strings.Repeat("a", 300), []string{"a"}); near != "" {
		t.Error(near)
	}
}

func TestNear(t *testing.T) {
	known := []string{"StringEquals", "StringLike", "StringEqualsIgnoreCase", "Null", "Bool"}
	for word, want := range map[string]string{
		"StringEqual": "StringEquals", "stringlike": "StringLike", "StringEqaulsIgnoreCase": "StringEqualsIgnoreCase", "Nul": "Null",
		"": "", "x": "", "Contains": "", strings.Repeat("StringLike", 30): "",
	} {
		if got := spelling.Near(word, known); got != want {
			t.Errorf("Near(%q) = %q, want %q", word, got, want)
		}
	}
}
