package sources

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// value gives a node without intrinsic functions. Every part of it keeps the
// place of what it was made from. It is nil for AWS::NoValue. False: a part
// could not be resolved, and c.problems says which and why.
func (c *template) value(n *yaml.Node) (*yaml.Node, bool) {
	if c.asked >= mostAsked {
		c.problem(n, "more than %d values each of which needs the next one", mostAsked)
		return nil, false
	}
	c.asked++
	v, ok := c.resolve(n, 0)
	c.asked--
	return v, ok
}

func (c *template) resolve(n *yaml.Node, depth int) (*yaml.Node, bool) {
	if n == nil {
		return nil, true
	}
	if depth > 100 {
		c.problem(n, "nested deeper than 100 levels")
		return nil, false
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		c.problem(n, "anchors and aliases are not taken; write the value out")
		return nil, false
	}
	if name, argument := function(n); name != "" {
		if !c.spend(n, 0) {
			return nil, false
		}
		v, ok := c.call(n, name, argument, depth+1)
		if !ok && c.placeholders {
			return placeholder(n, name, argument), true
		}
		return v, ok && c.spend(n, len(text(v)))
	}
	if n.Kind == yaml.ScalarNode {
		if strings.Contains(n.Value, "{{resolve:") {
			c.problem(n, "a dynamic reference, %s, which only CloudFormation can read", n.Value)
			return nil, false
		}
		return n, true
	}
	out := *n
	out.Content = nil
	ok := true
	for i := 0; i < len(n.Content); i++ {
		if n.Kind == yaml.MappingNode {
			key := n.Content[i]
			i++
			if functionAsKey(key) { // see Found.Refused
				ok = false
				continue
			}
			v, known := c.resolve(n.Content[i], depth+1)
			if ok = ok && known; v != nil {
				out.Content = append(out.Content, key, v)
			}
			continue
		}
		v, known := c.resolve(n.Content[i], depth+1)
		if ok = ok && known; v != nil {
			out.Content = append(out.Content, v)
		}
	}
	return &out, ok
}

func (c *template) call(n *yaml.Node, name string, argument *yaml.Node, depth int) (*yaml.Node, bool) {
	switch name {
	case "Ref":
		return c.ref(n, text(argument))
	case "GetAtt":
		parts := texts(argument)
		if argument.Kind == yaml.ScalarNode {
			parts = strings.SplitN(argument.Value, ".", 2)
		}
		if len(parts) != 2 {
			return c.malformed(n, "Fn::GetAtt", "a resource and an attribute")
		}
		return c.attribute(n, parts[0], parts[1])
	case "Sub":
		return c.sub(n, argument, depth)
	case "Join":
		return c.join(n, argument, depth)
	case "Select":
		return c.selected(n, argument, depth)
	case "Split":
		args := items(argument)
		if len(args) != 2 {
			return c.malformed(n, "Fn::Split", "a delimiter and a text")
		}
		whole, ok := c.resolve(args[1], depth)
		if !ok {
			return nil, false
		}
		out := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: n.Line, Column: n.Column}
		for _, part := range strings.Split(text(whole), text(args[0])) {
			out.Content = append(out.Content, textNode(part, n))
		}
		return out, true
	case "If":
		args := items(argument)
		if len(args) != 3 {
			return c.malformed(n, "Fn::If", "a condition and two values")
		}
		switch c.condition(text(args[0])) {
		case yes:
			return c.resolve(args[1], depth)
		case no:
			return c.resolve(args[2], depth)
		}
		c.problem(n, "the condition %s depends on what is not known", text(args[0]))
		return nil, false
	case "FindInMap":
		return c.mapping(n, argument, depth)
	case "Base64", "ToJsonString", "Length":
		return c.converted(n, name, argument, depth)
	case "ImportValue":
		v, ok := c.resolve(argument, depth)
		if !ok || text(v) == "" {
			return nil, false
		}
		if given, ok := c.given(text(v)); ok {
			return textNode(given, n), true
		}
		c.problem(n, "an import from another stack, %s (--parameter %s=VALUE gives it)", text(v), text(v))
		return nil, false
	}
	c.problem(n, "the function %s is not evaluated", name)
	return nil, false
}

