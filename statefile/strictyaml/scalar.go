package strictyaml

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

func (d *Decoder) refuseAlias(n *yaml.Node, path string) {
	d.errorIn(n, path, "anchors and aliases are not taken; write the value out")
}

// Text is the value of a node that must be text.
func (d *Decoder) Text(n *yaml.Node, path string) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		d.wrongType(n, path, "text")
		return "", false
	}
	switch tag := n.ShortTag(); tag {
	case "!!str", "!!timestamp":
		return n.Value, true
	case "!!null":
		d.errorIn(n, path, "no value; write text, or leave the field out")
	default:
		d.errorIn(n, path, "%s where text is wanted; write it in quotes: %q", Describe(n), n.Value)
	}
	return "", false
}

func (d *Decoder) wrongType(n *yaml.Node, path, want string) {
	d.errorIn(n, path, "%s where %s is wanted", Describe(n), want)
}

// WrongType records that the node is not what is wanted, such as "a list".
func (d *Decoder) WrongType(n *yaml.Node, path, want string) { d.wrongType(n, path, want) }

// Describe says what a node is: "a list", "the number 3".
func Describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!null":
		return "no value"
	case "!!bool":
		return "the truth value " + n.Value
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!str":
		return "the text " + strconv.Quote(clip(n.Value))
	}
	return clip(n.Value)
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:37]) + "..."
	}
	return s
}

func (d *Decoder) time(n *yaml.Node, path string, into *time.Time) {
	if n.Kind == yaml.ScalarNode {
		if t, err := time.Parse(time.RFC3339, n.Value); err == nil {
			*into = t
			return
		}
	}
	d.wrongType(n, path, "a time as 2026-01-31T12:00:00Z")
}

func (d *Decoder) base64(n *yaml.Node, path string, into *[]byte) {
	text, ok := d.Text(n, path)
	if !ok {
		return
	}
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		d.errorIn(n, path, "not base64: %v; write the standard alphabet with padding", err)
		return
	}
	*into = b
}

// any decodes whatever is written as encoding/json would, numbers as [json.Number].
func (d *Decoder) any(n *yaml.Node, path string, into *any) {
	text, _ := d.JSON(n, path)
	if text == nil {
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil { // JSON makes valid text
		d.errorIn(n, path, "%v", err)
	}
}
