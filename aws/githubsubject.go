package aws

import (
	"slices"
	"strings"
)

// GitHubSubject is the repository's part of a subject of GitHub Actions, in either
// of its two shapes: repo:OWNER/REPO:CONTEXT, and the immutable
// repo:OWNER@ID/REPO@ID:CONTEXT of repositories that were created, renamed or
// transferred since 2026-07-15, or that opted in (GitHub's documentation of OpenID
// Connect). "@" is in no name at GitHub, so that one is not taken for the other.
type GitHubSubject struct {
	Owner, OwnerID, Repository, RepositoryID string
	// Rest is what follows the repository, its colon included.
	Rest string
}

// ParseGitHubSubject takes a subject, or a pattern for subjects, apart.
func ParseGitHubSubject(s string) (GitHubSubject, bool) {
	rest, ok := strings.CutPrefix(s, "repo:")
	if !ok {
		return GitHubSubject{}, false
	}
	var g GitHubSubject
	repository := rest
	if i := strings.IndexByte(rest, ':'); i >= 0 {
		repository, g.Rest = rest[:i], rest[i:]
	}
	owner, name, ok := strings.Cut(repository, "/")
	if !ok {
		return GitHubSubject{}, false
	}
	g.Owner, g.OwnerID, _ = strings.Cut(owner, "@")
	g.Repository, g.RepositoryID, _ = strings.Cut(name, "@")
	return g, true
}

// Immutable says whether the subject has the ids.
func (g GitHubSubject) Immutable() bool { return g.OwnerID != "" || g.RepositoryID != "" }

// Classic is the subject without ids.
func (g GitHubSubject) Classic() string { return "repo:" + g.Owner + "/" + g.Repository + g.Rest }

// String is the subject as GitHub writes it.
func (g GitHubSubject) String() string { return "repo:" + g.Whole() + g.Rest }

// Whole is the repository with its owner, and with the ids of an immutable subject.
func (g GitHubSubject) Whole() string {
	with := func(name, id string) string {
		if id == "" {
			return name
		}
		return name + "@" + id
	}
	return with(g.Owner, g.OwnerID) + "/" + with(g.Repository, g.RepositoryID)
}

// GitHubClaims are the claims of GitHub's tokens that a subject's template can name
// beside repo and context; it can also name repo_property_NAME. Source: GitHub Docs,
// "OpenID Connect reference".
func GitHubClaims() []string { return slices.Clone(gitHubClaims) }

var gitHubClaims = []string{
	"actor", "actor_id", "base_ref", "check_run_id", "enterprise", "enterprise_id", "environment", "event_name", "head_ref",
	"job_workflow_ref", "job_workflow_sha", "ref", "ref_protected", "ref_type", "repository", "repository_id", "repository_owner",
	"repository_owner_id", "repository_visibility", "run_attempt", "run_id", "run_number", "runner_environment", "sha", "workflow",
	"workflow_ref", "workflow_sha",
}
