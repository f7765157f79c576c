package policy

import (
	"slices"
	"strings"
)

// defaultClaims are the condition keys that STS makes of any issuer's token.
var defaultClaims = []string{"aud", "oaud", "sub", "amr", "email"}

// issuerClaims are the further keys that STS makes of tokens of some public
// issuers (the guide, "Available keys for AWS OIDC federation", 2026).
var issuerClaims = map[string][]string{
	"token.actions.githubusercontent.com": {"actor", "actor_id", "job_workflow_ref", "repository", "repository_id",
		"repository_owner_id", "workflow", "ref", "environment", "enterprise_id"},
	"accounts.google.com": {"google/organization_number"},
	"gitlab.com": {"namespace_id", "project_id", "user_id", "user_login", "user_email", "user_access_level",
		"ref_protected", "pipeline_source", "runner_environment"},
	"agent.buildkite.com": {"organization_slug", "organization_id", "pipeline_slug", "pipeline_id", "cluster_name",
		"cluster_id", "build_branch"},
	"www.amazon.com":     {"app_id", "user_id"},
	"graph.facebook.com": {"app_id", "id"},
}

// claimsOf lists the claims of an issuer (its URL without scheme) that become
// condition keys.
func claimsOf(issuer string) []string {
	issuer = strings.ToLower(strings.TrimRight(issuer, "/"))
	claims := append(slices.Clone(defaultClaims), issuerClaims[issuer]...)
	if strings.HasPrefix(issuer, "oidc.circleci.com") {
		claims = append(claims, "oidc.circleci.com/project-id")
	}
	if strings.Contains(issuer, "oraclecloud.com") {
		claims = append(claims, "rpst_id")
	}
	return claims
}

func knownClaim(issuer, claim string) bool {
	return slices.Contains(claimsOf(issuer), strings.ToLower(claim))
}

// cutClaim splits a provider's condition key, such as
// oidc.eks.us-west-2.amazonaws.com/id/ABC:sub, at its last colon; ok is false for
// keys of AWS, such as aws:SourceIp. A provider's name is a host and thus has a
// dot, or is a localhost.
func cutClaim(key string) (prefix, claim string, ok bool) {
	i := strings.LastIndexByte(key, ':')
	if i < 0 {
		return "", "", false
	}
	prefix, claim = key[:i], key[i+1:]
	host, _, _ := strings.Cut(prefix, "/")
	return prefix, claim, strings.Contains(host, ".") || strings.HasPrefix(host, "localhost")
}
