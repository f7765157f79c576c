package hint_test

import (
	"testing"

	_ "github.com/irsa-emu/irsa-emu/golden" // -update
	"github.com/irsa-emu/irsa-emu/hint"
)

func TestSentence(t *testing.T) {
	for want, h := range map[string]hint.Hint{
		"": {}, "what": {Message: "what"}, "do": {Fix: "do"}, "what; do": {Message: "what", Fix: "do"},
	} {
		if h.String() != want || h.IsZero() != (want == "") {
			t.Errorf("%+v reads %q, want %q", h, h, want)
		}
	}
}
