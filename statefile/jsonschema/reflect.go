package jsonschema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

type described interface{ JSONSchema() *Schema }

type extended interface{ JSONSchemaExtend(*Schema) }

// Of is the schema of a document that is read into a struct of type t: its members
// at the root, where an editor finds them, and the types within as definitions.
//
// A member has the name of its json tag and is required unless it may be left out
// (omitempty, omitzero). Its tag jsonschema_description is what the schema says of
// it, and its tag jsonschema has keywords: "enum=a,enum=b", "pattern=…" with \, for
// a comma, "minimum=1,maximum=2", "minItems=1".
func Of(t reflect.Type) *Schema {
	r := reflector{definitions: map[string]*Schema{}}
	root := r.of(t)
	if own := r.definitions[t.Name()]; own != nil {
		root = own
		delete(r.definitions, t.Name())
	}
	root.Version, root.Definitions = Version, r.definitions
	return root
}

// Inline is a schema without definitions, which refers to nothing.
func Inline(t reflect.Type) *Schema { return (&reflector{}).of(t) }

type reflector struct {
	definitions map[string]*Schema // by the types' names; nil makes none
}

// of is the schema of a value of type t: a reference where t is a definition.
func (r *reflector) of(t reflect.Type) *Schema {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if ref := r.reference(t); ref != nil {
		return ref
	}
	s := new(Schema)
	switch value := reflect.New(t).Interface().(type) {
	case described:
		*s = *value.JSONSchema()
		r.define(t, s)
	case *time.Time:
		s.Type, s.Format = "string", "date-time"
	case *json.RawMessage:
	default:
		r.fill(t, s)
		if more, ok := value.(extended); ok {
			more.JSONSchemaExtend(s)
		}
	}
	if ref := r.reference(t); ref != nil {
		return ref
	}
	return s
}

func (r *reflector) reference(t reflect.Type) *Schema {
	if _, ok := r.definitions[t.Name()]; !ok {
		return nil
	}
	return &Schema{Ref: "#/$defs/" + t.Name()}
}

// define comes before what a type holds is looked at, which may be the type again.
func (r *reflector) define(t reflect.Type, s *Schema) {
	if r.definitions != nil && t.Name() != "" {
		r.definitions[t.Name()] = s
	}
}

func (r *reflector) fill(t reflect.Type, s *Schema) {
	switch t.Kind() {
	case reflect.Struct:
		r.define(t, s)
		s.Type, s.Properties, s.AdditionalProperties = "object", Properties{}, Never
		r.members(t, s)
	case reflect.Slice:
		r.define(t, s)
		if t.Elem().Kind() == reflect.Uint8 {
			s.Type, s.ContentEncoding = "string", "base64"
			return
		}
		s.Type, s.Items = "array", r.of(t.Elem())
	case reflect.Map:
		r.define(t, s)
		s.Type = "object"
		if t.Elem().Kind() != reflect.Interface {
			s.AdditionalProperties = r.of(t.Elem())
		}
	case reflect.Int, reflect.Int32, reflect.Int64:
		s.Type = "integer"
	case reflect.Bool:
		s.Type = "boolean"
	case reflect.String:
		s.Type = "string"
	case reflect.Interface:
	default:
		panic(fmt.Sprintf("jsonschema: a %s", t))
	}
}

func (r *reflector) members(t reflect.Type, s *Schema) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Anonymous && name == "" {
			r.members(field.Type, s)
			continue
		}
		if name == "-" || !field.IsExported() {
			continue
		}
		if name == "" {
			name = field.Name
		}
		member := r.of(field.Type)
		member.Description = field.Tag.Get("jsonschema_description")
		member.keywords(field.Tag.Get("jsonschema"))
		s.Properties.Set(name, member)
		if flags := strings.Split(options, ","); !slices.Contains(flags, "omitempty") && !slices.Contains(flags, "omitzero") {
			s.Required = append(s.Required, name)
		}
	}
}

// keywords are those of a tag.
func (s *Schema) keywords(tag string) {
	const comma = "\x00"
	for word := range strings.SplitSeq(strings.ReplaceAll(tag, `\,`, comma), ",") {
		name, value, _ := strings.Cut(strings.ReplaceAll(word, comma, ","), "=")
		switch name {
		case "":
		case "enum":
			s.Enum = append(s.Enum, value)
		case "pattern":
			s.Pattern = value
		case "minimum":
			s.Minimum = json.Number(value)
		case "maximum":
			s.Maximum = json.Number(value)
		case "minItems":
			s.MinItems = json.Number(value)
		default:
			panic(fmt.Sprintf("jsonschema: the tag %q: there is no keyword %q here", tag, name))
		}
	}
}
