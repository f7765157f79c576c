// Package strictyaml decodes YAML and JSON documents into Go structs and
// reports everything that is wrong with them at once, each mistake with its
// line and column and what to write instead.
//
// Fields are named by their json tags. A field without omitempty or omitzero
// must be written. Fields that do not exist, duplicate keys and values of
// another type are mistakes; a number where text is wanted too, since YAML
// would otherwise drop a leading zero of an account id. Anchors and aliases
// are refused: a document says what it means where it is read.
//
// It is no general YAML library: it decodes what structs, slices, maps with
// string keys, strings, integers, booleans, RFC 3339 times, base64 bytes and
// [Value] types can hold.
package strictyaml

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/spelling"
)

// ReadFile reads what a document names as {file: PATH}. The path is joined
// with the folder of the document.
type ReadFile func(path string) ([]byte, error)

// Value is a type that decodes itself, recording mistakes in d. Path names the
// value in messages and in [Decoder.Place].
type Value interface {
	DecodeYAML(d *Decoder, n *yaml.Node, path string)
}

// Placed is a struct that remembers where it was written.
type Placed interface{ WrittenAt(p Position) }

// tell tells a struct where it was written, if it wants to know.
func tell(v reflect.Value, at func() Position) {
	if placed, ok := v.Addr().Interface().(Placed); ok {
		placed.WrittenAt(at())
	}
}

// Decoder decodes the nodes of one file and collects their mistakes.
type Decoder struct {
	File string
	// Read is nil where documents may not name files.
	Read ReadFile
	// NameAll lists every known field where one is unknown, not only the nearest.
	NameAll bool
	Errors  Errors

	src     []byte
	places  map[string]*yaml.Node
	origins map[string]*Origin
}

// New is a decoder for nodes of that file, whose text is src.
func New(file string, src []byte, read ReadFile) *Decoder {
	return &Decoder{File: file, Read: read, src: src, places: map[string]*yaml.Node{}, origins: map[string]*Origin{}}
}

// At is the place of a node.
func (d *Decoder) At(n *yaml.Node) Position { return Position{d.File, n.Line, n.Column} }

// Place is where the value of that path was written, or the nearest one around it.
func (d *Decoder) Place(path string) Position {
	for {
		if n, ok := d.places[path]; ok {
			return d.At(n)
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			if n, ok := d.places[""]; ok {
				return d.At(n)
			}
			return Position{d.File, 1, 1}
		}
		path = path[:i]
	}
}

// Mark remembers the place of a path.
func (d *Decoder) Mark(path string, n *yaml.Node) { d.places[path] = n }

// Errorf records a mistake at a node.
func (d *Decoder) Errorf(n *yaml.Node, format string, args ...any) {
	d.ErrorAt(d.At(n), format, args...)
}

// ErrorAt records a mistake at a place.
func (d *Decoder) ErrorAt(p Position, format string, args ...any) {
	d.Errors = append(d.Errors, &Error{Position: p, Message: fmt.Sprintf(format, args...)})
}

// PathErrorf records a mistake at the value of a path.
func (d *Decoder) PathErrorf(path, format string, args ...any) {
	d.Errors = append(d.Errors, &Error{Position: d.Place(path), Path: path, Message: fmt.Sprintf(format, args...)})
}

// CausedBy records a mistake in the value of a path, at a place in it, that an
// error tells of.
func (d *Decoder) CausedBy(cause error, path string, at Position, message string) {
	d.Errors = append(d.Errors, &Error{Position: at, Path: path, Message: message, Cause: cause})
}

// errorIn records a mistake at a node of the value of a path.
func (d *Decoder) errorIn(n *yaml.Node, path, format string, args ...any) {
	d.Errors = append(d.Errors, &Error{Position: d.At(n), Path: path, Message: fmt.Sprintf(format, args...)})
}

// Join is the path of a member.
func Join(path, name string) string {
	if name == "" || strings.ContainsAny(name, ".[] \"") {
		return path + "[" + strconv.Quote(name) + "]"
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// Index is the path of an item.
func Index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

type member struct {
	name       string
	key, value *yaml.Node
}

// members lists a mapping's members once each.
func (d *Decoder) members(n *yaml.Node, path string, ok *bool) []member {
	seen := make(map[string]int, len(n.Content)/2)
	list := make([]member, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode:
			d.errorIn(key, path, "key that is not text; write a name")
			*ok = false
			continue
		case key.ShortTag() == "!!merge":
			d.errorIn(key, path, "merge keys (<<) are not taken; write the fields out")
			*ok = false
			continue
		}
		if line, twice := seen[key.Value]; twice {
			d.errorIn(key, path, "duplicate key %q, first written on line %d; keep one of them", key.Value, line)
			*ok = false
			continue
		}
		seen[key.Value] = key.Line
		list = append(list, member{key.Value, key, n.Content[i+1]})
	}
	return list
}

// Decode decodes a node into a pointer.
func (d *Decoder) Decode(n *yaml.Node, path string, into any) {
	d.value(n, path, reflect.ValueOf(into).Elem(), 0)
}

func (d *Decoder) value(n *yaml.Node, path string, v reflect.Value, depth int) {
	d.Mark(path, n)
	if depth > maxDepth {
		d.Errorf(n, "%s is nested deeper than %d levels", path, maxDepth)
		return
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		d.refuseAlias(n, path)
		return
	}
	if v.CanAddr() {
		if custom, ok := v.Addr().Interface().(Value); ok {
			custom.DecodeYAML(d, n, path)
			return
		}
	}
	switch target := v.Addr().Interface().(type) {
	case *time.Time:
		d.time(n, path, target)
		return
	case *[]byte:
		d.base64(n, path, target)
		return
	case *json.RawMessage:
		*target, _ = d.JSON(n, path)
		return
	case *any:
		d.any(n, path, target)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if n.ShortTag() == "!!null" {
			d.errorIn(n, path, "no value; write one, or leave the field out")
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, path, v.Elem(), depth+1)
	case reflect.Struct:
		d.structure(n, path, v, depth)
	case reflect.Map:
		d.mapping(n, path, v, depth)
	case reflect.Slice:
		d.list(n, path, v, depth)
	case reflect.String:
		if text, ok := d.Text(n, path); ok {
			v.SetString(text)
		}
	case reflect.Bool:
		var b bool
		if n.ShortTag() != "!!bool" || n.Decode(&b) != nil {
			d.wrongType(n, path, "true or false")
			return
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int32, reflect.Int64:
		var i int64
		if n.ShortTag() != "!!int" || n.Decode(&i) != nil || v.OverflowInt(i) {
			d.wrongType(n, path, "an integer")
			return
		}
		v.SetInt(i)
	default:
		panic(fmt.Sprintf("strictyaml: %s has type %s, which no document can hold", path, v.Type()))
	}
}

func (d *Decoder) mapping(n *yaml.Node, path string, v reflect.Value, depth int) {
	if n.ShortTag() == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, path, "a mapping")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	ok := true
	for _, m := range d.members(n, path, &ok) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(m.value, Join(path, m.name), item, depth+1)
		v.SetMapIndex(reflect.ValueOf(m.name).Convert(v.Type().Key()), item)
	}
}

