package sources

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// file is one file that is read.
type file struct {
	name   string
	src    []byte
	json   bool
	starts []int // offsets of lines, made when first needed
	// steps are, of lines that were asked for, the offsets of every stride-th
	// character: what Terraform prints is one line of megabytes.
	steps map[int][]int
}

const stride = 1024

// rest is a line from a column on.
func (f *file) rest(line, column int) []byte {
	text := f.line(line)
	if f.steps == nil {
		f.steps = map[int][]int{}
	}
	steps, ok := f.steps[line]
	if !ok {
		steps = []int{0}
		for offset, n := 0, 0; offset < len(text); n++ {
			if n > 0 && n%stride == 0 {
				steps = append(steps, offset)
			}
			_, size := utf8.DecodeRune(text[offset:])
			offset += size
		}
		f.steps[line] = steps
	}
	step := min((column-1)/stride, len(steps)-1)
	text = text[steps[step]:]
	for i := step*stride + 1; i < column && len(text) > 0; i++ {
		_, size := utf8.DecodeRune(text)
		text = text[size:]
	}
	return text
}

func (f *file) at(n *yaml.Node) strictyaml.Position {
	if n == nil {
		return strictyaml.Position{File: f.name, Line: 1, Column: 1}
	}
	return strictyaml.Position{File: f.name, Line: max(n.Line, 1), Column: max(n.Column, 1)}
}

// line is the text of a line, counted from one.
func (f *file) line(number int) []byte {
	if f.starts == nil {
		f.starts = []int{0}
		for i, c := range f.src {
			if c == '\n' {
				f.starts = append(f.starts, i+1)
			}
		}
	}
	if number < 1 || number > len(f.starts) {
		return nil
	}
	rest := f.src[f.starts[number-1]:]
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	return line
}

// indent counts the blanks at the start of a line.
func (f *file) indent(number int) int {
	line := f.line(number)
	return len(line) - len(bytes.TrimLeft(line, " "))
}

// extensions are those of the files that a folder is searched for.
var extensions = []string{".json", ".yaml", ".yml", ".template"}

// path reads a file, or all files of a folder.
func (b *builder) path(path string) error {
	if path == "-" {
		if b.o.Stdin == nil {
			return errors.New("-: the standard input cannot be read here; write a file")
		}
		src, err := io.ReadAll(b.o.Stdin)
		if err != nil {
			return fmt.Errorf("the standard input: %w", err)
		}
		return b.read("stdin", src, false)
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		src, err := b.readFile(path)
		if err != nil {
			return err
		}
		return b.read(path, src, false)
	}
	read := b.files
	err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(entry.Name(), ".") && name != path:
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !entry.Type().IsRegular() || !slices.Contains(extensions, filepath.Ext(name)):
			return nil
		}
		src, err := b.readFile(name)
		if err != nil {
			return err
		}
		return b.read(name, src, true)
	})
	if err == nil && b.files == read && len(b.found.errors) == 0 {
		err = fmt.Errorf("%s: no file there that irsa-emu reads; it reads %s", path, kinds)
	}
	return err
}

const kinds = "State documents, IAM policies, terraform show -json, CloudFormation templates, Kubernetes manifests, eksctl's ClusterConfig, and what the AWS CLI's get-account-authorization-details and get-open-id-connect-provider print"

// ours finds a broken file of a folder that was probably meant for us.
var ours = lazyregexp.New(`"?(Statement|AssumeRolePolicyDocument|PolicyDocument|planned_values|AWSTemplateFormatVersion|RoleDetailList|OpenIDConnectProviderList)"?\s*:|irsa-emu\.dev/`)

