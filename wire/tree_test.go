package wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/wire"
)

func TestTree(t *testing.T) {
	moment := time.Date(2026, 11, 25, 8, 44, 49, 0, time.UTC)
	type nested struct {
		Arn   string `wire:"name=arn"`
		Empty string
	}
	type embedded struct{ RoleName string }
	type call struct {
		embedded
		URL      string
		Token    string `wire:"secret"`
		Seconds  *int
		Absent   *int
		Zero     int
		On       bool
		Omitted  string `wire:"omitempty"`
		Omitted2 string `json:",omitempty"`
		Named    string `json:"other"`
		List     []nested
		None     []string
		Nothing  wire.List[string]
		At       wire.Time
		Values   map[string]string
	}
	zero := 0
	v := &call{
		embedded: embedded{"r"}, URL: "https://x", Token: "secret", Seconds: &zero, Named: "n", List: []nested{{Arn: "a"}},
		Nothing: wire.List[string]{}, At: wire.At(moment), Values: map[string]string{"k": "v"},
	}
	want := map[string]any{
		"roleName": "r", "uRL": "https://x", "seconds": int64(0), "zero": int64(0), "on": false, "other": "n",
		"list": []any{map[string]any{"arn": "a", "empty": ""}}, "nothing": []any{}, "at": moment, "values": map[string]any{"k": "v"},
	}
	if diff := cmp.Diff(want, wire.Tree(v, false)); diff != "" {
		t.Errorf("result: %s", diff)
	}
	delete(want, "zero")
	delete(want, "on")
	want["list"] = []any{map[string]any{"arn": "a"}}
	if diff := cmp.Diff(want, wire.Tree(v, true)); diff != "" {
		t.Errorf("input: %s", diff)
	}
	if got := wire.Tree(nil, true); got != nil {
		t.Errorf("nothing: %v", got)
	}
	if got := wire.Tree((*call)(nil), true); got != nil {
		t.Errorf("a nil pointer: %v", got)
	}
}

// A member that is secret is named and not shown.
func TestSecretIsNotEchoed(t *testing.T) {
	var in struct {
		Token string `wire:"min=4,max=6,pattern=DIGITS,secret"`
	}
	for _, value := range []string{"abc", "abcdefgh", "abcd"} {
		err := wire.DecodeQuery(map[string][]string{"Token": {value}}, &in, wire.EchoValues)
		if err == nil || !strings.Contains(err.Error(), "Value at 'token' failed") || strings.Contains(err.Error(), value) {
			t.Errorf("%s: %v", value, err)
		}
	}
}
