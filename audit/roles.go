package audit

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/spelling"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// roles are those of all accounts that were given.
type roles struct {
	found *sources.Found
	list  []*role
	byARN map[string]*role // without the partition, which sources need not say
	trust map[string]*sources.Policy
}

// role is a role with its trust policy.
type role struct {
	arn, account string
	partition    string // of the account; "" is "aws"
	*statefile.Role
	trust  *policy.Document
	source *sources.Policy // of the trust policy; nil when it has no place
}

func rolesOf(found *sources.Found) *roles {
	rs := &roles{found: found, byARN: map[string]*role{}, trust: map[string]*sources.Policy{}}
	for i := range found.Policies {
		if p := &found.Policies[i]; p.Type == policy.TrustPolicy {
			rs.trust[p.Account+"/"+strings.ToLower(p.Owner)] = p
		}
	}
	var accounts []string
	for id := range found.State.Accounts {
		accounts = append(accounts, id)
	}
	slices.Sort(accounts)
	for _, id := range accounts {
		held := found.State.Accounts[id].Roles
		for i := range held {
			r := &role{account: id, partition: found.State.Partition(id, aws.DefaultAccount), Role: &held[i], source: rs.trust[id+"/"+strings.ToLower(held[i].Name)]}
			r.arn = r.stored().ARN()
			if doc, err := policy.Parse([]byte(held[i].TrustPolicy.Text())); err == nil {
				r.trust = doc
			}
			rs.list = append(rs.list, r)
			rs.byARN[withoutPartition(r.arn)] = r
		}
	}
	return rs
}

func withoutPartition(arn string) string {
	if rest, ok := aws.IAMResource(arn); ok {
		return rest
	}
	return arn
}

// get finds a role by its ARN. Where a source says the account's partition, an ARN
// of another partition is no role's.
func (rs *roles) get(arn string) *role {
	r := rs.byARN[withoutPartition(arn)]
	if r == nil || r.partition == "" {
		return r
	}
	written, _, _ := strings.Cut(strings.TrimPrefix(arn, "arn:"), ":")
	if _, known := aws.PartitionByID(written); known && written != r.partition {
		return nil
	}
	return r
}

// accountOf is the account in a role's ARN.
func accountOf(arn string) string {
	account, _, _ := strings.Cut(withoutPartition(arn), ":")
	return account
}

// like finds the role that an ARN of which parts are not known can be, if only
// one can.
func (rs *roles) like(arn string) *role {
	if r := rs.get(arn); r != nil {
		return r
	}
	if sources.Unresolved(arn) == "" {
		return nil
	}
	var only *role
	for _, r := range rs.list {
		if fits(arn, r.arn) {
			if only != nil {
				return nil
			}
			only = r
		}
	}
	return only
}

// fits says whether a text that is not wholly known can be another one.
func fits(unresolved, text string) bool {
	for {
		missing := sources.Unresolved(unresolved)
		if missing == "" {
			return unresolved == text
		}
		before, after, _ := strings.Cut(unresolved, missing)
		if !strings.HasPrefix(text, before) {
			return false
		}
		if text = text[len(before):]; sources.Unresolved(after) != "" {
			next := sources.Unresolved(after)
			known, _, _ := strings.Cut(after, next)
			i := strings.Index(text, known)
			if i < 0 {
				return false
			}
			unresolved, text = after, text[i:]
			continue
		}
		return strings.HasSuffix(text, after)
	}
}

// similar is the role of the same account whose name is closest to an ARN's.
func (rs *roles) similar(arn string) *role {
	name, account := aws.NameIn(arn), accountOf(arn)
	var best *role
	distance := 3
	for _, r := range rs.list {
		if r.account != account {
			continue
		}
		if strings.EqualFold(r.Name, name) {
			return r
		}
		if d := spelling.Distance(strings.ToLower(r.Name), strings.ToLower(name)); d < distance {
			best, distance = r, d
		}
	}
	return best
}

// display is what people call a role: its ARN, or its address when its name is
// not known yet.
func (rs *roles) display(arn string) string {
	if address, ok := rs.found.StandIns[arn]; ok {
		return address
	}
	return arn
}

// stored is the role as the STS has it.
func (r *role) stored() *iam.Role {
	path := r.Path
	if path == "" {
		path = "/"
	}
	return &iam.Role{Account: r.account, Partition: r.partition, Path: path, Name: r.Name, Trust: iam.NewDocument(r.trust), Tags: r.tags()}
}