// converted is what the functions of one argument make of it.
func (c *template) converted(n *yaml.Node, name string, argument *yaml.Node, depth int) (*yaml.Node, bool) {
	v, ok := c.resolve(argument, depth)
	if !ok {
		return nil, false
	}
	switch name {
	case "Base64":
		return textNode(base64.StdEncoding.EncodeToString([]byte(text(v))), n), true
	case "Length":
		if v == nil || v.Kind != yaml.SequenceNode {
			return c.malformed(n, "Fn::Length", "a list")
		}
		return textNode(strconv.Itoa(len(v.Content)), n), true
	}
	d := strictyaml.New(c.f.name, c.f.src, nil)
	raw, _ := d.JSON(v, "Fn::ToJsonString")
	if raw == nil {
		return c.malformed(n, "Fn::ToJsonString", "a value that JSON can hold")
	}
	return textNode(string(raw), n), true
}

func (c *template) malformed(n *yaml.Node, name, want string) (*yaml.Node, bool) {
	c.problem(n, "%s needs %s", name, want)
	return nil, false
}

func (c *template) join(n, argument *yaml.Node, depth int) (*yaml.Node, bool) {
	args := items(argument)
	if len(args) != 2 {
		return c.malformed(n, "Fn::Join", "a delimiter and a list")
	}
	values, ok := c.resolve(args[1], depth)
	if !ok {
		return nil, false
	}
	var parts []string
	for _, v := range items(values) {
		parts = append(parts, c.inText(v))
	}
	return textNode(strings.Join(parts, text(args[0])), n), true
}

func (c *template) selected(n, argument *yaml.Node, depth int) (*yaml.Node, bool) {
	args := items(argument)
	if len(args) != 2 {
		return c.malformed(n, "Fn::Select", "an index and a list")
	}
	index, ok := c.resolve(args[0], depth)
	values, known := c.resolve(args[1], depth)
	if !ok || !known {
		return nil, false
	}
	i, err := strconv.Atoi(text(index))
	if err != nil || i < 0 || i >= len(items(values)) {
		return c.malformed(n, "Fn::Select", "an index within its list")
	}
	return items(values)[i], true
}

func (c *template) mapping(n, argument *yaml.Node, depth int) (*yaml.Node, bool) {
	args := items(argument)
	if len(args) < 3 {
		return c.malformed(n, "Fn::FindInMap", "a mapping and two keys")
	}
	var keys []string
	for _, arg := range args[:3] {
		v, ok := c.resolve(arg, depth)
		if !ok {
			return nil, false
		}
		keys = append(keys, text(v))
	}
	if found := get(c.root, append([]string{"Mappings"}, keys...)...); found != nil {
		return found, true
	}
	if len(args) == 4 {
		if otherwise := get(args[3], "DefaultValue"); otherwise != nil {
			return c.resolve(otherwise, depth)
		}
	}
	c.problem(n, "the mapping has no %s", strings.Join(keys, "."))
	return nil, false
}

// ref is the value of a parameter, a pseudo parameter or a resource.
func (c *template) ref(n *yaml.Node, name string) (*yaml.Node, bool) {
	switch name {
	case "AWS::NoValue":
		return nil, true
	case "AWS::AccountId":
		if !c.b.owned && !c.assumed {
			c.assumed = true
			c.b.note(c.f.at(n), "AWS::AccountId", "taken as %s (--account)", c.account)
		}
		return textNode(c.account, n), true
	case "AWS::Region":
		return textNode(c.region, n), true
	case "AWS::Partition":
		return textNode(c.partition.ID, n), true
	case "AWS::URLSuffix":
		return textNode(c.partition.DNSSuffix, n), true
	}
	if given, ok := c.given(name); ok && c.parameters[name] == nil {
		return textNode(given, n), true
	}
	if p := c.parameters[name]; p != nil {
		if p.Kind == yaml.ScalarNode {
			return textNode(p.Value, n), true
		}
		return p, true
	}
	if r := c.byID[name]; r != nil {
		c.circular = false
		if v := c.refOf(r); v != "" {
			return textNode(v, n), true
		}
		if c.circular {
			c.problem(n, "%s is needed for itself: a circle of references, which CloudFormation refuses", name)
			return nil, false
		}
		c.problem(n, "what %s refers to, of type %s, is known after the deployment only (--parameter %s=VALUE gives it)", name, r.kind, name)
		return nil, false
	}
	switch {
	case strings.HasPrefix(name, "AWS::"):
		c.problem(n, "%s is known at the deployment only (--parameter %s=VALUE gives it)", name, name)
	case strings.HasPrefix(text(get(c.root, "Parameters", name, "Type")), ssmParameter):
		c.problem(n, "the parameter %s is read from the Systems Manager at the deployment (--parameter %s=VALUE gives its value)", name, name)
	case get(c.root, "Parameters", name) != nil:
		c.problem(n, "the parameter %s has no default (--parameter %s=VALUE gives it)", name, name)
	default:
		c.problem(n, "there is no parameter and no resource %s", name)
	}
	return nil, false
}

