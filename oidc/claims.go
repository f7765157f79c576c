package oidc

import (
	"encoding/json"
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
	// BuiltIn says that AWS knows the issuer by itself: no account has registered
	// client ids, so that every audience is admitted, and iss may lack https://.
	BuiltIn bool
}

// issues says whether the provider's tokens have that iss.
func (p Provider) issues(issuer string) bool {
	return issuer == p.URL || p.BuiltIn && "https://"+issuer == p.URL
}

// ClaimSet is what STS reads of a token's claims. On its own it does not say
// whether anybody verified them: [Unverified] and [Claims] do.
type ClaimSet struct {
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
	// Raw is the token's payload as it was signed, JSON. It stays undecoded, because
	// only explanations need all of it: see Map.
	Raw string `json:"raw"`

	members members
}

// Map decodes all claims, numbers as json.Number. The last of duplicates counts.
func (c *ClaimSet) Map() map[string]any {
	decoder := json.NewDecoder(strings.NewReader(c.Raw))
	decoder.UseNumber()
	var all map[string]any
	if decoder.Decode(&all) != nil {
		return nil // Raw was not filled by this package
	}
	return all
}

// checkRequired finds the first required claim that is absent. The order is seen
// in users' reports: a legacy secret token, which lacks aud, iat and exp, is
// refused for its aud.
func checkRequired(m members) *TokenError {
	for _, name := range [...]string{"iss", "sub", "aud", "iat", "exp"} {
		if _, ok := m.get(name); !ok {
			return missingClaim(name, m)
		}
	}
	return nil
}

// readIdentity reads the claims that say who the token is for, each as far as it
// can be; refused is what is wrong with the first that cannot.
func (c *ClaimSet) readIdentity() (refused *TokenError) {
	var ok bool
	if c.Issuer, ok = c.members.text("iss"); !ok {
		refused = malformed("iss", c.members, "a string")
	}
	subject, wrong := readSubject(c.members)
	c.Subject = subject
	if refused == nil {
		refused = wrong
	}
	if wrong := c.readAudience(); refused == nil {
		refused = wrong
	}
	if value, present := c.members.get("amr"); present {
		c.AMR, _ = stringOrList(value)
	}
	c.Email, _ = c.members.text("email")
	return refused
}

// readTimes reads iat, exp and nbf.
func (c *ClaimSet) readTimes() (refused *TokenError) {
	for _, stamp := range [...]struct {
		name string
		into *int64
	}{{"iat", &c.IssuedAt}, {"exp", &c.Expires}, {"nbf", &c.NotBefore}} {
		value, present := c.members.get(stamp.name)
		if !present {
			continue // only nbf may be absent, and checkRequired says so
		}
		var ok bool
		if *stamp.into, ok = wholeNumber(value); !ok && refused == nil {
			refused = refuse(ReasonTimestamp, textTimestamp, "%s is %s, not a whole number of seconds", stamp.name, clip(value)).
				withClaim(stamp.name)
		}
	}
	return refused
}

// readSubject accepts "", one character, 300 characters, and a number, which
// becomes its text; null is AWS's own internal error (all recorded).
func readSubject(m members) (string, *TokenError) {
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
		text, err := unquote(value)
		if err != nil {
			return "", malformed("sub", m, "a string")
		}
		return text, nil
	case value[0] == '-' || value[0] >= '0' && value[0] <= '9':
		return value, nil
	}
	return "", malformed("sub", m, "a string or a number")
}

func (c *ClaimSet) readAudience() *TokenError {
	value, ok := c.members.get("aud")
	if !ok {
		return missingClaim("aud", c.members)
	}
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
			withClaim("aud").withHint("several-audiences", "", "ask for a token with one audience")
	}
	c.Audience = c.OriginalAudience[0]
	return nil
}

// missingClaim is the refusal for an absent claim. Without a final dot: recorded.
func missingClaim(name string, m members) *TokenError {
	err := refuse(ReasonMissingClaim, textMissing+name, "the token has no %s", name).withClaim(name)
	iss, _ := m.text("iss")
	_, secret := m.get("kubernetes.io/serviceaccount/secret.name")
	switch {
	case secret || iss == "kubernetes/serviceaccount":
		return err.withHint("legacy-token", "this is not a projected token but a legacy one from a Secret: it has no audience and never expires",
			"use a projected serviceAccountToken volume with the audience sts.amazonaws.com")
	case name == "aud" || name == "sub":
		return err.withHint("access-token", "this may be an access token", "send an ID token, which has iss, sub, aud, iat and exp")
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
func clip(value string) string {
	const most = 80
	if len(value) > most {
		return value[:most] + "…"
	}
	return value
}
