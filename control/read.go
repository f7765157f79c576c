package control

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// ReadQuery reads the query parameters of a call into a pointer to the
// endpoint's Query. A parameter that the endpoint does not have is refused, and
// so is one that is written twice: what a caller wrote is never ignored.
func ReadQuery(e Endpoint, raw string, into any) error {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return fmt.Errorf("query string: %w", err)
	}
	known := parameters(e.Query)
	for _, name := range sortedKeys(values) {
		switch {
		case !slices.Contains(known, name):
			return fmt.Errorf("unknown query parameter %q; %s", name, takes(e, known))
		case len(values[name]) > 1:
			return fmt.Errorf("the query parameter %s is written %d times; write it once", name, len(values[name]))
		}
	}
	if e.Query == nil {
		return nil
	}
	v := reflect.ValueOf(into).Elem()
	for i, name := range known {
		text := values.Get(name)
		if text == "" {
			if !optional(v.Type().Field(i)) {
				return fmt.Errorf("the query parameter %s is missing; write %s?%s=…", name, e.Path, name)
			}
			if values.Has(name) {
				return fmt.Errorf("the query parameter %s is empty; write a value, or leave it out", name)
			}
			continue
		}
		switch field := v.Field(i); field.Kind() {
		case reflect.Int:
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				return fmt.Errorf("%s: %q is not a number above 0", name, text)
			}
			field.SetInt(int64(n))
		default:
			field.SetString(text)
		}
	}
	return nil
}

// takes says which parameters an endpoint has.
func takes(e Endpoint, known []string) string {
	switch len(known) {
	case 0:
		return e.String() + " takes none"
	case 1:
		return e.String() + " takes " + known[0] + " only"
	}
	return e.String() + " takes " + strings.Join(known[:len(known)-1], ", ") + " and " + known[len(known)-1]
}

// parameters lists the names in a query struct, in the order of its fields.
func parameters(query any) []string {
	if query == nil {
		return nil
	}
	var names []string
	for f := range reflect.TypeOf(query).Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

func optional(f reflect.StructField) bool { return strings.Contains(f.Tag.Get("json"), ",omit") }

func sortedKeys(v url.Values) []string {
	keys := make([]string, 0, len(v))
	for k := range v {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// queryOf is a query struct as a query string with its question mark; empty
// when no parameter is set.
func queryOf(query any) string {
	v := reflect.ValueOf(query)
	values := url.Values{}
	for i, name := range parameters(query) {
		if f := v.Field(i); !f.IsZero() {
			values.Set(name, fmt.Sprint(f.Interface()))
		}
	}
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}

// ReadBody reads a request body into a pointer to the endpoint's Body. It is
// JSON; no body at all is {}. Members that the endpoint does not have, members
// written twice and values of another type are refused, all of them at once.
func ReadBody(e Endpoint, body []byte, into any) error {
	body = bytes.TrimSpace(body)
	if e.Body == nil {
		if len(body) > 0 && string(body) != "{}" && string(body) != "null" {
			return fmt.Errorf("%s takes no request body", e)
		}
		return nil
	}
	if len(body) == 0 {
		body = []byte("{}")
	}
	node, err := strictyaml.ParseJSON("request body", body)
	if err != nil {
		return err
	}
	d := strictyaml.New("request body", body, nil)
	d.NameAll = true
	d.Decode(node, "", into)
	var mistakes strictyaml.Errors
	if err := d.Errors.Err(); errors.As(err, &mistakes) {
		return mistakes
	}
	return nil
}
