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
		if pattern, ok := aws.ParseGitHubSubject(w); ok && sameGitHubRepository(pattern, subject) {
			return hint.Hint{} // the policy knows this shape of the repository: it is something else
		}
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

// subjectPart finds wanted subjects that differ from the token's in one part only:
// in what of GitHub a job is, or in what follows.
func subjectPart(want []string, got string) hint.Hint {
	subject, isGitHub := aws.ParseGitHubSubject(got)
	for _, w := range want {
		pattern, ok := aws.ParseGitHubSubject(w)
		if isGitHub && ok && pattern.Rest != "" && pattern.Rest != ":*" && sameGitHubRepository(pattern, subject) {
			if found := contexts(w, pattern.Rest, got, subject.Rest); !found.IsZero() {
				return found
			}
		}
	}
	for _, w := range want {
		bare := strings.TrimRight(w, ":")
		if g := compileGlob(bare + ":*"); bare == "" || strings.HasSuffix(bare, "*") || !g.match(got) {
			continue
		}
		if strings.HasPrefix(got, "system:serviceaccount:") {
			return fixed("subject-goes-on", "write "+got, "%q is the beginning of the token's subject only, which goes on with the name of the service account: %s", w, got)
		}
		return fixed("subject-goes-on", "write "+got+", or "+bare+":* under StringLike", "%q is the beginning of the token's subject only, which is %s", w, got)
	}
	return hint.Hint{}
}

func sameGitHubRepository(pattern, subject aws.GitHubSubject) bool {
	if pattern.Immutable() != subject.Immutable() {
		return false
	}
	pattern.Rest, subject.Rest = "", ""
	g := compileGlob(pattern.String())
	return g.match(subject.String())
}

// contexts explains why a job has another context than the wanted one: an
// environment takes the place of the ref, and a pull request too.
func contexts(wanted, want, got, have string) hint.Hint {
	kind := func(rest string) string {
		name, _, _ := strings.Cut(strings.TrimPrefix(rest, ":"), ":")
		return name
	}
	w, g := kind(want), kind(have)
	switch {
	case w == g:
		return hint.Hint{}
	case g == "environment":
		return fixed("github-context", "write "+got+", or take the environment out of the job",
			"the job names an environment, and its subject has environment:NAME in place of %s; the policy wants %s", orAny(w), wanted)
	case w == "environment":
		return fixed("github-context", "name the environment in the job, or write "+got, "the policy wants a job with an environment, %s, and the job names none", wanted)
	case g == "pull_request":
		return fixed("github-context", "write "+got+" if pull requests are to assume the role", "the job runs for a pull request, whose subject has no ref; the policy wants %s", wanted)
	case w == "pull_request":
		return fixed("github-context", "write "+got, "the policy wants a job that runs for a pull request, and this one runs for %s", strings.TrimPrefix(have, ":"))
	}
	return hint.Hint{}
}

func orAny(kind string) string {
	if kind == "ref" || kind == "pull_request" {
		return kind
	}
	return "a ref"
}
