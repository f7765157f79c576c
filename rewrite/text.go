package rewrite

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/policy/tree"
)

// New text is written as what stands beside it.

// plainText needs no quotes in YAML, neither in a block nor in brackets.
var plainText = lazyregexp.New(`^[A-Za-z0-9/_.]([\w./@*+=?$:-]*[\w./@*+=?$-])?$`)

// quoted is a text with the given quotes, or others where it needs them.
func quoted(text string, quote byte) string {
	switch {
	case quote == '\'' && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }):
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	case quote == 0 && plainText.MatchString(text):
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(text), &n); err == nil && len(n.Content) == 1 && n.Content[0].ShortTag() == "!!str" {
			return text
		}
	}
	return tree.Quote(text)
}

// inline is a value in one line.
func inline(n *tree.Node, quote byte) string {
	switch n.Kind {
	case tree.String:
		return quoted(n.Text, quote)
	case tree.Array:
		parts := make([]string, len(n.Items))
		for i, item := range n.Items {
			parts[i] = inline(item, quote)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case tree.Object:
		parts := make([]string, len(n.Members))
		for i, m := range n.Members {
			parts[i] = quoted(m.Name, quote) + ": " + inline(m.Value, quote)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return n.Text
}

// colon is what stands between name and value of a member in brackets.
func (w *writer) colon(v *value) string {
	if len(v.members) > 0 {
		m := v.members[0]
		if between := w.src[m.nameEnd:m.value.start]; strings.TrimSpace(between) == ":" && !strings.Contains(between, "\n") {
			return between
		}
	}
	return ": "
}

// nested is a new value in a collection with brackets: over several lines if what
// is there already is.
func (w *writer) nested(n *tree.Node, parent *value) string {
	if n.Kind != tree.Object && n.Kind != tree.Array || len(n.Members)+len(n.Items) == 0 {
		return inline(n, '"')
	}
	beside := parent.items
	for _, m := range parent.members {
		beside = append(beside, m.value)
	}
	for _, b := range beside {
		if b.kind != n.Kind || len(b.members)+len(b.items) == 0 {
			continue
		}
		var first int
		if b.kind == tree.Object {
			first = b.members[0].nameStart
		} else {
			first = b.items[0].start
		}
		if lead := w.src[b.start+1 : first]; strings.Contains(lead, "\n") && strings.TrimSpace(lead) == "" {
			outer := w.src[w.lineStart(b.start):b.start]
			outer = outer[:len(outer)-len(strings.TrimLeft(outer, " \t"))]
			inner := lead[strings.LastIndexByte(lead, '\n')+1:]
			return w.spread(n, outer, strings.TrimPrefix(inner, outer))
		}
		break
	}
	return inline(n, '"')
}

// spread is a value with a line for each part of each level.
func (w *writer) spread(n *tree.Node, indent, step string) string {
	inner := w.newline + indent + step
	var parts []string
	for _, m := range n.Members {
		parts = append(parts, tree.Quote(m.Name)+": "+w.spread(m.Value, indent+step, step))
	}
	for _, item := range n.Items {
		parts = append(parts, w.spread(item, indent+step, step))
	}
	switch {
	case len(parts) == 0:
		return inline(n, '"')
	case n.Kind == tree.Array:
		return "[" + inner + strings.Join(parts, ","+inner) + w.newline + indent + "]"
	}
	return "{" + inner + strings.Join(parts, ","+inner) + w.newline + indent + "}"
}

// block is a value in YAML's block form, its lines behind so many blanks.
func (w *writer) block(n *tree.Node, indent int, nameQuote, quote byte) string {
	lead := strings.Repeat(" ", indent)
	var lines []string
	switch {
	case n.Kind == tree.Object && len(n.Members) > 0:
		for _, m := range n.Members {
			lines = append(lines, lead+w.blockMember(m, indent, nameQuote, quote))
		}
	default:
		lines = append(lines, lead+inline(n, quote))
	}
	return strings.Join(lines, w.newline)
}

// blockMember is a member in YAML's block form, its own lines indented further.
func (w *writer) blockMember(m tree.Member, indent int, nameQuote, quote byte) string {
	name := quoted(m.Name, nameQuote) + ":"
	if m.Value.Kind == tree.Object && len(m.Value.Members) > 0 {
		return name + w.newline + w.block(m.Value, indent+2, nameQuote, quote)
	}
	return name + " " + inline(m.Value, quote)
}

// nameQuote and valueQuote are the quotes of what is there already.
func (w *writer) nameQuote(v *value) byte {
	if len(v.members) > 0 {
		return v.members[0].quote
	}
	return 0
}

// itemQuote is that of the names in the items of a list.
func (w *writer) itemQuote(v *value) byte {
	if len(v.items) > 0 {
		return w.nameQuote(v.items[0])
	}
	return 0
}

func (w *writer) valueQuote(v *value) byte {
	for _, m := range v.members {
		switch m.value.kind {
		case tree.String:
			return m.value.quote
		case tree.Object:
			return w.valueQuote(m.value)
		}
	}
	for _, item := range v.items {
		if item.kind == tree.String {
			return item.quote
		}
	}
	return 0
}