func (d *Decoder) list(n *yaml.Node, path string, v reflect.Value, depth int) {
	if n.ShortTag() == "!!null" {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.wrongType(n, path, "a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.value(item, Index(path, i), v.Index(i), depth+1)
	}
}

type field struct {
	name     string
	index    []int
	required bool
}

// fieldLists is reflect.Type -> []field: a memo of what the program's types say.
var fieldLists sync.Map

// fieldsOf lists a struct's fields, those of embedded structs among them.
func fieldsOf(t reflect.Type) []field {
	if known, ok := fieldLists.Load(t); ok {
		return known.([]field)
	}
	var fields []field
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous && f.Tag.Get("json") == "" || !f.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || name == "" {
			continue
		}
		fields = append(fields, field{name, f.Index, !strings.Contains(options, "omit")})
	}
	fieldLists.Store(t, fields)
	return fields
}

// FieldNames are the names of a struct's fields in documents.
func FieldNames(t reflect.Type) []string {
	var names []string
	for _, f := range fieldsOf(t) {
		names = append(names, f.name)
	}
	return names
}

// Open is a struct that has more fields than its type: OpenField is a pointer to
// what one is decoded into, nil for a name that it does not have.
type Open interface {
	OpenFields() []string
	OpenField(name string) any
}

// openField finds a field that a struct has beyond those of its type.
func openField(v reflect.Value, name string) (reflect.Value, bool) {
	open, ok := v.Addr().Interface().(Open)
	if !ok {
		return reflect.Value{}, false
	}
	into := open.OpenField(name)
	if into == nil {
		return reflect.Value{}, false
	}
	return reflect.ValueOf(into).Elem(), true
}

func (d *Decoder) structure(n *yaml.Node, path string, v reflect.Value, depth int) {
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, path, "a mapping")
		return
	}
	tell(v, func() Position { return d.At(n) })
	fields := fieldsOf(v.Type())
	ok := true
	written := map[string]bool{}
	for _, m := range d.members(n, path, &ok) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == m.name })
		if i < 0 {
			if into, open := openField(v, m.name); open {
				d.value(m.value, Join(path, m.name), into, depth+1)
				continue
			}
			known := FieldNames(v.Type())
			if open, is := v.Addr().Interface().(Open); is {
				known = append(known, open.OpenFields()...)
			}
			d.errorIn(m.key, path, "unknown field %q; %s", m.name, d.instead(m.name, known))
			// What was probably meant is not missing as well.
			written[spelling.Near(m.name, known)] = true
			continue
		}
		written[m.name] = true
		d.value(m.value, Join(path, m.name), v.FieldByIndex(fields[i].index), depth+1)
	}
	for _, f := range fields {
		if f.required && !written[f.name] {
			d.errorIn(n, path, "the field %s is missing; write it", f.name)
		}
	}
}

// instead words the advice for an unknown field.
func (d *Decoder) instead(name string, known []string) string {
	advice := Instead(name, known)
	if d.NameAll && spelling.Near(name, known) != "" {
		advice += "; the known ones are: " + strings.Join(known, ", ")
	}
	return advice
}

// FileOf reads the file that a node {file: PATH} names. Named is whether the
// node has that form; a file that cannot be read is recorded as a mistake.
func (d *Decoder) FileOf(n *yaml.Node, path string) (name string, data []byte, named bool) {
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 || n.Content[0].Value != "file" {
		return "", nil, false
	}
	node := n.Content[1]
	name, ok := d.Text(node, Join(path, "file"))
	if !ok {
		return "", nil, true
	}
	if d.Read == nil {
		d.errorIn(node, path, "a file cannot be named here; write its content inline")
		return "", nil, true
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(d.File), name)
	}
	data, err := d.Read(name)
	if err != nil {
		d.errorIn(node, path, "%v; the path is relative to the folder of this document", err)
		return "", nil, true
	}
	return name, data, true
}

// Written reports whether a value of that path was written.
func (d *Decoder) Written(path string) bool {
	_, ok := d.places[path]
	return ok
}
