// Package rewrite changes values in a JSON or YAML text and leaves every other byte
// as it is: comments, blanks, the order of members and the quotes of what is not
// changed. It is given what a text says and what it is to say, finds the least that
// differs, and says it as edits.
package rewrite

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/policy/tree"
)

// JSON is a JSON text, whose tree is was, changed to say want.
func JSON(src []byte, was, want *tree.Node) []byte {
	edits, err := JSONEdits(src, was, want)
	if err != nil {
		return want.Indented() // JSON has no form that cannot be changed
	}
	return Apply(src, edits)
}

// JSONEdits are the edits of [JSON].
func JSONEdits(src []byte, was, want *tree.Node) ([]hint.Edit, error) {
	w := newWriter(src)
	err := w.change(ofTree(was), was, want)
	return w.sorted(), err
}

// YAML gives the edits that make the value at a node of a YAML or JSON file say
// want. Was is what it says now: the same but for nodes that opaque tells, such as
// functions, which are another's to change. The error says what has to be changed
// by hand.
func YAML(src []byte, n *yaml.Node, was, want *tree.Node, opaque func(*yaml.Node) bool) ([]hint.Edit, error) {
	w := newWriter(src)
	if err := w.change(w.ofYAML(n, opaque), was, want); err != nil {
		return nil, err
	}
	return w.sorted(), nil
}

// Apply makes edits that do not overlap, in the order of the text.
func Apply(src []byte, edits []hint.Edit) []byte {
	var out []byte
	at := 0
	for _, e := range edits {
		out = append(append(out, src[at:e.Start]...), e.Text...)
		at = e.End
	}
	return append(out, src[at:]...)
}

// value is a value where it is written.
type value struct {
	kind       tree.Kind
	start, end int
	quote      byte // of a text: ", ' or 0 for none
	block      bool // a collection of YAML without brackets
	opaque     bool
	unknown    bool // its end is not known
	items      []*value
	members    []member
}

type member struct {
	name               string
	nameStart, nameEnd int
	quote              byte
	value              *value
}

func ofTree(n *tree.Node) *value {
	v := &value{kind: n.Kind, start: n.Start, end: n.End, quote: '"'}
	for _, item := range n.Items {
		v.items = append(v.items, ofTree(item))
	}
	for _, m := range n.Members {
		v.members = append(v.members, member{m.Name, m.NameStart, m.NameEnd, '"', ofTree(m.Value)})
	}
	return v
}

type writer struct {
	src     string
	newline string
	lines   []int // offsets of their starts
	edits   []hint.Edit
	left    []leftComment
	put     map[string]int // edits that end with a new member, by what it says
}

// leftComment is what stood behind a member that was taken away, and the edit that
// leaves it in its line. It goes with a member that says the same elsewhere.
type leftComment struct {
	member, text string
	edit         int
	line         hint.Edit // which takes the whole line
}

func newWriter(src []byte) *writer {
	w := &writer{src: string(src), newline: "\n", lines: []int{0}, put: map[string]int{}}
	for i, c := range src {
		if c == '\n' {
			w.lines = append(w.lines, i+1)
		}
	}
	if strings.Contains(w.src, "\r\n") {
		w.newline = "\r\n"
	}
	return w
}

func (w *writer) edit(start, end int, text string) {
	w.edits = append(w.edits, hint.Edit{Start: start, End: end, Text: text})
}

// sorted are the edits in the order of the text; insertions at one place stay in
// the order in which they were made.
func (w *writer) sorted() []hint.Edit {
	for _, c := range w.left {
		if i, ok := w.put[c.member]; ok {
			w.edits[i].Text += c.text
			w.edits[c.edit] = c.line
			delete(w.put, c.member)
		}
	}
	slices.SortStableFunc(w.edits, func(a, b hint.Edit) int { return a.Start - b.Start })
	return w.edits
}

// errByHand is a difference in what no edit can change.
var errByHand = errors.New("change it by hand")

// change makes v, which says was, say want.
func (w *writer) change(v *value, was, want *tree.Node) error {
	switch {
	case same(was, want):
		return nil
	case v.opaque:
		return fmt.Errorf("line %d: a function makes this value; %w", w.line(v.start), errByHand)
	case v.kind != was.Kind || len(v.items) != len(was.Items) ||
		!slices.EqualFunc(v.members, was.Members, func(m member, w tree.Member) bool { return m.name == w.Name }):
		return fmt.Errorf("line %d: this value is written otherwise than it is read; %w", w.line(v.start), errByHand)
	case was.Kind == tree.Object && want.Kind == tree.Object:
		return w.object(v, was, want)
	case was.Kind == tree.Array && want.Kind == tree.Array:
		return w.array(v, was, want)
	case v.unknown || v.block:
		return fmt.Errorf("line %d: this value is empty or written over several lines; %w", w.line(v.start), errByHand)
	case want.Kind == tree.String:
		w.edit(v.start, v.end, quoted(want.Text, v.quote))
	default:
		w.edit(v.start, v.end, inline(want, '"'))
	}
	return nil
}

