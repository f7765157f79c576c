package oidc

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
)

// The claims that AWS acts on, besides the registered ones.
const (
	claimTagPrefix  = aws.ClaimTags + "/principal_tags/"
	claimTransitive = aws.ClaimTags + "/transitive_tag_keys"
)

var (
	sourceIdentity = lazyregexp.New(`^[\w+=,.@-]{2,}$`)
	// Exact ARNs only: no wildcards (recorded).
	roleARN = lazyregexp.New(`^arn:aws[a-z-]*:iam::\d{12}:role/[\x21-\x7e]+$`)
)

// readAWSClaims reads session tags and source identity, which STS looks at last,
// and the roles claim, which it looks at before the trust policy. Where a text
// was not recorded, the comment at the refusal says so.
func (c *ClaimSet) readAWSClaims() (session, roles *TokenError) {
	found := false
	for _, m := range c.members {
		found = found || strings.HasPrefix(m.name, aws.ClaimNamespace)
	}
	if !found {
		return nil, nil
	}
	session = c.readTags()
	if refused := c.readSourceIdentity(); session == nil {
		session = refused
	}
	return session, c.readRoles()
}

func (c *ClaimSet) readSourceIdentity() *TokenError {
	value, ok := c.awsClaim(aws.ClaimSourceIdentity)
	if !ok {
		return nil
	}
	text, isText := c.members.text(aws.ClaimSourceIdentity)
	if !isText || len(text) > 64 || !sourceIdentity.MatchString(text) {
		// AWS's text is not known.
		return refuse(ReasonSourceIdentity, textNotValidated, "the source identity is %s, not 2 to 64 characters of letters, digits and _+=,.@-", clip(value)).
			withClaim(aws.ClaimSourceIdentity)
	}
	c.SourceIdentity = text
	return nil
}

// awsClaim is a claim of AWS's namespace; null counts as absent (recorded for
// roles).
func (c *ClaimSet) awsClaim(name string) (string, bool) {
	value, ok := c.members.get(name)
	return value, ok && !isNull(value)
}

// readTags takes the nested form, {"principal_tags": {"K": ["v"]},
// "transitive_tag_keys": ["K"]}, and the flat one, a claim a tag. A token may use
// both.
func (c *ClaimSet) readTags() *TokenError {
	var tags tagClaims
	if value, ok := c.awsClaim(aws.ClaimTags); ok {
		if err := tags.addNested(value); err != nil {
			return err
		}
	}
	for i, m := range c.members {
		key, flat := strings.CutPrefix(m.name, claimTagPrefix)
		if !flat || c.members[i+1:].has(m.name) || isNull(m.value) {
			continue
		}
		if m.value[0] != '"' {
			return badTags(m.name, "the tag %q is %s, not a string", key, clip(m.value))
		}
		value, err := unquote(m.value)
		if err != nil {
			return badTags(m.name, "the tag %q: %v", key, err)
		}
		if err := tags.add(key, value); err != nil {
			return err
		}
	}
	if value, ok := c.awsClaim(claimTransitive); ok {
		if err := tags.addTransitive(value); err != nil {
			return err
		}
	}
	for _, key := range tags.transitive {
		if !tags.seen[strings.ToLower(key)] {
			return parameterTags("The specified transitive tag key must be included in the requested tags.", "the transitive key %q is not a tag of the token", key)
		}
	}
	if len(tags.values) > 0 {
		c.Tags, c.TransitiveTagKeys = tags.values, tags.transitive
	}
	return nil
}

func (m members) has(name string) bool { _, ok := m.get(name); return ok }

type tagClaims struct {
	values     map[string]string
	seen       map[string]bool // keys in lower case
	transitive []string
}

func (t *tagClaims) addNested(value string) *TokenError {
	nested, err := membersOf(value)
	if err != nil {
		return badTags(aws.ClaimTags, "the claim is %s, not an object", clip(value))
	}
	if value, ok := nested.get("principal_tags"); ok && !isNull(value) {
		tags, err := membersOf(value)
		if err != nil {
			return badTags(aws.ClaimTags, "principal_tags is %s, not an object", clip(value))
		}
		for i, tag := range tags {
			if tags[i+1:].has(tag.name) {
				continue
			}
			// A plain string is refused here, though the documents mention it
			// (recorded: nested-string-tags).
			list, ok := stringOrList(tag.value)
			if !ok || tag.value[0] != '[' || len(list) != 1 {
				return badTags(aws.ClaimTags, "the value of tag %q is %s, not a list of exactly one string", tag.name, clip(tag.value))
			}
			if err := t.add(tag.name, list[0]); err != nil {
				return err
			}
		}
	}
	if value, ok := nested.get("transitive_tag_keys"); ok && !isNull(value) {
		return t.addTransitive(value)
	}
	return nil
}

