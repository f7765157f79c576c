package harness_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/harness"
)

// TestMistakes reads testdata/*.txtar: the first file is the scenario, others
// are what it names, and "errors" is what the loader has to say.
func TestMistakes(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, archive *txtar.Archive) {
		_, err := harness.Parse(archive.Files[0].Name, archive.Files[0].Data, func(path string) ([]byte, error) {
			for _, f := range archive.Files {
				if f.Name == path {
					return f.Data, nil
				}
			}
			return nil, &os.PathError{Op: "open", Path: path, Err: os.ErrNotExist}
		})
		got := ""
		if err != nil {
			got = err.Error() + "\n"
		}
		golden.Set(archive, "errors", got)
	})
}

const minimal = `apiVersion: irsa-emu.dev/v1
kind: Scenario
metadata: {name: %}
spec: {steps: [{name: a step, clock: {reset: true}}]}
`

func named(name string) []byte { return []byte(strings.ReplaceAll(minimal, "%", name)) }

func TestLoadFolders(t *testing.T) {
	tree := fstest.MapFS{
		"b.yaml":          {Data: named("second")},
		"deep/a.yml":      {Data: named("third")},
		"a.yaml":          {Data: named("first")},
		"states/all.yaml": {Data: []byte("apiVersion: irsa-emu.dev/v1\nkind: State\n")},
		"policy.json":     {Data: []byte(`{"Version": "2012-10-17"}`)},
		".hidden/x.yaml":  {Data: []byte("{")},
	}
	scenarios, err := harness.LoadFS(tree, "lib")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range scenarios {
		got = append(got, s.Metadata.Name+" "+s.File)
	}
	if diff := cmp.Diff([]string{"first lib/a.yaml", "second lib/b.yaml", "third lib/deep/a.yml"}, got); diff != "" {
		t.Error(diff)
	}
	if selected, err := harness.Select(scenarios, "^se"); err != nil || len(selected) != 1 {
		t.Errorf("selected %v, %v", selected, err)
	}
	if _, err := harness.Select(scenarios, "none"); err == nil {
		t.Error("nothing selected, and no error")
	}

	tree["c.yaml"] = &fstest.MapFile{Data: named("first")}
	if _, err := harness.LoadFS(tree, "lib"); err == nil || !strings.Contains(err.Error(), `lib/c.yaml:1:1: metadata.name: "first" is the name of lib/a.yaml:1 too`) {
		t.Errorf("two of a name: %v", err)
	}
	if _, err := harness.LoadFS(fstest.MapFS{"x.yaml": {Data: []byte("a: 1")}}, "lib"); err == nil || !strings.Contains(err.Error(), "no scenario there") {
		t.Errorf("no scenario: %v", err)
	}
	if _, err := harness.LoadFS(fstest.MapFS{"x.yaml": {Data: []byte("apiVersion: irsa-emu.dev/v1\na: [")}}, "lib"); err == nil || !strings.Contains(err.Error(), "lib/x.yaml:2:4: not YAML") {
		t.Errorf("a broken file: %v", err)
	}
}

// What is loaded fits the schema, and what does not fit is not loaded either.
func TestSchema(t *testing.T) {
	text, err := json.Marshal(harness.Schema())
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("irsa-emu.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("irsa-emu.json")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../scenarios/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	states, err := filepath.Glob("../scenarios/states/*.yaml")
	if err != nil || len(states) == 0 {
		t.Fatalf("no states: %v", err)
	}
	for _, file := range append(files, states...) {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(asJSON(t, src)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	for name, src := range map[string]string{
		"a misspelt field":   strings.Replace(minimal, "reset", "rest", 1),
		"two actions":        strings.Replace(minimal, "clock:", "rotateKeys: {}, clock:", 1),
		"expect of a clock":  strings.Replace(minimal, "}}]", "}, expect: {error: X}}]", 1),
		"another apiVersion": strings.Replace(minimal, "v1", "v2", 1),
	} {
		if err := schema.Validate(asJSON(t, []byte(strings.ReplaceAll(src, "%", "x")))); err == nil {
			t.Errorf("%s fits the schema", name)
		}
	}
}

func asJSON(t *testing.T, src []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(src, &v); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func FuzzScenario(f *testing.F) {
	files, err := filepath.Glob("../scenarios/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Add(named("x"))
	f.Fuzz(func(t *testing.T, src []byte) {
		scenarios, err := harness.Parse("scenario.yaml", src, nil)
		if err != nil && err.Error() == "" {
			t.Error("an error that says nothing")
		}
		for _, s := range scenarios {
			for i := range s.Spec.Steps {
				if s.Spec.Steps[i].Action == nil {
					t.Error("accepted a step without action")
				}
			}
		}
	})
}
