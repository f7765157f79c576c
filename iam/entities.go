package iam

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/state"
)

// OIDCProvider is an IAM OpenID Connect provider.
type OIDCProvider struct {
	Account   string `json:"account"`
	Partition string `json:"partition,omitempty"` // of the account; empty is "aws"
	// URL is host and path without scheme, as GetOpenIDConnectProvider gives
	// it back: case and trailing slash kept, a port of 443 stripped.
	URL         string    `json:"url"`
	ClientIDs   []string  `json:"clientIds,omitempty"`
	Thumbprints []string  `json:"thumbprints,omitempty"`
	Created     time.Time `json:"created"`
	Tags        []aws.Tag `json:"tags,omitempty"`
}

// StateKey is ACCOUNT/URL.
func (p *OIDCProvider) StateKey() string { return p.Account + "/" + p.URL }

// ARN is arn:PARTITION:iam::ACCOUNT:oidc-provider/URL.
func (p *OIDCProvider) ARN() string { return aws.ProviderARN(p.Partition, p.Account, p.URL) }

// InlinePolicy is a policy that belongs to one role, user or group.
type InlinePolicy struct {
	Name     string   `json:"name"`
	Document Document `json:"document"`
}

// Permissions are what a role, a user or a group may do.
type Permissions struct {
	Inline []InlinePolicy `json:"inline,omitempty"` // by name
	// Attached are ARNs of managed policies, in the order of attachment.
	Attached []string `json:"attached,omitempty"`
	// Boundary is the ARN of the permissions boundary; groups have none.
	Boundary string `json:"boundary,omitempty"`
}

// Role is an IAM role.
type Role struct {
	Account            string    `json:"account"`
	Partition          string    `json:"partition,omitempty"` // of the account; empty is "aws"
	Path               string    `json:"path"`
	Name               string    `json:"name"`
	ID                 string    `json:"id"` // AROA…
	Created            time.Time `json:"created"`
	Description        string    `json:"description,omitempty"`
	HasDescription     bool      `json:"hasDescription,omitempty"`
	MaxSessionDuration int       `json:"maxSessionDuration"` // seconds
	// Trust is the trust policy; a principal in it that was deleted stands there by its unique id.
	Trust Document `json:"trust"`
	// TrustPrincipals are the roles and users that Trust names and that exist.
	TrustPrincipals []TrustPrincipal `json:"trustPrincipals,omitempty"`
	Permissions
	Tags []aws.Tag `json:"tags,omitempty"`

	key string // StateKey, once [Role.pack] made it
}

// TrustPrincipal ties an ARN in a trust policy to the role or user that had it
// when the policy was written: one that is made later under the same name is
// another principal.
type TrustPrincipal struct {
	ARN string `json:"arn"`
	ID  string `json:"id,omitempty"` // empty until a role or user of that ARN exists; only state documents name such
}

// StateKey is ACCOUNT/NAME, the name in lower case: names are unique whatever their case.
func (r *Role) StateKey() string {
	if r.key != "" {
		return r.key
	}
	return nameKey(r.Account, r.Name)
}

// pack puts a role's own texts into one. An account may have 100,000 roles, and each
// text that is apart is one thing more for every garbage collection to look at. Neither
// account nor name changes afterwards: IAM renames no role.
func (r *Role) pack() {
	key := nameKey(r.Account, r.Name)
	text := key + r.ID + r.Name
	r.key, r.Account = text[:len(key)], text[:len(r.Account)]
	r.ID, r.Name = text[len(key):len(key)+len(r.ID)], text[len(key)+len(r.ID):]
}

// ARN is arn:PARTITION:iam::ACCOUNT:rolePATHNAME.
func (r *Role) ARN() string { return aws.RoleARN(r.Partition, r.Account, r.Path, r.Name) }

// SessionARN is the ARN of a session of the role, which has no path (recorded).
func (r *Role) SessionARN(session string) string {
	return aws.SessionARN(r.Partition, r.Account, r.Name, session)
}

// PolicyVersion is one version of a managed policy.
type PolicyVersion struct {
	Number   int       `json:"number"` // 1 for v1
	Document Document  `json:"document"`
	Created  time.Time `json:"created"`
}

