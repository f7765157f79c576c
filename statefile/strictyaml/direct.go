package strictyaml

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Direct reads a JSON document straight into a struct, without the tree of
// nodes that a [Decoder] works on: a state of many thousands of roles takes a
// tenth of the time and of the memory so. It knows only what is plainly right
// and reports false for anything else, a field that does not exist, a missing
// one, a duplicate, a value of another type, a file that is named: such a
// document is read again by a Decoder, which finds all mistakes and their places.
// What it reports true for, a Decoder reads as the same.
func Direct(file string, src []byte, into any) bool {
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	if !utf8.Valid(src) {
		return false
	}
	r := &DirectReader{File: file, src: src, line: 1, column: 1}
	r.space()
	if r.peek() != '{' || !r.value(reflect.ValueOf(into).Elem(), 0) {
		return false
	}
	r.space()
	return r.at == len(src)
}

// DirectValue is a [Value] that reads itself from JSON, or reports false.
type DirectValue interface {
	DecodeDirect(r *DirectReader) bool
}

// DirectReader is at a value of a JSON document.
type DirectReader struct {
	File string

	src []byte
	at  int
	// The place of a byte that was asked for last: offsets only grow.
	counted, line, column int
	out                   jsonWriter
}

// Place is the line and column of the value that is read next.
func (r *DirectReader) Place() (line, column int) {
	passed := r.src[r.counted:r.at]
	if i := bytes.LastIndexByte(passed, '\n'); i >= 0 {
		r.line += bytes.Count(passed, []byte("\n"))
		r.column = 1
		passed = passed[i+1:]
	}
	r.column += utf8.RuneCount(passed)
	r.counted = r.at
	return r.line, r.column
}

func (r *DirectReader) space() {
	for r.at < len(r.src) {
		switch r.src[r.at] {
		case ' ', '\t', '\r', '\n':
			r.at++
		default:
			return
		}
	}
}

// peek is the next byte; 0 at the end.
func (r *DirectReader) peek() byte {
	if r.at < len(r.src) {
		return r.src[r.at]
	}
	return 0
}

// next takes a byte, if it is the next one after white space.
func (r *DirectReader) next(c byte) bool {
	if r.space(); r.peek() != c {
		return false
	}
	r.at++
	return true
}

func (r *DirectReader) literal(word string) bool {
	if !bytes.HasPrefix(r.src[r.at:], []byte(word)) {
		return false
	}
	r.at += len(word)
	return true
}

// quoted takes a string and gives what is between its quotes.
func (r *DirectReader) quoted() (text []byte, escaped, ok bool) {
	if r.peek() != '"' {
		return nil, false, false
	}
	start := r.at + 1
	for i := start; i < len(r.src); i++ {
		switch c := r.src[i]; {
		case c == '"':
			r.at = i + 1
			return r.src[start:i], escaped, true
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			return nil, false, false
		}
	}
	return nil, false, false
}

// Text takes a string.
func (r *DirectReader) Text() (string, bool) {
	start := r.at
	text, escaped, ok := r.quoted()
	if !ok || !escaped {
		return string(text), ok
	}
	var s string
	return s, json.Unmarshal(r.src[start:r.at], &s) == nil
}

// object takes an object; member is at a value and takes it.
func (r *DirectReader) object(member func(name string) bool) bool {
	if !r.next('{') {
		return false
	}
	if r.next('}') {
		return true
	}
	for {
		r.space()
		name, ok := r.Text()
		if !ok || !r.next(':') {
			return false
		}
		if r.space(); !member(name) {
			return false
		}
		if !r.next(',') {
			return r.next('}')
		}
	}
}

// list takes a list; item is at a value and takes it.
func (r *DirectReader) list(item func() bool) bool {
	if !r.next('[') {
		return false
	}
	if r.next(']') {
		return true
	}
	for {
		if r.space(); !item() {
			return false
		}
		if !r.next(',') {
			return r.next(']')
		}
	}
}