func (t *tagClaims) add(key, value string) *TokenError {
	lower := strings.ToLower(key)
	switch {
	case t.seen[lower]:
		return parameterTags("Duplicate tag keys found. Please note that Tag keys are case insensitive.", "the tag key %q is given twice", key)
	case !aws.TagKeyFits(key) || !aws.TagText.MatchString(key) || aws.ReservedTagKey(key):
		return badTags(aws.ClaimTags, "the tag key %q is not 1 to %d letters, digits, spaces or _.:/=+-@ outside aws:", key, aws.LongestTagKey)
	case !aws.TagValueFits(value) || !aws.TagText.MatchString(value):
		return badTags(aws.ClaimTags, "the value %q of tag %q is not at most %d letters, digits, spaces or _.:/=+-@", value, key, aws.LongestTagValue)
	}
	if t.values == nil {
		t.values, t.seen = map[string]string{}, map[string]bool{}
	}
	t.seen[lower] = true
	t.values[key] = value
	if len(t.values) > aws.MostTags {
		return badTags(aws.ClaimTags, "the token has more than %d session tags", aws.MostTags)
	}
	return nil
}

func (t *tagClaims) addTransitive(value string) *TokenError {
	var keys []string
	if value[0] != '[' || json.Unmarshal([]byte(value), &keys) != nil {
		return badTags(claimTransitive, "transitive_tag_keys is %s, not a list of strings", clip(value))
	}
	if len(keys) > aws.MostTags {
		return badTags(claimTransitive, "the token has %d transitive tag keys, more than %d", len(keys), aws.MostTags)
	}
	for _, key := range keys {
		if !slices.Contains(t.transitive, key) {
			t.transitive = append(t.transitive, key)
		}
	}
	return nil
}

// badTags has the one text that was recorded about tags; users report it for
// forbidden characters too.
func badTags(claim, detail string, args ...any) *TokenError {
	return refuse(ReasonSessionTags, textPrincipalTags, detail, args...).withClaim(claim)
}

// parameterTags is what AssumeRole answers for the same mistake in its Tags
// parameter (recorded there, not here).
func parameterTags(message, detail string, args ...any) *TokenError {
	err := refuse(ReasonSessionTags, message, detail, args...).withClaim(aws.ClaimTags)
	err.Code = "InvalidParameterValue"
	return err
}

// readRoles takes a string, a ;-separated string or a list. Invalid entries are
// ignored as long as one is valid (recorded).
func (c *ClaimSet) readRoles() *TokenError {
	value, ok := c.awsClaim(aws.ClaimRoles)
	if !ok {
		return nil
	}
	c.RolesPresent = true
	var candidates []string
	switch value[0] {
	case '"':
		text, err := unquote(value)
		if err != nil {
			return refuse(ReasonRolesClaim, textRolesFormat, "%s: %v", aws.ClaimRoles, err).withClaim(aws.ClaimRoles)
		}
		candidates = strings.Split(text, ";")
	case '[':
		var items []any
		if err := json.Unmarshal([]byte(value), &items); err != nil {
			return refuse(ReasonRolesClaim, textRolesFormat, "%s: %v", aws.ClaimRoles, err).withClaim(aws.ClaimRoles)
		}
		for _, item := range items {
			if text, ok := item.(string); ok {
				candidates = append(candidates, text)
			}
		}
	default:
		return refuse(ReasonRolesClaim, textRolesFormat, "%s is %s, not a string or a list of strings", aws.ClaimRoles, clip(value)).withClaim(aws.ClaimRoles)
	}
	for _, candidate := range candidates {
		candidate = strings.TrimSpace(candidate)
		if roleARN.MatchString(candidate) && !strings.ContainsAny(candidate, "*?") {
			c.Roles = append(c.Roles, candidate)
		}
	}
	if len(c.Roles) == 0 {
		return refuse(ReasonRolesClaim, textNoValidRoles, "%s is %s", aws.ClaimRoles, clip(value)).withClaim(aws.ClaimRoles)
	}
	return nil
}
