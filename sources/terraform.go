package sources

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
)

// terraform takes the output of terraform show -json, of a plan or a state.
func (b *builder) terraform(f *file, n *yaml.Node) {
	if !b.shaped(f, n, &planShape) {
		return
	}
	if v := text(get(n, "format_version")); v != "" && !strings.HasPrefix(v, "1.") && !strings.HasPrefix(v, "0.") {
		b.errorAt(f.at(get(n, "format_version")), "format_version %s; irsa-emu reads 1.x, which terraform show -json writes since 1.1", v)
		return
	}
	if isTrue(get(n, "errored")) {
		b.errorAt(f.at(get(n, "errored")), "the plan ended with an error, so it is not whole; plan again and give the output of terraform show -json")
		return
	}
	t := &terraform{b: b, f: f, root: n, byAddress: map[string]*tfResource{}, unknown: map[string]*yaml.Node{}, modules: map[string]*yaml.Node{}}
	for _, change := range items(get(n, "resource_changes")) {
		t.unknown[text(get(change, "address"))] = get(change, "change", "after_unknown")
	}
	t.configuration("", get(n, "configuration", "root_module"))
	t.walk(get(n, "planned_values", "root_module"), "", false)
	t.walk(get(n, "values", "root_module"), "", false)
	// What a plan has read already is with the state before it.
	t.walk(get(n, "prior_state", "values", "root_module"), "", true)
	t.region = t.findRegion()
	t.partition = t.findPartition()
	t.region = t.partition.OwnRegion(t.region)
	b.partition = t.partition.ID
	t.account = t.findAccount()
	t.entities()
	t.kubernetes()
	b.commit()
}

// terraform is one plan or state.
type terraform struct {
	b    *builder
	f    *file
	root *yaml.Node

	resources []*tfResource
	byAddress map[string]*tfResource
	unknown   map[string]*yaml.Node // after_unknown by address
	modules   map[string]*yaml.Node // configuration by module path without keys, "a.b"

	account, region string
	guessed         bool // the account is none that the plan names as its own
	partition       aws.Partition
	named           map[*tfResource]bool // stand-in names that were noted
	followedRefs    int                  // see mostFollowed
}

// tfResource is one instance of a resource or data source.
type tfResource struct {
	address, module string // module is the address of its instance, "" for the root
	data            bool
	kind, name      string
	index           string // as in the address: [0], ["a"], or ""
	node            *yaml.Node
	values, unknown *yaml.Node
	expressions     *yaml.Node
	document        *tfDocument // of an aws_iam_policy_document, once rendered
}

func (t *terraform) walk(module *yaml.Node, address string, dataOnly bool) {
	for _, n := range items(get(module, "resources")) {
		r := &tfResource{
			address: text(get(n, "address")), module: address, data: text(get(n, "mode")) == "data",
			kind: text(get(n, "type")), name: text(get(n, "name")), node: n, values: get(n, "values"),
		}
		if dataOnly && !r.data || t.byAddress[r.address] != nil {
			continue
		}
		if index := get(n, "index"); index != nil {
			if r.index = "[" + index.Value + "]"; index.ShortTag() == "!!str" {
				r.index = `["` + index.Value + `"]`
			}
		}
		r.unknown = t.unknown[r.address]
		mode := ""
		if r.data {
			mode = "data."
		}
		for _, c := range items(get(t.modules[modulePath(address)], "resources")) {
			if text(get(c, "address")) == mode+r.kind+"."+r.name {
				r.expressions = get(c, "expressions")
			}
		}
		t.byAddress[r.address] = r
		t.resources = append(t.resources, r)
	}
	for _, child := range items(get(module, "child_modules")) {
		t.walk(child, text(get(child, "address")), dataOnly)
	}
}

// configuration remembers the configuration of every module by its path.
func (t *terraform) configuration(path string, module *yaml.Node) {
	if module == nil {
		return
	}
	t.modules[path] = module
	calls := get(module, "module_calls")
	for i := 0; calls != nil && i+1 < len(calls.Content); i += 2 {
		child := calls.Content[i].Value
		if path != "" {
			child = path + "." + child
		}
		t.configuration(child, get(calls.Content[i+1], "module"))
	}
}

var indexes = lazyregexp.New(`\[(?:"(?:[^"\\]|\\.)*"|[^\]"]*)\]`)

// modulePath is a module's address without "module." and keys:
// module.a["x"].module.b is a.b.
func modulePath(address string) string {
	if address == "" {
		return ""
	}
	var names []string
	for _, part := range strings.Split(indexes.ReplaceAllString(address, ""), ".") {
		if part != "module" {
			names = append(names, part)
		}
	}
	return strings.Join(names, ".")
}

// parentModule cuts the last step off a module's address.
func parentModule(address string) (parent, call string) {
	i := strings.LastIndex(indexes.Compiled().ReplaceAllStringFunc(address, func(s string) string { return strings.Repeat("_", len(s)) }), "module.")
	if i < 0 {
		return "", ""
	}
	call = indexes.ReplaceAllString(address[i+len("module."):], "")
	return strings.TrimSuffix(address[:i], "."), call
}

// known is the value of an attribute; unknown tells a value that is known after
// apply only from one that is not set.
func (r *tfResource) known(attribute string) (n *yaml.Node, unknown bool) {
	if n = get(r.values, attribute); n != nil {
		return n, false
	}
	return nil, isTrue(get(r.unknown, attribute))
}

func (r *tfResource) text(attribute string) string { return text(get(r.values, attribute)) }

// all lists the resources of one type.
func (t *terraform) all(kind string) []*tfResource {
	var out []*tfResource
	for _, r := range t.resources {
		if r.kind == kind && !r.data {
			out = append(out, r)
		}
	}
	return out
}

func (t *terraform) findRegion() string {
	for _, r := range t.resources {
		if region, _, _ := partsOf(r.text("arn")); region != "" {
			return region
		}
	}
	if region := text(get(t.root, "configuration", "provider_config", "aws", "expressions", "region", "constant_value")); region != "" {
		return region
	}
	return t.b.o.Region
}

// findPartition is that of the ARNs that are known, else that of the region.
func (t *terraform) findPartition() aws.Partition {
	for _, r := range t.resources {
		id := r.text("partition") // of the data source aws_partition
		if r.kind != "aws_partition" {
			parts, _ := aws.SplitARN(r.text("arn"))
			id = parts[1]
		}
		if partition, known := aws.PartitionByID(id); known {
			return partition
		}
	}
	return aws.PartitionOf(t.region)
}

// findAccount is the account of what names none.
func (t *terraform) findAccount() string {
	for _, r := range t.resources {
		if r.data && r.kind == "aws_caller_identity" && aws.IsAccount(r.text("account_id")) {
			return r.text("account_id")
		}
	}
	for _, r := range t.resources {
		if _, account, _ := partsOf(r.text("arn")); !r.data && aws.IsAccount(account) {
			return account
		}
	}
	t.guessed = !t.b.owned
	for _, r := range t.resources {
		if m := federatedAccount.FindStringSubmatch(r.text("assume_role_policy")); m != nil {
			return m[2]
		}
	}
	if len(t.resources) > 0 && !t.b.owned {
		t.b.note(t.f.at(t.root), "", "no account is named; taken as %s (--account)", t.b.o.Account)
	}
	return t.b.o.Account
}

// federatedAccount finds partition and account of the first OIDC provider in a policy.
var federatedAccount = lazyregexp.New(`arn:([\w-]+):iam::(\d{12}):oidc-provider/`)
