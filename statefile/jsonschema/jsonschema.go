// Package jsonschema makes JSON Schemas of the structs that documents are read
// into: https://json-schema.org/draft/2020-12. It knows what those structs need and
// no more. A type whose documents are not what its fields say has a method
// JSONSchema() *Schema, or JSONSchemaExtend(*Schema), which adds to what they say.
package jsonschema

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Version is the dialect, which stands in the root of a schema.
const Version = "https://json-schema.org/draft/2020-12/schema"

// Schema is a JSON Schema. The zero one lets everything through.
type Schema struct {
	Version              string             `json:"$schema,omitempty"`
	Ref                  string             `json:"$ref,omitempty"`
	Definitions          map[string]*Schema `json:"$defs,omitempty"`
	AnyOf                []*Schema          `json:"anyOf,omitempty"`
	OneOf                []*Schema          `json:"oneOf,omitempty"`
	Items                *Schema            `json:"items,omitempty"`
	Properties           Properties         `json:"properties,omitzero"`
	AdditionalProperties *Schema            `json:"additionalProperties,omitempty"`
	Type                 string             `json:"type,omitempty"`
	Enum                 []string           `json:"enum,omitempty"`
	Maximum              json.Number        `json:"maximum,omitempty"`
	Minimum              json.Number        `json:"minimum,omitempty"`
	Pattern              string             `json:"pattern,omitempty"`
	MinItems             json.Number        `json:"minItems,omitempty"`
	Required             []string           `json:"required,omitempty"`
	Format               string             `json:"format,omitempty"`
	ContentEncoding      string             `json:"contentEncoding,omitempty"`
	Title                string             `json:"title,omitempty"`
	Description          string             `json:"description,omitempty"`
	Examples             []string           `json:"examples,omitempty"`

	never bool
}

// Never lets nothing through.
var Never = &Schema{never: true}

// MarshalJSON writes what lets everything or nothing through as true and false.
func (s *Schema) MarshalJSON() ([]byte, error) {
	if s.never {
		return []byte("false"), nil
	}
	type plain Schema
	text, err := json.Marshal((*plain)(s))
	if bytes.Equal(text, []byte("{}")) {
		return []byte("true"), err
	}
	return text, err
}

// Properties are an object's members in the order of the struct's fields.
type Properties []Property

// Property is one member.
type Property struct {
	Name   string
	Schema *Schema
}

// Get gives the schema of a member; nil: there is none.
func (p Properties) Get(name string) *Schema {
	if i := p.index(name); i >= 0 {
		return p[i].Schema
	}
	return nil
}

// Set adds a member or replaces it.
func (p *Properties) Set(name string, s *Schema) {
	if i := p.index(name); i >= 0 {
		(*p)[i].Schema = s
		return
	}
	*p = append(*p, Property{name, s})
}

func (p Properties) index(name string) int {
	return slices.IndexFunc(p, func(x Property) bool { return x.Name == name })
}

// MarshalJSON writes an object.
func (p Properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, x := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(x.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(x.Schema)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
