package sources

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// builder collects what the files hold. What refers to something of another
// file (an attachment, a provider whose account another file tells) waits for
// finish.
type builder struct {
	o     Options
	owned bool // the account was given, not assumed
	found *Found
	files int // that were taken
	// template is where the first CloudFormation template begins, parameters the
	// names that were asked for of what --parameter gives, resources where theirs begin.
	template   *strictyaml.Position
	parameters map[string]bool
	resources  map[string]strictyaml.Position
	// stateOnly leaves out Found.Policies of State documents, which are valid: a
	// server that starts with 100,000 roles has no use for a second copy of them.
	stateOnly bool

	// accounts hold the entities of the document at hand, and partition is that of
	// its region; see commit.
	partition string
	accounts  map[string]*statefile.Account
	// places are those of entities by account, kind and name.
	places    map[string]strictyaml.Position
	leftOut   map[string]bool // roles by account and name, policies by ARN
	attach    []attachment
	inline    []inlinePolicy
	providers []providerOutput
	listed    []listedProvider
	bare      []barePolicy
	pieces    map[*yaml.Node]substitution // of texts that were made by Fn::Sub
	refs      map[string]string           // ARNs of roles by the objects of a cluster that keep them
	guessed   bool                        // the account of roles that name none, which was noted
}

type attachment struct {
	account, role, policy string
	note                  func(format string, args ...any)
}

type inlinePolicy struct {
	account, role, name string
	document            statefile.Document
	note                func(format string, args ...any)
}

func newBuilder(o Options) *builder {
	return &builder{
		o: o.withDefaults(), owned: o.Account != "", found: &Found{places: map[string]strictyaml.Position{}}, accounts: map[string]*statefile.Account{},
		places: map[string]strictyaml.Position{}, leftOut: map[string]bool{}, refs: map[string]string{}, parameters: map[string]bool{}, resources: map[string]strictyaml.Position{},
	}
}

func (b *builder) errorAt(p strictyaml.Position, format string, args ...any) {
	b.found.errors = append(b.found.errors, &strictyaml.Error{Position: p, Message: fmt.Sprintf(format, args...)})
}

func (b *builder) note(p strictyaml.Position, address, format string, args ...any) {
	b.found.Notes = append(b.found.Notes, Note{Position: p, Address: address, Message: fmt.Sprintf(format, args...)})
}

// unchecked notes that a policy is not known.
func (b *builder) unchecked(p strictyaml.Position, address, format string, args ...any) {
	b.found.Notes = append(b.found.Notes, Note{Position: p, Address: address, Message: fmt.Sprintf(format, args...), Unchecked: true})
}

// standsIn remembers that a role's name, and so its ARN, is one of ours.
func (b *builder) standsIn(arn, address string) {
	if b.found.StandIns == nil {
		b.found.StandIns = map[string]string{}
	}
	b.found.StandIns[arn] = address
}

// assumed notes once that things without an account are taken to be of the
// default one.
func (b *builder) assumed(p strictyaml.Position, what string) {
	if !b.guessed {
		b.guessed = true
		b.note(p, "", "%s names no account; taken as %s (--account)", what, b.o.Account)
	}
}

// noter notes what is found out later about the thing of an address.
func (b *builder) noter(p strictyaml.Position, address string) func(string, ...any) {
	return func(format string, args ...any) { b.note(p, address, format, args...) }
}

func (b *builder) account(id string) *statefile.Account {
	a := b.accounts[id]
	if a == nil {
		a = &statefile.Account{}
		b.accounts[id] = a
	}
	return a
}

// commit merges the entities of a document that was read to its end; those of a
// plan or a template are in the partition of its region.
func (b *builder) commit() {
	for id, a := range b.accounts {
		if a.Partition == "" && b.partition != aws.DefaultPartition {
			a.Partition = b.partition
		}
		b.found.State.Merge(statefile.State{Accounts: map[string]statefile.Account{id: *a}})
	}
	clear(b.accounts)
	b.partition = ""
}

