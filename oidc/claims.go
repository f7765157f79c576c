package oidc

import (
	"encoding/json"
	"slices"
	"strings"
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
	// PinnedKeys says that the keys came by a connection which the provider's
	// thumbprints vouch for, and no trusted root: see [KeySet.Pinned].
	PinnedKeys bool `json:"pinnedKeys,omitempty"`
	// Raw is the token's payload as it was signed. It stays undecoded, because
	// only explanations need all of it: see Map.
	Raw json.RawMessage `json:"raw"`

	members members
}

// ReadClaims reads the claims of a token that nobody signed, for questions asked
// offline. It makes the checks that need no provider, no key and no clock.
func ReadClaims(payload []byte) (*Claims, error) {
	m, err := splitObject(payload)
	if err != nil {
		return nil, notAJWT("claims: %v", err)
	}
	c, err := readClaims(payload, m)
	if err != nil {
		return nil, err
	}
	if err := c.readAWSClaims(); err != nil {
		return nil, err
	}
	return c, nil
}

// Map decodes all claims, numbers as json.Number. The last of duplicates counts.
func (c *Claims) Map() map[string]any {
	decoder := json.NewDecoder(strings.NewReader(string(c.Raw)))
	decoder.UseNumber()
	var all map[string]any
	if decoder.Decode(&all) != nil {
		return nil // Raw was not filled by this package
	}
	return all
}

// ReadClaims is [ReadClaims] of the token's payload, read once. The claims are
// shared, and unverified until [Verifier.Verify] returns them.
func (t *Token) ReadClaims() (*Claims, error) {
	t.read()
	if t.broken != nil {
		return nil, t.broken
	}
	if t.brokenAWS != nil {
		return nil, t.brokenAWS
	}
	return t.claims, nil
}

// CheckClaims makes the checks on claims that need no provider: the required
// ones are there and have a form that STS reads. [Verifier.Verify] makes them
// too; STS calls this before it looks for the provider that iss names.
func (t *Token) CheckClaims() error {
	t.read()
	return t.broken
}

func (t *Token) read() {
	if t.claims != nil || t.broken != nil {
		return
	}
	if t.claims, t.broken = readClaims(t.payload, t.members); t.broken == nil {
		t.brokenAWS = t.claims.readAWSClaims()
	}
}

// readClaims is the stage "claims present and well-formed". The order of the
// required claims is seen in users' reports: a legacy secret token, which lacks
// aud, iat and exp, is refused for its aud.
func readClaims(payload []byte, m members) (*Claims, error) {
	for _, name := range [...]string{"iss", "sub", "aud", "iat", "exp"} {
		if _, ok := m.get(name); !ok {
			return nil, missingClaim(name, m)
		}
	}
	c := &Claims{Raw: payload, members: m}
	var ok bool
	if c.Issuer, ok = m.text("iss"); !ok {
		return nil, malformed("iss", m, "a string")
	}
	var err error
	if c.Subject, err = readSubject(m); err != nil {
		return nil, err
	}
	if err := c.readAudience(); err != nil {
		return nil, err
	}
	for _, stamp := range [...]struct {
		name string
		into *int64
	}{{"iat", &c.IssuedAt}, {"exp", &c.Expires}, {"nbf", &c.NotBefore}} {
		value, present := m.get(stamp.name)
		if !present {
			continue // only nbf: the others are required
		}
		if *stamp.into, ok = wholeNumber(value); !ok {
			return nil, refuse(ReasonTimestamp, textTimestamp, "%s is %s, not a whole number of seconds", stamp.name, clip(value)).
				withClaim(stamp.name)
		}
	}
	if value, present := m.get("amr"); present {
		c.AMR, _ = stringOrList(value)
	}
	c.Email, _ = m.text("email")
	return c, nil
}

// readSubject accepts "", one character, 300 characters, and a number, which
// becomes its text; null is AWS's own internal error (all recorded).
func readSubject(m members) (string, error) {
	value, ok := m.get("sub")
	if !ok {
		return "", missingClaim("sub", m)
	}
	switch {
	case isNull(value):
		err := refuse(ReasonNullSubject, textNullSubject, "sub is null").withClaim("sub")
		err.Code, err.Status = CodeInternalFailure, 500
		return "", err
	case value[0] == '"':
		return unquote(value)
	case value[0] == '-' || value[0] >= '0' && value[0] <= '9':
		return string(value), nil
	}
	return "", malformed("sub", m, "a string or a number")
}

func (c *Claims) readAudience() error {
	value, _ := c.members.get("aud")
	var ok bool
	if c.OriginalAudience, ok = stringOrList(value); !ok {
		return malformed("aud", c.members, "a string or a list of strings")
	}
	if len(c.OriginalAudience) == 0 {
		return refuse(ReasonEmptyAudience, textEmpty+"aud", "aud is an empty list").withClaim("aud")
	}
	if _, present := c.members.get("azp"); present {
		if c.Audience, ok = c.members.text("azp"); !ok {
			return malformed("azp", c.members, "a string")
		}
		return nil
	}
	if len(c.OriginalAudience) > 1 {
		return refuse(ReasonMultipleAudiences, textManyAudiences, "aud is %q and there is no azp", c.OriginalAudience).
			withClaim("aud").withHint("ask for a token with one audience")
	}
	c.Audience = c.OriginalAudience[0]
	return nil
}

// checkAudience compares the audience with the provider's client ids, exactly.
func (c *Claims) checkAudience(p Provider) error {
	if slices.Contains(p.ClientIDs, c.Audience) {
		return nil
	}
	name := "aud"
	if _, present := c.members.get("azp"); present {
		name = "azp"
	}
	return refuse(ReasonAudience, textNotValidated, "the token's %s is %q; the provider's client ids are %q", name, c.Audience, p.ClientIDs).
		withClaim(name).withHint(audienceHint(c.Audience, p.ClientIDs))
}

// missingClaim is the refusal for an absent claim. Without a final dot: recorded.
func missingClaim(name string, m members) *TokenError {
	err := refuse(ReasonMissingClaim, textMissing+name, "the token has no %s", name).withClaim(name)
	iss, _ := m.text("iss")
	_, secret := m.get("kubernetes.io/serviceaccount/secret.name")
	switch {
	case secret || iss == "kubernetes/serviceaccount":
		err.Hint = "this is not a projected token but a legacy one from a Secret: it has no audience and never expires; use a projected serviceAccountToken volume with the audience sts.amazonaws.com"
	case name == "aud" || name == "sub":
		err.Hint = "this may be an access token; STS takes ID tokens, which have iss, sub, aud, iat and exp"
	}
	return err
}

// malformed is the refusal for a claim of a JSON type that nothing reads. AWS's
// own text for these was not recorded; this one is what it says of every token
// that it cannot judge.
func malformed(name string, m members, want string) *TokenError {
	value, _ := m.get(name)
	return refuse(ReasonMalformedClaim, textNotValidated, "%s is %s, not %s", name, clip(value), want).withClaim(name)
}

// clip shortens a value for an explanation.
func clip(value []byte) string {
	const most = 80
	if len(value) > most {
		return string(value[:most]) + "…"
	}
	return string(value)
}
