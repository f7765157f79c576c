package oidc

import (
	"iter"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// ConditionKey is what a trust policy can test of a token.
type ConditionKey struct {
	Values []string
	// Multi says that the key is multivalued: only ForAnyValue and ForAllValues
	// match it.
	Multi bool
	// Session says that the key is there in later calls of the session too.
	Session bool
}

// ConditionKeys gives claims as condition keys: the provider's URL without its
// scheme, a colon, and a name. Every issuer has aud, oaud, sub, amr and email; a
// few shared ones have more; no other claim becomes a key, iss and azp included.
// A key whose claim is absent is absent. Sources: AWS's documents and recorded 1d.
func ConditionKeys(issuerURL string, c *ClaimSet) iter.Seq2[string, ConditionKey] {
	return func(yield func(string, ConditionKey) bool) {
		issuer := strings.TrimPrefix(issuerURL, "https://")
		// Several original audiences can be tested with a set operator only; one
		// is an ordinary value, or StringEquals on :oaud could never hold.
		if !yield(issuer+":aud", ConditionKey{Values: []string{c.Audience}, Session: true}) ||
			!yield(issuer+":oaud", ConditionKey{Values: c.OriginalAudience, Multi: len(c.OriginalAudience) > 1}) ||
			!yield(issuer+":sub", ConditionKey{Values: []string{c.Subject}, Session: true}) ||
			len(c.AMR) > 0 && !yield(issuer+":amr", ConditionKey{Values: c.AMR, Multi: true, Session: true}) ||
			c.Email != "" && !yield(issuer+":email", ConditionKey{Values: []string{c.Email}}) {
			return
		}
		for _, key := range aws.IssuerOf(issuer).OwnKeys() {
			if value, ok := c.scalar(key.Claim); ok && !yield(issuer+":"+key.Name, ConditionKey{Values: []string{value}}) {
				return
			}
		}
	}
}

// scalar reads a claim as a condition value: a string, or the text of a number or
// boolean. Google's organization_number is a member of its claim "google"; the
// path is tried after the name itself.
func (c *ClaimSet) scalar(claim string) (string, bool) {
	value, ok := c.members.get(claim)
	if outer, inner, nested := strings.Cut(claim, "."); !ok && nested {
		if object, has := c.members.get(outer); has && object[0] == '{' {
			if inside, err := membersOf(object); err == nil {
				value, ok = inside.get(inner)
			}
		}
	}
	if !ok {
		return "", false
	}
	switch value[0] {
	case '"':
		text, err := unquote(value)
		return text, err == nil
	case '{', '[', 'n':
		return "", false
	}
	return value, true
}
