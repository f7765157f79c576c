package statefile

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Text is a string that a document may also take from a file: {file: PATH}.
type Text string

// JSON is a JSON value, inline as YAML or JSON, or {file: PATH}. It is kept
// as text; nil means that it was not written.
type JSON []byte

// IsZero reports whether no value was written.
func (j JSON) IsZero() bool { return len(j) == 0 }

// MarshalJSON gives the value itself.
func (j JSON) MarshalJSON() ([]byte, error) { return marshalRaw(j) }

// UnmarshalJSON keeps the value as it is written.
func (j *JSON) UnmarshalJSON(b []byte) error {
	*j = bytes.Clone(b)
	return nil
}

// Document is an IAM policy document: inline, or {file: PATH}.
type Document struct {
	// Raw is the policy as JSON text: a file's as it is, an inline one's with
	// its members in the order in which they were written.
	Raw []byte
	// File, Line and Column say where it was written, for messages; an export has none.
	File         string
	Line, Column int
}

// NewDocument is a policy whose text comes from elsewhere than a file.
func NewDocument(text string) Document { return Document{Raw: []byte(text)} }

// IsZero reports whether no policy was written.
func (d Document) IsZero() bool { return len(d.Raw) == 0 }

// MarshalJSON gives the policy itself.
func (d Document) MarshalJSON() ([]byte, error) { return marshalRaw(d.Raw) }

// UnmarshalJSON keeps the policy as it is written.
func (d *Document) UnmarshalJSON(b []byte) error {
	*d = Document{Raw: bytes.Clone(b)}
	return nil
}

func marshalRaw(raw []byte) ([]byte, error) {
	if len(raw) == 0 {
		return []byte("null"), nil
	}
	if !json.Valid(raw) {
		return nil, fmt.Errorf("not JSON: %.60q", raw)
	}
	return raw, nil
}

// DecodeYAML takes text or {file: PATH}.
func (t *Text) DecodeYAML(d *strictyaml.Decoder, n *yaml.Node, path string) {
	if s, ok := d.TextOrFile(n, path); ok {
		*t = Text(s)
	}
}

// DecodeYAML takes any value or {file: PATH}.
func (j *JSON) DecodeYAML(d *strictyaml.Decoder, n *yaml.Node, path string) {
	*j, _ = d.JSONOrFile(n, path, true)
}

// DecodeYAML takes a policy or {file: PATH}.
func (p *Document) DecodeYAML(d *strictyaml.Decoder, n *yaml.Node, path string) {
	raw, at := d.JSONOrFile(n, path, false)
	*p = Document{Raw: bytes.Clone(raw), File: at.File, Line: at.Line, Column: at.Column}
}

// DecodeDirect takes text.
func (t *Text) DecodeDirect(r *strictyaml.DirectReader) bool {
	s, ok := r.Text()
	*t = Text(s)
	return ok
}

// DecodeDirect takes an object or a list that names no file.
func (j *JSON) DecodeDirect(r *strictyaml.DirectReader) (ok bool) {
	*j, ok = r.JSON()
	return ok && !namesFile(*j)
}

// DecodeDirect takes an object that names no file.
func (p *Document) DecodeDirect(r *strictyaml.DirectReader) bool {
	line, column := r.Place()
	raw, ok := r.JSON()
	*p = Document{Raw: raw, File: r.File, Line: line, Column: column}
	return ok && !namesFile(raw)
}

// namesFile is whether a value may be {file: PATH}.
func namesFile(raw []byte) bool { return bytes.HasPrefix(raw, []byte(`{"file":`)) }
