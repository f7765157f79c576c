package sources

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/lazyregexp"
)

// languageExtensions is CloudFormation's own macro: its functions and loops are
// resolved here.
const languageExtensions = "AWS::LanguageExtensions"

const forEach = "Fn::ForEach::"

var identifiersOfLoops = lazyregexp.New(`^[A-Za-z0-9]+$`)

// unrolled are resources with what their loops make ("Fn::ForEach", CloudFormation
// User Guide): of "Fn::ForEach::NAME": [IDENTIFIER, COLLECTION, {KEY: TEMPLATE}] the
// template under its key for each value, in which ${IDENTIFIER}, &{IDENTIFIER} (of
// values without their other characters) and a Ref of it are the value.
func (c *template) unrolled(resources *yaml.Node) *yaml.Node {
	if resources == nil || resources.Kind != yaml.MappingNode {
		return resources
	}
	out := *resources
	out.Content = c.loops(resources, 0)
	return &out
}

func (c *template) loops(n *yaml.Node, depth int) []*yaml.Node {
	var out []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, body := n.Content[i], n.Content[i+1]
		if !strings.HasPrefix(key.Value, forEach) {
			out = append(out, key, body)
			continue
		}
		made, why := c.loop(body, depth)
		if why != "" {
			c.b.unchecked(c.f.at(key), "Resources."+key.Value, "%s; left out", why)
		}
		out = append(out, made...)
	}
	return out
}

// loop unrolls one loop; why says why it cannot be.
func (c *template) loop(body *yaml.Node, depth int) (made []*yaml.Node, why string) {
	const deepest = 5 // CloudFormation's limit of loops in loops
	parts := items(body)
	if len(parts) != 3 || !identifiersOfLoops.MatchString(text(parts[0])) || parts[2].Kind != yaml.MappingNode {
		return nil, "Fn::ForEach needs an identifier, a collection and an object"
	}
	if depth >= deepest {
		return nil, "loops are nested deeper than 5 levels, which CloudFormation refuses"
	}
	before := c.problems
	collection, ok := c.value(parts[1])
	if c.problems = before; !ok || collection == nil || collection.Kind != yaml.SequenceNode {
		return nil, "the collection of the loop is not known"
	}
	for _, value := range texts(collection) {
		bound := c.bind(parts[2], text(parts[0]), value)
		if bound == nil {
			return nil, "its loops make too much"
		}
		made = append(made, c.loops(bound, depth+1)...)
	}
	return made, ""
}

var notAlphanumeric = lazyregexp.New(`[^A-Za-z0-9]`)

// bind is a copy of a node with a loop's value in the place of its identifier.
func (c *template) bind(n *yaml.Node, identifier, value string) *yaml.Node {
	if !c.spend(n, 0) {
		return nil
	}
	if name, argument := function(n); name == "Ref" && text(argument) == identifier {
		return textNode(value, n)
	}
	out := *n
	if n.Kind == yaml.ScalarNode {
		out.Value = strings.NewReplacer("${"+identifier+"}", value, "&{"+identifier+"}", notAlphanumeric.ReplaceAllString(value, "")).Replace(n.Value)
		return &out
	}
	out.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		if out.Content[i] = c.bind(child, identifier, value); out.Content[i] == nil {
			return nil
		}
	}
	return &out
}
