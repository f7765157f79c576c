package term

import (
	"strconv"
	"strings"
)

// Plural is a number of things: "1 role", "2 roles", "2 policies".
func Plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	many := thing + "s"
	if stem, ends := strings.CutSuffix(thing, "y"); ends && stem != "" && !strings.ContainsRune("aeiou", rune(stem[len(stem)-1])) {
		many = stem + "ies"
	}
	return strconv.Itoa(n) + " " + many
}

// And is a list in a sentence: "a, b and c".
func And(items []string) string { return join(items, " and ") }

// Or is a choice in a sentence: "a, b or c".
func Or(items []string) string { return join(items, " or ") }

func join(items []string, last string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	n := len(items) - 1
	return strings.Join(items[:n], ", ") + last + items[n]
}

// Quoted is each item in quotation marks.
func Quoted(items []string) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = strconv.Quote(item)
	}
	return out
}

// Indent puts a margin before each line of a text, whose last line end goes.
func Indent[T ~string](text T, margin string) T {
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(margin+lines[i], " ")
	}
	return T(strings.Join(lines, "\n"))
}
