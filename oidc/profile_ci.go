package oidc

import "strings"

// circleCIV1Claims makes the claims of CIRCLE_OIDC_TOKEN. What to override:
// oidc.circleci.com/org-id, /project-id, /vcs-origin, /vcs-ref; iss, aud and sub
// follow.
func circleCIV1Claims(in ProfileInput) (map[string]any, error) {
	return circleCIClaims(in, "circleci", false)
}

// circleCIV2Claims makes those of CIRCLE_OIDC_TOKEN_V2, whose subject has the
// repository and the ref too (CircleCI's documentation, "OpenID Connect tokens").
func circleCIV2Claims(in ProfileInput) (map[string]any, error) {
	return circleCIClaims(in, "circleci-v2", true)
}

func circleCIClaims(in ProfileInput, profile string, v2 bool) (map[string]any, error) {
	const org, prefix = "0b1d3c6e-5a52-4f0e-9d0a-4c7a9f1e2b3c", "oidc.circleci.com/"
	organisation := in.given(prefix+"org-id", org)
	if in.Issuer == "" || in.Issuer == circleCIIssuer+org {
		in.Issuer = circleCIIssuer + organisation
	}
	d, err := in.start(profile)
	if err != nil {
		return nil, err
	}
	issuer := strings.TrimPrefix(in.Issuer, circleCIIssuer)
	d.set(prefix+"org-id", issuer)
	d.set(prefix+"project-id", "5f1e6c9a-3d2b-4c8f-8a7e-6b5d4c3b2a19")
	d.set(prefix+"pipeline-definition-id", "7c0f4e8a-1b2c-4d3e-9f8a-5b6c7d8e9f0a")
	d.set(prefix+"context-ids", []string{"c0ffee00-1111-4222-8333-444455556666"})
	d.set(prefix+"job-id", "9e8d7c6b-5a49-4838-9727-161504030201")
	d.set(prefix+"workflow-id", "1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d")
	d.set(prefix+"pipeline-id", "2b3c4d5e-6f7a-4b8c-9d0e-1f2a3b4c5d6e")
	d.set(prefix+"vcs-origin", "github.com/octo-org/octo-repo")
	d.set(prefix+"vcs-ref", "refs/heads/main")
	d.set(prefix+"ssh-rerun", false)
	subject := "org/" + issuer + "/project/" + d.text(prefix+"project-id") + "/user/3c4d5e6f-7a8b-4c9d-8e0f-2a3b4c5d6e7f"
	if v2 {
		subject += "/vcs-origin/" + d.text(prefix+"vcs-origin") + "/vcs-ref/" + d.text(prefix+"vcs-ref")
	}
	d.set("sub", subject)
	return d.done(), nil
}

const circleCIIssuer = "https://oidc.circleci.com/org/"

// bitbucketClaims makes the claims of BITBUCKET_STEP_OIDC_TOKEN. What to override:
// repositoryUuid, stepUuid, deploymentEnvironmentUuid (a step of a deployment),
// branchName, workspaceUuid; sub and aud follow. UUIDs are in braces.
func bitbucketClaims(in ProfileInput) (map[string]any, error) {
	workspace := in.given("workspaceUuid", "{4d5e6f7a-8b9c-4d0e-8f1a-3b4c5d6e7f80}")
	if len(in.Audience) == 0 {
		in.Audience = []string{"ari:cloud:bitbucket::workspace/" + strings.Trim(workspace, "{}")}
	}
	d, err := in.start("bitbucket")
	if err != nil {
		return nil, err
	}
	d.set("workspaceUuid", workspace)
	d.set("accountUuid", "{5e6f7a8b-9c0d-4e1f-8a2b-4c5d6e7f8091}")
	d.set("repositoryUuid", "{6f7a8b9c-0d1e-4f2a-8b3c-5d6e7f8091a2}")
	d.set("pipelineUuid", "{7a8b9c0d-1e2f-4a3b-8c4d-6e7f8091a2b3}")
	d.set("stepUuid", "{8b9c0d1e-2f3a-4b4c-8d5e-7f8091a2b3c4}")
	d.set("branchName", "main")
	d.optional("deploymentEnvironmentUuid")
	subject := d.text("repositoryUuid") + ":"
	if environment := d.text("deploymentEnvironmentUuid"); environment != "" {
		subject += environment + ":"
	}
	d.set("sub", subject+d.text("stepUuid"))
	return d.done(), nil
}

