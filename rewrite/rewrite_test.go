package rewrite_test

import (
	"testing"

	"go.yaml.in/yaml/v3"

	_ "github.com/irsa-emu/irsa-emu/golden" // the flag -update
	"github.com/irsa-emu/irsa-emu/policy/tree"
	"github.com/irsa-emu/irsa-emu/rewrite"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

func parse(t testing.TB, src []byte) *tree.Node {
	t.Helper()
	n, err := tree.Parse(string(src))
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	return n
}

func never(*yaml.Node) bool { return false }

// rewriteYAML makes the first document of a YAML text say want.
func rewriteYAML(t testing.TB, src string, want string) (string, error) {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(src), &doc); err != nil {
		t.Fatal(err)
	}
	edits, err := rewrite.YAML([]byte(src), doc.Content[0], parse(t, asJSON(src, doc.Content[0])), parse(t, []byte(want)), never)
	for i := 1; i < len(edits); i++ {
		if edits[i].Start < edits[i-1].End {
			t.Errorf("edits overlap: %+v", edits)
		}
	}
	return string(rewrite.Apply([]byte(src), edits)), err
}

// asJSON is what a document says, its members in their order.
func asJSON(src string, n *yaml.Node) []byte {
	out, _ := strictyaml.New("x.yaml", []byte(src), nil).JSON(n, "")
	return out
}

func TestJSON(t *testing.T) {
	for name, c := range map[string]struct{ src, want, is string }{
		"a value":                         {"{\n\t\"a\" : \"x\",\n\t\"b\": [1,  2] }\n", `{"a":"y","b":[1,2]}`, "{\n\t\"a\" : \"y\",\n\t\"b\": [1,  2] }\n"},
		"a name":                          {`{ "a" : {"x": 1} }`, `{"b":{"x":1}}`, `{ "b" : {"x": 1} }`},
		"names that change places":        {`{"aud": "s", "sub": "a"}`, `{"sub":"s","aud":"a"}`, `{"sub": "s", "aud": "a"}`},
		"a member more":                   {"{\n  \"a\": 1\n}", `{"a":1,"b":{"c":2}}`, "{\n  \"a\": 1,\n  \"b\": {\"c\": 2}\n}"},
		"a member more, as its neighbour": {"{\n  \"a\": {\n    \"x\": 1\n  }\n}", `{"a":{"x":1},"b":{"c":2}}`, "{\n  \"a\": {\n    \"x\": 1\n  },\n  \"b\": {\n    \"c\": 2\n  }\n}"},
		"the first member gone":           {`{"a": 1, "b": 2}`, `{"b":2}`, `{"b": 2}`},
		"the last member gone":            {"{\n \"a\": 1,\n \"b\": 2\n}", `{"a":1}`, "{\n \"a\": 1\n}"},
		"all but the middle gone":         {`[1, 2, 3]`, `[2]`, `[2]`},
		"two before it gone":              {`[1, 2, 3]`, `[3]`, `[3]`},
		"two behind it gone":              {`[1, 2, 3]`, `[1]`, `[1]`},
		"all gone":                        {`{"a": [1, 2]}`, `{"a":[]}`, `{"a": []}`},
		"into what is empty":              {`{"a": [], "b": {}}`, `{"a":[1,2],"b":{"x":1}}`, `{"a": [1, 2], "b": {"x": 1}}`},
		"one becomes a list":              {`{"Action": "a"}`, `{"Action":["a","b"]}`, `{"Action": ["a", "b"]}`},
		"in front":                        {"[\r\n 2\r\n]", `[1,2]`, "[\r\n 1,\r\n 2\r\n]"},
		"in the middle":                   {`[1,3]`, `[1,2,3]`, `[1,2,3]`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(rewrite.JSON([]byte(c.src), parse(t, []byte(c.src)), parse(t, []byte(c.want)))); got != c.is {
				t.Errorf("got\n%s\nwant\n%s", got, c.is)
			}
		})
	}
}

