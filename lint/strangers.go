package lint

import (
	"fmt"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// owners are the parts of a subject that say whose it is: between a beginning and an
// end, nobody else's may match.
var owners = map[aws.IssuerKind]struct{ begin, end, what string }{
	aws.EKS:          {serviceAccount, ":", "the namespace"},
	aws.GitHub:       {"repo:", "/", "the owner"},
	aws.GitLab:       {"project_path:", "/", "the group"},
	aws.HCPTerraform: {"organization:", ":", "the organisation"},
	aws.Buildkite:    {"organization:", ":", "the organisation"},
	aws.Vercel:       {"owner:", ":", "the team"},
	aws.Fly:          {"", ":", "the organisation"},
	aws.CircleCI:     {"org/", "/", "the organisation"},
}

// strangers finds patterns that are like subjects of others than those meant.
func strangers(x *site) {
	c, v := x.condition, x.value
	if !x.allow() || !x.ofClaim("sub") || !c.wild() || c.op.Negated || !policy.HasWildcard(v.Text) || openSubject(v.Text) {
		return
	}
	kind := x.issuerKind()
	if kind == "" && strings.HasPrefix(v.Text, strings.TrimSuffix(serviceAccount, ":")) {
		kind = aws.EKS
	}
	if found := strangersOf(v.Text, kind); found.who != "" && !x.otherwiseLimited() {
		x.report(v.Start, fmt.Sprintf("%q also lets in %s", v.Text, found.who), found.why, found.fix, nil)
	}
}

// otherwiseLimited says whether another condition tells whose token it is, by a
// value without wildcards.
func (x *site) otherwiseLimited() bool {
	prefix := x.condition.prefix()
	for _, c := range x.conditions {
		if !c.limits(c.key) || c.passesAbsent() || !strings.EqualFold(c.prefix(), prefix) || len(c.value.List()) == 0 {
			continue
		}
		exact := c.claim() != "aud" && c.claim() != "email"
		for _, v := range c.value.List() {
			exact = exact && !policy.HasWildcard(v.Text)
		}
		if exact {
			return true
		}
	}
	return false
}

// stranger is whom a pattern lets in that was not meant, why that matters, and what
// to write.
type stranger struct{ who, why, fix string }

func strangersOf(pattern string, kind aws.IssuerKind) stranger {
	owner, known := owners[kind]
	if !known {
		return stranger{}
	}
	rest, ok := strings.CutPrefix(pattern, owner.begin)
	if !ok {
		if first := strings.IndexAny(pattern, "*?"); first >= 0 && strings.HasPrefix(owner.begin, pattern[:first]) {
			return stranger{"every subject with that ending", anyName, "write the whole beginning: " + owner.begin + " and " + owner.what}
		}
		return stranger{}
	}
	name, after, closed := strings.Cut(rest, owner.end)
	if kind == aws.GitHub {
		name, _, _ = strings.Cut(name, "@") // its id may be any: the name is whole
	}
	if i := strings.IndexAny(name, "*?"); i >= 0 {
		example := strings.ReplaceAll(strings.NewReplacer("*", "-of-others", "?", "x").Replace(name), "--", "-")
		who := owner.what + " " + example
		if i == 0 {
			who = "every other " + strings.TrimPrefix(owner.what, "the ")
		}
		return stranger{who, anyName, "write " + owner.what + " in full, or a value for each"}
	}
	if kind == aws.GitHub && closed {
		return gitHubStrangers(after)
	}
	return stranger{}
}

const anyName = "whoever can make such a name may assume the role"

// gitHubStrangers looks at what follows the owner: whoever may push makes branches,
// tags and environments of any name that is free.
func gitHubStrangers(rest string) stranger {
	repository, context, _ := strings.Cut(rest, ":")
	if repository == "*" && (context == "" || context == "*" || strings.HasPrefix("pull_request", context)) {
		return stranger{"pull requests of every repository of the owner", "what a pull request runs is its author's to write",
			"name the repositories, or the contexts, such as ref:refs/heads/main and environment:NAME"}
	}
	for begin, what := range map[string]string{"environment:": "environment", "ref:refs/heads/": "branch"} {
		name, ok := strings.CutPrefix(context, begin)
		i := strings.IndexByte(name, '*')
		if !ok || i <= 0 || strings.HasSuffix(name[:i], "/") {
			continue
		}
		if what == "branch" && name[:i] != "main" && name[:i] != "master" && name[:i] != "prod" && name[:i] != "production" {
			continue // release-* and its like name many by intention
		}
		return stranger{"the " + what + " " + name[:i] + "-of-others, which nothing protects", "whoever may push can make one of such a name", "write the " + what + "'s whole name"}
	}
	return stranger{}
}

// oneShape finds policies that know the subjects of GitHub without ids only, which
// repositories no longer have that were made, renamed or transferred since
// 2026-07-15. One that knows the ids only is right for those.
func oneShape(x *site) {
	if aws.IssuerOf(x.provider.Text).Kind != aws.GitHub {
		return
	}
	key := aws.IssuerName(x.provider.Text) + ":sub"
	var classic *site
	for i := range x.conditions {
		c := &x.conditions[i]
		if !c.limits(key) || c.misspelt {
			continue
		}
		for _, v := range c.value.List() {
			subject, ok := aws.ParseGitHubSubject(v.Text)
			switch {
			case !ok:
			case subject.Immutable() || c.wild() && strings.ContainsAny(lastOf(subject.Owner)+lastOf(subject.Repository), "*") && strings.HasSuffix(subject.Owner, "*"):
				return
			case classic == nil && subjectFault(v.Text, aws.GitHub, c.wild()).why == "":
				at := *x
				at.condition, at.value = c, v
				classic = &at
			}
		}
	}
	if classic == nil {
		return
	}
	subject, _ := aws.ParseGitHubSubject(classic.value.Text)
	id := func(name, placeholder string) string {
		if strings.ContainsAny(name, "*?") {
			return "*"
		}
		return placeholder
	}
	subject.OwnerID, subject.RepositoryID = id(subject.Owner, "OWNER-ID"), id(subject.Repository, "REPOSITORY-ID")
	x.report(classic.value.Start, fmt.Sprintf("%q is the old shape of GitHub's subjects", classic.value.Text),
		"repositories created, renamed or transferred since 2026-07-15 have immutable subjects, with the ids of owner and repository, and are refused",
		"add "+subject.String()+" beside it; gh api repos/OWNER/REPOSITORY --jq '.owner.id, .id' prints the ids", nil)
}

func lastOf(s string) string {
	if s == "" {
		return ""
	}
	return s[len(s)-1:]
}

// bothContexts finds subjects with a ref and an environment, of which a token has
// one.
func bothContexts(x *site) {
	v := x.value
	if !x.ofClaim("sub") || x.condition.op.Negated || x.issuerKind() != aws.GitHub || subjectFault(v.Text, aws.GitHub, x.condition.wild()).why != "" {
		return
	}
	if strings.Contains(v.Text, ":ref:") && strings.Contains(v.Text, ":environment:") {
		x.report(v.Start, fmt.Sprintf("%q has a ref and an environment", v.Text),
			"a job with an environment has no ref in its subject, and another job no environment: only a customised subject has both",
			"write repo:OWNER/REPOSITORY:environment:NAME, and let the environment's protection rules say which branches may use it", nil)
	}
}