// buildkiteClaims makes the claims of buildkite-agent oidc request-token. What to
// override: organization_slug, pipeline_slug, build_branch, build_tag,
// build_commit, step_key; sub follows.
func buildkiteClaims(in ProfileInput) (map[string]any, error) {
	d, err := in.start("buildkite")
	if err != nil {
		return nil, err
	}
	d.set("organization_slug", "acme-inc")
	d.set("organization_id", "9c0d1e2f-3a4b-4c5d-8e6f-8091a2b3c4d5")
	d.set("pipeline_slug", "super-duper-app")
	d.set("pipeline_id", "0d1e2f3a-4b5c-4d6e-8f7a-91a2b3c4d5e6")
	d.set("cluster_name", "default")
	d.set("cluster_id", "1e2f3a4b-5c6d-4e7f-8a8b-a2b3c4d5e6f7")
	d.set("build_number", 1)
	d.set("build_branch", "main")
	d.optional("build_tag")
	d.set("build_commit", "9f3182061f1e2cca4702c368cbc039b7dc9d4485")
	d.set("build_source", "ui")
	d.set("step_key", "build")
	d.set("job_id", "0184990a-477b-4fa8-9968-496074483cee")
	d.set("agent_id", "0184990a-4782-42b5-afc1-16715b10b8ff")
	d.set("runner_environment", "self-hosted")
	ref := "refs/heads/" + d.text("build_branch")
	if tag := d.text("build_tag"); tag != "" {
		ref = "refs/tags/" + tag
	}
	d.set("sub", "organization:"+d.text("organization_slug")+":pipeline:"+d.text("pipeline_slug")+
		":ref:"+ref+":commit:"+d.text("build_commit")+":step:"+d.text("step_key"))
	return d.done(), nil
}

// azureDevOpsClaims makes the claims of a service connection's token. What to
// override: sub (sc://ORGANISATION/PROJECT/CONNECTION of a service connection,
// p://ORGANISATION/PROJECT/PIPELINE of a pipeline), org_id, rpo_ref.
func azureDevOpsClaims(in ProfileInput) (map[string]any, error) {
	organisation := in.given("org_id", azureOrganisation)
	if in.Issuer == "" || in.Issuer == azureIssuer+azureOrganisation {
		in.Issuer = azureIssuer + organisation
	}
	d, err := in.start("azure-devops")
	if err != nil {
		return nil, err
	}
	d.set("org_id", organisation)
	d.set("prj_id", "3a4b5c6d-7e8f-4a9b-8c0d-c4d5e6f70819")
	d.set("def_id", "1")
	d.set("rpo_id", "4b5c6d7e-8f9a-4b0c-8d1e-d5e6f7081920")
	d.set("rpo_uri", "https://dev.azure.com/octo-org/octo-project/_git/octo-repo")
	d.set("rpo_ver", "9c1fd5d2b8c2e6cf6e8fc7b5a5ec2ff1b0c1a2d3")
	d.set("rpo_ref", "refs/heads/main")
	d.set("run_id", "1")
	d.set("nbf", in.IssuedAt.Unix()-600)
	d.set("sub", "sc://octo-org/octo-project/aws")
	return d.done(), nil
}

const (
	azureIssuer       = "https://vstoken.dev.azure.com/"
	azureOrganisation = "2f3a4b5c-6d7e-4f8a-8b9c-b3c4d5e6f708"
)
