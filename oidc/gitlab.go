package oidc

import "strings"

// gitLabClaims makes the claims of a GitLab CI/CD id_token. What to override:
// project_path ("group/project"), ref, ref_type ("branch" or "tag"),
// environment, user_login, pipeline_source; sub, namespace_path, ref_path and
// ci_config_ref_uri follow. GitLab writes ids as strings, but runner_id as a
// number.
func gitLabClaims(in ProfileInput) (map[string]any, error) {
	d, err := in.start("gitlab")
	if err != nil {
		return nil, err
	}
	d.set("project_path", "my-group/my-project")
	project := d.text("project_path")
	namespace := project
	if slash := strings.LastIndexByte(project, '/'); slash >= 0 {
		namespace = project[:slash]
	}
	d.set("project_id", "22")
	d.set("namespace_path", namespace)
	d.set("namespace_id", "72")
	d.set("project_visibility", "private")
	d.set("user_id", "42")
	d.set("user_login", "my-user")
	d.set("user_email", d.text("user_login")+"@example.com")
	d.set("user_access_level", "developer")
	d.set("pipeline_id", "574")
	d.set("pipeline_source", "push")
	d.set("job_id", "302")
	d.set("ref", "main")
	d.set("ref_type", "branch")
	refPath := "refs/heads/" + d.text("ref")
	if d.text("ref_type") == "tag" {
		refPath = "refs/tags/" + d.text("ref")
	}
	d.set("ref_path", refPath)
	d.set("ref_protected", "true")
	d.set("runner_id", 1)
	d.set("runner_environment", "gitlab-hosted")
	d.set("sha", "714a629c0b401fdce83e847fc9589983fc6f46bc")
	d.set("ci_config_ref_uri", strings.TrimPrefix(d.text("iss"), "https://")+"/"+project+"//.gitlab-ci.yml@"+d.text("ref_path"))
	d.set("ci_config_sha", d.text("sha"))
	d.optional("environment", "environment_protected", "environment_action", "deployment_tier")
	if d.text("environment") != "" {
		d.set("environment_protected", "false")
		d.set("environment_action", "start")
		d.set("deployment_tier", "production")
	}
	d.set("sub", "project_path:"+project+":ref_type:"+d.text("ref_type")+":ref:"+d.text("ref"))
	return d.done(), nil
}