func (r *DirectReader) value(v reflect.Value, depth int) bool {
	if depth > maxDepth {
		return false
	}
	switch target := v.Addr().Interface().(type) {
	case DirectValue:
		return target.DecodeDirect(r)
	case Value:
		return false
	case *time.Time:
		text, ok := r.Text()
		t, err := time.Parse(time.RFC3339, text)
		*target = t
		return ok && err == nil
	case *[]byte:
		text, ok := r.Text()
		b, err := base64.StdEncoding.DecodeString(text)
		*target = b
		return ok && err == nil && !bytes.ContainsAny([]byte(text), " \t\r\n")
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return r.value(v.Elem(), depth+1)
	case reflect.Struct:
		return r.structure(v, depth)
	case reflect.Map:
		return r.mapping(v, depth)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		return r.list(func() bool {
			n := v.Len()
			v.Grow(1)
			v.SetLen(n + 1)
			return r.value(v.Index(n), depth+1)
		})
	case reflect.String:
		text, ok := r.Text()
		v.SetString(text)
		return ok
	case reflect.Bool:
		v.SetBool(r.peek() == 't')
		return r.literal("true") || r.literal("false")
	case reflect.Int, reflect.Int32, reflect.Int64:
		start := r.at
		for r.peek() == '-' || r.peek() >= '0' && r.peek() <= '9' {
			r.at++
		}
		i, err := strconv.ParseInt(string(r.src[start:r.at]), 10, 64)
		v.SetInt(i)
		return err == nil && !v.OverflowInt(i) && json.Valid(r.src[start:r.at])
	}
	return false
}

func (r *DirectReader) mapping(v reflect.Value, depth int) bool {
	v.Set(reflect.MakeMap(v.Type()))
	return r.object(func(name string) bool {
		key := reflect.ValueOf(name).Convert(v.Type().Key())
		if v.MapIndex(key).IsValid() {
			return false
		}
		item := reflect.New(v.Type().Elem()).Elem()
		ok := r.value(item, depth+1)
		v.SetMapIndex(key, item)
		return ok
	})
}

func (r *DirectReader) structure(v reflect.Value, depth int) bool {
	tell(v, func() Position {
		line, column := r.Place()
		return Position{r.File, line, column}
	})
	fields := fieldsOf(v.Type())
	written := make([]bool, len(fields))
	ok := r.object(func(name string) bool {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if i < 0 {
			// One that is written twice is a mistake, which Decode finds.
			into, open := openField(v, name)
			return open && into.IsZero() && r.value(into, depth+1)
		}
		if written[i] {
			return false
		}
		written[i] = true
		return r.value(v.FieldByIndex(fields[i].index), depth+1)
	})
	for i := range fields {
		ok = ok && (written[i] || !fields[i].required)
	}
	return ok
}

// JSON takes an object or a list and gives it as [Decoder.JSON] does: without
// white space, members in their order, none twice. It is good until the next call.
func (r *DirectReader) JSON() ([]byte, bool) {
	r.out.buf.Reset()
	if c := r.peek(); c != '{' && c != '[' || !r.compact(0) {
		return nil, false
	}
	return r.out.buf.Bytes(), true
}

func (r *DirectReader) compact(depth int) bool {
	if depth > maxDepth {
		return false
	}
	out := &r.out.buf
	switch c := r.peek(); {
	case c == '{':
		var names []string
		out.WriteByte('{')
		ok := r.object(func(name string) bool {
			if slices.Contains(names, name) || len(names) > 1000 { // compared with each other
				return false
			}
			if names = append(names, name); len(names) > 1 {
				out.WriteByte(',')
			}
			r.out.string(name)
			out.WriteByte(':')
			return r.compact(depth + 1)
		})
		out.WriteByte('}')
		return ok
	case c == '[':
		first := true
		out.WriteByte('[')
		ok := r.list(func() bool {
			if !first {
				out.WriteByte(',')
			}
			first = false
			return r.compact(depth + 1)
		})
		out.WriteByte(']')
		return ok
	case c == '"':
		text, ok := r.Text()
		r.out.string(text)
		return ok
	}
	start := r.at
	for c := r.peek(); c != 0 && bytes.IndexByte([]byte(",]} \t\r\n"), c) < 0; c = r.peek() {
		r.at++
	}
	scalar := r.src[start:r.at]
	out.Write(scalar)
	return json.Valid(scalar)
}
