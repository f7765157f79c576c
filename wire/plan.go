package wire

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A plan is what a struct type's tags say, worked out once per type.
//
// The tag is `wire:"…"`, a comma-separated list of:
//
//	name=X       the member's name on the wire, if it is not the field's
//	required     the member must be there
//	min=N,max=N  length of a string or a list, value of a number
//	enum=A|B     the values that a string may have
//	pattern=P    a name of the table in pattern.go, or else the rest of the tag
//	each.…       min, max, pattern, enum or required of a list's strings
//	omitempty    an answer leaves the member out when it is zero or empty
//	secret       violations and [Tree] do not say the value
//	-            not on the wire
//
// The members of embedded structs count as the struct's own.
type plan struct {
	members []member
}

type member struct {
	index     []int // for reflect.Value.FieldByIndex
	name      string
	lower     string // as violations print it: the first letter in lower case
	typ       reflect.Type
	rule      rule
	each      rule
	omitEmpty bool
	secret    bool
}

// rule is the constraint of one value.
type rule struct {
	required bool
	min, max *int64
	pattern  *pattern
	enum     []string
	secret   bool
}

// plans is reflect.Type -> *plan: a memo of what the program's types say, never
// of anything that a request says.
var plans sync.Map

// planOf is the plan of a struct type. A tag that cannot be read is a mistake
// of the program and panics.
func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := &plan{}
	p.add(t, nil)
	actual, _ := plans.LoadOrStore(t, p)
	return actual.(*plan)
}

func (p *plan) add(t reflect.Type, at []int) {
	for i := range t.NumField() {
		field := t.Field(i)
		index := append(append([]int(nil), at...), i)
		tag := field.Tag.Get("wire")
		if field.Anonymous && tag == "" && field.Type.Kind() == reflect.Struct && !isLeaf(field.Type) {
			p.add(field.Type, index)
			continue
		}
		if !field.IsExported() || tag == "-" {
			continue
		}
		m := member{index: index, name: field.Name, typ: field.Type}
		if err := m.read(tag); err != nil {
			panic(fmt.Sprintf("wire: tag of %s.%s: %v", t, field.Name, err))
		}
		m.lower = lowerFirst(m.name)
		p.members = append(p.members, m)
	}
}

// isLeaf says whether a struct is written as one value: a time, an ARN.
func isLeaf(t reflect.Type) bool { return t.Implements(textMarshaler) }

func (m *member) read(tag string) error {
	for tag != "" {
		var item string
		item, tag, _ = strings.Cut(tag, ",")
		key, value, _ := strings.Cut(item, "=")
		r := &m.rule
		if rest, ok := strings.CutPrefix(key, "each."); ok {
			key, r = rest, &m.each
		}
		switch key {
		case "name":
			m.name = value
		case "omitempty":
			m.omitEmpty = true
		case "secret":
			m.secret, r.secret = true, true
		case "required":
			r.required = true
		case "enum":
			r.enum = strings.Split(value, "|")
		case "min", "max":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return err
			}
			if key == "min" {
				r.min = &n
			} else {
				r.max = &n
			}
		case "pattern":
			if _, named := patterns[value]; !named && tag != "" {
				value, tag = value+","+tag, ""
			}
			p, err := compilePattern(value)
			if err != nil {
				return err
			}
			r.pattern = p
		default:
			return fmt.Errorf("unknown item %q", item)
		}
	}
	return nil
}

// lowerFirst is a member's name as violations print it: Coral's, as in
// 'clientIDList' and 'sAMLAssertion'.
func lowerFirst(name string) string {
	r, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[size:]
}

// jsonName is the member's name in JSON: the json tag's, or else the wire name.
func (m *member) jsonName(t reflect.Type) string {
	name, _, _ := strings.Cut(t.FieldByIndex(m.index).Tag.Get("json"), ",")
	if name != "" {
		return name
	}
	return m.name
}

// members are those of a struct's plan.
func members(v reflect.Value) []member { return planOf(v.Type()).members }
