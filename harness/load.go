package harness

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Load reads scenarios from files and folders. In a folder every .yaml, .yml
// and .json file of kind Scenario counts, however deep. The error is
// [strictyaml.Errors], with all mistakes of all files, when documents were
// read and found wrong.
func Load(paths ...string) ([]Scenario, error) {
	var l loader
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			if err := l.file(path, path, os.ReadFile); err != nil {
				return nil, err
			}
			continue
		}
		if err := l.tree(os.DirFS(path), path, os.ReadFile); err != nil {
			return nil, err
		}
	}
	return l.done()
}

// LoadFS reads the scenarios of a tree that is not on disk, such as the ones
// that are built in. Name stands before the files' names in messages.
func LoadFS(tree fs.FS, name string) ([]Scenario, error) {
	var l loader
	if err := l.tree(tree, name, func(path string) ([]byte, error) {
		relative, err := filepath.Rel(name, path)
		if err != nil {
			return nil, err
		}
		return fs.ReadFile(tree, filepath.ToSlash(relative))
	}); err != nil {
		return nil, err
	}
	for i := range l.scenarios {
		l.scenarios[i].folder = ""
	}
	return l.done()
}

// Select keeps the scenarios whose names a regular expression finds.
func Select(scenarios []Scenario, pattern string) ([]Scenario, error) {
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("scenario names: %w", err)
	}
	var selected []Scenario
	for _, s := range scenarios {
		if expression.MatchString(s.Metadata.Name) {
			selected = append(selected, s)
		}
	}
	if len(selected) == 0 {
		return nil, fmt.Errorf("no scenario's name matches %q", pattern)
	}
	return selected, nil
}

type loader struct {
	scenarios []Scenario
	mistakes  strictyaml.Errors
}

func (l *loader) tree(tree fs.FS, name string, read strictyaml.ReadFile) error {
	files, err := statefile.FilesIn(tree)
	if err != nil {
		return err
	}
	found := len(l.scenarios) + len(l.mistakes)
	for _, file := range files {
		src, err := fs.ReadFile(tree, file)
		if err != nil {
			return err
		}
		if statefile.IsKind(file, src, Kind) {
			l.parse(filepath.Join(name, file), src, read)
		}
	}
	if len(l.scenarios)+len(l.mistakes) == found {
		return fmt.Errorf("%s: no scenario there; write a .yaml file with apiVersion: %s and kind: %s", name, statefile.APIVersion, Kind)
	}
	return nil
}

func (l *loader) file(path, name string, read strictyaml.ReadFile) error {
	src, err := read(path)
	if err != nil {
		return err
	}
	l.parse(name, src, read)
	return nil
}

func (l *loader) parse(name string, src []byte, read strictyaml.ReadFile) {
	found, err := Parse(name, src, read)
	l.scenarios = append(l.scenarios, found...)
	if errs := (strictyaml.Errors)(nil); errors.As(err, &errs) {
		l.mistakes = append(l.mistakes, errs...)
	}
}

// done holds the scenarios of a run against each other.
func (l *loader) done() ([]Scenario, error) {
	first := map[string]*Scenario{}
	for i := range l.scenarios {
		s := &l.scenarios[i]
		if other, twice := first[s.Metadata.Name]; twice {
			l.mistakes = append(l.mistakes, &strictyaml.Error{
				Position: strictyaml.Position{File: s.File, Line: s.Line, Column: 1},
				Message:  fmt.Sprintf("metadata.name: %q is the name of %s:%d too; write another", s.Metadata.Name, other.File, other.Line),
			})
			continue
		}
		first[s.Metadata.Name] = s
	}
	if err := l.mistakes.Err(); err != nil {
		return nil, err
	}
	return l.scenarios, nil
}