// Policy is a customer managed policy, or an AWS managed one when Account is "aws".
type Policy struct {
	Account        string          `json:"account"`
	Partition      string          `json:"partition,omitempty"` // of the account; empty is "aws"
	Path           string          `json:"path"`
	Name           string          `json:"name"`
	ID             string          `json:"id"` // ANPA…
	Description    string          `json:"description,omitempty"`
	HasDescription bool            `json:"hasDescription,omitempty"`
	Created        time.Time       `json:"created"`
	Updated        time.Time       `json:"updated"`
	Default        int             `json:"default"`
	Last           int             `json:"last"`     // highest number ever used: numbers are not reused
	Versions       []PolicyVersion `json:"versions"` // oldest first
	Tags           []aws.Tag       `json:"tags,omitempty"`
}

// StateKey is ACCOUNT/NAME, the name in lower case.
func (p *Policy) StateKey() string { return nameKey(p.Account, p.Name) }

// ARN is arn:PARTITION:iam::ACCOUNT:policyPATHNAME.
func (p *Policy) ARN() string { return aws.PolicyARN(p.Partition, p.Account, p.Path, p.Name) }

// DefaultVersion is the version in force.
func (p *Policy) DefaultVersion() *PolicyVersion { return p.Version(p.Default) }

// Version is the version of that number, or nil.
func (p *Policy) Version(number int) *PolicyVersion {
	for i := range p.Versions {
		if p.Versions[i].Number == number {
			return &p.Versions[i]
		}
	}
	return nil
}

// User is an IAM user.
type User struct {
	Account   string    `json:"account"`
	Partition string    `json:"partition,omitempty"` // of the account; empty is "aws"
	Path      string    `json:"path"`
	Name      string    `json:"name"`
	ID        string    `json:"id"` // AIDA…
	Created   time.Time `json:"created"`
	Permissions
	Groups []string  `json:"groups,omitempty"`
	Tags   []aws.Tag `json:"tags,omitempty"`
}

// StateKey is ACCOUNT/NAME, the name in lower case.
func (u *User) StateKey() string { return nameKey(u.Account, u.Name) }

// ARN is arn:PARTITION:iam::ACCOUNT:userPATHNAME.
func (u *User) ARN() string { return arn(u.Partition, u.Account, "user"+u.Path+u.Name) }

// Group is an IAM group; its members name it in [User.Groups].
type Group struct {
	Account   string    `json:"account"`
	Partition string    `json:"partition,omitempty"` // of the account; empty is "aws"
	Path      string    `json:"path"`
	Name      string    `json:"name"`
	ID        string    `json:"id"` // AGPA…
	Created   time.Time `json:"created"`
	Permissions
}

// StateKey is ACCOUNT/NAME, the name in lower case.
func (g *Group) StateKey() string { return nameKey(g.Account, g.Name) }

// ARN is arn:PARTITION:iam::ACCOUNT:groupPATHNAME.
func (g *Group) ARN() string { return arn(g.Partition, g.Account, "group"+g.Path+g.Name) }

// AccessKey is a user's long-term key.
type AccessKey struct {
	Account  string    `json:"account"`
	UserID   string    `json:"userId"` // keys survive a rename of their user
	ID       string    `json:"id"`     // AKIA…
	Secret   string    `json:"secret"`
	Inactive bool      `json:"inactive,omitempty"`
	Created  time.Time `json:"created"`
}

// StateKey is the key's id, unique over all accounts.
func (k *AccessKey) StateKey() string { return k.ID }

// InstanceProfile holds at most one role.
type InstanceProfile struct {
	Account   string    `json:"account"`
	Partition string    `json:"partition,omitempty"` // of the account; empty is "aws"
	Path      string    `json:"path"`
	Name      string    `json:"name"`
	ID        string    `json:"id"` // AIPA…
	Created   time.Time `json:"created"`
	Role      string    `json:"role,omitempty"` // the role's name
	Tags      []aws.Tag `json:"tags,omitempty"`
}

// StateKey is ACCOUNT/NAME, the name in lower case.
func (p *InstanceProfile) StateKey() string { return nameKey(p.Account, p.Name) }

