package policy

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/hint"
)

// gitHubShape finds policies that know one shape of GitHub's subjects and are
// asked about the other one: the same repository with, and without, its ids.
func gitHubShape(want []string, got string) hint.Hint {
	subject, ok := aws.ParseGitHubSubject(got)
	if !ok {
		return hint.Hint{}
	}
	for _, w := range want {
		pattern, ok := aws.ParseGitHubSubject(w)
		if !ok || pattern.Immutable() == subject.Immutable() || !sameGitHub(pattern, subject) {
			continue
		}
		if subject.Immutable() {
			return fixed("github-immutable", "write "+withIDs(pattern, subject).String()+", beside the old one while both are in use",
				"the token has GitHub's immutable subject, with the ids of owner and repository, as repositories have that were created, renamed or transferred since 2026-07-15; the policy knows the old shape only")
		}
		return fixed("github-immutable", "write "+pattern.Classic()+", beside the new one while both are in use",
			"the policy knows GitHub's immutable subject only, with the ids of owner and repository; the token has the old shape, as repositories have from before 2026-07-15")
	}
	return hint.Hint{}
}

// sameGitHub says whether a pattern would match a subject if both were without
// ids, and whether it is about the same owner at least.
func sameGitHub(pattern, subject aws.GitHubSubject) bool {
	if g := compileGlob(pattern.Classic()); g.match(subject.Classic()) {
		return true
	}
	owner := compileGlob(pattern.Owner + "/" + pattern.Repository)
	return owner.match(subject.Owner + "/" + subject.Repository)
}

// withIDs is a pattern in the shape that has ids: those of the subject, and any
// where a name is a pattern itself.
func withIDs(pattern, subject aws.GitHubSubject) aws.GitHubSubject {
	id := func(name, id string) string {
		if strings.ContainsAny(name, "*?") {
			return "*"
		}
		return id
	}
	pattern.OwnerID, pattern.RepositoryID = id(pattern.Owner, subject.OwnerID), id(pattern.Repository, subject.RepositoryID)
	return pattern
}