func (r *role) tags() []aws.Tag {
	var keys []string
	for key := range r.Tags {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	tags := make([]aws.Tag, len(keys))
	for i, key := range keys {
		tags[i] = aws.Tag{Key: key, Value: r.Tags[key]}
	}
	return tags
}

// place is where a part of the trust policy was written.
func (r *role) place(at policy.Position) strictyaml.Position {
	if r.source == nil {
		return strictyaml.Position{File: r.TrustPolicy.File, Line: max(r.TrustPolicy.Line, 1), Column: max(r.TrustPolicy.Column, 1)}
	}
	return r.source.Place(max(at.Line, 1), max(at.Column, 1))
}

// subjects are the values that the trust policy wants of any sub.
func (r *role) subjects() []string {
	var out []string
	for _, c := range r.conditions(":sub") {
		out = append(out, c.Values...)
	}
	return out
}

// conditions are those on a claim, in statements that allow.
func (r *role) conditions(claim string) []policy.Condition {
	var out []policy.Condition
	if r.trust == nil {
		return nil
	}
	for i := range r.trust.Statements {
		if r.trust.Statements[i].Effect != "Allow" {
			continue
		}
		for _, c := range r.trust.Statements[i].Conditions {
			if strings.HasSuffix(strings.ToLower(c.Key), claim) {
				out = append(out, c)
			}
		}
	}
	return out
}

// trusts says whether a statement allows a principal of that form.
func (r *role) trusts(principal func(policy.NamedPrincipal) bool) bool {
	return r.trust != nil && slices.ContainsFunc(r.trust.Statements, func(s policy.Statement) bool {
		return s.Effect == "Allow" && slices.ContainsFunc(s.Principals.Values, principal)
	})
}

// federated are the issuers, without scheme, of the OIDC providers that the
// trust policy names.
func (r *role) federated() []string {
	var out []string
	r.trusts(func(p policy.NamedPrincipal) bool {
		if issuer, ok := aws.OIDCProvider(p.Value); ok && p.Type == policy.PrincipalFederated {
			out = append(out, issuer)
		}
		return false
	})
	return out
}

var podsPrincipal = policy.NamedPrincipal{Type: policy.PrincipalService, Value: aws.PodIdentityService}

func (r *role) trustsPods() bool {
	return r.trusts(func(p policy.NamedPrincipal) bool { return p == podsPrincipal })
}

// policies are those of the role as a caller: what it may do itself. Known is
// false when one of them is not among what was given.
func (r *role) policies(found *sources.Found) (p policy.Policies, known bool) {
	key, state := r.account+"/"+strings.ToLower(r.Name), &found.State
	known = found.UnreadBoundaries[key] == "" && len(found.Unread[key]) == 0
	parse := func(name string, kind policy.SourceType, raw []byte) {
		if doc, err := policy.Parse(raw); err == nil {
			p.Identity = append(p.Identity, policy.Named{Name: name, Type: kind, Document: doc})
		} else {
			known = false
		}
	}
	for name, d := range r.InlinePolicies {
		parse(name, policy.IdentityPolicy, []byte(d.Text()))
	}
	for _, arn := range r.AttachedPolicies {
		if raw := managed(state, arn); raw != nil {
			parse(arn, policy.IdentityPolicy, raw)
		} else {
			known = false
		}
	}
	if r.PermissionsBoundary != "" {
		raw := managed(state, r.PermissionsBoundary)
		doc, err := policy.Parse(raw)
		if raw == nil || err != nil {
			return p, false
		}
		p.Boundary = &policy.Named{Name: r.PermissionsBoundary, Type: policy.BoundaryPolicy, Document: doc}
	}
	return p, known
}

// managed is a customer managed policy's default version; nil when it is not among
// what was given.
func managed(state *statefile.State, arn string) []byte {
	for _, p := range state.Accounts[accountOf(arn)].Policies {
		path := p.Path
		if path == "" {
			path = "/"
		}
		if withoutPartition(arn) != accountOf(arn)+":policy"+path+p.Name {
			continue
		}
		for _, v := range p.Versions {
			if v.Default {
				return []byte(v.Document.Text())
			}
		}
		return []byte(p.Document.Text())
	}
	return nil
}
