package statefile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// MarshalJSON gives the state with its head, as a document that [Parse] takes.
func (s State) MarshalJSON() ([]byte, error) {
	type fields State // without this method
	return json.Marshal(struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		fields
	}{APIVersion, Kind, fields(s)})
}

// Marshal gives the state as a YAML document that [Parse] takes. Keys of own
// issuers and values of secrets are in it.
func Marshal(s State) ([]byte, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("state as JSON: %w", err)
	}
	// Our own reader of JSON keeps the order of members.
	nodes, err := strictyaml.Parse("state", text)
	if err != nil {
		return nil, fmt.Errorf("state as YAML: %w", err)
	}
	blockStyle(nodes[0])
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(nodes[0]); err != nil {
		return nil, fmt.Errorf("state as YAML: %w", err)
	}
	return out.Bytes(), e.Close()
}

func blockStyle(n *yaml.Node) {
	n.Style = 0
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && strings.Contains(n.Value, "\n") {
		n.Style = yaml.LiteralStyle
	}
	for _, c := range n.Content {
		blockStyle(c)
	}
}
