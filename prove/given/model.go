package given

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Options say what the sources leave open.
type Options struct {
	// Managed gives an AWS managed policy; nil knows none.
	Managed func(arn string) (*policy.Document, bool)
	// ClientIDs are those of every provider whose own are not in the sources.
	ClientIDs []string
	// Templates are those of GitHub's customised subjects that are in use.
	Templates []prove.Template
}

// Model is the roles and providers of the sources.
type Model struct {
	prove.Account
	options   Options
	found     *sources.Found
	state     statefile.State
	providers map[string]*prove.Provider // by ARN
	complete  map[string]bool            // accounts of which all providers are known
	clusters  map[string]bool            // issuers of clusters, without scheme
	documents map[string]*policy.Document
	places    map[string]*sources.Policy // of trust policies, by the role's ARN
	// associated are the associations of EKS Pod Identity.
	associated []association
}

// Read makes the model. The error is a document that cannot be parsed.
func Read(found *sources.Found, o Options) (*Model, error) {
	m := &Model{
		options: o, found: found, state: found.State, providers: map[string]*prove.Provider{}, complete: map[string]bool{},
		clusters: map[string]bool{}, documents: map[string]*policy.Document{}, places: map[string]*sources.Policy{},
	}
	if err := m.addSubjects(); err != nil {
		return nil, err
	}
	for _, c := range found.State.Clusters {
		m.clusters[aws.ProviderURL(c.Issuer)] = true
	}
	for account := range found.Providers {
		m.complete[account] = true
	}
	accounts := slices.Sorted(maps.Keys(found.State.Accounts))
	for _, id := range accounts {
		a := found.State.Accounts[id]
		for _, p := range a.OIDCProviders {
			m.addProvider(id, &p)
		}
		for i := range a.Policies {
			if err := m.addPolicy(id, &a.Policies[i]); err != nil {
				return nil, err
			}
		}
	}
	for i := range found.Policies {
		if p := &found.Policies[i]; p.Type == policy.TrustPolicy {
			key := p.Account + "/" + strings.ToLower(p.Owner)
			if p.Owner == "" { // from a file of its own, after which its role is named
				key = p.Place(1, 1).String()
			}
			m.places[key] = p
		}
	}
	for _, id := range accounts {
		if err := m.addRoles(id); err != nil {
			return nil, err
		}
		if err := m.addResources(id); err != nil {
			return nil, err
		}
	}
	for _, u := range found.UnknownRoles {
		m.Roles = append(m.Roles, &prove.Role{
			ARN: u.ARN, Account: u.Account, Place: u.At.String(), Tags: map[string]string{}, Unknown: u.Address,
			Trust: policy.Named{Name: u.ARN, Type: policy.TrustPolicy, Document: &policy.Document{}},
		})
	}
	m.associated = m.associations()
	return m, nil
}

// addSubjects takes the templates of the sources to be in use.
func (m *Model) addSubjects() error {
	m.options.Templates = slices.Clone(m.options.Templates)
	for _, s := range m.found.GitHubSubjects {
		t, err := prove.ParseTemplate(strings.Join(s.Keys, ","))
		if err != nil {
			return fmt.Errorf("%s: %s.include_claim_keys: %w", s.At, s.Address, err)
		}
		if !slices.Equal(t, prove.DefaultTemplate) {
			m.options.Templates = append(m.options.Templates, t)
		}
	}
	return nil
}

// unknownTrust says why nothing is decided about a role.
func unknownTrust(r *prove.Role) string {
	return "its trust policy is not known from the source: " + r.Unknown
}

func (m *Model) partition(account string) string {
	if partition := m.state.Partition(account, aws.DefaultAccount); partition != "" {
		return partition
	}
	return aws.DefaultPartition
}

func (m *Model) addProvider(account string, p *statefile.OIDCProvider) {
	provider := prove.NewProvider(aws.ProviderARN(m.partition(account), account, aws.ProviderURL(p.URL)))
	provider.ClientIDs = append([]string{}, p.ClientIDs...)
	m.kind(provider)
	m.providers[provider.ARN] = provider
}

// kind makes an issuer that is a cluster's known as one, and what GitHub's
// subjects are like.
func (m *Model) kind(p *prove.Provider) {
	if p.Kind == prove.GitHub {
		p.Templates = m.options.Templates
	}
	if p.Kind == prove.Unknown && m.clusters[p.Issuer] {
		p.Kind = prove.Kubernetes
	}
}

func (m *Model) addPolicy(account string, p *statefile.Policy) error {
	doc := p.Document
	for _, v := range p.Versions {
		if v.Default || len(p.Versions) == 1 {
			doc = v.Document
		}
	}
	parsed, err := policy.Parse([]byte(doc.Text()))
	if err != nil {
		return fmt.Errorf("policy %s: %w", p.Name, err)
	}
	m.documents[aws.PartitionARN(m.partition(account), "iam", account, "policy"+slash(p.Path)+p.Name)] = parsed
	return nil
}

