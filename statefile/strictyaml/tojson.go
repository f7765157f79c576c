package strictyaml

import (
	"bytes"
	"encoding/json"
	"sort"
	"strconv"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Origin maps places in a JSON text to where that text was written.
type Origin struct {
	start  Position
	marks  []mark // of a text made from YAML nodes, offsets ascending
	direct bool   // the text is a file as it is
	indent int    // of a text in a YAML block: characters before each line; -1 otherwise
}

type mark struct{ offset, line, column int }

// Position is where the given line and column of the text were written; both
// count from one, and zero stands for the start.
func (o *Origin) Position(text []byte, line, column int) Position {
	p := o.start
	switch {
	case line < 1:
	case o.direct:
		p.Line, p.Column = line, max(column, 1)
	case o.indent >= 0:
		p.Line, p.Column = o.start.Line+line, o.indent+max(column, 1)
	case len(o.marks) > 0:
		offset := OffsetOf(text, line, column)
		i := sort.Search(len(o.marks), func(i int) bool { return o.marks[i].offset > offset })
		m := o.marks[max(i-1, 0)]
		p.Line, p.Column = m.line, m.column
	}
	return p
}

// OffsetOf turns line and column of a text into an offset.
func OffsetOf(text []byte, line, column int) int {
	offset := 0
	for ; line > 1; line-- {
		i := bytes.IndexByte(text[offset:], '\n')
		if i < 0 {
			return len(text)
		}
		offset += i + 1
	}
	for ; column > 1 && offset < len(text); column-- {
		_, size := utf8.DecodeRune(text[offset:])
		offset += size
	}
	return offset
}

type jsonWriter struct {
	d      *Decoder
	buf    bytes.Buffer
	origin *Origin
	inner  bool // parts are marked in d
}

// JSON turns a node into JSON text with members in the order in which they
// are written, and says where each part came from. Mistakes are recorded.
func (d *Decoder) JSON(n *yaml.Node, path string) ([]byte, *Origin) { return d.json(n, path, true) }

func (d *Decoder) json(n *yaml.Node, path string, inner bool) ([]byte, *Origin) {
	d.Mark(path, n)
	w := &jsonWriter{d: d, origin: &Origin{start: d.At(n), indent: -1}, inner: inner}
	if !w.value(n, path, 0) {
		return nil, nil
	}
	return w.buf.Bytes(), w.origin
}

func (w *jsonWriter) mark(n *yaml.Node) {
	w.origin.marks = append(w.origin.marks, mark{w.buf.Len(), n.Line, n.Column})
}

func (w *jsonWriter) value(n *yaml.Node, path string, depth int) bool {
	if depth > maxDepth {
		w.d.Errorf(n, "%s is nested deeper than %d levels", path, maxDepth)
		return false
	}
	w.mark(n)
	if w.inner {
		w.d.Mark(path, n)
	}
	ok := true
	switch n.Kind {
	case yaml.MappingNode:
		w.buf.WriteByte('{')
		for i, m := range w.d.members(n, path, &ok) {
			if i > 0 {
				w.buf.WriteByte(',')
			}
			w.mark(m.key)
			w.string(m.name)
			w.buf.WriteByte(':')
			ok = w.value(m.value, Join(path, m.name), depth+1) && ok
		}
		w.buf.WriteByte('}')
	case yaml.SequenceNode:
		w.buf.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				w.buf.WriteByte(',')
			}
			ok = w.value(item, Index(path, i), depth+1) && ok
		}
		w.buf.WriteByte(']')
	case yaml.ScalarNode:
		return w.scalar(n, path)
	default:
		w.d.refuseAlias(n, path)
		return false
	}
	return ok
}

func (w *jsonWriter) string(s string) {
	plain := true
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] >= ' ' && s[i] < 0x7f && s[i] != '"' && s[i] != '\\'
	}
	if plain { // nearly all are
		w.buf.WriteByte('"')
		w.buf.WriteString(s)
		w.buf.WriteByte('"')
		return
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil { // a string always encodes
		panic(err)
	}
	w.buf.Write(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func (w *jsonWriter) scalar(n *yaml.Node, path string) bool {
	switch n.ShortTag() {
	case "!!str", "!!timestamp": // a policy's unquoted Version is a YAML date
		w.string(n.Value)
	case "!!null":
		w.buf.WriteString("null")
	case "!!bool":
		var b bool
		if err := n.Decode(&b); err != nil {
			w.d.Errorf(n, "%s: %q is not true or false", path, n.Value)
			return false
		}
		w.buf.WriteString(strconv.FormatBool(b))
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			w.buf.WriteString(n.Value)
			return true
		}
		var v any
		if err := n.Decode(&v); err != nil {
			w.d.Errorf(n, "%s: %q is not a number", path, n.Value)
			return false
		}
		text, err := json.Marshal(v)
		if err != nil {
			w.d.Errorf(n, "%s: %s has no form in JSON; write a finite number, or text in quotes", path, n.Value)
			return false
		}
		w.buf.Write(text)
	default:
		w.d.Errorf(n, "%s: the tag %s is not taken; write a plain value", path, n.Tag)
		return false
	}
	return true
}
