package strictyaml

import (
	"bytes"
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"
)

// TextOrFile is text, or the content of the file that {file: PATH} names.
func (d *Decoder) TextOrFile(n *yaml.Node, path string) (string, bool) {
	if _, data, named := d.FileOf(n, path); named {
		return string(data), data != nil
	}
	if n.Kind == yaml.MappingNode {
		d.wrongType(n, path, "text, or {file: PATH},")
		return "", false
	}
	return d.Text(n, path)
}

// JSONOrFile is a JSON value as text: written as YAML or JSON, as text that
// holds JSON, or in the file that {file: PATH} names. The place of any part of
// it is known to [Decoder.Within] afterwards, and to [Decoder.Place] if inner
// says so, which costs a path for each. It returns nil after a mistake.
func (d *Decoder) JSONOrFile(n *yaml.Node, path string, inner bool) (text []byte, at Position) {
	if name, data, named := d.FileOf(n, path); named {
		if data == nil {
			return nil, Position{}
		}
		if !json.Valid(data) {
			d.Errors = append(d.Errors, jsonError(name, data))
			return nil, Position{}
		}
		d.origins[path] = &Origin{start: Position{name, 1, 1}, direct: true}
		return data, Position{name, 1, 1}
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		return d.jsonInText(n, path)
	}
	text, origin := d.json(n, path, inner)
	if text != nil {
		d.origins[path] = origin
	}
	return text, d.At(n)
}

func (d *Decoder) jsonInText(n *yaml.Node, path string) ([]byte, Position) {
	origin := &Origin{start: d.At(n), indent: -1}
	if n.Style&yaml.LiteralStyle != 0 {
		origin.indent = d.indentOf(n.Line + 1)
	}
	text := []byte(n.Value)
	if !json.Valid(text) {
		e := jsonError(d.File, text)
		e.Position = origin.Position(text, e.Line, e.Column)
		e.Path = path
		d.Errors = append(d.Errors, e)
		return nil, Position{}
	}
	d.origins[path] = origin
	return text, origin.start
}

// indentOf counts the blanks at the start of a line of the file.
func (d *Decoder) indentOf(line int) int {
	rest := d.src
	for ; line > 1; line-- {
		_, after, found := bytes.Cut(rest, []byte("\n"))
		if !found {
			return 0
		}
		rest = after
	}
	text, _, _ := bytes.Cut(rest, []byte("\n"))
	return len(text) - len(strings.TrimLeft(string(text), " "))
}

// Within is where a part of the JSON value of that path was written.
func (d *Decoder) Within(path string, text []byte, line, column int) Position {
	if o, ok := d.origins[path]; ok {
		return o.Position(text, line, column)
	}
	return d.Place(path)
}
