package sources

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/policy/tree"
	"github.com/irsa-emu/irsa-emu/rewrite"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// written is how a policy is written in a file that people edit.
type written struct {
	file *file
	node *yaml.Node // in the file, its functions not resolved
	// named is the file that a State document names in place of the policy.
	named string
}

// errOutput is why a policy is not changed where it was read.
var errOutput = errors.New("it is the output of a program; change what that was made from")

// Edits are the changes of a file that make the policy say want, and leave all else
// as it is. The error says why there are none: what the file holds was made by a
// program or by a function of the template.
func (p *Policy) Edits(want []byte) (file string, edits []hint.Edit, err error) {
	was, syntax := tree.Parse(string(p.Text))
	if syntax != nil {
		return "", nil, syntax
	}
	root, syntax := tree.Parse(string(want))
	if syntax != nil {
		return "", nil, syntax
	}
	switch w := p.written; {
	case w == nil:
		return p.Place(1, 1).File, nil, errOutput
	case w.named != "":
		edits, err = rewrite.JSONEdits(p.Text, was, root)
		return w.named, edits, err
	case w.file.name == "stdin":
		return w.file.name, nil, errors.New("the standard input cannot be written; give the file")
	case w.node.Kind == yaml.ScalarNode:
		edits, err = p.textEdits(was, root)
		return w.file.name, edits, err
	default:
		edits, err = rewrite.YAML(w.file.src, w.node, was, root, isFunction)
		if err == nil && p.Type == policy.TrustPolicy && strings.HasPrefix(p.Address, "Resources.") {
			err = w.borrowed(edits)
		}
		return w.file.name, edits, err
	}
}

// made are the parts of a policy that a template's functions usually make: a
// condition key's issuer, an account.
var made = lazyregexp.New(`([\w-]+(?:\.[\w-]+)+(?:/[\w./-]+)?):(?:sub|aud|amr|oaud)\b|\b(\d{12})\b`)

// borrowed refuses edits that would write down what the template computes: the
// issuer of a parameter, or the account that it is deployed to.
func (w *written) borrowed(edits []hint.Edit) error {
	for _, e := range edits {
		for _, m := range made.Compiled().FindAllStringSubmatch(e.Text, -1) {
			if value := m[1] + m[2]; !strings.Contains(string(w.file.src), value) {
				return fmt.Errorf("line %d: the template computes %s; change it by hand", w.node.Line, value)
			}
		}
	}
	return nil
}

func isFunction(n *yaml.Node) bool {
	name, _ := function(n)
	return name != ""
}

// textEdits are those of a policy that is JSON in a block of YAML.
func (p *Policy) textEdits(was, want *tree.Node) ([]hint.Edit, error) {
	w := p.written
	if w.node.Style&yaml.LiteralStyle == 0 {
		return nil, fmt.Errorf("line %d: the policy is written as one text; change it by hand", w.node.Line)
	}
	edits, err := rewrite.JSONEdits(p.Text, was, want)
	if err != nil {
		return nil, err
	}
	for i, e := range edits {
		if s, ok := p.at.(*scalar); ok && !s.asWritten(e.Start, e.End) {
			return nil, fmt.Errorf("line %d: a function makes this value; change it by hand", p.placeAt(e.Start).Line)
		}
		edits[i].Start, edits[i].End = w.file.offset(p.placeAt(e.Start)), w.file.offset(p.placeAt(e.End))
		edits[i].Text = strings.ReplaceAll(e.Text, "\n", "\n"+strings.Repeat(" ", w.file.indent(w.node.Line+1)))
	}
	if s, ok := p.at.(*scalar); ok && s.pieces != nil {
		return edits, w.borrowed(edits)
	}
	return edits, nil
}

// placeAt is the place of an offset of the policy's text.
func (p *Policy) placeAt(offset int) place {
	at := tree.PositionAt(string(p.Text), offset)
	where := p.Place(at.Line, at.Column)
	return place{where.Line, where.Column}
}

type place struct{ Line, Column int }

// offset is where a place is in the file's text.
func (f *file) offset(p place) int {
	line := f.line(p.Line)
	start := len(f.src)
	if p.Line >= 1 && p.Line <= len(f.starts) {
		start = f.starts[p.Line-1]
	}
	return start + strictyaml.OffsetOf(line, 1, p.Column)
}

// asWritten says whether a part of the text stands in the file as it is: no value
// was put there.
func (s *scalar) asWritten(start, end int) bool {
	if s.percent {
		return false
	}
	for i, piece := range s.pieces {
		next := int(^uint(0) >> 1)
		if i+1 < len(s.pieces) {
			next = s.pieces[i+1].text
		}
		if piece.value && start < next && (end > piece.text || start == end && start > piece.text) {
			return false
		}
	}
	return true
}

// readFile reads a file, or what stands in for it.
func (b *builder) readFile(name string) ([]byte, error) {
	if src, ok := b.o.Instead[name]; ok {
		return src, nil
	}
	return os.ReadFile(name)
}