func placeKey(account, kind, name string) string {
	return account + "\x00" + kind + "\x00" + strings.ToLower(name)
}

func (b *builder) role(account string, r statefile.Role, at strictyaml.Position) {
	a := b.account(account)
	a.Roles = append(a.Roles, r)
	b.places[placeKey(account, "roles", r.Name)] = at
}

func (b *builder) policy(account string, p statefile.Policy, at strictyaml.Position) {
	a := b.account(account)
	a.Policies = append(a.Policies, p)
	b.places[placeKey(account, "policies", p.Name)] = at
}

func (b *builder) provider(account string, p statefile.OIDCProvider, at strictyaml.Position) {
	a := b.account(account)
	if slices.ContainsFunc(a.OIDCProviders, func(q statefile.OIDCProvider) bool { return q.URL == p.URL }) {
		return
	}
	a.OIDCProviders = append(a.OIDCProviders, p)
	b.places[placeKey(account, "oidcProviders", p.URL)] = at
}

func (b *builder) secret(account string, s statefile.Secret, at strictyaml.Position) {
	a := b.account(account)
	a.Secrets = append(a.Secrets, s)
	b.places[placeKey(account, "secrets", s.Name)] = at
}

func (b *builder) kmsKey(account string, k statefile.KMSKey, at strictyaml.Position) {
	a := b.account(account)
	a.KMSKeys = append(a.KMSKeys, k)
	b.places[placeKey(account, "kmsKeys", k.ID)] = at
}

func (b *builder) bucket(account string, s statefile.Bucket, at strictyaml.Position) {
	a := b.account(account)
	a.Buckets = append(a.Buckets, s)
	b.places[placeKey(account, "buckets", s.Name)] = at
}

func (b *builder) cluster(name string, c statefile.Cluster) {
	b.found.State.Merge(statefile.State{Clusters: map[string]statefile.Cluster{name: c}})
}

// documented records a policy and gives it as the state wants it.
func (b *builder) documented(p Policy) statefile.Document {
	at := p.Place(0, 0)
	b.found.Policies = append(b.found.Policies, p)
	return statefile.NewDocument(string(p.Text)).At(at)
}

// document reads a policy that is written as JSON, as YAML, or as a string that
// holds JSON, percent-encoded or not; false when it is none of these.
func (b *builder) document(f *file, n *yaml.Node, address string) (text []byte, at origin, ok bool) {
	switch {
	case isNull(n):
		return nil, nil, false
	case n.Kind == yaml.ScalarNode:
		s := &scalar{file: f, node: n, template: b.pieces[n].template, pieces: b.pieces[n].pieces}
		content := n.Value
		if !strings.HasPrefix(strings.TrimSpace(content), "{") && strings.Contains(content, "%7B") {
			decoded, err := url.PathUnescape(content)
			if err != nil {
				b.errorAt(f.at(n), "%s: not percent-encoded JSON: %v", address, err)
				return nil, nil, false
			}
			content, s.percent = decoded, true
		}
		return []byte(content), s, true
	}
	d := strictyaml.New(f.name, f.src, nil)
	raw, from := d.JSON(n, address)
	b.found.errors = append(b.found.errors, d.Errors...)
	return raw, from, raw != nil
}

// finish applies what had to wait for all files.
func (b *builder) finish() {
	b.barePolicies()
	b.commit()
	b.providerOutputs()
	b.commit()
	b.permissions()
	b.resolveRefs()
	b.associate()
	b.found.LeftOut = b.leftOut
	b.partitions()
	for id, a := range b.found.State.Accounts {
		for _, p := range a.OIDCProviders {
			if b.found.Providers[id] != nil {
				b.found.Providers[id] = append(b.found.Providers[id], p.URL)
			}
		}
		places(b, id, "roles", a.Roles, func(r statefile.Role) string { return r.Name })
		places(b, id, "policies", a.Policies, func(p statefile.Policy) string { return p.Name })
		places(b, id, "oidcProviders", a.OIDCProviders, func(p statefile.OIDCProvider) string { return p.URL })
		places(b, id, "secrets", a.Secrets, func(s statefile.Secret) string { return s.Name })
		places(b, id, "kmsKeys", a.KMSKeys, func(k statefile.KMSKey) string { return k.ID })
		places(b, id, "buckets", a.Buckets, func(s statefile.Bucket) string { return s.Name })
	}
	slices.SortStableFunc(b.found.Notes, func(x, y Note) int {
		if x.File != y.File {
			return 0
		}
		return (x.Line-y.Line)<<16 + x.Column - y.Column
	})
	b.found.Notes = slices.Compact(b.found.Notes)
}