// Parse reads the scenarios in src. Read gives the files that they name, by
// paths joined with name's folder; nil refuses such names. The error is
// [strictyaml.Errors]; scenarios without mistakes come back beside it.
func Parse(name string, src []byte, read strictyaml.ReadFile) ([]Scenario, error) {
	nodes, err := strictyaml.Parse(name, src)
	if err != nil {
		return nil, err
	}
	d := strictyaml.New(name, src, read)
	if len(nodes) == 0 {
		d.ErrorAt(strictyaml.Position{File: name, Line: 1, Column: 1}, "no document; write apiVersion: %s, kind: %s, metadata and spec", statefile.APIVersion, Kind)
	}
	var scenarios []Scenario
	for _, n := range nodes {
		if !statefile.CheckHead(d, n, Kind) {
			continue
		}
		before := len(d.Errors)
		s := Scenario{File: name, Line: n.Line, folder: filepath.Dir(name)}
		d.Decode(n, "", &s)
		s.check(d)
		if len(d.Errors) == before {
			scenarios = append(scenarios, s)
		}
	}
	return scenarios, d.Errors.Err()
}

var kubernetesVersion = lazyregexp.New(`^v?[0-9]+(\.[0-9]+){1,2}$`)

var scenarioName = lazyregexp.New(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

func checkIssuer(d *strictyaml.Decoder, path, issuer string) {
	if problem := aws.IssuerURLProblem(issuer); problem != "" {
		d.PathErrorf(path, "%q %s", issuer, problem)
	}
}

func (s *Scenario) check(d *strictyaml.Decoder) {
	if name := s.Metadata.Name; name != "" && (!scenarioName.MatchString(name) || len(name) > 63) {
		d.PathErrorf("metadata.name", "%q; write up to 63 lower-case letters, digits and hyphens", name)
	}
	if s.Spec.Cluster.Issuer != "" {
		checkIssuer(d, "spec.cluster.issuer", s.Spec.Cluster.Issuer)
	}
	for i, issuer := range s.Spec.Cluster.Others {
		checkIssuer(d, strictyaml.Index("spec.cluster.others", i), issuer)
	}
	if v := s.Spec.Cluster.Version; v != "" && !kubernetesVersion.MatchString(v) {
		d.PathErrorf("spec.cluster.version", "%q; write a version of Kubernetes, such as 1.34 or 1.34.4", v)
	}
	checkNeeds(d, "spec.cluster.needs", s.Spec.Cluster.Needs)
	if d.Written("spec.steps") && len(s.Spec.Steps) == 0 {
		d.PathErrorf("spec.steps", "no steps; write at least one")
	}
	earlier := map[string]int{}
	for i := range s.Spec.Steps {
		s.checkStep(d, strictyaml.Index("spec.steps", i), &s.Spec.Steps[i], earlier)
		earlier[s.Spec.Steps[i].Name] = i
	}
}

// checkStep holds a step against those before it.
func (s *Scenario) checkStep(d *strictyaml.Decoder, path string, step *Step, earlier map[string]int) {
	if first, twice := earlier[step.Name]; twice && step.Name != "" {
		d.PathErrorf(path+".name", "%q is the name of step %d too; write another", step.Name, first+1)
	}
	if step.Name == administratorName {
		d.PathErrorf(path+".name", "%q stands for an account's administrator; write another", step.Name)
	}
	if step.Action == nil {
		return
	}
	for _, name := range step.Action.After() {
		i, ok := earlier[name]
		switch {
		case !ok:
			known := make([]string, 0, len(earlier))
			for j := range s.Spec.Steps {
				if _, is := earlier[s.Spec.Steps[j].Name]; is {
					known = append(known, s.Spec.Steps[j].Name)
				}
			}
			instead := "no step is before this one"
			if len(known) > 0 {
				instead = strictyaml.Instead(name, known)
			}
			d.PathErrorf(path, "no earlier step is called %q; %s", name, instead)
		default:
			if _, is := s.Spec.Steps[i].Action.(*Assume); !is {
				d.PathErrorf(path, "step %q assumes no role, so that it has no credentials; name one that does", name)
			}
		}
	}
}

// checkNeeds refuses needs that no cluster has.
func checkNeeds(d *strictyaml.Decoder, path string, list []Need) {
	for i, n := range list {
		if !slices.Contains(needNames(), string(n)) {
			d.PathErrorf(strictyaml.Index(path, i), "unknown need %q; %s", n, strictyaml.Instead(string(n), needNames()))
		}
	}
}
