package sources

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A plan says of an expression what it refers to, not how: "${x.arn}/*" and
// x.arn look alike. A reference is followed only where the value can be nothing
// but the thing itself: a role's name, a policy's or provider's ARN.

// leaves are the references of an expression without those that only begin
// another one, and without the counters of loops.
func leaves(expression *yaml.Node) []string {
	refs := texts(get(expression, "references"))
	var out []string
	for _, ref := range refs {
		if ref == "each.key" || ref == "each.value" || ref == "count.index" || strings.HasPrefix(ref, "each.value.") {
			continue
		}
		longer := func(other string) bool {
			return len(other) > len(ref) && strings.HasPrefix(other, ref) && (other[len(ref)] == '.' || other[len(ref)] == '[')
		}
		if !slices.ContainsFunc(refs, longer) && !slices.Contains(out, ref) {
			out = append(out, ref)
		}
	}
	return out
}

// mostFollowed bounds the references of one plan: outputs that refer to two others
// each, level by level, are two to the power of the levels.
const mostFollowed = 200_000

// follow finds the resources that an expression of a module's instance refers
// to. Own is the index of the resource that the expression is of. Rest is what
// it refers to and what is no resource.
func (t *terraform) follow(module, own string, expression *yaml.Node) (found []*tfResource, rest []string) {
	return t.followed(module, own, expression, 0)
}

func (t *terraform) followed(module, own string, expression *yaml.Node, depth int) (found []*tfResource, rest []string) {
	const deepest = 32 // modules in modules
	for _, ref := range leaves(expression) {
		var more []*tfResource
		var unresolved []string
		t.followedRefs++
		switch root, after, _ := strings.Cut(ref, "."); {
		case depth > deepest || t.followedRefs > mostFollowed:
			unresolved = []string{ref}
		case root == "var" && module != "":
			name, _, _ := strings.Cut(after, ".")
			parent, call := parentModule(module)
			input := get(t.modules[modulePath(parent)], "module_calls", call, "expressions", name)
			more, unresolved = t.followed(parent, moduleIndex(module), input, depth+1)
			if len(more) == 0 && len(unresolved) == 0 {
				unresolved = []string{ref}
			}
		case root == "module":
			more, unresolved = t.output(module, own, ref, depth)
		default:
			if more = t.instance(module, own, ref); len(more) == 0 {
				unresolved = []string{ref}
			}
		}
		found = append(found, more...)
		rest = append(rest, unresolved...)
	}
	return found, rest
}

// moduleIndex is the key of a module's instance, as in its address.
func moduleIndex(address string) string {
	all := indexes.Compiled().FindAllStringIndex(address, -1)
	if len(all) == 0 || all[len(all)-1][1] != len(address) {
		return ""
	}
	return address[all[len(all)-1][0]:]
}

// output follows module.NAME["key"].OUTPUT into the module.
func (t *terraform) output(module, own, ref string, depth int) ([]*tfResource, []string) {
	steps := splitAddress(ref)
	if len(steps) < 3 {
		return nil, []string{ref}
	}
	call, index := steps[1], ""
	if i := strings.IndexByte(call, '['); i >= 0 {
		call, index = call[:i], call[i:]
	}
	instance := join(module, "module."+call)
	candidates := []string{instance + index}
	if index == "" {
		candidates = append(candidates, instance+own)
	}
	name, _, _ := strings.Cut(steps[2], "[")
	expression := get(t.modules[modulePath(instance)], "outputs", name, "expression")
	for _, candidate := range candidates {
		if !slices.ContainsFunc(t.resources, func(r *tfResource) bool { return inside(r.module, candidate) }) {
			continue
		}
		found, rest := t.followed(candidate, moduleIndex(candidate), expression, depth+1)
		if len(found) > 0 {
			return found, rest
		}
	}
	return nil, []string{ref}
}

func inside(module, parent string) bool {
	return module == parent || strings.HasPrefix(module, parent+".")
}

// splitAddress cuts an address at its dots, but not at those in keys.
func splitAddress(address string) []string {
	var out []string
	start, depth := 0, 0
	for i, c := range address {
		switch {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == '.' && depth == 0:
			out = append(out, address[start:i])
			start = i + 1
		}
	}
	return append(out, address[start:])
}

func join(module, rest string) string {
	if module == "" {
		return rest
	}
	return module + "." + rest
}

// instance finds the one instance that TYPE.NAME[index].attribute means.
func (t *terraform) instance(module, own, ref string) []*tfResource {
	steps := splitAddress(ref)
	size := 2
	if steps[0] == "data" {
		size = 3
	}
	if len(steps) < size {
		return nil
	}
	address := join(module, strings.Join(steps[:size], "."))
	if r := t.byAddress[address]; r != nil {
		return []*tfResource{r}
	}
	if strings.HasSuffix(address, "]") {
		return nil
	}
	if r := t.byAddress[address+own]; r != nil {
		return []*tfResource{r}
	}
	var only []*tfResource
	for _, r := range t.resources {
		if r.index != "" && strings.TrimSuffix(r.address, r.index) == address {
			only = append(only, r)
		}
	}
	if len(only) == 1 {
		return only
	}
	return nil
}

// one follows an attribute that can be nothing but what one resource of that
// type is called; nil when it is anything else.
func (t *terraform) one(r *tfResource, attribute, kind string) *tfResource {
	found, rest := t.follow(r.module, r.index, get(r.expressions, attribute))
	if len(found) == 1 && len(rest) == 0 && found[0].kind == kind {
		return found[0]
	}
	return nil
}

// refersTo words what an unknown attribute refers to.
func refersTo(expression *yaml.Node) string {
	if refs := leaves(expression); len(refs) > 0 {
		return "; it refers to " + strings.Join(refs, ", ")
	}
	return ""
}
