package sources

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Refused is what CloudFormation refuses a whole template for.
type Refused struct {
	strictyaml.Position
	// Address names the resource.
	Address string
	// Message is CloudFormation's, Why and Fix what it does not say.
	Message, Why, Fix string
}

// What people write to have an issuer in a condition key, which both are refused,
// with CloudFormation's words: amazon-eks-pod-identity-webhook 30 and
// cloudformation-coverage-roadmap 1090.
const (
	textFunctionAsKey = "map keys must be strings; received a map instead"
	textSubOfNoText   = "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string."
	fixKey            = "write a text as the key"
	fixSub            = "write Fn::Sub where the text stands, not around an object"
	fixConditionKey   = `write the policy as JSON text, in which ${…} may stand anywhere: AssumeRolePolicyDocument: !Sub '{"Version": "2012-10-17", "Statement": [… "Condition": {"StringEquals": {"${Issuer}:sub": "…"}}]}'`
)

// functionAsKey says whether a key of a map is no text.
func functionAsKey(key *yaml.Node) bool {
	return key.Kind != yaml.ScalarNode || strings.HasPrefix(key.Tag, "!") && !strings.HasPrefix(key.Tag, "!!")
}

// subOfNoText says whether a node is an Fn::Sub of something else than a text.
func subOfNoText(n *yaml.Node) bool {
	name, argument := function(n)
	if name != "Sub" {
		return false
	}
	parts := items(argument)
	return argument.Kind == yaml.MappingNode || argument.Kind == yaml.SequenceNode && (len(parts) != 2 || parts[0].Kind != yaml.ScalarNode)
}

// refusals finds what CloudFormation refuses the template for, below a node.
func (c *template) refusals(n *yaml.Node, path []string) {
	if n == nil || len(path) > 100 {
		return
	}
	if subOfNoText(n) {
		c.refuse(n, path, textSubOfNoText, "Fn::Sub takes a text", fixSub)
	}
	for i, child := range n.Content {
		switch {
		case n.Kind == yaml.MappingNode && i%2 == 0:
			if functionAsKey(child) {
				c.refuse(child, path, "Template format error: [/"+strings.Join(path, "/")+"] "+textFunctionAsKey, "a function cannot be a key", fixKey)
			}
		case n.Kind == yaml.MappingNode:
			c.refusals(child, append(slices.Clone(path), n.Content[i-1].Value))
		case n.Kind == yaml.SequenceNode:
			c.refusals(child, append(slices.Clone(path), strconv.Itoa(i)))
		}
	}
}

func (c *template) refuse(n *yaml.Node, path []string, message, why, fix string) {
	at := c.f.at(n)
	if slices.Contains(path, "Condition") {
		fix = fixConditionKey
	}
	c.b.found.Refused = append(c.b.found.Refused, Refused{at, strings.Join(path[:min(len(path), 2)], "."), message,
		"CloudFormation refuses the template: " + why, fix})
}
