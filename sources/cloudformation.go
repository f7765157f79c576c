package sources

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// cloudFormation takes a template, in JSON or in YAML.
func (b *builder) cloudFormation(f *file, n *yaml.Node) {
	if !b.shaped(f, n, &templateShape) {
		return
	}
	c := &template{
		b: b, f: f, root: n, parameters: map[string]*yaml.Node{}, byID: map[string]*resource{},
		conditions: map[string]verdict{}, account: b.o.Account, region: b.o.Region, partition: aws.PartitionOf(b.o.Region),
	}
	if b.template == nil {
		at := f.at(n)
		b.template = &at
	}
	if m := get(n, "Transform"); m != nil {
		if macros := slices.DeleteFunc(texts(m), func(name string) bool { return name == languageExtensions }); len(macros) > 0 {
			b.note(f.at(m), "Transform", "macros are not run; what %s would add is not known", strings.Join(macros, ", "))
		}
	}
	b.partition = c.partition.ID
	c.readParameters()
	resources := c.unrolled(get(n, "Resources"))
	c.refusals(resources, []string{"Resources"})
	for i := 0; resources != nil && i+1 < len(resources.Content); i += 2 {
		r := &resource{id: resources.Content[i].Value, node: resources.Content[i+1]}
		b.resources[r.id] = c.at(r)
		r.kind, r.properties = text(get(r.node, "Type")), get(r.node, "Properties")
		switch c.condition(text(get(r.node, "Condition"))) {
		case no:
			continue
		case unknown:
			note := b.note
			if r.holdsPolicies() {
				note = b.unchecked
			}
			note(c.at(r), "Resources."+r.id, "left out: its condition %s depends on what is not known", text(get(r.node, "Condition")))
			continue
		}
		c.byID[r.id] = r
		c.resources = append(c.resources, r)
	}
	c.entities()
	b.commit()
}

// template is one CloudFormation template.
type template struct {
	b    *builder
	f    *file
	root *yaml.Node

	parameters map[string]*yaml.Node // values of those that are known
	resources  []*resource
	byID       map[string]*resource
	conditions map[string]verdict

	account, region string
	partition       aws.Partition
	assumed         bool // the account, which was noted

	problems []problem
	// placeholders stand for what cannot be resolved, in place of a problem.
	placeholders bool
	issuers      map[string]bool // clusters whose stand-in issuer was noted
	circular     bool            // the resource that was asked for last needs itself
	spent        int             // see spend
	asked        int             // conditions and values that are being resolved, each for the one before
}

// mostAsked bounds how many conditions and values are resolved each for the one before: what nests within each of
// them is bounded, and only a chain of them could use up the stack.
const mostAsked = 64

type resource struct {
	id, kind   string
	node       *yaml.Node
	properties *yaml.Node
	named      bool     // its stand-in name was noted
	resolving  []string // properties that are being resolved
}

// holdsPolicies says whether the resource has documents that lint checks.
func (r *resource) holdsPolicies() bool {
	return slices.ContainsFunc([]string{"AssumeRolePolicyDocument", "PolicyDocument", "Policies", "KeyPolicy", "ResourcePolicy"}, func(name string) bool { return has(r.properties, name) })
}

// problem is a value that cannot be resolved.
type problem struct {
	at   strictyaml.Position
	text string
}

func (c *template) at(r *resource) strictyaml.Position { return c.f.at(r.node) }

func (c *template) problem(n *yaml.Node, format string, args ...any) {
	c.problems = append(c.problems, problem{c.f.at(n), fmt.Sprintf(format, args...)})
}

// mostSpent bounds what the functions of one template may make, in values and in
// bytes: nested ones that use a variable four times make four times as much at
// each level, and the largest template that CloudFormation takes is a megabyte.
const mostSpent = 16 << 20

// spend counts what a function makes at n. False: it is too much.
func (c *template) spend(n *yaml.Node, bytes int) bool {
	before := c.spent
	if c.spent += 64 + bytes; c.spent <= mostSpent {
		return true
	}
	if before <= mostSpent {
		c.problem(n, "the template's functions make more than %d bytes; write values out", mostSpent)
	}
	return false
}

// function tells whether a node is an intrinsic function, in full or in short
// form, and with what argument.
func function(n *yaml.Node) (name string, argument *yaml.Node) {
	if n.Kind != 0 && strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		plain := *n
		plain.Tag = map[yaml.Kind]string{yaml.ScalarNode: "!!str", yaml.SequenceNode: "!!seq", yaml.MappingNode: "!!map"}[n.Kind]
		return n.Tag[1:], &plain
	}
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		return "", nil
	}
	switch key := n.Content[0].Value; {
	case key == "Ref":
		return "Ref", n.Content[1]
	case strings.HasPrefix(key, "Fn::"):
		return key[len("Fn::"):], n.Content[1]
	}
	return "", nil
}

// verdict is a condition's value.
type verdict int

const (
	yes verdict = iota + 1
	no
	unknown
)

func of(b bool) verdict {
	if b {
		return yes
	}
	return no
}

// condition evaluates a condition of the template by its name; no name is true. One that needs itself, which
// CloudFormation refuses, is not known.
func (c *template) condition(name string) verdict {
	if name == "" {
		return yes
	}
	if v := c.conditions[name]; v != 0 {
		return v
	}
	n := get(c.root, "Conditions", name)
	if n == nil || c.asked >= mostAsked {
		return unknown
	}
	c.conditions[name] = unknown
	before := c.problems
	c.asked++
	v := c.holds(n)
	c.asked--
	c.problems = before
	c.conditions[name] = v
	return v
}

func (c *template) holds(n *yaml.Node) verdict {
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Value == "Condition" {
		return c.condition(text(n.Content[1]))
	}
	name, argument := function(n)
	switch name {
	case "Condition":
		return c.condition(text(argument))
	case "Equals":
		sides := items(argument)
		if len(sides) != 2 {
			return unknown
		}
		a, aok := c.value(sides[0])
		b, bok := c.value(sides[1])
		if !aok || !bok {
			return unknown
		}
		return of(text(a) == text(b))
	case "Not":
		if len(items(argument)) != 1 {
			return unknown
		}
		switch c.holds(items(argument)[0]) {
		case yes:
			return no
		case no:
			return yes
		}
		return unknown
	case "And", "Or":
		decides, otherwise := no, yes
		if name == "Or" {
			decides, otherwise = yes, no
		}
		for _, part := range items(argument) {
			switch v := c.holds(part); v {
			case decides:
				return decides
			case unknown:
				otherwise = unknown
			}
		}
		return otherwise
	}
	return unknown
}