func (c *template) attribute(n *yaml.Node, id, name string) (*yaml.Node, bool) {
	if given, ok := c.given(id + "." + name); ok {
		return givenAttribute(given, n), true
	}
	r := c.byID[id]
	if r == nil {
		c.problem(n, "there is no resource %s", id)
		return nil, false
	}
	if r.kind == cdkJSON && name == "Value" {
		return c.jsonValue(n, r)
	}
	c.circular = false
	if v := c.attributeOf(r, name); v != "" {
		return textNode(v, n), true
	}
	if c.circular {
		c.problem(n, "%s.%s is needed for itself: a circle of references, which CloudFormation refuses", id, name)
		return nil, false
	}
	c.problem(n, "%s.%s is known after the deployment only (--parameter %s.%s=VALUE gives it)", id, name, id, name)
	return nil, false
}

// givenAttribute is an attribute's value that was given. Those of custom resources
// can be objects and lists, which are given as JSON.
func givenAttribute(given string, at *yaml.Node) *yaml.Node {
	if trimmed := strings.TrimSpace(given); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		if n, err := strictyaml.ParseJSON("", []byte(trimmed)); err == nil {
			return placedAt(n, at)
		}
	}
	return textNode(given, at)
}

// sub replaces ${Name} and ${Resource.Attribute} in a text; ${!Literal} stays
// as ${Literal}.
func (c *template) sub(n, argument *yaml.Node, depth int) (*yaml.Node, bool) {
	source := argument
	var own *yaml.Node
	if argument.Kind == yaml.SequenceNode {
		if len(argument.Content) != 2 {
			return nil, false // see Found.Refused
		}
		source, own = argument.Content[0], argument.Content[1]
	}
	if source.Kind != yaml.ScalarNode {
		return nil, false // see Found.Refused
	}
	var b strings.Builder
	var pieces []piece
	ok := true
	rest, offset := source.Value, 0
	for {
		i := strings.Index(rest, "${")
		end := -1
		if i >= 0 {
			end = strings.IndexByte(rest[i:], '}')
		}
		pieces = append(pieces, piece{b.Len(), offset, false})
		if end < 0 {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:i])
		name := rest[i+2 : i+end]
		pieces = append(pieces, piece{b.Len(), offset + i, true})
		rest, offset = rest[i+end+1:], offset+i+end+1
		if literal, is := strings.CutPrefix(name, "!"); is {
			b.WriteString("${" + literal + "}")
			continue
		}
		v, known := c.variable(n, strings.TrimSpace(name), own, depth)
		ok = ok && known
		b.WriteString(c.inText(v))
	}
	if !ok {
		return nil, false
	}
	out := *source
	out.Tag, out.Value = "!!str", b.String()
	if c.b.pieces == nil {
		c.b.pieces = map[*yaml.Node]substitution{}
	}
	c.b.pieces[&out] = substitution{source.Value, slices.CompactFunc(pieces, func(a, b piece) bool { return a == b })}
	return &out, true
}

func (c *template) variable(n *yaml.Node, name string, own *yaml.Node, depth int) (*yaml.Node, bool) {
	if v := get(own, name); v != nil {
		return c.resolve(v, depth)
	}
	if strings.Contains(name, ":") && !strings.HasPrefix(name, "AWS::") {
		c.problem(n, "${%s} is a variable of IAM inside Fn::Sub; write ${!%s}", name, name)
		return nil, false
	}
	if id, attribute, dotted := strings.Cut(name, "."); dotted {
		return c.attribute(n, id, attribute)
	}
	return c.ref(n, name)
}

// substitution is how a text came from a template.
type substitution struct {
	template string
	pieces   []piece
}

// inText is a value where a text is made of it: an object is its JSON.
func (c *template) inText(n *yaml.Node) string {
	if isNull(n) {
		return ""
	}
	s, _ := c.jsonOf(n)
	return s
}

// jsonOf is a value of the template as JSON, for a secret's text.
func (c *template) jsonOf(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.ScalarNode {
		return n.Value, true
	}
	d := strictyaml.New(c.f.name, c.f.src, nil)
	raw, _ := d.JSON(n, "")
	return string(raw), raw != nil && json.Valid(raw)
}
