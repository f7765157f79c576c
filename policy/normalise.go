package policy

import (
	"bytes"

	"github.com/irsa-emu/irsa-emu/policy/tree"
)

// Normalised is the document as IAM gives trust policies back: compact, with
// the elements in IAM's order (recorded: Effect, Principal, Action on read).
// Values keep their text.
func (d *Document) Normalised() []byte {
	var b bytes.Buffer
	root, err := tree.Parse(d.source)
	if err != nil {
		panic("policy: " + err.Error()) // Parse took it
	}
	w := jsonWriter{src: d.source, out: &b}
	w.ordered(root, []string{"Version", "Id", "Statement"}, func(n *tree.Node) {
		statement := func(s *tree.Node) {
			w.ordered(s, []string{"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction",
				"Resource", "NotResource", "Condition"}, nil)
		}
		if n.Kind == tree.Object {
			statement(n)
			return
		}
		b.WriteByte('[')
		for i, s := range n.Items {
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
func (w jsonWriter) ordered(n *tree.Node, names []string, statement func(*tree.Node)) {
	w.out.WriteByte('{')
	first := true
	for _, name := range names {
		v := n.Get(name)
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

func (w jsonWriter) value(n *tree.Node) {
	switch n.Kind {
	case tree.Object:
		w.out.WriteByte('{')
		for i, m := range n.Members {
			if i > 0 {
				w.out.WriteByte(',')
			}
			w.out.WriteString(w.src[m.NameStart:m.NameEnd])
			w.out.WriteByte(':')
			w.value(m.Value)
		}
		w.out.WriteByte('}')
	case tree.Array:
		w.out.WriteByte('[')
		for i, item := range n.Items {
			if i > 0 {
				w.out.WriteByte(',')
			}
			w.value(item)
		}
		w.out.WriteByte(']')
	default:
		w.out.WriteString(w.src[n.Start:n.End])
	}
}
