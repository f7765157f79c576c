package oidc

import (
	"encoding/json"
)

// Provider is an IAM OIDC provider as far as verification needs it.
type Provider struct {
	// URL is the issuer as registered, with its https://.
	URL string
	// ClientIDs are the audiences that the provider admits.
	ClientIDs []string
	// Thumbprints are hexadecimal SHA-1 sums of the top certificate of the
	// issuer's chain. They count only when no trusted root signed that chain.
	Thumbprints []string
}

// Claims are what STS takes from a token. They are verified when they come from
// [Verifier.Verify], and only then.
type Claims struct {
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
	// Audience is azp when the token has one, else its only audience.
	Audience string `json:"audience"`
	// OriginalAudience is the aud claim as a list, whatever azp says.
	OriginalAudience []string `json:"aud"`
	AMR              []string `json:"amr,omitempty"`
	Email            string   `json:"email,omitempty"`
	// SourceIdentity is https://aws.amazon.com/source_identity.
	SourceIdentity string `json:"sourceIdentity,omitempty"`
	// Tags and TransitiveTagKeys are session tags, nested or flat alike.
	Tags              map[string]string `json:"tags,omitempty"`
	TransitiveTagKeys []string          `json:"transitiveTagKeys,omitempty"`
	// Roles are the valid ARNs of https://aws.amazon.com/roles; RolesPresent says
	// that the claim is there at all.
	Roles        []string `json:"roles,omitempty"`
	RolesPresent bool     `json:"rolesPresent,omitempty"`
	// IssuedAt, Expires and NotBefore are seconds since 1970; NotBefore is 0 when
	// the token has none.
	IssuedAt  int64 `json:"iat"`
	Expires   int64 `json:"exp"`
	NotBefore int64 `json:"nbf,omitempty"`
	// Raw is the token's payload as it was signed. It stays undecoded, because
	// only explanations need all of it: see Map.
	Raw json.RawMessage `json:"raw"`

	members members
}
