package policy

import (
	"slices"
	"strings"
)

// ContextKeys lists the condition keys that the document tests or uses as
// variables, each once and as first written, sorted: what IAM answers to
// GetContextKeysForCustomPolicy.
func (d *Document) ContextKeys() []string {
	seen := map[string]bool{}
	var keys []string
	add := func(key string) {
		if lower := strings.ToLower(key); !seen[lower] {
			seen[lower] = true
			keys = append(keys, key)
		}
	}
	addVariables := func(text string) {
		for _, p := range splitTemplate(text) {
			if p.variable != nil {
				add(p.variable.name)
			}
		}
	}
	for i := range d.Statements {
		s := &d.Statements[i]
		for j := range s.Conditions {
			c := &s.Conditions[j]
			add(c.Key)
			if d.Version == Version2012 && c.op.test != nil && c.op.test.variables {
				for _, v := range c.Values {
					addVariables(v)
				}
			}
		}
		if d.Version == Version2012 {
			for _, r := range s.Resources.Values {
				addVariables(r)
			}
		}
	}
	slices.Sort(keys)
	return keys
}