func slash(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

func (m *Model) addRoles(account string) error {
	list := m.state.Accounts[account].Roles
	for i := range list {
		r := &list[i]
		role := &prove.Role{ARN: aws.PartitionARN(m.partition(account), "iam", account, "role"+slash(r.Path)+r.Name), Account: account, ID: r.ID, Tags: r.Tags}
		if role.Tags == nil {
			role.Tags = map[string]string{}
		}
		doc, err := policy.Parse([]byte(r.TrustPolicy.Text()))
		if err != nil {
			return fmt.Errorf("role %s: its trust policy: %w", r.Name, err)
		}
		role.Trust = policy.Named{Name: role.ARN, Type: policy.TrustPolicy, Document: doc}
		key := account + "/" + strings.ToLower(r.Name)
		if bare := m.places[r.TrustPolicy.Written().Place.String()]; bare != nil && m.places[key] == nil {
			m.places[key] = bare
		}
		if p := m.places[key]; p != nil {
			role.Place = p.Place(1, 1).String()
		}
		role.Unread = append(role.Unread, m.found.Unread[key]...)
		for _, name := range slices.Sorted(maps.Keys(r.InlinePolicies)) {
			doc, err := policy.Parse([]byte(r.InlinePolicies[name].Text()))
			if err != nil {
				return fmt.Errorf("role %s: its policy %s: %w", r.Name, name, err)
			}
			role.Identity = append(role.Identity, policy.Named{Name: name, Type: policy.IdentityPolicy, Document: doc})
		}
		for _, arn := range r.AttachedPolicies {
			doc, ok := m.managed(arn)
			if !ok {
				role.Unread = append(role.Unread, arn)
				continue
			}
			role.Identity = append(role.Identity, policy.Named{Name: arn, Type: policy.IdentityPolicy, Document: doc})
		}
		if arn := r.PermissionsBoundary; arn != "" {
			if doc, ok := m.managed(arn); ok {
				role.Boundary = &policy.Named{Name: arn, Type: policy.BoundaryPolicy, Document: doc}
			} else {
				role.UnreadBoundary = arn
			}
		} else {
			role.UnreadBoundary = m.found.UnreadBoundaries[key]
		}
		m.Roles = append(m.Roles, role)
	}
	return nil
}

func (m *Model) managed(arn string) (*policy.Document, bool) {
	if doc, ok := m.documents[arn]; ok {
		return doc, true
	}
	if m.options.Managed == nil {
		return nil, false
	}
	doc, ok := m.options.Managed(arn)
	if ok {
		m.documents[arn] = doc
	}
	return doc, ok
}

// Providers are the OIDC providers whose tokens a role's trust policy lets in, in
// the order of the policy. A provider of another account or partition than the role's
// cannot be used, and is left out.
func (m *Model) Providers(role *prove.Role) []*prove.Provider {
	var out []*prove.Provider
	for _, arn := range role.Trust.Document.Federated() {
		p := m.provider(arn)
		if p == nil || elsewhere(p, role) != "" || slices.Contains(out, p) {
			continue
		}
		out = append(out, p)
	}
	return out
}

// elsewhere says why the STS does not find a role's provider; "" when it is one of the
// role's account.
func elsewhere(p *prove.Provider, role *prove.Role) string {
	switch {
	case p.Account() != "" && p.Account() != role.Account:
		return "of another account"
	case !aws.SamePartition(p.ARN, role.ARN):
		return "of another partition"
	}
	return ""
}

// provider is the provider of an ARN; nil for one of another protocol.
func (m *Model) provider(arn string) *prove.Provider {
	if p, ok := m.providers[arn]; ok {
		return p
	}
	if _, isOIDC := aws.OIDCProvider(arn); strings.HasPrefix(arn, "arn:") && !isOIDC {
		return nil
	}
	p := prove.NewProvider(arn)
	m.kind(p)
	switch {
	case m.complete[p.Account()]:
		p.Missing = true
	case m.options.ClientIDs != nil:
		p.ClientIDs = m.options.ClientIDs
	default:
		p.Usual()
	}
	m.providers[arn] = p
	return p
}

// Place is where a part of a role's trust policy is written; false when the
// sources do not say.
func (m *Model) Place(role *prove.Role, at policy.Position) (strictyaml.Position, bool) {
	p := m.places[role.Account+"/"+strings.ToLower(role.Name())]
	if p == nil {
		return strictyaml.Position{}, false
	}
	return p.Place(at.Line, at.Column), true
}

// OnePolicy is the model of a trust policy by itself, for a role of which nothing
// else is known. Its providers are taken to exist.
func OnePolicy(name string, doc *policy.Document, arn, account string, o Options) *Model {
	m := &Model{options: o, providers: map[string]*prove.Provider{}, complete: map[string]bool{}, clusters: map[string]bool{}}
	if account == "" {
		account = aws.AccountIn(arn)
	}
	for _, provider := range doc.Federated() {
		if account == "" {
			account = aws.AccountIn(provider)
		}
	}
	m.Roles = []*prove.Role{{
		ARN: arn, Account: account, Place: name,
		Trust: policy.Named{Name: name, Type: policy.TrustPolicy, Document: doc},
	}}
	return m
}
