package sts

import (
	"maps"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
)

// TokenKeys are the condition keys that come from a token, for a provider.
func TokenKeys(c *oidc.ClaimSet, provider string) policy.Context {
	ctx := policy.Context{}
	addTokenKeys(ctx, c, provider)
	return ctx
}

// addTokenKeys sets the condition keys that come from a token (recorded 1d), in
// lower case, as contexts keep them.
func addTokenKeys(ctx policy.Context, c *oidc.ClaimSet, provider string) {
	for key, value := range oidc.ConditionKeys(strings.ToLower(providerURL(provider)), c) {
		if value.Multi || len(value.Values) > 0 {
			ctx[strings.ToLower(key)] = policy.Values{List: value.Values, Multi: value.Multi}
		}
	}
	if c.SourceIdentity != "" {
		ctx.Set("sts:sourceidentity", c.SourceIdentity)
	}
	tags := claimedTags(c)
	tags.setKeys(ctx)
}

// claimedTags are the session tags of a token, in the order of their keys.
func claimedTags(c *oidc.ClaimSet) sessionTags {
	if len(c.Tags) == 0 {
		return sessionTags{}
	}
	tags := sessionTags{transitive: c.TransitiveTagKeys}
	for _, key := range slices.Sorted(maps.Keys(c.Tags)) {
		tags.list = append(tags.list, aws.Tag{Key: key, Value: c.Tags[key]})
	}
	return tags
}

// providerURL is a provider's URL without its scheme, which its condition keys
// begin with; "" if the principal is no OIDC provider.
func providerURL(principal string) string {
	if url, ok := aws.OIDCProvider(principal); ok {
		return url
	}
	if host, ok := aws.BuiltInProvider(principal); ok {
		return host
	}
	return ""
}
