package sources

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// given is a value that --parameter has: of a parameter, of a resource's attribute
// as RESOURCE.ATTRIBUTE, of another stack's export. It also counts the name as one
// that a template has.
func (c *template) given(name string) (string, bool) {
	c.b.parameters[name] = true
	value, ok := c.b.o.Parameters[name]
	return value, ok
}

// readParameters takes the values that were given, else the defaults.
func (c *template) readParameters() {
	parameters := get(c.root, "Parameters")
	for i := 0; parameters != nil && i+1 < len(parameters.Content); i += 2 {
		name, p := parameters.Content[i].Value, parameters.Content[i+1]
		kind := text(get(p, "Type"))
		value := get(p, "Default")
		if given, ok := c.given(name); ok {
			value = textNode(given, p)
			if fault := parameterFault(name, given, p); fault != "" {
				c.b.errorAt(c.f.at(p), "%s", fault)
			}
		} else if strings.HasPrefix(kind, ssmParameter) {
			continue // the default is the name of a parameter, not its value
		}
		if value == nil {
			continue
		}
		if kind == "CommaDelimitedList" || strings.HasPrefix(kind, "List<") {
			parts := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: value.Line, Column: value.Column}
			for _, part := range strings.Split(value.Value, ",") {
				parts.Content = append(parts.Content, textNode(strings.TrimSpace(part), value))
			}
			value = parts
		} else if value.Kind == yaml.ScalarNode {
			value = textNode(value.Value, value)
		}
		c.parameters[name] = value
	}
}

const ssmParameter = "AWS::SSM::Parameter::Value"

// parameterFault is what CloudFormation refuses a parameter's value for, in its
// words; lists are not looked into.
func parameterFault(name, value string, p *yaml.Node) string {
	kind, pattern := text(get(p, "Type")), text(get(p, "AllowedPattern"))
	if allowed := get(p, "AllowedValues"); allowed != nil && !slices.Contains(texts(allowed), value) && kind == "String" {
		return fmt.Sprintf("Parameter '%s' must be one of AllowedValues: %s", name, strings.Join(texts(allowed), ", "))
	}
	if whole, err := regexp.Compile("^(?:" + pattern + ")$"); err == nil && pattern != "" && !whole.MatchString(value) {
		return fmt.Sprintf("Parameter '%s' must match pattern %s", name, pattern)
	}
	measure, least, most := float64(utf8.RuneCountInString(value)), "MinLength", "MaxLength"
	tooLittle, tooMuch := "must contain at least %s characters", "must contain at most %s characters"
	switch kind {
	case "String":
	case "Number":
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return fmt.Sprintf("Parameter '%s' must be a number.", name)
		}
		measure, least, most = number, "MinValue", "MaxValue"
		tooLittle, tooMuch = "must be a number not less than %s", "must be a number not greater than %s"
	default:
		return ""
	}
	low, high := text(get(p, least)), text(get(p, most))
	if limit, err := strconv.ParseFloat(low, 64); err == nil && measure < limit {
		return fmt.Sprintf("Parameter '%s' "+tooLittle, name, low)
	}
	if limit, err := strconv.ParseFloat(high, 64); err == nil && measure > limit {
		return fmt.Sprintf("Parameter '%s' "+tooMuch, name, high)
	}
	return ""
}

// unknownParameters notes names that were given and that no template has or asks for.
// CloudFormation refuses them; here one list of them may serve many templates, and
// what a misspelt one was meant for is named as not known.
func (b *builder) unknownParameters() error {
	for _, name := range slices.Sorted(maps.Keys(b.o.Parameters)) {
		id, attribute, dotted := strings.Cut(name, ".")
		at, isResource := b.resources[id]
		switch {
		case b.parameters[name] || strings.HasPrefix(name, "AWS::"):
		case isResource && dotted:
			b.note(at, "Resources."+id, "the parameter %s has no effect: nothing that was read asks for the attribute %s of it", name, attribute)
		case isResource:
			b.note(at, "Resources."+id, "the parameter %s has no effect: nothing that was read refers to it", name)
		case b.template == nil:
			return fmt.Errorf("the parameter %s: no CloudFormation template is among what was given", name)
		default:
			b.note(*b.template, "", "no template has the parameter %s, or imports it; CloudFormation refuses it", name)
		}
	}
	return nil
}
