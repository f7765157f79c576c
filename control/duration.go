package control

import (
	"encoding/json"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/statefile/jsonschema"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Duration reads and writes as Go writes durations: "90s", "2h", "1h30m".
type Duration time.Duration

// MarshalJSON writes the duration as a string.
func (x Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(x).String()) }

// UnmarshalJSON reads a string such as "250ms".
func (x *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("a duration is a string such as \"250ms\" or \"2h\", not %s", b)
	}
	v, err := time.ParseDuration(s)
	*x = Duration(v)
	return err
}

// DecodeYAML reads text such as 2h.
func (x *Duration) DecodeYAML(d *strictyaml.Decoder, n *yaml.Node, path string) {
	text, ok := d.Text(n, path)
	if !ok {
		return
	}
	v, err := time.ParseDuration(text)
	if err != nil {
		d.Errorf(n, "%s: %q is not a duration; write a number and a unit, such as 90s or 2h", path, text)
	}
	*x = Duration(v)
}

// JSONSchema is text such as 2h.
func (Duration) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^-?(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$`, Examples: []string{"90s", "2h"}}
}
