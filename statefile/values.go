package statefile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unique"

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

// Document is an IAM policy document: inline, or {file: PATH}. The same texts are
// in memory once, with those of the entities that are made of them.
type Document struct {
	text unique.Handle[string] // the zero one is no text
	// File, Line and Column say where it was written, for messages; an export has none.
	File         string
	Line, Column int
	// valid is what the loader found the text to be.
	valid use
}

// use is what a policy is written for.
type use uint8

const (
	asTrust use = iota + 1
	asInline
)

// NewDocument is a policy whose text comes from elsewhere than a file.
func NewDocument(text string) Document {
	if text == "" {
		return Document{}
	}
	return Document{text: unique.Make(text)}
}

// NewValidTrust is [NewDocument] of a role's trust policy that is in force.
func NewValidTrust(text string) Document {
	d := NewDocument(text)
	d.valid = asTrust
	return d
}

// NewValidInline is [NewDocument] of an inline policy that is in force.
func NewValidInline(text string) Document {
	d := NewDocument(text)
	d.valid = asInline
	return d
}

// At is the document as it was written at a place.
func (d Document) At(p strictyaml.Position) Document {
	d.File, d.Line, d.Column = p.File, p.Line, p.Column
	return d
}

// Written is where it was written.
func (d Document) Written() Written {
	return Written{strictyaml.Position{File: d.File, Line: d.Line, Column: d.Column}}
}

// Text is the policy as JSON: a file's as it is, an inline one's with its members
// in the order in which they were written; "" where none was written.
func (d Document) Text() string {
	if d.IsZero() {
		return ""
	}
	return d.text.Value()
}

// Equal reports whether two documents have one text, written at one place.
func (d Document) Equal(other Document) bool {
	return d.text == other.text && d.File == other.File && d.Line == other.Line && d.Column == other.Column
}

// IsZero reports whether no policy was written.
func (d Document) IsZero() bool { return d.text == unique.Handle[string]{} }

// ValidTrust reports whether the loader has found it a valid trust policy of
// principals that exist.
func (d Document) ValidTrust() bool { return d.valid == asTrust }

// ValidInline reports whether the loader has found it a valid inline policy.
func (d Document) ValidInline() bool { return d.valid == asInline }

// MarshalJSON gives the policy itself.
func (d Document) MarshalJSON() ([]byte, error) { return marshalRaw([]byte(d.Text())) }

// UnmarshalJSON keeps the policy as it is written.
func (d *Document) UnmarshalJSON(b []byte) error {
	*d = NewDocument(string(b))
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
	*p = NewDocument(string(raw)).At(at)
}

// DecodeDirect takes text.
func (t *Text) DecodeDirect(r *strictyaml.DirectReader) bool {
	s, ok := r.Text()
	*t = Text(s)
	return ok
}

// DecodeDirect takes an object or a list that names no file.
func (j *JSON) DecodeDirect(r *strictyaml.DirectReader) bool {
	raw, ok := r.JSON()
	*j = bytes.Clone(raw)
	return ok && !namesFile(raw)
}

// DecodeDirect takes an object that names no file.
func (p *Document) DecodeDirect(r *strictyaml.DirectReader) bool {
	line, column := r.Place()
	raw, ok := r.JSON()
	*p = NewDocument(string(raw)).At(strictyaml.Position{File: r.File, Line: line, Column: column})
	return ok && !namesFile(raw)
}

// namesFile is whether a value may be {file: PATH}.
func namesFile(raw []byte) bool { return bytes.HasPrefix(raw, []byte(`{"file":`)) }
