package oidc

import (
	"iter"
	"strings"
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
func ConditionKeys(issuerURL string, c *Claims) iter.Seq2[string, ConditionKey] {
	return func(yield func(string, ConditionKey) bool) {
		issuer := strings.TrimPrefix(issuerURL, "https://")
		prefix := issuer + ":"
		// Several original audiences can be tested with a set operator only; one
		// is an ordinary value, or StringEquals on :oaud could never hold.
		if !yield(prefix+"aud", ConditionKey{Values: []string{c.Audience}, Session: true}) ||
			!yield(prefix+"oaud", ConditionKey{Values: c.OriginalAudience, Multi: len(c.OriginalAudience) > 1}) ||
			!yield(prefix+"sub", ConditionKey{Values: []string{c.Subject}, Session: true}) ||
			len(c.AMR) > 0 && !yield(prefix+"amr", ConditionKey{Values: c.AMR, Multi: true, Session: true}) ||
			c.Email != "" && !yield(prefix+"email", ConditionKey{Values: []string{c.Email}}) {
			return
		}
		for name, claim := range specificKeys(issuer) {
			if value, ok := c.scalar(claim); ok && !yield(prefix+name, ConditionKey{Values: []string{value}}) {
				return
			}
		}
	}
}

// SpecificConditionKeys lists the key names that only this issuer has.
func SpecificConditionKeys(issuerURL string) []string {
	var names []string
	for name := range specificKeys(strings.TrimPrefix(issuerURL, "https://")) {
		names = append(names, name)
	}
	return names
}

// specificKeys maps an issuer's own keys to claims.
func specificKeys(issuer string) map[string]string {
	switch issuer {
	case "token.actions.githubusercontent.com":
		return same("actor", "actor_id", "job_workflow_ref", "repository", "repository_id",
			"repository_owner_id", "workflow", "ref", "environment", "enterprise_id")
	case "gitlab.com": // not self-managed instances
		return same("namespace_id", "project_id", "user_id", "user_login", "user_email",
			"user_access_level", "ref_protected", "pipeline_source", "runner_environment")
	case "agent.buildkite.com":
		return same("organization_slug", "organization_id", "pipeline_slug", "pipeline_id",
			"cluster_name", "cluster_id", "build_branch")
	case "accounts.google.com":
		return map[string]string{"google/organization_number": "google.organization_number"}
	}
	host, path, _ := strings.Cut(issuer, "/")
	switch {
	case host == "oidc.circleci.com" && strings.HasPrefix(path, "org/"):
		return same("oidc.circleci.com/project-id")
	case strings.HasSuffix(host, ".oraclecloud.com"):
		return same("rpst_id")
	}
	return nil
}

func same(names ...string) map[string]string {
	keys := make(map[string]string, len(names))
	for _, name := range names {
		keys[name] = name
	}
	return keys
}

// scalar reads a claim as a condition value: a string, or the text of a number or
// boolean. Google's organization_number is a member of its claim "google"; the
// path is tried after the name itself.
func (c *Claims) scalar(claim string) (string, bool) {
	value, ok := c.members.get(claim)
	if outer, inner, nested := strings.Cut(claim, "."); !ok && nested {
		if object, has := c.members.get(outer); has && object[0] == '{' {
			if inside, err := splitObject(object); err == nil {
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
	return string(value), true
}
