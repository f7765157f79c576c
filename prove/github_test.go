package prove

import (
	"strings"
	"testing"
)

// Subjects by templates of include_claim_keys (GitHub Docs, "OpenID Connect
// reference"), with the claims that agree with them.
func TestGitHubTemplates(t *testing.T) {
	const issuer = "token.actions.githubusercontent.com"
	ask := func(condition string, claim Claim, templates ...string) Answer {
		t.Helper()
		role := trustOnly(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/`+issuer+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{`+strings.ReplaceAll(condition, "ISS", issuer)+`}}]}`)
		p := testProvider("https://"+issuer, "sts.amazonaws.com")
		for _, list := range templates {
			template, err := ParseTemplate(list)
			if err != nil {
				t.Fatal(err)
			}
			p.Templates = append(p.Templates, template)
		}
		a, err := Holds(p, role, claim)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	nobody := Claim{Nobody: true}
	only := func(key, pattern string) Claim { return Claim{Only: []KeyPatterns{{key, []string{pattern}}}} }
	for _, c := range []struct {
		condition string
		claim     Claim
		templates []string
		want      Verdict
		witness   string // its sub
	}{
		{`"StringEquals":{"ISS:sub":"repo:o/r:environment:prod:workflow:w"}`, nobody, nil, Proved, ""},
		{`"StringEquals":{"ISS:sub":"repo:o/r:environment:prod:workflow:w"}`, nobody, []string{"repo,context,workflow"}, Refuted, "repo:o/r:environment:prod:workflow:w"},
		{`"StringEquals":{"ISS:sub":"repo:o/r:environment:prod:workflow:w"}`, nobody, []string{"repo,workflow"}, Proved, ""},
		{`"StringLike":{"ISS:sub":"repo:o/*:environment:prod"}`, only("sub", "*:environment:prod"), []string{"repo,context,workflow"}, Proved, ""},
		{`"StringLike":{"ISS:sub":"repo:o/*:environment:prod*"}`, only("environment", "prod*"), []string{"repo,context,workflow"}, Proved, ""},
		{`"StringLike":{"ISS:sub":"repo:o/*:environment:prod*"}`, only("environment", "prod"), []string{"repo,context,workflow"}, Refuted, "repo:o/a:environment:proda"},
		{`"StringLike":{"ISS:sub":"repo:o/r:pull_request","ISS:environment":"*"}`, nobody, nil, Proved, ""},
		// A workflow by that name in any repository: its subject is not the repository's.
		{`"StringLike":{"ISS:sub":"job_workflow_ref:o/w/.github/workflows/d.yml@*"}`, only("repository", "o/*"), []string{"job_workflow_ref"}, Refuted, "job_workflow_ref:o/w/.github/workflows/d.yml@"},
		{`"StringLike":{"ISS:sub":"job_workflow_ref:o/w/.github/workflows/d.yml@*"}`, only("job_workflow_ref", "o/w/*"), []string{"job_workflow_ref"}, Proved, ""},
		{`"StringEquals":{"ISS:sub":"environment:eu%3Aprod","ISS:environment":"eu:prod"}`, nobody, []string{"environment"}, Refuted, "environment:eu%3Aprod"},
		{`"StringEquals":{"ISS:sub":"environment:eu%3Aprod","ISS:environment":"other"}`, nobody, []string{"environment"}, Proved, ""},
		{`"StringEquals":{"ISS:sub":"repo:o@65/r@74:repository_owner_id:65","ISS:repository_id":"75"}`, nobody, []string{"repo,repository_owner_id"}, Proved, ""},
	} {
		a := ask(c.condition, c.claim, c.templates...)
		if a.Verdict != c.want {
			t.Errorf("%s %+v %q: %s, want %s", c.condition, c.claim, c.templates, a.Verdict, c.want)
		} else if a.Witness != nil && a.Witness.Claims["sub"] != c.witness {
			t.Errorf("%s %+v %q: the witness is %v, want %s", c.condition, c.claim, c.templates, a.Witness.Claims, c.witness)
		}
	}
	p := testProvider("https://" + issuer)
	for pattern, want := range map[string]bool{"job_workflow_ref:o/w/*": true, "environment:prod": true, "repo:o/r:*": false, "*": false, "repo:o/r:x": false} {
		if p.Customised(pattern) != want {
			t.Errorf("%s: customised %v, want %v", pattern, !want, want)
		}
	}
	if _, err := ParseTemplate("repo,contxt"); err == nil {
		t.Error("a key that no token has is taken")
	}
}