func TestYAML(t *testing.T) {
	const block = "# top\na: x   # one\n\n# two\nb:\n  - 'p'\n  - q: 1 # q\n    r: \"s\"\nc: {d: e} # end\n"
	for name, c := range map[string]struct{ src, want, is string }{
		"a value":                        {block, `{"a":"y","b":["p",{"q":1,"r":"s"}],"c":{"d":"e"}}`, "# top\na: y   # one\n\n# two\nb:\n  - 'p'\n  - q: 1 # q\n    r: \"s\"\nc: {d: e} # end\n"},
		"quotes stay":                    {block, `{"a":"x","b":["it's",{"q":1,"r":"t"}],"c":{"d":"e"}}`, "# top\na: x   # one\n\n# two\nb:\n  - 'it''s'\n  - q: 1 # q\n    r: \"t\"\nc: {d: e} # end\n"},
		"quotes where needed":            {block, `{"a":"*","b":["p",{"q":1,"r":"s"}],"c":{"d":"a, b"}}`, "# top\na: \"*\"   # one\n\n# two\nb:\n  - 'p'\n  - q: 1 # q\n    r: \"s\"\nc: {d: \"a, b\"} # end\n"},
		"a member more":                  {block, `{"a":"x","b":["p",{"q":1,"r":"s"}],"c":{"d":"e"},"f":{"g":"h"}}`, block + "f:\n  g: h\n"},
		"an item more":                   {block, `{"a":"x","b":["p",{"q":1,"r":"s"},"z"],"c":{"d":"e"}}`, "# top\na: x   # one\n\n# two\nb:\n  - 'p'\n  - q: 1 # q\n    r: \"s\"\n  - 'z'\nc: {d: e} # end\n"},
		"a member less":                  {block, `{"a":"x","c":{"d":"e"}}`, "# top\na: x   # one\n\n# two\nc: {d: e} # end\n"},
		"a comment stays":                {block, `{"b":["p",{"q":1,"r":"s"}],"c":{"d":"e"}}`, "# top\n# one\n\n# two\nb:\n  - 'p'\n  - q: 1 # q\n    r: \"s\"\nc: {d: e} # end\n"},
		"a comment goes with its member": {"x:\n  a: 1   # one\n  b: 2\ny:\n  c: 3\n", `{"x":{"b":2},"y":{"c":3},"z":{"a":1}}`, "x:\n  b: 2\ny:\n  c: 3\nz:\n  a: 1   # one\n"},
		"behind a dash":                  {block, `{"a":"x","b":["p",{"r":"s"}],"c":{"d":"e"}}`, "# top\na: x   # one\n\n# two\nb:\n  - 'p'\n  - r: \"s\"\nc: {d: e} # end\n"},
		"in brackets":                    {block, `{"a":"x","b":["p",{"q":1,"r":"s"}],"c":{"d":"e","x":["1"]}}`, "# top\na: x   # one\n\n# two\nb:\n  - 'p'\n  - q: 1 # q\n    r: \"s\"\nc: {d: e, \"x\": [\"1\"]} # end\n"},
		"the last member moves behind":   {"x:\n  a: 1\n  b: 2\n", `{"x":{"a":1},"y":{"b":2}}`, "x:\n  a: 1\ny:\n  b: 2\n"},
		"it moves with its comment":      {"x:\n  a: 1\n  b: 2 # two\nz: 3", `{"x":{"a":1},"y":{"b":2},"z":3}`, "x:\n  a: 1\ny:\n  b: 2 # two\nz: 3"},
		"the last two move":              {"x:\r\n  a: 1\r\n  b: 2\r\n  c: 3\r\n", `{"x":{"a":1},"y":{"b":2,"c":3}}`, "x:\r\n  a: 1\r\ny:\r\n  b: 2\r\n  c: 3\r\n"},
		"no newline at the end":          {"a: b", `{"a":"b","c":"d"}`, "a: b\nc: d"},
		"line ends of Windows":           {"a: b\r\nc: d\r\n", `{"a":"b","x":"y","c":"d"}`, "a: b\r\nx: y\r\nc: d\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := rewriteYAML(t, c.src, c.want)
			if err != nil || got != c.is {
				t.Errorf("%v: got\n%s\nwant\n%s", err, got, c.is)
			}
		})
	}
	for name, c := range map[string]struct{ src, want string }{
		"a text over several lines": {"a: one\n  two\n", `{"a":"x"}`},
		"a literal block":           {"a: |\n  one\nb: 1\n", `{"a":"x","b":1}`},
		"nothing would be left":     {"- a: 1\n", `[{}]`},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := rewriteYAML(t, c.src, c.want); err == nil {
				t.Errorf("no error; got\n%s", got)
			}
		})
	}
}

// FuzzJSON: the text says what it was to say, and twice is once.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"a": [1, {"b": null}], "c": "d"}`), []byte(`{"c": ["d"], "a": [{"b": true}]}`))
	f.Add([]byte("[\n1,\n2]"), []byte(`[2,{},[]]`))
	f.Fuzz(func(t *testing.T, src, want []byte) {
		was, err := tree.Parse(string(src))
		is, wrong := tree.Parse(string(want))
		if err != nil || wrong != nil {
			return
		}
		got := rewrite.JSON(src, was, is)
		if n, err := tree.Parse(string(got)); err != nil || !tree.Equal(n, is) {
			t.Fatalf("%v: %s made of %s for %s", err, got, src, want)
		}
	})
}

// FuzzYAML: what is changed says what it was to say, or nothing is.
func FuzzYAML(f *testing.F) {
	f.Add("a: b # c\nd:\n- e\n- {f: g}\n", `{"a":["b"],"d":["e",{"f":"h"},"i"]}`)
	f.Add("- a: 1\n  b: 'x'\n", `[{"b":"y","c":{"d":"e"}}]`)
	f.Add("x:\n  a: b\n  c: d\n", `{"x":{"a":"b"},"y":{"c":"d"}}`)
	f.Add("a: {b: c,\n  d: e # f\n  }\n", `{"a":{"d":"x"}}`)
	f.Fuzz(func(t *testing.T, src, want string) {
		read := func(text string) (*yaml.Node, *tree.Node) {
			nodes, err := strictyaml.Parse("x.yaml", []byte(text))
			if err != nil || len(nodes) != 1 {
				return nil, nil
			}
			n, wrong := tree.Parse(string(asJSON(text, nodes[0])))
			if wrong != nil {
				return nil, nil
			}
			return nodes[0], n
		}
		n, was := read(src)
		is, wrong := tree.Parse(want)
		if was == nil || wrong != nil {
			return
		}
		edits, err := rewrite.YAML([]byte(src), n, was, is, never)
		if err != nil {
			return
		}
		for i := 1; i < len(edits); i++ {
			if edits[i].Start < edits[i-1].End {
				t.Fatalf("edits overlap: %+v", edits)
			}
		}
		got := string(rewrite.Apply([]byte(src), edits))
		if _, says := read(got); says == nil || !tree.Equal(says, is) {
			t.Fatalf("%q for %s made %q", src, want, got)
		}
	})
}
