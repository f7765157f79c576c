package sources

import (
	"strconv"

	"go.yaml.in/yaml/v3"
)

// The nodes of both YAML and JSON files are YAML's. These helpers take nil, so
// that a missing member needs no check of its own.

// get walks members by name; nil when one is missing or null.
func get(n *yaml.Node, names ...string) *yaml.Node {
	for _, name := range names {
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		var next *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				next = n.Content[i+1]
			}
		}
		n = next
	}
	if isNull(n) {
		return nil
	}
	return n
}

func has(n *yaml.Node, name string) bool {
	if n == nil || n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return true
		}
	}
	return false
}

func isNull(n *yaml.Node) bool {
	return n == nil || n.Kind == 0 || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// text is a scalar's text; "" for anything else.
func text(n *yaml.Node) string {
	if isNull(n) || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// items are a list's items.
func items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// list is a list's items, or the value itself as the only one.
func list(n *yaml.Node) []*yaml.Node {
	switch {
	case isNull(n):
		return nil
	case n.Kind == yaml.SequenceNode:
		return n.Content
	}
	return []*yaml.Node{n}
}

func texts(n *yaml.Node) []string {
	var out []string
	for _, item := range list(n) {
		if s := text(item); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func isTrue(n *yaml.Node) bool { return n != nil && n.Kind == yaml.ScalarNode && n.Value == "true" }

func number(n *yaml.Node) int {
	i, err := strconv.Atoi(text(n))
	if err != nil {
		return 0
	}
	return i
}

// pointer is a text, or nil when there is none.
func pointer(n *yaml.Node) *string {
	if isNull(n) || n.Kind != yaml.ScalarNode {
		return nil
	}
	return &n.Value
}

// textMap reads an object of texts.
func textMap(n *yaml.Node) map[string]string {
	if n == nil || n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		return nil
	}
	out := map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if v := n.Content[i+1]; v.Kind == yaml.ScalarNode && !isNull(v) {
			out[n.Content[i].Value] = v.Value
		}
	}
	return out
}

// tagList reads a list of {Key, Value}.
func tagList(n *yaml.Node) map[string]string {
	out := map[string]string{}
	for _, t := range items(n) {
		if key := text(get(t, "Key")); key != "" {
			out[key] = text(get(t, "Value"))
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func textNode(s string, at *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Line: at.Line, Column: at.Column}
}
