package policy

import "bytes"

// Normalised is the document as IAM gives trust policies back: compact, with
// the elements in IAM's order (recorded: Effect, Principal, Action on read).
// Values keep their text.
func (d *Document) Normalised() []byte {
	var b bytes.Buffer
	root, err := parseJSON(d.source)
	if err != nil {
		panic("policy: " + err.Error()) // Parse took it
	}
	w := jsonWriter{src: d.source, out: &b}
	w.ordered(root, []string{"Version", "Id", "Statement"}, func(n *node) {
		statement := func(s *node) {
			w.ordered(s, []string{"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction",
				"Resource", "NotResource", "Condition"}, nil)
		}
		if n.kind == kindObject {
			statement(n)
			return
		}
		b.WriteByte('[')
		for i, s := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			statement(s)
		}
		b.WriteByte(']')
	})
	return b.Bytes()
}

// jsonWriter writes nodes without whitespace, scalars as they are in the source.
type jsonWriter struct {
	src string
	out *bytes.Buffer
}

// ordered writes an object with its members in the given order. A function
// writes the member Statement, if there is one.
func (w jsonWriter) ordered(n *node, names []string, statement func(*node)) {
	w.out.WriteByte('{')
	first := true
	for _, name := range names {
		v := n.get(name)
		if v == nil {
			continue
		}
		if !first {
			w.out.WriteByte(',')
		}
		first = false
		w.out.WriteString(`"` + name + `":`)
		if name == "Statement" && statement != nil {
			statement(v)
		} else {
			w.value(v)
		}
	}
	w.out.WriteByte('}')
}

func (w jsonWriter) value(n *node) {
	switch n.kind {
	case kindObject:
		w.out.WriteByte('{')
		for i, m := range n.members {
			if i > 0 {
				w.out.WriteByte(',')
			}
			w.out.WriteString(w.src[m.nameStart:m.nameEnd])
			w.out.WriteByte(':')
			w.value(m.value)
		}
		w.out.WriteByte('}')
	case kindArray:
		w.out.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				w.out.WriteByte(',')
			}
			w.value(item)
		}
		w.out.WriteByte(']')
	default:
		w.out.WriteString(w.src[n.start:n.end])
	}
}
