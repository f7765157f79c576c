package harness

import (
	"reflect"

	"github.com/irsa-emu/irsa-emu/harness/clients"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/jsonschema"
)

// Schema is the JSON Schema of scenario and State files: a document is one or
// the other, by its kind.
func Schema() *jsonschema.Schema {
	state, scenario := statefile.Schema(), scenarioSchema()
	definitions := map[string]*jsonschema.Schema{}
	for _, s := range []*jsonschema.Schema{state, scenario} {
		for name, definition := range s.Definitions {
			definitions[name] = definition
		}
		s.Definitions, s.Version = nil, ""
	}
	return &jsonschema.Schema{
		Version: jsonschema.Version, Title: "irsa-emu", Description: "Scenario and State documents of irsa-emu.",
		OneOf: []*jsonschema.Schema{scenario, state}, Definitions: definitions,
	}
}

// scenarioSchema is the JSON Schema of scenarios alone.
func scenarioSchema() *jsonschema.Schema {
	s := jsonschema.Of(reflect.TypeFor[Scenario]())
	s.Title = "irsa-emu Scenario"
	s.Description = "One story about service accounts, tokens, roles and what they may do."
	// What is expected depends on the action, which reflection does not see.
	step := jsonschema.Of(reflect.TypeFor[stepFields]())
	for _, part := range []*jsonschema.Schema{step, statefile.Schema()} {
		for name, definition := range part.Definitions {
			s.Definitions[name] = definition
		}
	}
	expects := map[string]any{
		"assume": AssumeExpect{}, "call": CallExpect{}, "run": CommandExpect{}, "pod": PodExpect{},
	}
	var alternatives []*jsonschema.Schema
	for _, name := range actionNames() {
		var properties jsonschema.Properties
		for _, field := range []string{"name", name} {
			properties.Set(field, step.Properties.Get(field))
		}
		if expect, ok := expects[name]; ok {
			x := jsonschema.Of(reflect.TypeOf(expect))
			for n, definition := range x.Definitions {
				s.Definitions[n] = definition
			}
			x.Definitions, x.Version = nil, ""
			properties.Set("expect", x)
		}
		alternatives = append(alternatives, &jsonschema.Schema{
			Type: "object", Properties: properties, Required: []string{"name", name}, AdditionalProperties: jsonschema.Never,
		})
	}
	s.Definitions["Step"] = &jsonschema.Schema{OneOf: alternatives}
	return s
}

// JSONSchemaExtend lists the services.
func (Call) JSONSchemaExtend(schema *jsonschema.Schema) {
	schema.Properties.Get("service").Enum = clients.Services()
}

// JSONSchema is one text or a list.
func (Strings) JSONSchema() *jsonschema.Schema {
	text := &jsonschema.Schema{Type: "string"}
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{text, {Type: "array", Items: text}}}
}

// JSONSchema is text, or a mapping with what is compared.
func (Match) JSONSchema() *jsonschema.Schema {
	type fields Match // without this method
	m := jsonschema.Of(reflect.TypeFor[fields]())
	m.Version, m.Definitions = "", nil
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, m}}
}