// read takes the documents of one file. In a folder, files of other kinds are
// not looked at.
func (b *builder) read(name string, src []byte, folder bool) error {
	if bytes.HasPrefix(src, []byte("PK\x03\x04")) {
		b.errorAt(strictyaml.Position{File: name, Line: 1, Column: 1}, "a plan as Terraform saves it; write its JSON to a file: terraform show -json %s > plan.json", filepath.Base(name))
		return nil
	}
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	if b.stateOnly && b.directState(name, src) {
		return nil
	}
	nodes, err := strictyaml.Parse(name, src)
	if err != nil {
		if folder && !ours.Compiled().Match(src) {
			if unrendered(src) && bytes.Contains(src, []byte("apiVersion:")) {
				b.unchecked(strictyaml.Position{File: name, Line: 1, Column: 1}, "", "a chart's template, not rendered, is left out; give the output of helm template")
			}
			return nil
		}
		var broken strictyaml.Errors
		if !errors.As(err, &broken) {
			return err
		}
		if unrendered(src) {
			broken = strictyaml.Errors{{Position: broken[0].Position, Message: "a chart's template, which is no YAML yet; give the output of helm template"}}
		}
		b.found.errors = append(b.found.errors, broken...)
		return nil
	}
	f := &file{name: name, src: src, json: json.Valid(src)}
	if len(nodes) == 0 {
		if !folder {
			b.errorAt(f.at(nil), "the file is empty; irsa-emu reads %s", kinds)
		}
		return nil
	}
	if unmasked, again, err := b.unmask(f, nodes); err != nil {
		return err
	} else if again != nil {
		f, nodes = unmasked, again
	}
	if slices.ContainsFunc(nodes, isOurs) {
		b.files++
		return b.stateDocuments(f, nodes)
	}
	for _, n := range nodes {
		read := b.reader(f, n)
		switch {
		case read != nil:
			b.files++
			b.found.other = true
			read(f, n)
		case !folder:
			b.errorAt(f.at(n), "%s", unknownKind(n))
		}
	}
	return nil
}

// unmask reads a file anew with account numbers in the place of those that were
// removed from it. What a person has written and is to be held against AWS stays as
// it is: there it may be a number that was forgotten.
func (b *builder) unmask(f *file, nodes []*yaml.Node) (*file, []*yaml.Node, error) {
	printed := func(n *yaml.Node) bool { return isTerraform(n) || isCLIOutput(n) }
	if slices.ContainsFunc(nodes, isOurs) || b.o.KeepMasks && !slices.ContainsFunc(nodes, printed) {
		return nil, nil, nil
	}
	src, masks, number := aws.Unmask(f.src, b.o.Account, slices.ContainsFunc(nodes, isCLIOutput))
	if masks == nil {
		return nil, nil, nil
	}
	nodes, err := strictyaml.Parse(f.name, src)
	if err != nil {
		return nil, nil, err
	}
	again := &file{name: f.name, src: src, json: f.json}
	b.note(again.at(nodes[0]), "", "account numbers were removed from it (%s); taken as %s", cmp.Or(strings.Join(masks, ", "), "nothing is in their place"), number)
	return again, nodes, nil
}

// reader finds out what a document is; nil when it is nothing that we read.
func (b *builder) reader(f *file, n *yaml.Node) func(*file, *yaml.Node) {
	switch {
	case n.Kind != yaml.MappingNode:
		return nil
	case isTerraform(n):
		return b.terraform
	case has(n, "AWSTemplateFormatVersion"), isTemplate(n):
		return b.cloudFormation
	case isKubernetes(n):
		return b.kubernetes
	case has(n, "Statement"):
		return b.policyFile
	case isCLIOutput(n):
		return b.cliOutput
	}
	return nil
}

func isTerraform(n *yaml.Node) bool {
	return has(n, "format_version") && (has(n, "planned_values") || has(n, "values") || has(n, "prior_state") || has(n, "terraform_version"))
}

func isTemplate(n *yaml.Node) bool {
	resources := get(n, "Resources")
	for i := 1; resources != nil && i < len(resources.Content); i += 2 {
		if kind := text(get(resources.Content[i], "Type")); strings.Contains(kind, "::") {
			return true
		}
	}
	return false
}

// isOurs reports whether a document has the head of ours.
func isOurs(n *yaml.Node) bool {
	return strings.HasPrefix(text(get(n, "apiVersion")), "irsa-emu.dev/") || has(n, "apiVersion") && text(get(n, "kind")) == "State"
}

func unknownKind(n *yaml.Node) string {
	switch {
	case has(n, "lineage") && has(n, "serial"):
		return "a state as Terraform stores it; write its JSON to a file: terraform show -json > state.json"
	case has(n, "Version") && n.Kind == yaml.MappingNode:
		return "a policy without Statement; a policy has Version and Statement"
	}
	return "not of a kind that irsa-emu reads; it reads " + kinds
}
