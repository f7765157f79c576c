package policy

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/hint"
)

// gitHubApart is in what a pattern of a policy and a subject of GitHub differ.
type gitHubApart struct {
	wanted, text string // the policy's value and the token's
	want, got    aws.GitHubSubject
	contexts     bool // what the job is
	shape, ids   bool // with ids beside without; other ids
	letters      bool // the repository's name in other letter case
	names        bool // another repository
}

// gitHub explains why a subject of GitHub is none of those that a policy knows, by
// the one that differs least: a job may differ in several parts, and a mend of one
// of them would not let it in.
func gitHub(want []string, got string) hint.Hint {
	subject, ok := aws.ParseGitHubSubject(got)
	if !ok {
		return hint.Hint{}
	}
	var nearest *gitHubApart
	for _, w := range want {
		pattern, ok := aws.ParseGitHubSubject(w)
		open := ok && pattern.Rest == "" && strings.HasSuffix(pattern.Repository, "*") // of any job
		if !ok || pattern.Rest == "" && !open && pattern.Immutable() == subject.Immutable() {
			continue // the beginning of a subject: subjectGoesOn
		}
		d := &gitHubApart{wanted: w, text: got, want: pattern, got: subject, shape: pattern.Immutable() != subject.Immutable()}
		names, of := pattern.Owner+"/"+pattern.Repository, subject.Owner+"/"+subject.Repository
		d.names = !Like(strings.ToLower(names), strings.ToLower(of))
		d.letters = !d.names && !Like(names, of)
		d.ids = !d.shape && !d.names && !Like(strings.ToLower(pattern.Whole()), strings.ToLower(subject.Whole()))
		d.contexts = !open && !Like(pattern.Rest, subject.Rest)
		if nearest == nil || d.weight() < nearest.weight() {
			nearest = d
		}
	}
	if nearest == nil {
		return hint.Hint{}
	}
	return nearest.hint()
}

// weight is how far the two are apart: another repository is further than another
// shape of the same one.
func (d *gitHubApart) weight() int {
	weight := 0
	for i, differs := range []bool{d.contexts, d.shape || d.ids, d.letters, d.names} {
		if differs {
			weight += 1 << i
		}
	}
	return weight
}

func (d *gitHubApart) hint() hint.Hint {
	var found []hint.Hint
	switch {
	case d.letters:
		found = append(found, fixed("case", "write the names as GitHub has them", "the policy is for the repository %s/%s, and the token is of %s/%s: they differ in letter case only", d.want.Owner, d.want.Repository, d.got.Owner, d.got.Repository))
	case d.names:
		found = append(found, known("github-repository", "the policy is for the repository %s/%s, and the token is of %s/%s", d.want.Owner, d.want.Repository, d.got.Owner, d.got.Repository))
	}
	switch {
	case d.ids:
		found = append(found, fixed("github-ids", "write "+d.text+" if the new one is to assume the role",
			"the names are the same and the ids are not: the policy is for %s, the token is of %s; a repository that was deleted and made anew has another id", d.want.Whole(), d.got.Whole()))
	case d.shape && d.got.Immutable():
		found = append(found, fixed("github-immutable", "write "+withIDs(d.want, d.got).String()+", beside the old one while both are in use",
			"the token has GitHub's immutable subject, with the ids of owner and repository, as repositories have that were created, renamed or transferred since 2026-07-15; the policy knows the old shape only"))
	case d.shape:
		found = append(found, fixed("github-immutable", "write "+d.want.Classic()+", beside the new one while both are in use",
			"the policy knows GitHub's immutable subject only, with the ids of owner and repository; the token has the old shape, as repositories have from before 2026-07-15"))
	}
	if d.contexts {
		if context := d.context(); !context.IsZero() {
			found = append(found, context)
		}
	}
	switch len(found) {
	case 0:
		return hint.Hint{}
	case 1:
		return found[0]
	}
	var messages []string
	for _, f := range found {
		messages = append(messages, f.Message)
	}
	return fixed(found[0].Code, "write "+d.text+" if that job is to assume the role", "%s", strings.Join(messages, "; besides, "))
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

// subjectGoesOn finds wanted subjects that are the beginning of the token's only.
func subjectGoesOn(want []string, got string) hint.Hint {
	for _, w := range want {
		bare := strings.TrimRight(w, ":")
		if bare == "" || strings.HasSuffix(bare, "*") || !Like(bare+":*", got) {
			continue
		}
		if strings.HasPrefix(got, aws.ServiceAccountPrefix) {
			return fixed("subject-goes-on", "write "+got, "%q is the beginning of the token's subject only, which goes on with the name of the service account: %s", w, got)
		}
		return fixed("subject-goes-on", "write "+got+", or "+bare+":* under StringLike", "%q is the beginning of the token's subject only, which is %s", w, got)
	}
	return hint.Hint{}
}

// context explains why a job has another context than the wanted one: an
// environment takes the place of the ref, and a pull request too.
func (d *gitHubApart) context() hint.Hint {
	want, have := strings.TrimPrefix(d.want.Rest, ":"), strings.TrimPrefix(d.got.Rest, ":")
	w, _, _ := strings.Cut(want, ":")
	g, _, _ := strings.Cut(have, ":")
	switch {
	case d.want.Rest == "":
		return known("github-context", "its value ends with the repository, and subjects go on: %s", have)
	case w == "environment" && g == w && strings.ReplaceAll(strings.TrimPrefix(want, "environment:"), ":", "%3A") == strings.TrimPrefix(have, "environment:"):
		return fixed("github-context", "write "+d.text, "GitHub writes a colon in an environment's name as %s", "%3A")
	case w == g && strings.HasPrefix(have, "ref:refs/") && !strings.HasPrefix(want, "ref:refs/"):
		return fixed("github-context", "write "+d.text, "the policy wants %s, and GitHub writes whole refs: %s", want, have)
	case w == g:
		return known("github-context", "the policy wants %s, and this job is %s", want, have)
	case g == "environment":
		return fixed("github-context", "write "+d.text+", or take the environment out of the job",
			"the job names an environment, and its subject has environment:NAME in place of %s; the policy wants %s", orAny(w), d.wanted)
	case w == "environment":
		return fixed("github-context", "name the environment in the job, or write "+d.text, "the policy wants a job with an environment, %s, and the job names none", d.wanted)
	case g == "pull_request":
		return fixed("github-context", "write "+d.text+" if pull requests are to assume the role", "the job runs for a pull request, whose subject has no ref; the policy wants %s", d.wanted)
	case w == "pull_request":
		return fixed("github-context", "write "+d.text, "the policy wants a job that runs for a pull request, and this one runs for %s", have)
	case g == "ref" && !strings.ContainsAny(w, "*?"):
		return fixed("github-context", "write "+d.text, "the policy wants %s, and GitHub writes %s for such a job", want, have)
	}
	return hint.Hint{}
}

func orAny(kind string) string {
	if kind == "ref" || kind == "pull_request" {
		return kind
	}
	return "a ref"
}
