package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/lint"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/policy/tree"
	"github.com/irsa-emu/irsa-emu/rewrite"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/term"
)

// repair is a file with its fixes.
type repair struct {
	name          string
	before, after []byte
}

// repaired is what fixes make of the sources.
type repaired struct {
	found *sources.Found // as they will be read
	files []repair
}

// fixable is a policy with its fixes.
type fixable struct {
	index   int // in Found.Policies
	text    []byte
	applied []lint.Finding
	file    string
	edits   []hint.Edit
}

// fix gives the files with the safe fixes, and writes them unless a preview is asked
// for. Nil: there is nothing to fix.
func (p *program) fix(l *lintRun, found *sources.Found, files []string) (*repaired, error) {
	fixes, err := p.fixes(l, found)
	if err != nil || len(fixes) == 0 {
		return nil, err
	}
	out := &repaired{}
	instead := map[string][]byte{}
	for _, f := range fixes {
		if _, done := instead[f.file]; done {
			continue
		}
		r, err := repairOf(f.file, fixes)
		if err != nil {
			return nil, &exitError{exitFailed, err}
		}
		instead[f.file] = r.after
		out.files = append(out.files, r)
	}
	if out.found, err = l.reread(files, instead, found, fixes); err != nil {
		return nil, &exitError{exitFailed, err}
	}
	if l.diff {
		return out, nil
	}
	for _, r := range out.files {
		if err := writeBack(r.name, r.after); err != nil {
			return nil, &exitError{exitFailed, err}
		}
	}
	for _, f := range fixes {
		for _, finding := range f.applied {
			if err := p.complain("fixed: %s: %s [%s]", f.file, finding.Fix, finding.Rule); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// fixes are the edits of each policy that has a safe fix, and says of which files
// nothing is changed.
func (p *program) fixes(l *lintRun, found *sources.Found) ([]fixable, error) {
	var fixes []fixable
	for i := range found.Policies {
		source := &found.Policies[i]
		if source.Type != policy.TrustPolicy {
			continue
		}
		var refused []string
		text, applied := lint.Fix(source.Text, lintOptions(found, source, l.account), func(fixed []byte, f lint.Finding) bool {
			file, _, err := source.Edits(fixed)
			if err != nil {
				refused = append(refused, fmt.Sprintf("not fixed: %s: %v [%s]", file, err, f.Rule))
			}
			return err == nil
		})
		slices.Sort(refused)
		for _, why := range slices.Compact(refused) {
			if err := p.complain("%s", why); err != nil {
				return nil, err
			}
		}
		if len(applied) == 0 {
			continue
		}
		file, edits, err := source.Edits(text)
		if err != nil {
			return nil, &exitError{exitFailed, err}
		}
		f := fixable{i, text, applied, file, edits}
		same := func(o fixable) bool { return o.file == file && slices.Equal(o.edits, edits) }
		if i := slices.IndexFunc(fixes, same); i >= 0 {
			f.edits, f.applied = nil, nil // one file that several roles name
		}
		fixes = append(fixes, f)
	}
	return fixes, nil
}

// repairOf makes all edits of a file.
func repairOf(name string, fixes []fixable) (repair, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return repair{}, err
	}
	mark := []byte("\ufeff")
	text, marked := bytes.CutPrefix(src, mark)
	var edits []hint.Edit
	for _, f := range fixes {
		if f.file == name {
			edits = append(edits, f.edits...)
		}
	}
	slices.SortStableFunc(edits, func(a, b hint.Edit) int { return a.Start - b.Start })
	for i := 1; i < len(edits); i++ {
		if edits[i].Start < edits[i-1].End {
			return repair{}, errors.New(name + ": two fixes change the same words; nothing was written")
		}
	}
	after := rewrite.Apply(text, edits)
	if marked {
		after = append(mark, after...)
	}
	return repair{name, src, after}, nil
}

// reread reads the sources as they will be, and holds them against what was meant:
// the fixed policies say what they were to say, and all others what they said.
func (l *lintRun) reread(files []string, instead map[string][]byte, before *sources.Found, fixes []fixable) (*sources.Found, error) {
	o := l.options
	o.Instead = instead
	if s, ok := o.Stdin.(*bytes.Reader); ok {
		if _, err := s.Seek(0, 0); err != nil {
			return nil, err
		}
	}
	after, err := o.Read(files...)
	if err != nil {
		return nil, err
	}
	if len(after.Policies) != len(before.Policies) {
		return nil, errors.New("the fixes would change how the files are read; nothing was written")
	}
	for i := range after.Policies {
		want := before.Policies[i].Text
		for _, f := range fixes {
			if f.index == i {
				want = f.text
			}
		}
		if !sayTheSame(after.Policies[i].Text, want) {
			return nil, errors.New(after.Policies[i].Place(1, 1).String() + ": the fix would change more than it should; nothing was written")
		}
	}
	return after, nil
}

// sayTheSame compares two policies but for blanks and the order of members.
func sayTheSame(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, err := tree.Parse(string(a))
	y, wrong := tree.Parse(string(b))
	return err == nil && wrong == nil && tree.Equal(x, y)
}

// printRepairs shows what the fixes change.
func (p *program) printRepairs(r *repaired) error {
	if r == nil {
		return nil
	}
	for _, f := range r.files {
		text := string(diff.Diff(f.name, f.before, f.name, f.after))
		if term.IsTerminal(p.stdout) { // elsewhere patch may read it
			text = string(term.Lines(text))
		}
		if _, err := io.WriteString(p.stdout, text); err != nil {
			return err
		}
	}
	return &exitError{code: exitFailed}
}

// writeBack replaces a file by rename, so that nobody reads half of it, and
// keeps its mode.
func writeBack(file string, content []byte) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target
	}
	temp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	_, err = temp.Write(content)
	if err = errors.Join(err, temp.Chmod(info.Mode().Perm()), temp.Sync(), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}
