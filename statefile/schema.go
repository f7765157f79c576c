package statefile

import (
	"reflect"

	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/statefile/jsonschema"
)

// Schema is the JSON Schema of State documents.
func Schema() *jsonschema.Schema {
	s := jsonschema.Of(reflect.TypeFor[document]())
	s.Title = "irsa-emu State"
	s.Description = "The clusters, issuers and AWS accounts that an emulator starts with."
	return s
}

// fileRef is the schema of {file: PATH}.
func fileRef() *jsonschema.Schema {
	return &jsonschema.Schema{
		Type: "object", Required: []string{"file"}, AdditionalProperties: jsonschema.Never,
		Properties: jsonschema.Properties{{Name: "file", Schema: &jsonschema.Schema{Type: "string", Description: "Path, relative to this document."}}},
	}
}

// JSONSchema is text or {file: PATH}.
func (Text) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, fileRef()}}
}

// JSONSchema is any JSON, or {file: PATH}, which is JSON too.
func (JSON) JSONSchema() *jsonschema.Schema { return &jsonschema.Schema{} }

// JSONSchema is an IAM policy or {file: PATH}.
func (Document) JSONSchema() *jsonschema.Schema {
	policy := &jsonschema.Schema{
		Type: "object", Required: []string{"Statement"}, AdditionalProperties: jsonschema.Never,
		Properties: jsonschema.Properties{
			{Name: "Version", Schema: &jsonschema.Schema{Type: "string", Enum: []string{policy.Version2012, policy.Version2008}}},
			{Name: "Id", Schema: &jsonschema.Schema{Type: "string"}},
			{Name: "Statement", Schema: &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "object"}, {Type: "array", Items: &jsonschema.Schema{Type: "object"}}}}},
		},
	}
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{policy, fileRef(), {Type: "string", Description: "The policy as JSON text."}}}
}

// JSONSchema is a State without its head, or {file: PATH}.
func (Given) JSONSchema() *jsonschema.Schema {
	state := jsonschema.Of(reflect.TypeFor[State]())
	// What it refers to is among the definitions of the root.
	state.Version, state.Definitions = "", nil
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{fileRef(), state}}
}
