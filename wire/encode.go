package wire

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// List is a list of an answer: <X><member>…</member></X> in XML, where an empty
// one is <X/>; an array in JSON, [] when nil. A list that is absent rather than
// empty has omitempty in its tag.
type List[T any] []T

// MarshalJSON writes an array, also for a nil list.
func (l List[T]) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]T(l))
}

var (
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	stringType    = reflect.TypeFor[string]()
	bytesType     = reflect.TypeFor[[]byte]()
	intType       = reflect.TypeFor[int]()
)

// omitted says whether an answer leaves a member out: a nil pointer always, and
// what is zero or empty where its tag says omitempty.
func omitted(v reflect.Value, m *member) bool {
	if v.Kind() == reflect.Pointer {
		return v.IsNil()
	}
	if !m.omitEmpty {
		return false
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}

// leaf writes a value that has no members as text. It reports whether XML or
// JSON would take the text for a number or a truth value, so that JSON leaves
// out the quotes.
func leaf(v reflect.Value) (text string, bare, ok bool) {
	switch v.Type() { // those that nearly all members have
	case stringType:
		return v.String(), false, true
	case intType:
		return strconv.FormatInt(v.Int(), 10), true, true
	}
	switch t := v.Interface().(type) {
	case Time:
		return t.text(), false, true
	case TimeMillis:
		return t.text(), false, true
	case time.Time:
		return Time{t}.text(), false, true
	}
	if v.Type().Implements(textMarshaler) {
		b, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			panic(fmt.Sprintf("wire: %s: %v", v.Type(), err))
		}
		return string(b), false, true
	}
	switch v.Kind() {
	case reflect.String:
		return v.String(), false, true
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), true, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), true, true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10), true, true
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64), true, true
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return base64.StdEncoding.EncodeToString(v.Bytes()), false, true
		}
	}
	return "", false, false
}

// sortedKeys are a map's keys as text, in order.
func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

// xmlWriter writes an answer as AWS lays it out: two spaces of indent, a line
// for each element, no prolog.
type xmlWriter struct {
	bytes.Buffer
	depth int
}

func (x *xmlWriter) line() {
	for range x.depth {
		x.WriteString("  ")
	}
}

func (x *xmlWriter) tag(before, name, after string) {
	x.WriteString(before)
	x.WriteString(name)
	x.WriteString(after)
}

func (x *xmlWriter) open(name string) {
	x.line()
	x.tag("<", name, ">\n")
	x.depth++
}

func (x *xmlWriter) close(name string) {
	x.depth--
	x.line()
	x.tag("</", name, ">\n")
}

func (x *xmlWriter) text(name, text string) {
	x.line()
	if text == "" {
		x.tag("<", name, "/>\n")
		return
	}
	x.tag("<", name, ">")
	escapeXML(&x.Buffer, text)
	x.tag("</", name, ">\n")
}

// base64 writes bytes as leaf has them, without a text in between.
func (x *xmlWriter) base64(name string, b []byte) {
	x.line()
	x.tag("<", name, ">")
	x.Grow(base64.StdEncoding.EncodedLen(len(b)))
	x.Write(base64.StdEncoding.AppendEncode(x.AvailableBuffer(), b))
	x.tag("</", name, ">\n")
}

func (x *xmlWriter) element(name string, v reflect.Value) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			x.text(name, "")
			return
		}
		v = v.Elem()
	}
	if v.Type() == bytesType && v.Len() > 0 {
		x.base64(name, v.Bytes())
		return
	}
	if text, _, ok := leaf(v); ok {
		x.text(name, text)
		return
	}
	start := x.Len()
	x.open(name)
	body := x.Len()
	switch v.Kind() {
	case reflect.Struct:
		x.members(v)
	case reflect.Slice:
		for i := range v.Len() {
			x.element("member", v.Index(i))
		}
	case reflect.Map:
		for _, key := range sortedKeys(v) {
			x.open("entry")
			x.text("key", key.String())
			x.element("value", v.MapIndex(key))
			x.close("entry")
		}
	default:
		panic(fmt.Sprintf("wire: cannot write a %s", v.Type()))
	}
	if x.Len() == body { // nothing inside
		x.Truncate(start)
		x.depth--
		x.text(name, "")
		return
	}
	x.close(name)
}

func (x *xmlWriter) members(v reflect.Value) {
	p := planOf(v.Type())
	for i := range p.members {
		m := &p.members[i]
		if field := v.FieldByIndex(m.index); !omitted(field, m) {
			x.element(m.name, field)
		}
	}
}

// escapeXML writes text so that it can break out of no element, and leaves out
// nothing silently: characters that XML cannot hold become U+FFFD.
func escapeXML(b *bytes.Buffer, text string) {
	plain := 0
	for plain < len(text) && isPlain[text[plain]] {
		plain++
	}
	b.WriteString(text[:plain]) // nearly always all of it
	text = text[plain:]
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&quot;")
		case r == '\r': // a parser would make it a line feed
			b.WriteString("&#xD;")
		case r == utf8.RuneError && size == 1, r < 0x20 && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF:
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteString(text[i : i+size])
		}
		i += size
	}
}

// isPlain are the bytes that stand for themselves in XML text.
var isPlain = func() (plain [256]bool) {
	for c := byte(' '); c < 0x7f; c++ {
		plain[c] = c != '&' && c != '<' && c != '>' && c != '"'
	}
	return plain
}()

// jsonElement writes the JSON form of a Query answer, which has the members of
// the XML form and numbers for timestamps.
func jsonElement(b *bytes.Buffer, v reflect.Value) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			b.WriteString("null")
			return
		}
		v = v.Elem()
	}
	if t, ok := v.Interface().(interface{ Unix() int64 }); ok { // any of the times
		b.WriteString(strconv.FormatInt(t.Unix(), 10))
		return
	}
	if text, bare, ok := leaf(v); ok {
		if bare {
			b.WriteString(text)
		} else {
			jsonString(b, text)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		jsonMembers(b, v)
	case reflect.Slice:
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(',')
			}
			jsonElement(b, v.Index(i))
		}
		b.WriteByte(']')
	case reflect.Map:
		b.WriteByte('{')
		for i, key := range sortedKeys(v) {
			if i > 0 {
				b.WriteByte(',')
			}
			jsonString(b, key.String())
			b.WriteByte(':')
			jsonElement(b, v.MapIndex(key))
		}
		b.WriteByte('}')
	default:
		panic(fmt.Sprintf("wire: cannot write a %s", v.Type()))
	}
}

func jsonMembers(b *bytes.Buffer, v reflect.Value) {
	b.WriteByte('{')
	p := planOf(v.Type())
	first := true
	for i := range p.members {
		m := &p.members[i]
		field := v.FieldByIndex(m.index)
		if omitted(field, m) {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		jsonString(b, m.name)
		b.WriteByte(':')
		jsonElement(b, field)
	}
	b.WriteByte('}')
}

// jsonString quotes without HTML's escapes, as AWS does.
func jsonString(b *bytes.Buffer, text string) {
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic(err) // a string always has a JSON form
	}
	b.Truncate(b.Len() - 1) // Encode ends the line
}