func (w *writer) line(offset int) int {
	i, found := slices.BinarySearch(w.lines, offset)
	if found {
		return i + 1
	}
	return i
}

// same says whether two values say the same.
func same(a, b *tree.Node) bool {
	return a.Kind == b.Kind && a.Text == b.Text && slices.EqualFunc(a.Items, b.Items, same) &&
		slices.EqualFunc(a.Members, b.Members, func(x, y tree.Member) bool { return x.Name == y.Name && same(x.Value, y.Value) })
}

// object changes members of the same name, renames one that has another name in
// the same place, and takes away and adds the others.
func (w *writer) object(v *value, was, want *tree.Node) error {
	if renamed := w.renamed(v, was, want); renamed {
		return nil
	}
	names := pairs(len(was.Members), len(want.Members), func(i, j int) bool { return was.Members[i].Name == want.Members[j].Name },
		func(i, j int) bool {
			return want.Get(was.Members[i].Name) == nil && was.Get(want.Members[j].Name) == nil && same(was.Members[i].Value, want.Members[j].Value) ||
				len(was.Members) == len(want.Members)
		})
	for i := range was.Members {
		j := names.of[i]
		if j < 0 {
			continue
		}
		if was.Members[i].Name != want.Members[j].Name {
			w.edit(v.members[i].nameStart, v.members[i].nameEnd, quoted(want.Members[j].Name, v.members[i].quote))
		}
		if err := w.change(v.members[i].value, was.Members[i].Value, want.Members[j].Value); err != nil {
			return err
		}
	}
	return w.members(v, names, was, want)
}

// renamed writes other names where nothing but names differs.
func (w *writer) renamed(v *value, was, want *tree.Node) bool {
	if !slices.EqualFunc(was.Members, want.Members, func(x, y tree.Member) bool { return same(x.Value, y.Value) }) {
		return false
	}
	for i := range was.Members {
		if was.Members[i].Name != want.Members[i].Name {
			w.edit(v.members[i].nameStart, v.members[i].nameEnd, quoted(want.Members[i].Name, v.members[i].quote))
		}
	}
	return true
}

// array is object for lists.
func (w *writer) array(v *value, was, want *tree.Node) error {
	places := pairs(len(was.Items), len(want.Items), func(i, j int) bool { return same(was.Items[i], want.Items[j]) },
		func(i, j int) bool { return true })
	for i := range was.Items {
		if j := places.of[i]; j >= 0 {
			if err := w.change(v.items[i], was.Items[i], want.Items[j]); err != nil {
				return err
			}
		}
	}
	return w.elements(v, places, want)
}

// paired says which of the wanted ones each of the old ones becomes, -1 for none.
type paired struct {
	of    []int
	added []int // of the wanted ones
}

// mostCompared bounds the work of one collection: a document may be hostile.
const mostCompared = 1 << 20

// pairs finds the longest sequence of equal ones, and pairs what is between them in
// order, where may says so.
func pairs(n, m int, equal, may func(i, j int) bool) paired {
	p := paired{of: make([]int, n)}
	start := 0
	for start < n && start < m && equal(start, start) {
		p.of[start] = start
		start++
	}
	for n > start && m > start && equal(n-1, m-1) {
		n, m = n-1, m-1
		p.of[n] = m
	}
	common := longest(start, n, m, equal)
	var gone, added []int
	settle := func() {
		for len(gone) > 0 && len(added) > 0 && may(gone[0], added[0]) {
			p.of[gone[0]] = added[0]
			gone, added = gone[1:], added[1:]
		}
		for _, g := range gone {
			p.of[g] = -1
		}
		p.added = append(p.added, added...)
		gone, added = nil, nil
	}
	for i, j := start, start; i < n || j < m; {
		switch {
		case common != nil && i < n && j < m && equal(i, j):
			settle()
			p.of[i] = j
			i, j = i+1, j+1
		case i < n && (j == m || common == nil || common[i-start+1][j-start] >= common[i-start][j-start+1]):
			gone = append(gone, i)
			i++
		default:
			added = append(added, j)
			j++
		}
	}
	settle()
	return p
}

// longest gives the lengths of the longest common sequences of the rests from start
// on; nil when they are too long to compare.
func longest(start, n, m int, equal func(i, j int) bool) [][]int {
	if (n-start+1)*(m-start+1) > mostCompared {
		return nil
	}
	length := make([][]int, n-start+1)
	for i := range length {
		length[i] = make([]int, m-start+1)
	}
	for i := n - start - 1; i >= 0; i-- {
		for j := m - start - 1; j >= 0; j-- {
			if equal(start+i, start+j) {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	return length
}
