package wire

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Tree is an action's input or result as maps, lists and values, for records of
// the call: string, bool, int64, float64, time.Time, []any and map[string]any. Names have
// their first letter in lower case, as CloudTrail writes them. Members that are
// absent are left out, as are those whose tag says secret. In an input, what is
// zero is absent.
func Tree(v any, input bool) any {
	if v == nil {
		return nil
	}
	return treeOf(reflect.ValueOf(v), input)
}

func treeOf(v reflect.Value, input bool) any {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	switch t := v.Interface().(type) {
	case time.Time:
		return t
	case Time:
		return t.Time
	case TimeMillis:
		return t.Time
	case json.Number:
		if n, err := t.Int64(); err == nil {
			return n
		}
		return t
	case encoding.TextMarshaler:
		text, err := t.MarshalText()
		if err != nil {
			return fmt.Sprintf("(%v)", err)
		}
		return string(text)
	}
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Float32, reflect.Float64:
		return v.Float()
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = treeOf(v.Index(i), input)
		}
		return list
	case reflect.Map:
		tree := make(map[string]any, v.Len())
		for _, key := range v.MapKeys() {
			tree[key.String()] = treeOf(v.MapIndex(key), input)
		}
		return tree
	case reflect.Struct:
		return treeOfStruct(v, input)
	}
	panic(fmt.Sprintf("wire: a tree of a %s", v.Type()))
}

func treeOfStruct(v reflect.Value, input bool) map[string]any {
	tree := map[string]any{}
	list := members(v)
	for i := range list {
		m := &list[i]
		field := v.FieldByIndex(m.index)
		if m.secret || omitted(field, m) || field.IsZero() && (input || omitsZero(v.Type(), m)) || isNilList(field) {
			continue
		}
		tree[lowerFirst(m.jsonName(v.Type()))] = treeOf(field, input)
	}
	return tree
}

// omitsZero is whether the json tag leaves the member out when it is zero.
func omitsZero(t reflect.Type, m *member) bool {
	return strings.Contains(t.FieldByIndex(m.index).Tag.Get("json"), ",omit")
}

// isNilList tells a list that is absent from one that is empty.
func isNilList(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Interface:
		return v.IsNil()
	}
	return false
}
