package sources

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// shape says where a document that another program writes has lists and mappings, as
// far as they are read. One of the other kind there would be taken for an empty one.
type shape struct {
	kind    yaml.Kind // of a list or a mapping
	each    *shape    // of every item or member, functions of CloudFormation left out
	members []member
}

type member struct {
	name string
	of   *shape
}

var (
	aList         = shape{kind: yaml.SequenceNode}
	aMapping      = shape{kind: yaml.MappingNode}
	listOfMapping = shape{kind: yaml.SequenceNode, each: &aMapping}
)

// A plan or a state. Source: HashiCorp, JSON Output Format.
var (
	planShape = shape{kind: yaml.MappingNode, members: []member{
		{"planned_values", &planValues}, {"values", &planValues}, {"prior_state", &shape{kind: yaml.MappingNode, members: []member{{"values", &planValues}}}},
		{"resource_changes", &shape{kind: yaml.SequenceNode, each: &shape{kind: yaml.MappingNode, members: []member{{"change", &aMapping}}}}},
		{"configuration", &shape{kind: yaml.MappingNode, members: []member{{"root_module", &configuredModule}, {"provider_config", &aMapping}}}},
	}}
	planValues       = shape{kind: yaml.MappingNode, members: []member{{"root_module", &plannedModule}}}
	plannedModule    = shape{kind: yaml.MappingNode, members: []member{{"resources", resourcesWith("values")}, {"child_modules", &plannedModules}}}
	plannedModules   = shape{kind: yaml.SequenceNode}
	configuredModule = shape{kind: yaml.MappingNode, members: []member{{"resources", resourcesWith("expressions")}, {"module_calls", &moduleCalls}}}
	moduleCalls      = shape{kind: yaml.MappingNode}
)

// Modules have modules.
func init() {
	plannedModules.each = &plannedModule
	moduleCalls.each = &shape{kind: yaml.MappingNode, members: []member{{"module", &configuredModule}}}
}

func resourcesWith(name string) *shape {
	return &shape{kind: yaml.SequenceNode, each: &shape{kind: yaml.MappingNode, members: []member{{name, &aMapping}}}}
}

// A template. Source: CloudFormation User Guide, template anatomy.
var templateShape = shape{kind: yaml.MappingNode, members: []member{
	{"Parameters", &aMapping}, {"Mappings", &aMapping}, {"Conditions", &aMapping},
	{"Resources", &shape{kind: yaml.MappingNode, each: &shape{kind: yaml.MappingNode, members: []member{{"Properties", &aMapping}}}}},
}}

// What the AWS CLI prints. Source: IAM API reference, GetAccountAuthorizationDetails.
var (
	accountShape = shape{kind: yaml.MappingNode, members: []member{
		{"RoleDetailList", &entities}, {"UserDetailList", &entities}, {"GroupDetailList", &entities}, {"Roles", &entities}, {"Policies", &entities},
		{"OpenIDConnectProviderList", &listOfMapping}, {"ClientIDList", &aList}, {"ThumbprintList", &aList},
	}}
	entities = shape{kind: yaml.SequenceNode, each: &shape{kind: yaml.MappingNode, members: []member{
		{"RolePolicyList", &listOfMapping}, {"UserPolicyList", &listOfMapping}, {"GroupPolicyList", &listOfMapping}, {"AttachedManagedPolicies", &listOfMapping},
		{"PolicyVersionList", &listOfMapping}, {"Tags", &listOfMapping}, {"GroupList", &aList},
	}}}
)

// shaped reports whether a document has the shape, and each place where it has not.
func (b *builder) shaped(f *file, n *yaml.Node, want *shape) bool {
	before := len(b.found.errors)
	b.hold(f, n, want, "")
	return len(b.found.errors) == before
}

func (b *builder) hold(f *file, n *yaml.Node, want *shape, path string) {
	switch {
	case want == nil || isNull(n):
	case n.Kind != want.kind:
		wanted := "a mapping"
		if want.kind == yaml.SequenceNode {
			wanted = "a list"
		}
		b.errorAt(f.at(n), "%s: %s where %s is wanted", path, strictyaml.Describe(n), wanted)
	case n.Kind == yaml.SequenceNode:
		for i, item := range n.Content {
			b.hold(f, item, want.each, path+"["+strconv.Itoa(i)+"]")
		}
	default:
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i].Value
			of := want.each
			if j := slices.IndexFunc(want.members, func(m member) bool { return m.name == name }); j >= 0 {
				of = want.members[j].of
			} else if strings.HasPrefix(name, "Fn::") {
				continue
			}
			b.hold(f, n.Content[i+1], of, strings.TrimPrefix(path+"."+name, "."))
		}
	}
}
