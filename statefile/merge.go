package statefile

import (
	"cmp"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Merge adds what from holds. An entity that both have is taken whole from
// from: nothing inside it is mixed, so that each file can be read by itself.
func (s *State) Merge(from State) {
	s.Clusters = mergeMaps(s.Clusters, from.Clusters)
	s.Issuers = mergeLists(s.Issuers, from.Issuers, Issuer.identity)
	for id, a := range from.Accounts {
		if s.Accounts == nil {
			s.Accounts = map[string]Account{}
		}
		s.Accounts[id] = s.Accounts[id].merged(a)
	}
}

func (a Account) merged(from Account) Account {
	merged := Account{
		Partition:          cmp.Or(from.Partition, a.Partition),
		OutboundFederation: cmp.Or(from.OutboundFederation, a.OutboundFederation),
		Organization:       cmp.Or(from.Organization, a.Organization),
		OIDCProviders:      mergeLists(a.OIDCProviders, from.OIDCProviders, OIDCProvider.identity),
		Policies:           mergeLists(a.Policies, from.Policies, Policy.identity),
		Roles:              mergeLists(a.Roles, from.Roles, Role.identity),
		Groups:             mergeLists(a.Groups, from.Groups, Group.identity),
		Users:              mergeLists(a.Users, from.Users, User.identity),
		InstanceProfiles:   mergeLists(a.InstanceProfiles, from.InstanceProfiles, InstanceProfile.identity),
	}
	for _, s := range sections() {
		s.merge(&merged, &a, &from)
	}
	return merged
}

func mergeMaps[V any](to, from map[string]V) map[string]V {
	for k, v := range from {
		if to == nil {
			to = map[string]V{}
		}
		to[k] = v
	}
	return to
}

func mergeLists[T any](to, from []T, identity func(T) string) []T {
	if len(to) == 0 {
		return from
	}
	merged := slices.Concat(to, from)[:len(to)] // with room for all
	at := make(map[string]int, len(merged))
	for i := range merged {
		at[identity(merged[i])] = i
	}
	for _, item := range from {
		if i, both := at[identity(item)]; both {
			merged[i] = item
			continue
		}
		at[identity(item)] = len(merged)
		merged = append(merged, item)
	}
	return merged
}

// What AWS holds to be the same thing: IAM's names whatever their case, an
// issuer's URL without a port of 443.

func (i Issuer) identity() string { return i.URL }
func (p OIDCProvider) identity() string {
	return aws.ProviderURL(p.URL)
}
func (p Policy) identity() string                 { return strings.ToLower(p.Name) }
func (r Role) identity() string                   { return strings.ToLower(r.Name) }
func (g Group) identity() string                  { return strings.ToLower(g.Name) }
func (u User) identity() string                   { return strings.ToLower(u.Name) }
func (p InstanceProfile) identity() string        { return strings.ToLower(p.Name) }
func (p PodIdentityAssociation) identity() string { return p.ServiceAccount }
func (a AccessEntry) identity() string            { return a.Principal }
func (a Addon) identity() string                  { return a.Name }
