package tree

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Clone is a copy that shares nothing with it.
func (n *Node) Clone() *Node {
	c := *n
	c.Items, c.Members = nil, nil
	for _, item := range n.Items {
		c.Items = append(c.Items, item.Clone())
	}
	for _, m := range n.Members {
		m.Value = m.Value.Clone()
		c.Members = append(c.Members, m)
	}
	return &c
}

// StringNode is a text.
func StringNode(s string) *Node { return &Node{Kind: String, Text: s} }

// Set gives a member its value, in place or at the end.
func (n *Node) Set(name string, value *Node) {
	for i := range n.Members {
		if n.Members[i].Name == name {
			n.Members[i].Value = value
			return
		}
	}
	n.Members = append(n.Members, Member{Name: name, Value: value})
}

// Names are those of the members.
func (n *Node) Names() []string {
	names := make([]string, len(n.Members))
	for i, m := range n.Members {
		names[i] = m.Name
	}
	return names
}

// Rename gives a member another name.
func (n *Node) Rename(name, to string) {
	for i := range n.Members {
		if n.Members[i].Name == name {
			n.Members[i].Name = to
		}
	}
}

// Remove takes a member away.
func (n *Node) Remove(name string) {
	for i := range n.Members {
		if n.Members[i].Name == name {
			n.Members = append(n.Members[:i:i], n.Members[i+1:]...)
			return
		}
	}
}

// DropDuplicates keeps the first of members with the same name.
func (n *Node) DropDuplicates() {
	seen := map[string]bool{}
	n.Members = slices.DeleteFunc(n.Members, func(m Member) bool {
		again := seen[m.Name]
		seen[m.Name] = true
		return again
	})
}

// Object returns an object member, made if there is none.
func (n *Node) Object(name string) *Node {
	if v := n.Get(name); v != nil && v.Kind == Object {
		return v
	}
	v := &Node{Kind: Object}
	n.Set(name, v)
	return v
}

// ReplaceStrings changes each string of a value.
func ReplaceStrings(n *Node, change func(string) string) {
	for _, item := range n.List() {
		if item.Kind == String {
			item.Text = change(item.Text)
		}
	}
}

// Indented prints a tree with two blanks a level.
func (n *Node) Indented() []byte {
	var b bytes.Buffer
	n.indent(&b, "\n")
	b.WriteByte('\n')
	return b.Bytes()
}

func (n *Node) indent(b *bytes.Buffer, newline string) {
	inner := newline + "  "
	switch n.Kind {
	case String:
		b.WriteString(Quote(n.Text))
	case Array:
		if len(n.Items) == 0 {
			b.WriteString("[]")
			return
		}
		for i, item := range n.Items {
			b.WriteString([]string{",", "["}[bit(i == 0)] + inner)
			item.indent(b, inner)
		}
		b.WriteString(newline + "]")
	case Object:
		if len(n.Members) == 0 {
			b.WriteString("{}")
			return
		}
		for i, m := range n.Members {
			b.WriteString([]string{",", "{"}[bit(i == 0)] + inner + Quote(m.Name) + ": ")
			m.Value.indent(b, inner)
		}
		b.WriteString(newline + "}")
	default:
		b.WriteString(n.Text)
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Quote quotes text that is valid UTF-8, without the escapes that
// encoding/json adds for HTML.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ':
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