// partitions gives the policies the partition of their accounts. That of a file by
// itself is the one that it names, if it names any.
func (b *builder) partitions() {
	known := map[string]string{}
	for i := range b.found.Policies {
		p := &b.found.Policies[i]
		partition, asked := known[p.Account]
		if !asked {
			partition = b.found.State.Partition(p.Account, b.o.Account)
			known[p.Account] = partition
		}
		if p.regional = partition == "" && p.Account != "" && !p.Guessed; p.regional {
			partition = aws.PartitionOf(b.o.Region).ID
		}
		p.Partition = partition
	}
}

// allRoles says that all roles of an account are known.
func (b *builder) allRoles(account string) {
	if b.found.AllRoles == nil {
		b.found.AllRoles = map[string]bool{}
	}
	b.found.AllRoles[account] = true
}

// complete says that all providers of an account will be known.
func (b *builder) complete(account string) {
	if b.found.Providers == nil {
		b.found.Providers = map[string][]string{}
	}
	if b.found.Providers[account] == nil {
		b.found.Providers[account] = []string{}
	}
}

func places[T any](b *builder, account, kind string, list []T, name func(T) string) {
	path := strictyaml.Join("accounts", account) + "." + kind
	for i := range list {
		if at, ok := b.places[placeKey(account, kind, name(list[i]))]; ok {
			b.found.places[strictyaml.Index(path, i)] = at
		}
	}
}

// permissions gives roles their attached and inline policies, and leaves out
// what cannot be attached.
func (b *builder) permissions() {
	roles, known := map[string]*statefile.Role{}, map[string]bool{}
	for id, a := range b.found.State.Accounts {
		for i := range a.Roles {
			roles[id+"/"+strings.ToLower(a.Roles[i].Name)] = &a.Roles[i]
		}
		for _, p := range a.Policies {
			known[id+":policy"+cmp.Or(p.Path, "/")+p.Name] = true
		}
	}
	for _, in := range b.inline {
		if r := b.holder(roles, in.account, in.role, in.note); r != nil {
			if r.InlinePolicies == nil {
				r.InlinePolicies = map[string]statefile.Document{}
			}
			r.InlinePolicies[in.name] = in.document
		}
	}
	for _, at := range b.attach {
		if b.leftOut[at.policy] {
			b.unread(at.account, at.role, at.policy)
			continue
		}
		if !b.attachable(at.policy, known) {
			at.note("%s is left out: it is not among what was given, and irsa-emu does not know it", at.policy)
			b.unread(at.account, at.role, at.policy)
			continue
		}
		if r := b.holder(roles, at.account, at.role, at.note); r != nil && !slices.Contains(r.AttachedPolicies, at.policy) {
			r.AttachedPolicies = append(r.AttachedPolicies, at.policy)
		}
	}
	if !b.found.other {
		return
	}
	for key, r := range roles {
		account, _, _ := strings.Cut(key, "/")
		if r.PermissionsBoundary != "" && !b.attachable(r.PermissionsBoundary, known) {
			b.note(b.places[placeKey(account, "roles", r.Name)], "", "the permissions boundary %s of role %s is left out: it is not among what was given, so the role may do more here than on AWS", r.PermissionsBoundary, r.Name)
			b.unbounded(account, r.Name, r.PermissionsBoundary)
			r.PermissionsBoundary = ""
		}
	}
}

