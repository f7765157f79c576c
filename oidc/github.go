package oidc

import "strings"

// gitHubClassicClaims makes the claims of a GitHub Actions token. What to override:
// repository ("owner/name"), ref, environment, event_name (pull_request changes
// sub and ref), workflow, actor; sub, repository_owner, workflow_ref,
// job_workflow_ref, ref_type and base_ref follow. All ids are strings, as GitHub
// writes them.
func gitHubClassicClaims(in ProfileInput) (map[string]any, error) {
	return gitHubClaims(in, "github", false)
}

// gitHubImmutableClaims are those of [gitHubClassicClaims] with the ids of owner and
// repository in the subject, which GitHub writes for repositories that were
// created, renamed or transferred since 2026-07-15.
func gitHubImmutableClaims(in ProfileInput) (map[string]any, error) {
	return gitHubClaims(in, "github-immutable", true)
}

func gitHubClaims(in ProfileInput, profile string, immutable bool) (map[string]any, error) {
	d, err := in.start(profile)
	if err != nil {
		return nil, err
	}
	d.set("repository", "octo-org/octo-repo")
	owner, name, _ := strings.Cut(d.text("repository"), "/")
	d.set("repository_owner", owner)
	d.set("repository_id", "74")
	d.set("repository_owner_id", "65")
	d.set("repository_visibility", "private")
	d.set("actor", "octocat")
	d.set("actor_id", "12")
	d.set("event_name", "push")
	pull := strings.HasPrefix(d.text("event_name"), "pull_request")
	ref, head, base := "refs/heads/main", "", ""
	if pull {
		ref, head, base = "refs/pull/1/merge", "feature", "main"
	}
	d.set("ref", ref)
	d.set("ref_type", refType(d.text("ref")))
	d.set("ref_protected", "true")
	d.set("head_ref", head)
	d.set("base_ref", base)
	d.set("sha", "9c1fd5d2b8c2e6cf6e8fc7b5a5ec2ff1b0c1a2d3")
	d.set("workflow", "deploy")
	workflowRef := owner + "/" + name + "/.github/workflows/" + d.text("workflow") + ".yml@" + d.text("ref")
	d.set("workflow_ref", workflowRef)
	d.set("workflow_sha", d.text("sha"))
	d.set("job_workflow_ref", d.text("workflow_ref"))
	d.set("job_workflow_sha", d.text("workflow_sha"))
	d.set("run_id", "9001")
	d.set("run_number", "10")
	d.set("run_attempt", "2")
	d.set("runner_environment", "github-hosted")
	d.optional("environment", "enterprise", "enterprise_id")
	d.set("sub", gitHubSubject(d, pull, immutable))
	return d.done(), nil
}

// gitHubSubject: an environment beats a pull request, which beats the ref. A colon
// inside of a name is written %3A.
func gitHubSubject(d *draft, pull, immutable bool) string {
	subject := "repo:" + d.text("repository") + ":"
	if immutable {
		owner, name, _ := strings.Cut(d.text("repository"), "/")
		subject = "repo:" + owner + "@" + d.text("repository_owner_id") + "/" + name + "@" + d.text("repository_id") + ":"
	}
	switch environment := d.text("environment"); {
	case environment != "":
		return subject + "environment:" + strings.ReplaceAll(environment, ":", "%3A")
	case pull:
		return subject + "pull_request"
	}
	return subject + "ref:" + d.text("ref")
}

func refType(ref string) string {
	if strings.HasPrefix(ref, "refs/tags/") {
		return "tag"
	}
	return "branch"
}
