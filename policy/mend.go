package policy

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Mending changes a copy of the JSON tree and prints it.

func (n *node) clone() *node {
	c := *n
	c.items, c.members = nil, nil
	for _, item := range n.items {
		c.items = append(c.items, item.clone())
	}
	for _, m := range n.members {
		m.value = m.value.clone()
		c.members = append(c.members, m)
	}
	return &c
}

func stringNode(s string) *node { return &node{kind: kindString, text: s} }

// set gives a member its value, in place or at the end.
func (n *node) set(name string, value *node) {
	for i := range n.members {
		if n.members[i].name == name {
			n.members[i].value = value
			return
		}
	}
	n.members = append(n.members, member{name: name, value: value})
}

func (n *node) remove(name string) {
	for i := range n.members {
		if n.members[i].name == name {
			n.members = append(n.members[:i:i], n.members[i+1:]...)
			return
		}
	}
}

// dropDuplicates keeps the first of members with the same name.
func (n *node) dropDuplicates() {
	seen := map[string]bool{}
	n.members = slices.DeleteFunc(n.members, func(m member) bool {
		again := seen[m.name]
		seen[m.name] = true
		return again
	})
}

// object returns an object member, made if there is none.
func (n *node) object(name string) *node {
	if v := n.get(name); v != nil && v.kind == kindObject {
		return v
	}
	v := &node{kind: kindObject}
	n.set(name, v)
	return v
}

// addCondition adds a key to an operator of a statement.
func addCondition(statement *node, operator, key, value string) {
	statement.object("Condition").object(operator).set(key, stringNode(value))
}

// moveCondition renames a condition's operator, key or both. An operator that
// has no other key keeps its place.
func moveCondition(statement *node, operator, key, newOperator, newKey string) {
	if operator == newOperator && key == newKey {
		return
	}
	condition := statement.object("Condition")
	from := condition.object(operator)
	if len(from.members) == 1 && condition.get(newOperator) == nil {
		for i := range condition.members {
			if condition.members[i].name == operator {
				condition.members[i].name = newOperator
			}
		}
		from.members[0].name = newKey
		return
	}
	if operator == newOperator {
		if from.get(newKey) != nil {
			from.remove(key)
			return
		}
		for i := range from.members {
			if from.members[i].name == key {
				from.members[i].name = newKey
			}
		}
		return
	}
	value := from.get(key)
	from.remove(key)
	if len(from.members) == 0 {
		condition.remove(operator)
	}
	condition.object(newOperator).set(newKey, value)
}

// dropCondition removes a key, and what becomes empty by that.
func dropCondition(statement *node, operator, key string) {
	condition := statement.object("Condition")
	from := condition.object(operator)
	from.remove(key)
	if len(from.members) == 0 {
		condition.remove(operator)
	}
	if len(condition.members) == 0 {
		statement.remove("Condition")
	}
}

// replaceStrings changes each string of a value.
func replaceStrings(n *node, change func(string) string) {
	for _, item := range n.list() {
		if item.kind == kindString {
			item.text = change(item.text)
		}
	}
}

// indented prints a tree with two blanks a level.
func (n *node) indented() []byte {
	var b bytes.Buffer
	n.indent(&b, "\n")
	b.WriteByte('\n')
	return b.Bytes()
}

func (n *node) indent(b *bytes.Buffer, newline string) {
	inner := newline + "  "
	switch n.kind {
	case kindString:
		b.WriteString(quoteJSON(n.text))
	case kindArray:
		if len(n.items) == 0 {
			b.WriteString("[]")
			return
		}
		for i, item := range n.items {
			b.WriteString([]string{",", "["}[bit(i == 0)] + inner)
			item.indent(b, inner)
		}
		b.WriteString(newline + "]")
	case kindObject:
		if len(n.members) == 0 {
			b.WriteString("{}")
			return
		}
		for i, m := range n.members {
			b.WriteString([]string{",", "{"}[bit(i == 0)] + inner + quoteJSON(m.name) + ": ")
			m.value.indent(b, inner)
		}
		b.WriteString(newline + "}")
	default:
		b.WriteString(n.text)
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// quoteJSON quotes text that is valid UTF-8, without the escapes that
// encoding/json adds for HTML.
func quoteJSON(s string) string {
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
