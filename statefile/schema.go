package statefile

import "github.com/invopop/jsonschema"

// Schema is the JSON Schema of State documents.
func Schema() *jsonschema.Schema {
	s := Reflector().Reflect(&document{})
	s.Title = "irsa-emu State"
	s.Description = "The clusters, issuers and AWS accounts that an emulator starts with."
	return s
}

// Reflector makes schemas of documents that hold this package's types.
func Reflector() *jsonschema.Reflector {
	return &jsonschema.Reflector{
		// Inline, so that an editor finds the fields at the root.
		ExpandedStruct: true,
		Anonymous:      true, // no $id, which references would be relative to
	}
}

// FileRef is the schema of {file: PATH}.
func FileRef() *jsonschema.Schema {
	properties := jsonschema.NewProperties()
	properties.Set("file", &jsonschema.Schema{Type: "string", Description: "Path, relative to this document."})
	return &jsonschema.Schema{
		Type: "object", Properties: properties, Required: []string{"file"}, AdditionalProperties: jsonschema.FalseSchema,
	}
}

// JSONSchema is text or {file: PATH}.
func (Text) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, FileRef()}}
}

// JSONSchema is any JSON, or {file: PATH}, which is JSON too.
func (JSON) JSONSchema() *jsonschema.Schema { return &jsonschema.Schema{} }

// JSONSchema is an IAM policy or {file: PATH}.
func (Document) JSONSchema() *jsonschema.Schema {
	properties := jsonschema.NewProperties()
	properties.Set("Version", &jsonschema.Schema{Type: "string", Enum: []any{"2012-10-17", "2008-10-17"}})
	properties.Set("Id", &jsonschema.Schema{Type: "string"})
	properties.Set("Statement", &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "object"}, {Type: "array", Items: &jsonschema.Schema{Type: "object"}}}})
	policy := &jsonschema.Schema{
		Type: "object", Properties: properties, Required: []string{"Statement"}, AdditionalProperties: jsonschema.FalseSchema,
	}
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{policy, FileRef(), {Type: "string", Description: "The policy as JSON text."}}}
}

// JSONSchema is a State without its head, or {file: PATH}.
func (Given) JSONSchema() *jsonschema.Schema {
	state := Reflector().Reflect(&State{})
	// What it refers to is among the definitions of the root.
	state.Version, state.ID, state.Definitions = "", "", nil
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{FileRef(), state}}
}
