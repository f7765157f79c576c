package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"

	"github.com/irsa-emu/irsa-emu/term"
)

// DecodeJSON reads the body of an awsJson or REST-JSON call into the struct that
// into points to, by its json tags, and checks the constraints of its wire tags
// as DecodeQuery does; members' names in violations come from the json tag. A
// body that is no JSON object is a SerializationException. Members that the
// struct does not name are ignored. An empty body is an empty object.
func DecodeJSON(body []byte, into any) error {
	if len(bytes.TrimSpace(body)) > 0 {
		if err := unmarshal(body, into); err != nil {
			return err
		}
	}
	found := violations{style: EchoValues}
	checkStruct(&found, reflect.ValueOf(into).Elem(), "")
	if text := found.String(); text != "" {
		return Errorf(http.StatusBadRequest, "ValidationException", "%s", text)
	}
	return nil
}

func unmarshal(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	err := decoder.Decode(into)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more than one JSON value")
		}
	}
	if err != nil {
		refusal := Errorf(http.StatusBadRequest, "SerializationException", "")
		refusal.Reason = term.JSON(err).Error()
		return refusal
	}
	return nil
}

// checkStruct checks what is there. A member is absent when its pointer or its
// slice is nil; a member that is neither is absent when it is zero.
func checkStruct(found *violations, v reflect.Value, at string) {
	list := members(v)
	for i := range list {
		m := &list[i]
		field := v.FieldByIndex(m.index)
		path := at + lowerFirst(m.jsonName(v.Type()))
		if field.IsZero() {
			if m.rule.required {
				found.missing(path)
			}
			continue
		}
		if field.Kind() == reflect.Pointer {
			field = field.Elem()
		}
		checkValue(found, field, m, path)
	}
}

func checkValue(found *violations, v reflect.Value, m *member, at string) {
	switch v.Kind() {
	case reflect.String:
		found.text(at, v.String(), &m.rule)
	case reflect.Int, reflect.Int32, reflect.Int64:
		found.number(at, v.Int(), &m.rule)
	case reflect.Map:
		found.size(at, v.Len(), func() string { return "{" + strconv.Itoa(v.Len()) + " entries}" }, &m.rule)
	case reflect.Struct:
		if !isLeaf(v.Type()) {
			checkStruct(found, v, at+".")
		}
	case reflect.Slice:
		checkSlice(found, v, m, at)
	}
}

func checkSlice(found *violations, v reflect.Value, m *member, at string) {
	value := func() string { return "[" + strconv.Itoa(v.Len()) + " members]" }
	found.size(at, v.Len(), value, &m.rule)
	switch v.Type().Elem().Kind() {
	case reflect.String:
		texts := make([]string, v.Len())
		for i := range texts {
			texts[i] = v.Index(i).String()
		}
		found.strings(at, texts, &m.each)
	case reflect.Struct:
		for i := range v.Len() {
			checkStruct(found, v.Index(i), at+"."+strconv.Itoa(i+1)+".member.")
		}
	}
}
