package term_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/term"
)

// Go's words for a value of another kind name the program's types.
func TestJSONErrorsNameNoTypes(t *testing.T) {
	type inner struct {
		Text string `json:"text"`
	}
	type outer struct {
		Text  string         `json:"text"`
		Whole int            `json:"whole"`
		Part  float64        `json:"part"`
		Yes   *bool          `json:"yes"`
		List  []string       `json:"list"`
		Map   map[string]int `json:"map"`
		Bytes []byte         `json:"bytes"`
		Inner *inner         `json:"inner"`
	}
	for src, want := range map[string]string{
		`3`:                       "a number where an object is wanted",
		`{"text": 3}`:             "text: a number where text is wanted",
		`{"inner": {"text": []}}`: "inner.text: a list where text is wanted",
		`{"inner": "x"}`:          "inner: text where an object is wanted",
		`{"whole": 1.5}`:          "whole: the number 1.5 where a whole number is wanted",
		`{"whole": 1e400}`:        "whole: the number 1e400 where a whole number is wanted",
		`{"part": true}`:          "part: a truth value where a number is wanted",
		`{"yes": {}}`:             "yes: an object where a truth value is wanted",
		`{"list": {}}`:            "list: an object where a list is wanted",
		`{"map": []}`:             "map: a list where an object is wanted",
		`{"bytes": {}}`:           "bytes: an object where base64 is wanted",
		``:                        "it is empty",
		`{"text"`:                 "it ends too early",
		`#`:                       "invalid character '#' looking for beginning of value",
	} {
		err := json.NewDecoder(strings.NewReader(src)).Decode(new(outer))
		if got := term.JSON(err); got == nil || got.Error() != want {
			t.Errorf("%s: %v, want %s", src, got, want)
		}
	}
	if term.JSON(nil) != nil {
		t.Error("no error is one")
	}
}
