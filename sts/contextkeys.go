package sts

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
)

// WebIdentity is all that the condition keys of an AssumeRoleWithWebIdentity
// call come from, besides the HTTP request.
type WebIdentity struct {
	Claims *oidc.Claims
	// Provider is the ARN of the OIDC provider.
	Provider string
	// RoleSessionName is the call's parameter.
	RoleSessionName string
	// RoleARN and RoleTags are those of the role to be assumed.
	RoleARN  string
	RoleTags []aws.Tag
	Now      time.Time
}

// ContextKeys are the condition keys that a trust policy sees. It is pure, so
// that the questions asked offline get the answers of the server.
func ContextKeys(id WebIdentity) policy.Context {
	ctx := make(policy.Context, 24)
	now := id.Now.UTC()
	ctx.Set("aws:CurrentTime", now.Format("2006-01-02T15:04:05Z"))
	ctx.Set("aws:EpochTime", strconv.FormatInt(now.Unix(), 10))
	id.addKeys(ctx)
	return ctx
}

// addKeys sets all keys but those of time and HTTP (recorded 1d), in lower case
// like [api.Request.ContextKeys].
func (id *WebIdentity) addKeys(ctx policy.Context) {
	c := id.Claims
	for key, value := range oidc.ConditionKeys(strings.ToLower(providerURL(id.Provider)), c) {
		if value.Multi {
			ctx.SetMulti(key, value.Values)
		} else if len(value.Values) > 0 {
			ctx.Set(key, value.Values[0])
		}
	}
	ctx.Set("sts:rolesessionname", id.RoleSessionName)
	// Always there; true only if the roles claim names the role.
	ctx.SetBool("sts:roleauthorizedbyidp", slices.Contains(c.Roles, id.RoleARN))
	if c.SourceIdentity != "" {
		ctx.Set("sts:sourceidentity", c.SourceIdentity)
	}
	tags := claimedTags(c)
	tags.setKeys(ctx)
	for _, tag := range id.RoleTags {
		ctx.Set("aws:ResourceTag/"+tag.Key, tag.Value)
		ctx.Set("iam:ResourceTag/"+tag.Key, tag.Value)
	}
	ctx.Set("aws:resourceaccount", providerAccount(id.Provider)) // the role's too: they must share it
	// The caller is the provider; aws:PrincipalArn is absent.
	ctx.Set("aws:principalaccount", providerAccount(id.Provider))
	ctx.Set("aws:principaltype", "User")
	ctx.Set("aws:userid", id.Provider)
}

// claimedTags are the session tags of a token, in the order of their keys.
func claimedTags(c *oidc.Claims) sessionTags {
	if len(c.Tags) == 0 {
		return sessionTags{}
	}
	tags := sessionTags{transitive: c.TransitiveTagKeys}
	for _, key := range sortedKeys(c.Tags) {
		tags.list = append(tags.list, aws.Tag{Key: key, Value: c.Tags[key]})
	}
	return tags
}

const providerResource = ":oidc-provider/"

// providerARN is the ARN that an account's provider for an issuer has, or would have.
func providerARN(account, issuer string) string {
	return "arn:aws:iam::" + account + providerResource + strings.TrimPrefix(issuer, "https://")
}

// providerURL is a provider's URL without its scheme, which its condition keys begin with.
func providerURL(arn string) string {
	_, url, _ := strings.Cut(arn, providerResource)
	return url
}

func providerAccount(arn string) string {
	prefix, _, _ := strings.Cut(arn, providerResource)
	return prefix[strings.LastIndexByte(prefix, ':')+1:]
}
