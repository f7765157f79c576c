package sources

import (
	"cmp"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// barePolicy is a policy from a file of its own: it says what it allows and to
// whom, but not what it is called.
type barePolicy struct {
	index int // in found.Policies
	name  string
	issue aws.ARN // of a provider that it names itself: account and partition are its own
}

// policyFile takes an IAM policy that is a file of its own.
func (b *builder) policyFile(f *file, n *yaml.Node) {
	p := Policy{Address: f.name, Type: typeOf(n), Text: f.src, at: whole(f.name), Owner: "", written: &written{file: f, node: n}}
	if !f.json {
		var ok bool
		if p.Text, p.at, ok = b.document(f, n, f.name); !ok {
			return
		}
	}
	bare := barePolicy{index: len(b.found.Policies), name: stem(f.name)}
	for _, s := range list(get(n, "Statement")) {
		for _, arn := range texts(get(s, "Principal", "Federated")) {
			if provider, err := aws.ParseARN(arn); err == nil && aws.IsAccount(provider.Account) && bare.issue.Account == "" {
				bare.issue = provider
			}
		}
	}
	b.found.Policies = append(b.found.Policies, p)
	b.bare = append(b.bare, bare)
}

var notInNames = lazyregexp.New(`[^\w+=,.@-]+`)

// stem is a file's name as the name of a role or policy.
func stem(file string) string {
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	return strings.Trim(notInNames.ReplaceAllString(name, "-"), "-")
}

// barePolicies gives policies from files of their own a role or a name: the
// file's, in the account that they name.
func (b *builder) barePolicies() {
	for _, bare := range b.bare {
		p := &b.found.Policies[bare.index]
		account := cmp.Or(bare.issue.Account, b.o.Account)
		partition := cmp.Or(bare.issue.Partition, aws.PartitionOf(b.o.Region).ID)
		at := p.Place(1, 1)
		document := statefile.NewDocument(string(p.Text)).At(at)
		switch p.Type {
		case policy.TrustPolicy:
			b.role(account, statefile.Role{Name: bare.name, TrustPolicy: document}, at)
			b.note(at, "", "a trust policy by itself; taken as that of a role named after its file, %s", aws.RoleARN(partition, account, "/", bare.name))
		case policy.IdentityPolicy:
			b.policy(account, statefile.Policy{Name: bare.name, Document: document}, at)
			b.note(at, "", "a policy by itself; taken as a managed policy named after its file, %s", aws.PolicyARN(partition, account, "/", bare.name))
		default:
			b.note(at, "", "a resource's policy by itself is left out: it does not say of which resource it is")
		}
	}
}

// directState takes a file that is one of our documents in JSON and plainly
// right: of one, nothing but its state is asked for then.
func (b *builder) directState(name string, src []byte) bool {
	s, ok := statefile.Direct(name, src)
	if !ok {
		return false
	}
	b.found.State.Merge(s)
	for account := range s.Accounts {
		b.complete(account)
		b.allRoles(account)
	}
	return true
}

// stateDocuments takes the documents of a file that has the head of ours.
func (b *builder) stateDocuments(f *file, nodes []*yaml.Node) error {
	s, err := statefile.Decode(f.name, f.src, nodes, b.readFile)
	if errs, ok := err.(strictyaml.Errors); ok {
		b.found.errors = append(b.found.errors, errs...)
		return nil
	} else if err != nil {
		return err
	}
	b.found.State.Merge(s)
	for _, n := range nodes {
		b.stateAssociations(f, get(n, "clusters"))
		accounts := get(n, "accounts")
		for i := 0; accounts != nil && i+1 < len(accounts.Content); i += 2 {
			if !b.stateOnly {
				b.statePolicies(f, accounts.Content[i].Value, accounts.Content[i+1])
			}
			b.complete(accounts.Content[i].Value)
			b.allRoles(accounts.Content[i].Value)
		}
	}
	return nil
}

// stateAssociations are the Pod Identity associations of a State document.
func (b *builder) stateAssociations(f *file, clusters *yaml.Node) {
	for i := 0; clusters != nil && i+1 < len(clusters.Content); i += 2 {
		for _, n := range items(get(clusters.Content[i+1], "podIdentityAssociations")) {
			namespace, name, _ := strings.Cut(text(get(n, "serviceAccount")), "/")
			b.found.Manifests.Associations = append(b.found.Manifests.Associations, Association{
				At: f.at(n), Cluster: clusters.Content[i].Value, Namespace: namespace, ServiceAccount: name, Role: text(get(n, "role")),
				TargetRole: text(get(n, "targetRole")), DisableSessionTags: isTrue(get(n, "disableSessionTags")),
				Policy: b.sessionPolicy(f, get(n, "policy")), ExternalID: text(get(n, "externalId")),
			})
		}
	}
}

// sessionPolicy is the text of an association's session policy.
func (b *builder) sessionPolicy(f *file, n *yaml.Node) string {
	if isNull(n) {
		return ""
	}
	raw, _ := strictyaml.New(f.name, f.src, b.readFile).JSONOrFile(n, "policy", false)
	return string(raw)
}

// statePolicies records the policies of an account of a State document. The
// loader has validated them.
func (b *builder) statePolicies(f *file, account string, n *yaml.Node) {
	d := strictyaml.New(f.name, f.src, b.readFile)
	path := strictyaml.Join("accounts", account)
	add := func(kind policy.SourceType, path, owner string, inline bool, n *yaml.Node) {
		if isNull(n) {
			return
		}
		raw, place := d.JSONOrFile(n, path, false)
		if raw == nil {
			return
		}
		b.found.Policies = append(b.found.Policies, Policy{
			Address: path, Type: kind, Account: account, Owner: owner, Inline: inline, Text: raw, at: within{d, path}, parsed: true,
			written: writtenAt(f, n, place.File),
		})
	}
	inline := func(path, owner string, n *yaml.Node) {
		for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
			add(policy.IdentityPolicy, strictyaml.Join(path+".inlinePolicies", n.Content[i].Value), owner, true, n.Content[i+1])
		}
	}
	for i, p := range items(get(n, "policies")) {
		at := strictyaml.Index(path+".policies", i)
		add(policy.IdentityPolicy, at+".document", text(get(p, "name")), false, get(p, "document"))
		for j, v := range items(get(p, "versions")) {
			add(policy.IdentityPolicy, strictyaml.Index(at+".versions", j)+".document", text(get(p, "name")), false, get(v, "document"))
		}
	}
	for i, r := range items(get(n, "roles")) {
		at := strictyaml.Index(path+".roles", i)
		add(policy.TrustPolicy, at+".trustPolicy", text(get(r, "name")), false, get(r, "trustPolicy"))
		inline(at, text(get(r, "name")), get(r, "inlinePolicies"))
	}
	for _, kind := range []string{"groups", "users"} {
		for i, u := range items(get(n, kind)) {
			inline(strictyaml.Index(path+"."+kind, i), text(get(u, "name")), get(u, "inlinePolicies"))
		}
	}
	for _, kind := range []string{"secrets", "buckets"} {
		for i, s := range items(get(n, kind)) {
			add(policy.ResourcePolicy, strictyaml.Index(path+"."+kind, i)+".policy", text(get(s, "name")), false, get(s, "policy"))
		}
	}
}

// writtenAt is where a policy of a State document is written: in it, or in a file
// that it names.
func writtenAt(f *file, n *yaml.Node, name string) *written {
	if name != f.name {
		return &written{named: name}
	}
	return &written{file: f, node: n}
}

// within is the origin of a policy in a State document, or in a file it names.
type within struct {
	d    *strictyaml.Decoder
	path string
}

func (w within) Position(text []byte, line, column int) strictyaml.Position {
	return w.d.Within(w.path, text, line, column)
}
