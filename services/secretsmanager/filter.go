package secretsmanager

import (
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/irsa-emu/irsa-emu/api"
)

// filter is one entry of Filters. Entries are combined with AND, the values of
// one with OR; a value that begins with an exclamation mark is negated.
type filter struct {
	Key    string
	Values []string
}

var filterKeys = []string{"description", "name", "tag-key", "tag-value", "primary-region", "owning-service", "all"}

func (f *filter) check(at int) error {
	switch {
	case f.Key == "":
		return invalidParameter("Invalid filter key")
	case !slices.Contains(filterKeys, f.Key):
		return api.Fail(http.StatusBadRequest, "ValidationException",
			// The set is AWS's own, older than the keys primary-region and owning-service (seen in moto).
			"1 validation error detected: Value '%s' at 'filters.%d.member.key' failed to satisfy constraint: Member must satisfy enum value set: [all, name, tag-key, description, tag-value]",
			f.Key, at+1)
	case len(f.Values) == 0:
		return invalidParameter("Invalid filter values for key: %s", f.Key)
	}
	return nil
}

func (f *filter) matches(s *Secret) bool {
	return slices.ContainsFunc(f.Values, func(value string) bool {
		value, negated := strings.CutPrefix(value, "!")
		return f.matchesValue(s, value) != negated
	})
}

// matchesValue follows the table of the API reference: names and tags are
// compared from their beginning and with case; descriptions, and everything
// under "all", word by word and without.
func (f *filter) matchesValue(s *Secret, value string) bool {
	switch f.Key {
	case "name":
		return strings.HasPrefix(s.Name, value)
	case "description":
		return hasWords(words(s.Description), value)
	case "tag-key":
		return slices.ContainsFunc(s.Tags, func(t tag) bool { return strings.HasPrefix(t.Key, value) })
	case "tag-value":
		return slices.ContainsFunc(s.Tags, func(t tag) bool { return strings.HasPrefix(t.Value, value) })
	case "all":
		if hasWords(words(s.Name), value) || hasWords(words(s.Description), value) {
			return true
		}
		return slices.ContainsFunc(s.Tags, func(t tag) bool { return hasWords(words(t.Key), value) || hasWords(words(t.Value), value) })
	}
	// Nothing is replicated and nothing owned by another service.
	return false
}

// hasWords says whether each word of the value is the beginning of one of the words.
func hasWords(in []string, value string) bool {
	want := words(value)
	for _, w := range want {
		if !slices.ContainsFunc(in, func(have string) bool { return strings.HasPrefix(have, w) }) {
			return false
		}
	}
	return len(want) > 0
}

// words splits a text at everything that is no letter or digit and where a
// capital begins a word, as AWS does: "SecretOne" is secret and one,
// "COMPANYthings" compan and ythings. They come in lower case.
func words(text string) []string {
	var found []string
	runes := []rune(text)
	start := 0
	end := func(at int) {
		if at > start {
			found = append(found, strings.ToLower(string(runes[start:at])))
		}
		start = at
	}
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end(i)
			start = i + 1
		case unicode.IsUpper(r) && i > start && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			end(i)
		}
	}
	end(len(runes))
	return found
}
