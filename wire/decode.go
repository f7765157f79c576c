package wire

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// DecodeQuery reads form into the struct that into points to, by the tags that
// plan describes. Parameters that the struct does not name are ignored, as on
// AWS. What breaks a constraint is collected and reported at once, as a
// ValidationError in AWS's words and style; what is not even of the right type
// is a MalformedInput. Fields may be string, bool, integer, a pointer to one of
// those (nil when absent), a struct, or a slice of strings or structs, which
// comes as X.member.1, X.member.2, …: nil when absent, empty for "X=".
func DecodeQuery(form url.Values, into any, style Style) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("wire: DecodeQuery into %T", into))
	}
	d := &queryDecoder{form: form, tree: grow(form), found: violations{style: style}}
	if err := d.structure(v.Elem(), d.root, ""); err != nil {
		return err
	}
	return d.found.err()
}

type queryDecoder struct {
	form  url.Values
	tree  map[string]*node // of the names with dots
	found violations
}

// node is a parameter, or what several parameters have as prefix.
type node struct {
	value    *string
	children map[string]*node
}

// maxDepth is more than any member of the served APIs is nested.
const maxDepth = 12

// grow makes a tree of the names that have dots: most calls have none.
func grow(form url.Values) map[string]*node {
	var root node
	for name, values := range form {
		dots := strings.Count(name, ".")
		if len(values) == 0 || dots == 0 || dots > maxDepth {
			continue
		}
		n := &root
		for part := range strings.SplitSeq(name, ".") {
			child := n.children[part]
			if child == nil {
				child = &node{}
				if n.children == nil {
					n.children = map[string]*node{}
				}
				n.children[part] = child
			}
			n = child
		}
		n.value = &values[0]
	}
	return root.children
}

// root finds a parameter of the call itself.
func (d *queryDecoder) root(name string) (n node, ok bool) {
	if long, found := d.tree[name]; found {
		n, ok = *long, true
	}
	if values := d.form[name]; len(values) > 0 {
		n.value, ok = &values[0], true
	}
	return n, ok
}

// inside finds a member of a structure.
func (n node) inside(name string) (child node, ok bool) {
	if found, ok := n.children[name]; ok {
		return *found, true
	}
	return node{}, false
}

// structure fills a struct from the parameters that find gives; at is the path of
// violations, with its final dot.
func (d *queryDecoder) structure(v reflect.Value, find func(name string) (node, bool), at string) error {
	list := members(v)
	for i := range list {
		m := &list[i]
		child, ok := find(m.name)
		if !ok {
			if m.rule.required {
				d.found.missing(at + m.lower)
			}
			continue
		}
		if err := d.member(v.FieldByIndex(m.index), child, m, at+m.lower); err != nil {
			return err
		}
	}
	return nil
}

func (d *queryDecoder) member(v reflect.Value, n node, m *member, at string) error {
	t := v.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Slice:
		return d.list(v, n, m, at)
	case reflect.Struct:
		if v.Kind() == reflect.Pointer {
			v.Set(reflect.New(t))
			v = v.Elem()
		}
		return d.structure(v, n.inside, at+".")
	}
	if n.value == nil { // only longer names: not this member
		if m.rule.required {
			d.found.missing(at)
		}
		return nil
	}
	return d.scalar(v, *n.value, &m.rule, at)
}

func (d *queryDecoder) scalar(v reflect.Value, text string, r *rule, at string) error {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
		d.found.text(at, text, r)
	case reflect.Bool:
		b, err := parseBool(text)
		if err != nil {
			return malformedInput(at, err)
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int32, reflect.Int64:
		// Recorded: +900 and 0900 are numbers; 900.0, 9e2, blanks and what
		// overflows are MalformedInput. AWS's integers have 32 bits.
		bits := 32
		if v.Kind() == reflect.Int64 {
			bits = 64
		}
		i, err := strconv.ParseInt(text, 10, bits)
		if err != nil {
			return malformedInput(at, err)
		}
		v.SetInt(i)
		d.found.number(at, i, r)
	default:
		panic(fmt.Sprintf("wire: DecodeQuery cannot fill a %s", v.Type()))
	}
	return nil
}

// list fills a slice from X.member.N. N need not be consecutive; the members
// come in the order of N, and violations count them from 1. "X=" is an empty
// list, which botocore sends.
func (d *queryDecoder) list(v reflect.Value, n node, m *member, at string) error {
	type numbered struct {
		n    int
		node *node
	}
	var items []numbered
	if members := n.children["member"]; members != nil {
		for name, child := range members.children {
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 {
				// Dropped, it would be a tag or a client id less than was sent.
				return malformedInput(at+".member."+name, fmt.Errorf("%q is not a number: members of a list are numbered from 1", name))
			}
			items = append(items, numbered{i, child})
		}
	}
	if len(items) == 0 && n.value == nil {
		if m.rule.required {
			d.found.missing(at)
		}
		return nil
	}
	slices.SortFunc(items, func(a, b numbered) int { return a.n - b.n })
	slice := reflect.MakeSlice(v.Type(), len(items), len(items))
	v.Set(slice)
	if v.Type().Elem().Kind() == reflect.Struct {
		for i, item := range items {
			if err := d.structure(slice.Index(i), item.node.inside, at+"."+strconv.Itoa(i+1)+".member."); err != nil {
				return err
			}
		}
		d.found.size(at, len(items), func() string { return listText(slice) }, &m.rule)
		return nil
	}
	texts := make([]string, 0, len(items))
	for i, item := range items {
		text := ""
		if item.node.value != nil {
			text = *item.node.value
		}
		texts = append(texts, text)
		slice.Index(i).SetString(text)
	}
	d.found.size(at, len(items), func() string { return "[" + strings.Join(texts, ", ") + "]" }, &m.rule)
	d.found.strings(at, texts, &m.each)
	return nil
}

func parseBool(text string) (bool, error) {
	switch {
	case strings.EqualFold(text, "true"):
		return true, nil
	case strings.EqualFold(text, "false"):
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", text)
}

// malformedInput refuses a value that is not of its member's type. The code is
// recorded, the message is not: AWS gives none that was written down.
func malformedInput(at string, reason error) *Error {
	err := Errorf(http.StatusBadRequest, "MalformedInput", "Invalid value for the member %s.", at)
	err.Reason = reason.Error()
	return err
}

// listText is a list of structs as a violation prints it; the elements' own
// String says how.
func listText(list reflect.Value) string {
	texts := make([]string, 0, list.Len())
	for i := range list.Len() {
		texts = append(texts, fmt.Sprint(list.Index(i).Interface()))
	}
	return "[" + strings.Join(texts, ", ") + "]"
}
