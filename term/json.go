package term

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
)

// JSON says of an error of encoding/json what is wrong with the text: where a value is of another kind than is
// wanted, its place in the document ("userIdentity.arn: a number where text is wanted"). Go's own words name the
// program's types.
func JSON(err error) error {
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind):
		text := jsonKind(kind.Value) + " where " + wantedKind(kind.Type) + " is wanted"
		if kind.Field != "" {
			text = kind.Field + ": " + text
		}
		return errors.New(text)
	case err == io.EOF:
		return errors.New("it is empty")
	case err == io.ErrUnexpectedEOF:
		return errors.New("it ends too early")
	}
	return err
}

// jsonKind is what Go calls a value of JSON, "array" or "number 1.5", in the words of the other messages.
func jsonKind(value string) string {
	switch value {
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "string":
		return "text"
	case "bool":
		return "a truth value"
	case "number":
		return "a number"
	}
	return "the " + value
}

func wantedKind(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "base64"
		}
		return "a list"
	case reflect.Bool:
		return "a truth value"
	case reflect.String:
		return "text"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number"
}
