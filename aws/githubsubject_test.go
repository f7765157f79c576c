package aws_test

import (
	"testing"

	"github.com/irsa-emu/irsa-emu/aws"
)

// The shapes are those of GitHub's documentation of OpenID Connect (2026).
func TestGitHubSubject(t *testing.T) {
	for s, want := range map[string]aws.GitHubSubject{
		"repo:octo-org/octo-repo:ref:refs/heads/main":                {Owner: "octo-org", Repository: "octo-repo", Rest: ":ref:refs/heads/main"},
		"repo:octo-org@123456/octo-repo@456789:ref:refs/heads/a@b/c": {Owner: "octo-org", OwnerID: "123456", Repository: "octo-repo", RepositoryID: "456789", Rest: ":ref:refs/heads/a@b/c"},
		"repo:octo-org/*":       {Owner: "octo-org", Repository: "*"},
		"repo:octo-org@*/r@*:*": {Owner: "octo-org", OwnerID: "*", Repository: "r", RepositoryID: "*", Rest: ":*"},
	} {
		got, ok := aws.ParseGitHubSubject(s)
		if !ok || got != want || got.String() != s {
			t.Errorf("%s: %+v, %s", s, got, got)
		}
		if classic, ok := aws.ParseGitHubSubject(got.Classic()); !ok || classic.Immutable() || classic.Rest != want.Rest {
			t.Errorf("%s: %s", s, got.Classic())
		}
	}
	for _, s := range []string{"", "repo:", "repo:octo-org", "repository:o/r", "job_workflow_ref:o/r/x@y", "repo:a:b/c"} {
		if got, ok := aws.ParseGitHubSubject(s); ok {
			t.Errorf("%s: %+v", s, got)
		}
	}
}

func FuzzGitHubSubject(f *testing.F) {
	for _, s := range []string{"repo:o/r:ref:x", "repo:o@1/r@2:environment:prod", "repo:@/@", "repo:o@/r"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, ok := aws.ParseGitHubSubject(s)
		if !ok {
			return
		}
		if again, ok := aws.ParseGitHubSubject(g.String()); !ok || again != g {
			t.Fatalf("%q: %+v, then %+v", s, g, again)
		}
	})
}
