package harness

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/irsa-emu/irsa-emu/statefile"
)

// Mismatch is one thing that came otherwise than expected.
type Mismatch struct {
	What     string `json:"what"`
	Expected string `json:"expected"`
	Actual   string `json:"actual"`
}

// Refusal is what is expected of a call that AWS must not answer.
type Refusal struct {
	Error   string   `json:"error,omitempty" jsonschema_description:"AWS's error code, such as AccessDenied. Without it the call must be answered."`
	Message string   `json:"message,omitempty" jsonschema_description:"AWS's message; * stands for any characters."`
	Because *Because `json:"because,omitempty" jsonschema_description:"The reason, which AWS does not say and the emulator's decision does."`
}

// glob reports whether s has the pattern's form; * stands for any characters.
func glob(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, last)
}

// compare notes a text that is not as expected; an empty expectation is none.
func compare(to []Mismatch, what, expected, actual string) []Mismatch {
	if expected == "" || glob(expected, actual) {
		return to
	}
	if actual == "" {
		actual = "(nothing)"
	}
	return append(to, Mismatch{what, expected, actual})
}

// Match is what a text must be: equal but for white space around it, or what
// one of the fields says.
type Match struct {
	Equals   string `json:"equals,omitempty"`
	Contains string `json:"contains,omitempty"`
	Matches  string `json:"matches,omitempty" jsonschema_description:"A regular expression (RE2) that must be found."`

	written bool
	absent  bool // null: there must be none
}

// matchOutput holds a part of an answer against what is expected of it:
// members that are expected must be there, others may be; lists have the same
// length; in texts * stands for any characters.
func matchOutput(to []Mismatch, what string, expected, actual any) []Mismatch {
	switch want := expected.(type) {
	case map[string]any:
		got, ok := actual.(map[string]any)
		if !ok {
			return append(to, Mismatch{what, asJSON(expected), asJSON(actual)})
		}
		names := make([]string, 0, len(want))
		for name := range want {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			value, there := got[name]
			if !there {
				value, there = got[sdkName(name)]
			}
			if !there && want[name] != nil {
				to = append(to, Mismatch{what + "." + name, asJSON(want[name]), "(not there)"})
				continue
			}
			to = matchOutput(to, what+"."+name, want[name], value)
		}
		return to
	case []any:
		got, ok := actual.([]any)
		if !ok || len(got) != len(want) {
			return append(to, Mismatch{what, asJSON(expected), asJSON(actual)})
		}
		for i := range want {
			to = matchOutput(to, fmt.Sprintf("%s[%d]", what, i), want[i], got[i])
		}
		return to
	case string:
		if got, ok := actual.(string); ok && glob(want, got) {
			return to
		}
	default:
		if reflect.DeepEqual(expected, actual) || asJSON(expected) == asJSON(actual) {
			return to
		}
	}
	return append(to, Mismatch{what, asJSON(expected), asJSON(actual)})
}

func asJSON(v any) string {
	if raw, ok := v.(statefile.JSON); ok {
		return string(raw)
	}
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// sameSet reports whether got holds exactly the values of want, in any order.
func sameSet(want, got []string) bool {
	a, b := slices.Clone(want), slices.Clone(got)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
