package strictyaml_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

type embedded struct {
	Deep int `json:"deep,omitempty"`
}

type target struct {
	Name    string            `json:"name"`
	Count   int               `json:"count,omitempty"`
	On      *bool             `json:"on,omitempty"`
	At      time.Time         `json:"at,omitzero"`
	Bytes   []byte            `json:"bytes,omitempty"`
	Names   []string          `json:"names,omitempty"`
	Map     map[string]string `json:"map,omitempty"`
	Nested  *target           `json:"nested,omitempty"`
	Ignored string            `json:"-"`
	embedded
}

func decode(t *testing.T, src string) (target, error) {
	t.Helper()
	nodes, err := strictyaml.Parse("f.yaml", []byte(src))
	if err != nil {
		return target{}, err
	}
	if len(nodes) != 1 {
		t.Fatalf("%d documents", len(nodes))
	}
	var got target
	d := strictyaml.New("f.yaml", []byte(src), nil)
	d.Decode(nodes[0], "", &got)
	return got, d.Errors.Err()
}

func TestDecode(t *testing.T) {
	yes := true
	want := target{
		Name: "a", Count: 7, On: &yes, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Bytes: []byte{0, 1}, Names: []string{"x", "2026-01-02"},
		Map: map[string]string{"111122223333": "y"}, Nested: &target{Name: "b"}, embedded: embedded{Deep: 3},
	}
	for name, src := range map[string]string{
		"yaml": "name: a\ncount: 7\non: true\nat: 2026-01-02T03:04:05Z\nbytes: AAE=\nnames: [x, 2026-01-02]\nmap: {111122223333: y}\nnested: {name: b}\ndeep: 3\n",
		"json": `{"name": "a", "count": 7, "on": true, "at": "2026-01-02T03:04:05Z", "bytes": "AAE=", "names": ["x", "2026-01-02"], "map": {"111122223333": "y"}, "nested": {"name": "b"}, "deep": 3}`,
	} {
		got, err := decode(t, src)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(target{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestMistakes(t *testing.T) {
	for src, want := range map[string]string{
		"{}":                                "f.yaml:1:1: the field name is missing; write it",
		"name: 012":                         `f.yaml:1:7: name: the number 012 where text is wanted; write it in quotes: "012"`,
		"name: a\nname: b":                  `f.yaml:2:1: duplicate key "name", first written on line 1; keep one of them`,
		"name: a\ncount: many":              `f.yaml:2:8: count: the text "many" where an integer is wanted`,
		"name: a\ncount: 1.5":               "f.yaml:2:8: count: the number 1.5 where an integer is wanted",
		"name: a\non: yes please":           `f.yaml:2:5: on: the text "yes please" where true or false is wanted`,
		"name: a\nnested:":                  "f.yaml:2:8: nested: no value; write one, or leave the field out",
		"name: a\nnested: [x]":              "f.yaml:2:9: nested: a list where a mapping is wanted",
		"name: a\nIgnored: x":               `f.yaml:2:1: unknown field "Ignored"; write one of: name, count, on, at, bytes, names, map, nested, deep`,
		"name: a\nnames: {x: y}":            "f.yaml:2:8: names: a mapping where a list is wanted",
		"name: a\n? [x]\n: y":               "f.yaml:2:3: key that is not text; write a name",
		"name: &x a":                        "f.yaml:1:7: name: anchors and aliases are not taken; write the value out",
		"name: a\n<<: {count: 1}":           "f.yaml:2:1: merge keys (<<) are not taken; write the fields out",
		"{\"name\": \"a\",\n \"nam\": 1}":   `f.yaml:2:2: unknown field "nam"; write name`,
		"\tname: a":                         "f.yaml:1:1: not YAML: found character that cannot start any token",
		"a: b\nname: \"x\nnames: c":         "f.yaml:2:7: not YAML: found unexpected end of stream",
		"é: name: x\r\n":                    "f.yaml:1:8: not YAML: mapping values are not allowed in this context",
		"nested:\n  a: 1\n  b: 2\n   c: 3":  "f.yaml:4:5: not YAML: mapping values are not allowed in this context",
		"name: a\nnames: [x, y\ncount: 1":   "f.yaml:2:9: not YAML: did not find expected ',' or ']'",
		"names:\n- a\n- b\ncount: 1\n d: 2": "f.yaml:5:3: not YAML: mapping values are not allowed in this context",
		"name: \xff":                        "f.yaml:1:7: not UTF-8 text",
	} {
		_, err := decode(t, src)
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", src, err, want)
		}
	}
}

// JSON that was written as YAML knows where its parts are.
func TestWithin(t *testing.T) {
	src := "a:\n  - b: x\n    c: {d: [1, true]}\n"
	nodes, err := strictyaml.Parse("f.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	d := strictyaml.New("f.yaml", []byte(src), nil)
	text, _ := d.JSONOrFile(nodes[0], "doc", false)
	if want := `{"a":[{"b":"x","c":{"d":[1,true]}}]}`; string(text) != want {
		t.Fatalf("%s", text)
	}
	for part, want := range map[string]string{`{"a"`: "f.yaml:1:1", `"x"`: "f.yaml:2:8", `"c"`: "f.yaml:3:5", "true": "f.yaml:3:16"} {
		column := 1 + strings.Index(string(text), part)
		if got := d.Within("doc", text, 1, column).String(); got != want {
			t.Errorf("%s is at %s, not at %s", part, got, want)
		}
	}
}

func TestErrorsAreOneALine(t *testing.T) {
	errs := strictyaml.Errors{
		{Position: strictyaml.Position{File: "b", Line: 2, Column: 1}, Message: "second"},
		{Position: strictyaml.Position{File: "a", Line: 1, Column: 1}, Message: "third"},
		{Position: strictyaml.Position{File: "b", Line: 1, Column: 9}, Message: "first"},
		{Position: strictyaml.Position{File: "b", Line: 2, Column: 1}, Message: "second"},
	}
	wrapped := fmt.Errorf("loading: %w", errs.Err())
	var got strictyaml.Errors
	if !errors.As(wrapped, &got) || got.Error() != "b:1:9: first\nb:2:1: second\na:1:1: third" {
		t.Errorf("%v", got)
	}
}