// ARN is arn:PARTITION:iam::ACCOUNT:instance-profilePATHNAME.
func (p *InstanceProfile) ARN() string {
	return arn(p.Partition, p.Account, "instance-profile"+p.Path+p.Name)
}

// Alias is the one alias that an account may have.
type Alias struct {
	Account string `json:"account"`
	Name    string `json:"name"`
}

// StateKey is the account.
func (a *Alias) StateKey() string { return a.Account }

func nameKey(account, name string) string { return account + "/" + strings.ToLower(name) }

// Secondary indexes of the kinds below.
const (
	// ByID finds roles and users by their unique id.
	ByID = "unique-id"
	// ByRole finds instance profiles by the state key of their role.
	ByRole = "role"
	// ByGroup finds users by the state key of a group they are in.
	ByGroup = "group"
	// ByTrusted finds roles by the unique id of a principal that they trust, or
	// by the ARN of one that does not exist.
	ByTrusted = "trusted"
	// ByPolicy finds roles, users and groups by the ARN of a managed policy that is attached to them.
	ByPolicy = "policy"
	// ByBoundary finds roles and users by the ARN of their permissions boundary.
	ByBoundary = "boundary"
	// ByUser finds access keys by their user's unique id.
	ByUser = "user"
)

// Kinds are the tables that the IAM API keeps in the store.
func Kinds() []state.Kind {
	return []state.Kind{
		{Name: "oidc-provider", Decode: decode[OIDCProvider]},
		{Name: "role", Decode: decodeRole, Indexes: map[string]func(state.Entity) []string{
			ByID:       func(e state.Entity) []string { return []string{e.(*Role).ID} },
			ByPolicy:   func(e state.Entity) []string { return e.(*Role).Attached },
			ByBoundary: func(e state.Entity) []string { return e.(*Role).bounds() },
			ByTrusted: func(e state.Entity) []string {
				var ids []string
				for _, p := range e.(*Role).TrustPrincipals {
					ids = append(ids, cmp.Or(p.ID, p.ARN))
				}
				return ids
			},
		}},
		{Name: "policy", Decode: decode[Policy]},
		{Name: "user", Decode: decode[User], Indexes: map[string]func(state.Entity) []string{
			ByID:       func(e state.Entity) []string { return []string{e.(*User).ID} },
			ByPolicy:   func(e state.Entity) []string { return e.(*User).Attached },
			ByBoundary: func(e state.Entity) []string { return e.(*User).bounds() },
			ByGroup: func(e state.Entity) []string {
				var keys []string
				for _, name := range e.(*User).Groups {
					keys = append(keys, nameKey(e.(*User).Account, name))
				}
				return keys
			},
		}},
		{Name: "group", Decode: decode[Group], Indexes: map[string]func(state.Entity) []string{
			ByPolicy: func(e state.Entity) []string { return e.(*Group).Attached },
		}},
		{Name: "access-key", Decode: decode[AccessKey], Indexes: map[string]func(state.Entity) []string{
			ByUser: func(e state.Entity) []string { return []string{e.(*AccessKey).UserID} },
		}},
		{Name: "instance-profile", Decode: decode[InstanceProfile], Indexes: map[string]func(state.Entity) []string{
			ByRole: func(e state.Entity) []string {
				if p := e.(*InstanceProfile); p.Role != "" {
					return []string{nameKey(p.Account, p.Role)}
				}
				return nil
			},
		}},
		{Name: "account", Decode: decode[Account]},
		{Name: "account-alias", Decode: decode[Alias]},
		{Name: "outbound-federation", Decode: decode[OutboundFederation]},
		{Name: "organization", Decode: decode[Organization]},
	}
}

func decodeRole(b []byte) (state.Entity, error) {
	role := new(Role)
	if err := json.Unmarshal(b, role); err != nil {
		return nil, err
	}
	role.pack()
	return role, nil
}

func decode[T any, E interface {
	*T
	state.Entity
}](b []byte) (state.Entity, error) {
	e := E(new(T))
	if err := json.Unmarshal(b, e); err != nil {
		return nil, err
	}
	return e, nil
}
