package jsonschema_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	_ "github.com/irsa-emu/irsa-emu/golden" // the flag -update
	"github.com/irsa-emu/irsa-emu/statefile/jsonschema"
)

type tree struct {
	Name     string            `json:"name" jsonschema:"pattern=^a{1\\,2}$" jsonschema_description:"Short."`
	Kind     string            `json:"kind,omitempty" jsonschema:"enum=oak,enum=elm"`
	Age      int               `json:"age,omitzero" jsonschema:"minimum=1,maximum=9"`
	Planted  time.Time         `json:"planted"`
	Seed     []byte            `json:"seed,omitempty"`
	Marks    map[string]string `json:"marks,omitempty"`
	Anything json.RawMessage   `json:"anything,omitempty"`
	Branches []tree            `json:"branches,omitempty" jsonschema:"minItems=1"`
	Leaf     *leaf             `json:"leaf,omitempty"`
	base
	hidden bool
	Left   string `json:"-"`
}

type base struct {
	Alive bool `json:"alive"`
}

type leaf string

func (leaf) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Format: "leaf"}
}

func (tree) JSONSchemaExtend(s *jsonschema.Schema) {
	s.Properties.Set("fruit", &jsonschema.Schema{Type: "boolean"})
}

func TestOf(t *testing.T) {
	_ = tree{hidden: true}.hidden
	got, err := json.MarshalIndent(jsonschema.Of(reflect.TypeFor[*struct {
		Tree tree `json:"tree"`
	}]()), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
 "$schema": "https://json-schema.org/draft/2020-12/schema",
 "$defs": {
  "leaf": {
   "type": "string",
   "format": "leaf"
  },
  "tree": {
   "properties": {
    "name": {
     "type": "string",
     "pattern": "^a{1,2}$",
     "description": "Short."
    },
    "kind": {
     "type": "string",
     "enum": [
      "oak",
      "elm"
     ]
    },
    "age": {
     "type": "integer",
     "maximum": 9,
     "minimum": 1
    },
    "planted": {
     "type": "string",
     "format": "date-time"
    },
    "seed": {
     "type": "string",
     "contentEncoding": "base64"
    },
    "marks": {
     "additionalProperties": {
      "type": "string"
     },
     "type": "object"
    },
    "anything": true,
    "branches": {
     "items": {
      "$ref": "#/$defs/tree"
     },
     "type": "array",
     "minItems": 1
    },
    "leaf": {
     "$ref": "#/$defs/leaf"
    },
    "alive": {
     "type": "boolean"
    },
    "fruit": {
     "type": "boolean"
    }
   },
   "additionalProperties": false,
   "type": "object",
   "required": [
    "name",
    "planted",
    "alive"
   ]
  }
 },
 "properties": {
  "tree": {
   "$ref": "#/$defs/tree"
  }
 },
 "additionalProperties": false,
 "type": "object",
 "required": [
  "tree"
 ]
}`
	if string(got) != want {
		t.Errorf("got %s", got)
	}
}

// A tag that says nothing is a mistake of the struct's.
func TestUnknownKeyword(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("accepted")
		}
	}()
	jsonschema.Inline(reflect.TypeFor[struct {
		A string `json:"a" jsonschema:"patern=x"`
	}]())
}
