package statefile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// document is a State with its head.
type document struct {
	APIVersion string `json:"apiVersion" jsonschema:"enum=irsa-emu.dev/v1"`
	Kind       string `json:"kind" jsonschema:"enum=State"`
	State
}

// Load reads State documents from files and folders and merges them in that
// order. In a folder every .yaml, .yml and .json file of kind State counts,
// however deep; other files there are not looked at. The error is
// [strictyaml.Errors] when documents were read and found wrong.
func Load(paths ...string) (State, error) {
	var merged State
	var mistakes strictyaml.Errors
	for _, path := range paths {
		files, folder, err := filesOf(path)
		if err != nil {
			return State{}, err
		}
		found := 0
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				return State{}, err
			}
			if folder && !IsKind(file, src, Kind) {
				continue
			}
			found++
			s, err := Parse(file, src, os.ReadFile)
			if errs := (strictyaml.Errors)(nil); errors.As(err, &errs) {
				mistakes = append(mistakes, errs...)
			} else if err != nil {
				return State{}, err
			}
			merged.Merge(s)
		}
		if found == 0 {
			return State{}, fmt.Errorf("%s: no State document there; write a .yaml or .json file with apiVersion: %s and kind: %s", path, APIVersion, Kind)
		}
	}
	if err := mistakes.Err(); err != nil {
		return State{}, err
	}
	return merged, nil
}

// filesOf lists a folder's documents, or the file itself.
func filesOf(path string) (files []string, folder bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, false, err
	}
	if !info.IsDir() {
		return []string{path}, false, nil
	}
	files, err = FilesIn(os.DirFS(path))
	for i := range files {
		files[i] = filepath.Join(path, files[i])
	}
	return files, true, err
}

// FilesIn lists the .yaml, .yml and .json files of a tree, sorted; what begins
// with a dot is left out.
func FilesIn(tree fs.FS) ([]string, error) {
	var files []string
	err := fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(entry.Name(), ".") && path != ".":
			if entry.IsDir() {
				return fs.SkipDir
			}
		case entry.Type().IsRegular():
			switch filepath.Ext(path) {
			case ".yaml", ".yml", ".json":
				files = append(files, path)
			}
		}
		return nil
	})
	return files, err
}

// IsKind reports whether a file found in a folder is meant as a document of
// that kind: it says so, or it is one of ours and broken, which must not go unseen.
func IsKind(file string, src []byte, kind string) bool {
	nodes, err := strictyaml.Parse(file, src)
	if err != nil {
		return bytes.Contains(src, []byte(APIVersion))
	}
	for _, n := range nodes {
		if _, k := head(n); k == kind {
			return true
		}
	}
	return false
}

// head reads apiVersion and kind where they are written.
func head(n *yaml.Node) (apiVersion, kind string) {
	if n.Kind != yaml.MappingNode {
		return "", ""
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch n.Content[i].Value {
		case "apiVersion":
			apiVersion = n.Content[i+1].Value
		case "kind":
			kind = n.Content[i+1].Value
		}
	}
	return apiVersion, kind
}

// Parse reads the State documents in src. Read gives the files that they name,
// by paths joined with name's folder; nil refuses such names. The error is
// [strictyaml.Errors].
func Parse(name string, src []byte, read strictyaml.ReadFile) (State, error) {
	if s, ok := Direct(name, src); ok {
		return s, nil
	}
	nodes, err := strictyaml.Parse(name, src)
	if err != nil {
		return State{}, err
	}
	return Decode(name, src, nodes, read)
}

// Direct reads a State document in JSON that is plainly right, in little time
// and memory. For any other it reports false, and [Parse] says what is wrong.
func Direct(name string, src []byte) (State, bool) {
	var doc document
	if !strictyaml.Direct(name, src, &doc) || doc.APIVersion != APIVersion || doc.Kind != Kind {
		return State{}, false
	}
	d := strictyaml.New(name, src, nil)
	validate(d, "", &doc.State)
	if len(d.Errors) > 0 {
		return State{}, false
	}
	var merged State
	merged.Merge(doc.State)
	return merged, true
}

// Decode is [Parse] of a file that [strictyaml.Parse] has read into nodes.
func Decode(name string, src []byte, nodes []*yaml.Node, read strictyaml.ReadFile) (State, error) {
	d := strictyaml.New(name, src, read)
	if len(nodes) == 0 {
		d.ErrorAt(strictyaml.Position{File: name, Line: 1, Column: 1}, "no document; write apiVersion: %s, kind: %s and what they hold", APIVersion, Kind)
	}
	var merged State
	for _, n := range nodes {
		if !CheckHead(d, n, Kind) {
			continue
		}
		var doc document
		d.Decode(n, "", &doc)
		validate(d, "", &doc.State)
		merged.Merge(doc.State)
	}
	if err := d.Errors.Err(); err != nil {
		return State{}, err
	}
	return merged, nil
}

// CheckHead holds a document's apiVersion and kind against what is wanted.
func CheckHead(d *strictyaml.Decoder, n *yaml.Node, want string) bool {
	if n.Kind != yaml.MappingNode {
		d.WrongType(n, "", "a document with apiVersion, kind: "+want)
		return false
	}
	apiVersion, kind := head(n)
	switch {
	case apiVersion != APIVersion:
		d.Errorf(n, "apiVersion is %q; write apiVersion: %s", apiVersion, APIVersion)
		return false
	case kind != want && (kind == "State" || kind == "Scenario"):
		d.Errorf(n, "this is a %s where a %s is wanted; irsa-emu serve --given takes a State, irsa-emu run a Scenario", kind, want)
		return false
	case kind != want:
		d.Errorf(n, "kind is %q; write kind: %s", kind, want)
		return false
	}
	return true
}

// Given is a State inside another document: written out, or {file: PATH}.
type Given struct{ State }

// DecodeYAML takes the fields of a State, or {file: PATH}.
func (g *Given) DecodeYAML(d *strictyaml.Decoder, n *yaml.Node, path string) {
	name, src, named := d.FileOf(n, path)
	if !named {
		d.Decode(n, path, &g.State)
		validate(d, path, &g.State)
		return
	}
	if src == nil {
		return
	}
	s, err := Parse(name, src, d.Read)
	if errs := (strictyaml.Errors)(nil); errors.As(err, &errs) {
		d.Errors = append(d.Errors, errs...)
	} else if err != nil {
		d.Errorf(n, "%s: %v", path, err)
	}
	g.State = s
}