func (b *builder) holder(roles map[string]*statefile.Role, account, name string, note func(string, ...any)) *statefile.Role {
	r := roles[account+"/"+strings.ToLower(name)]
	if r == nil && !b.leftOut[account+"/"+strings.ToLower(name)] {
		note("the role %s is not among what was given", name)
	}
	return r
}

func (b *builder) attachable(arn string, known map[string]bool) bool {
	if _, name, ok := strings.Cut(arn, ":iam::aws:policy/"); ok && name != "" {
		return b.o.KnowsManaged == nil || b.o.KnowsManaged(arn)
	}
	rest, _ := aws.IAMResource(arn)
	return known[rest]
}

// leave notes that a role is left out, so that what belongs to it is not noted again.
func (b *builder) leave(at strictyaml.Position, address, account, path, role string) {
	b.leftOut[account+"/"+strings.ToLower(role)] = true
	b.found.UnknownRoles = append(b.found.UnknownRoles, UnknownRole{At: at, Account: account, ARN: aws.RoleARN(b.partition, account, path, role), Address: address})
}

// unbounded notes that a role has a permissions boundary which is not known.
func (b *builder) unbounded(account, role, what string) {
	if b.found.UnreadBoundaries == nil {
		b.found.UnreadBoundaries = map[string]string{}
	}
	b.found.UnreadBoundaries[account+"/"+strings.ToLower(role)] = what
}

// unread notes that a permission of a role is not known.
func (b *builder) unread(account, role, what string) {
	if b.found.Unread == nil {
		b.found.Unread = map[string][]string{}
	}
	key := account + "/" + strings.ToLower(role)
	if !slices.Contains(b.found.Unread[key], what) {
		b.found.Unread[key] = append(b.found.Unread[key], what)
	}
}

// unreadPolicy is unread for an inline policy of a role, and for that of a resource.
func (b *builder) unreadPolicy(p *Policy) {
	if p.Type == policy.IdentityPolicy && p.Inline {
		b.unread(p.Account, p.Owner, p.Address)
	}
	b.unreadResource(p)
}

// unreadResource notes that the policy of a resource is not known.
func (b *builder) unreadResource(p *Policy) {
	if p.Type != policy.ResourcePolicy {
		return
	}
	if b.found.UnreadResources == nil {
		b.found.UnreadResources = map[string]string{}
	}
	b.found.UnreadResources[p.Account+"/"+strings.ToLower(p.Owner)] = p.Address
}

func (b *builder) leavePolicy(arn string) { b.leftOut[arn] = true }

// partsOf is [partsOf] of an ARN that tells the partition of what is read too.
func (b *builder) partsOf(arn string) (region, account, resource string) {
	if a, err := aws.ParseARN(arn); err == nil {
		b.partition = a.Partition
	}
	return partsOf(arn)
}

// partsOf gives region, account and resource of an ARN; empty when it is none.
func partsOf(arn string) (region, account, resource string) {
	parts, ok := aws.SplitARN(arn)
	if !ok {
		return "", "", ""
	}
	return parts[3], parts[4], parts[5]
}

// created reads the times that the AWS CLI prints.
func created(n *yaml.Node) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05.999999-07:00"} {
		if t, err := time.Parse(layout, text(n)); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// typeOf tells what a document without a home is by its content.
func typeOf(n *yaml.Node) policy.SourceType {
	kind := policy.IdentityPolicy
	for _, s := range list(get(n, "Statement")) {
		if !has(s, "Principal") && !has(s, "NotPrincipal") {
			continue
		}
		if kind = policy.ResourcePolicy; slices.ContainsFunc(texts(get(s, "Action")), func(a string) bool {
			return strings.HasPrefix(strings.ToLower(a), "sts:")
		}) || !has(s, "Resource") && !has(s, "NotResource") {
			return policy.TrustPolicy
		}
	}
	return kind
}
