package rewrite

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/policy/tree"
)

// ofYAML finds where a node's parts begin and end: YAML's parser tells the
// beginnings only.
func (w *writer) ofYAML(n *yaml.Node, opaque func(*yaml.Node) bool) *value {
	v := &value{start: w.offset(n.Line, n.Column)}
	if n.Kind == yaml.AliasNode || n.Anchor != "" || opaque(n) {
		v.opaque, v.unknown = true, true
		w.ofOpaque(v, n)
		return v
	}
	switch n.Kind {
	case yaml.ScalarNode:
		w.scalar(v, n)
	case yaml.SequenceNode:
		v.kind = tree.Array
		for _, item := range n.Content {
			v.items = append(v.items, w.ofYAML(item, opaque))
		}
		w.brackets(v, n)
	case yaml.MappingNode:
		v.kind = tree.Object
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := new(value)
			key.start = w.offset(n.Content[i].Line, n.Content[i].Column)
			w.scalar(key, n.Content[i])
			v.members = append(v.members, member{n.Content[i].Value, key.start, key.end, key.quote, w.ofYAML(n.Content[i+1], opaque)})
			v.unknown = v.unknown || key.unknown
		}
		w.brackets(v, n)
	}
	return v
}

// ofOpaque finds the end of a function, so that what stands beside it can be
// changed: the short form has its tag in front.
func (w *writer) ofOpaque(v *value, n *yaml.Node) {
	plain := *n
	inner := &value{start: v.start}
	if rest := w.src[v.start:]; strings.HasPrefix(rest, "!") {
		tag := strings.IndexAny(rest, " \n")
		if tag < 0 {
			return
		}
		inner.start = v.start + tag + len(rest[tag:]) - len(strings.TrimLeft(rest[tag:], " "))
	}
	switch n.Kind {
	case yaml.ScalarNode:
		w.scalar(inner, &plain)
	case yaml.MappingNode, yaml.SequenceNode:
		w.brackets(inner, &plain)
		if inner.block {
			for _, c := range n.Content {
				inner.items = append(inner.items, w.ofYAML(c, func(*yaml.Node) bool { return false }))
			}
			end, ok := w.endOf(inner)
			v.end, v.unknown = end, !ok
			return
		}
	}
	v.end, v.unknown = inner.end, inner.unknown
}

// scalar finds the end of a text, number, boolean or null.
func (w *writer) scalar(v *value, n *yaml.Node) {
	switch n.ShortTag() {
	case "!!null":
		v.kind = tree.Null
	case "!!bool":
		v.kind = tree.Bool
	case "!!int", "!!float":
		v.kind = tree.Number
	default:
		v.kind = tree.String
	}
	rest := w.src[v.start:]
	switch {
	case strings.HasPrefix(rest, `"`) || strings.HasPrefix(rest, "'"):
		v.quote = rest[0]
		v.end = v.start + quotedLength(rest)
		v.unknown = v.end == v.start
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		v.unknown = true
	case n.Value == "":
		v.unknown = true // nothing is written for a null, and there may be no blank before it
	case strings.HasPrefix(rest, n.Value):
		v.end = v.start + len(n.Value)
	default:
		v.unknown = true // a plain text over several lines
	}
}

// quotedLength is that of the quoted text at the start of s, 0 when it has no end.
func quotedLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] == '"':
			i++
		case s[i] == s[0] && s[0] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		case s[i] == s[0]:
			return i + 1
		}
	}
	return 0
}

// brackets finds the end of a collection that has them.
func (w *writer) brackets(v *value, n *yaml.Node) {
	rest := w.src[v.start:]
	if !strings.HasPrefix(rest, "{") && !strings.HasPrefix(rest, "[") {
		v.block = true
		return
	}
	depth := 0
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				v.end = v.start + i + 1
				return
			}
		case (c == '"' || c == '\'') && strings.ContainsRune(" \t\n\r,:{[", rune(rest[i-1])):
			length := quotedLength(rest[i:])
			if length == 0 {
				v.unknown = true
				return
			}
			i += length - 1
		case c == '#' && (rest[i-1] == ' ' || rest[i-1] == '\n' || rest[i-1] == '\t'):
			end := strings.IndexByte(rest[i:], '\n')
			if end < 0 {
				v.unknown = true
				return
			}
			i += end
		}
	}
	v.unknown = true
}

// endOf is where a value ends; of a block, where its last part does.
func (w *writer) endOf(v *value) (int, bool) {
	switch {
	case v.unknown && !v.block:
		return 0, false
	case !v.block:
		return v.end, true
	case len(v.members) > 0:
		return w.endOf(v.members[len(v.members)-1].value)
	case len(v.items) > 0:
		return w.endOf(v.items[len(v.items)-1])
	}
	return 0, false
}

// offset turns a line and a column, in characters, into an offset.
func (w *writer) offset(line, column int) int {
	if line < 1 || line > len(w.lines) {
		return len(w.src)
	}
	at := w.lines[line-1]
	for ; column > 1 && at < len(w.src); column-- {
		_, size := utf8.DecodeRuneInString(w.src[at:])
		at += size
	}
	return at
}
