package sts

import (
	"fmt"
	"maps"
	"slices"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// DocumentView is the [View] of a State document, for questions asked offline.
type DocumentView struct {
	accounts map[string]statefile.Account
	roles    map[string]*iam.Role // by account and name in lower case
}

// NewDocumentView reads the roles of a document. The error names the role whose
// trust policy cannot be read.
func NewDocumentView(doc statefile.State) (*DocumentView, error) {
	d := &DocumentView{doc.Accounts, map[string]*iam.Role{}}
	for account, a := range doc.Accounts {
		partition := doc.Partition(account, aws.DefaultAccount)
		for i := range a.Roles {
			role, err := documentRole(partition, account, &a.Roles[i])
			if err != nil {
				return nil, fmt.Errorf("role %s: %w", a.Roles[i].Name, err)
			}
			d.roles[role.StateKey()] = role
		}
	}
	return d, nil
}

func documentRole(partition, account string, r *statefile.Role) (*iam.Role, error) {
	trust, err := policy.Parse([]byte(r.TrustPolicy.Text()))
	if err != nil {
		return nil, err
	}
	role := &iam.Role{
		Account: account, Partition: partition, Path: r.Path, Name: r.Name, MaxSessionDuration: r.MaxSessionDuration, Trust: iam.NewDocument(trust),
	}
	if role.Path == "" {
		role.Path = "/"
	}
	if role.MaxSessionDuration == 0 {
		role.MaxSessionDuration = aws.DefaultRoleSession
	}
	for _, key := range slices.Sorted(maps.Keys(r.Tags)) {
		role.Tags = append(role.Tags, aws.Tag{Key: key, Value: r.Tags[key]})
	}
	return role, nil
}

// Roles are the roles of an account in the document's order.
func (d *DocumentView) Roles(account string) []*iam.Role {
	var roles []*iam.Role
	for _, r := range d.accounts[account].Roles {
		wanted := iam.Role{Account: account, Name: r.Name}
		roles = append(roles, d.roles[wanted.StateKey()])
	}
	return roles
}

// Role implements [View].
func (d *DocumentView) Role(arn string) (*iam.Role, string) {
	a, err := aws.ParseARN(arn)
	name, isRole := a.Role()
	if err != nil || !isRole {
		return nil, notARole(arn)
	}
	wanted := iam.Role{Account: a.Account, Name: name}
	role := d.roles[wanted.StateKey()]
	switch {
	case role == nil:
		return nil, noRole(a.Account, name)
	case role.ARN() != arn:
		return nil, anotherRole(arn, a.Account, role.ARN())
	}
	return role, ""
}

// Provider implements [View].
func (d *DocumentView) Provider(account, issuer string) (oidc.Provider, bool) {
	for _, p := range d.accounts[account].OIDCProviders {
		if url := "https://" + aws.ProviderURL(p.URL); url == issuer {
			return oidc.Provider{URL: url, ClientIDs: p.ClientIDs, Thumbprints: p.Thumbprints}, true
		}
	}
	return oidc.Provider{}, false
}

// Issuers implements [View].
func (d *DocumentView) Issuers(account string) []string {
	var issuers []string
	for _, p := range d.accounts[account].OIDCProviders {
		issuers = append(issuers, "https://"+aws.ProviderURL(p.URL))
	}
	slices.Sort(issuers)
	return issuers
}

// GrantedView is a view of one role, whatever its ARN, that takes every provider
// which is asked for as there.
type GrantedView struct {
	Of       *iam.Role
	Audience string // a client id of every provider
}

// Role implements [View].
func (g *GrantedView) Role(string) (*iam.Role, string) { return g.Of, "" }

// Provider implements [View].
func (g *GrantedView) Provider(_, issuer string) (oidc.Provider, bool) {
	return oidc.Provider{URL: issuer, ClientIDs: []string{g.Audience}}, true
}

// Issuers implements [View].
func (g *GrantedView) Issuers(string) []string { return nil }
