package decision

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
)

// pack appends all that a value says. Bytes have no pointers: a log of a thousand
// decisions would otherwise be half of what each garbage collection looks at, and
// would keep what their texts were cut out of. The value must be addressable; its
// fields are packed in their order, those that are not exported are left out, and
// what a package may add to a type needs nothing here.
func pack(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	case reflect.Int, reflect.Int64:
		return binary.AppendVarint(b, v.Int())
	case reflect.String:
		return packText(b, v.String())
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, 0)
		}
		return pack(append(b, 1), v.Elem())
	case reflect.Slice:
		if v.IsNil() {
			return append(b, 0)
		}
		b = binary.AppendUvarint(b, uint64(v.Len())+1)
		for i := range v.Len() {
			b = pack(b, v.Index(i))
		}
		return b
	case reflect.Map:
		return packMap(b, v)
	case reflect.Struct:
		if t, ok := v.Addr().Interface().(*time.Time); ok {
			b = binary.AppendVarint(b, t.Unix())
			return binary.AppendUvarint(b, uint64(t.Nanosecond()))
		}
		for i := range v.NumField() {
			if field := v.Field(i); field.CanSet() {
				b = pack(b, field)
			}
		}
		return b
	}
	panic("decision: a " + v.Type().String() + " cannot be packed")
}

func packText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// packMap packs claims and tags, which few decisions have, as JSON: claims are of
// any type, numbers among them json.Number.
func packMap(b []byte, v reflect.Value) []byte {
	if v.IsNil() {
		return append(b, 0)
	}
	text, err := json.Marshal(v.Interface())
	must(err) // claims were JSON
	return packText(append(b, 1), string(text))
}

// unpacker reads what pack made. The texts are parts of one string.
type unpacker struct {
	text string
	rest *strings.Reader // of text
}

func unpack(text string, into reflect.Value) {
	u := unpacker{text, strings.NewReader(text)}
	u.read(into)
}

// read fills a value that is zero.
func (u *unpacker) read(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(u.uint() != 0)
	case reflect.Int, reflect.Int64:
		v.SetInt(u.int())
	case reflect.String:
		v.SetString(u.string())
	case reflect.Pointer:
		if u.uint() != 0 {
			v.Set(reflect.New(v.Type().Elem()))
			u.read(v.Elem())
		}
	case reflect.Slice:
		if n := int(u.uint()); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n-1))
			for i := range n - 1 {
				u.read(v.Index(i))
			}
		}
	case reflect.Map:
		if u.uint() != 0 {
			u.readMap(v)
		}
	case reflect.Struct:
		if t, ok := v.Addr().Interface().(*time.Time); ok {
			seconds := u.int()
			*t = time.Unix(seconds, int64(u.uint())).UTC()
			return
		}
		for i := range v.NumField() {
			if field := v.Field(i); field.CanSet() {
				u.read(field)
			}
		}
	}
}

func (u *unpacker) readMap(v reflect.Value) {
	decoder := json.NewDecoder(strings.NewReader(u.string()))
	decoder.UseNumber()
	must(decoder.Decode(v.Addr().Interface()))
}

func (u *unpacker) string() string {
	n := int(u.uint())
	at := len(u.text) - u.rest.Len()
	_, err := u.rest.Seek(int64(n), io.SeekCurrent)
	must(err)
	return u.text[at : at+n]
}

func (u *unpacker) int() int64 {
	n, err := binary.ReadVarint(u.rest)
	must(err)
	return n
}

func (u *unpacker) uint() uint64 {
	n, err := binary.ReadUvarint(u.rest)
	must(err)
	return n
}

// must is for what pack has written a moment ago in the same program.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("decision: packed wrongly: %v", err))
	}
}
