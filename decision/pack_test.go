package decision

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"
)

// Every field of every type that a decision is made of comes back, whatever is
// added to them later; what cannot be packed fails here.
func TestPackedDecisionSaysTheSame(t *testing.T) {
	for _, filled := range []bool{false, true} {
		t.Run(fmt.Sprint("filled ", filled), func(t *testing.T) {
			want := new(Decision)
			if filled {
				n := 0
				fill(t, reflect.ValueOf(want).Elem(), &n)
			}
			l := NewLog(1)
			l.Add(want)
			got, ok := l.Get(want.RequestID)
			if !ok {
				t.Fatal("it is not found by its request")
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("it went in as\n%s\nand came out as\n%s", text(t, want), text(t, got))
			}
		})
	}
}

// fill sets every exported field to a value that no other has.
func fill(t *testing.T, v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(-*n << 20))
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Slice: // one that is empty is not one that is nil
		v.Set(reflect.MakeSlice(v.Type(), *n%4, *n%4))
		for i := range v.Len() {
			fill(t, v.Index(i), n)
		}
	case reflect.Map:
		switch m := v.Addr().Interface().(type) {
		case *map[string]string:
			*m = map[string]string{"": "empty", "key": "value"}
		case *map[string]any:
			*m = map[string]any{"n": json.Number("12345678901234567890.5"), "list": []any{true, nil, "x"}, "object": map[string]any{"a": "\x00é"}}
		default:
			t.Fatalf("a %s is not filled here", v.Type())
		}
	case reflect.Struct:
		if at, ok := v.Addr().Interface().(*time.Time); ok {
			*at = time.Date(2026, 11, 28, 9, 30, *n%60, *n, time.UTC)
			return
		}
		for i := range v.NumField() {
			if field := v.Field(i); field.CanSet() {
				fill(t, field, n)
			}
		}
	default:
		t.Fatalf("a %s cannot be packed", v.Type())
	}
}

func text(t *testing.T, d *Decision) string {
	t.Helper()
	out, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
