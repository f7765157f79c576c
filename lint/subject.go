package lint

import (
	"slices"
	"strings"
	"sync"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
)

const serviceAccount = aws.ServiceAccountPrefix

// shapes are the subjects that an issuer's tokens can have: text, and in <> one or
// more characters of a kind. Issuers that are not here may have any. Sources: the
// issuers' documentation, and for Kubernetes the names that its API takes.
var shapes = map[aws.IssuerKind][]string{
	aws.EKS: {serviceAccount + "<label>:<name>"},
	aws.GitHub: slices.Concat(
		gitHubShapes("repo:<owner>/<repository>"), gitHubShapes("repo:<owner>@<digit>/<repository>@<digit>"),
		[]string{"pull_request", "repo_property_<any>"}, gitHubClaims("")),
	aws.GitLab:       {"project_path:<any>"},
	aws.HCPTerraform: {"organization:<part>:project:<part>:workspace:<part>:run_phase:plan", "organization:<part>:project:<part>:workspace:<part>:run_phase:apply"},
	aws.CircleCI:     {"org/<uuid>/project/<uuid>/user/<uuid>", "org/<uuid>/project/<uuid>/user/<uuid>/<any>"},
	aws.Bitbucket:    {"{<uuid>}:{<uuid>}", "{<uuid>}:{<uuid>}:{<uuid>}"},
	aws.Buildkite:    {"organization:<part>:pipeline:<part>:ref:<any>:commit:<any>:step:<any>", "organization:<part>:pipeline:<part>:ref:<any>:commit:<any>:step:"},
	aws.AzureDevOps:  {"sc://<any>", "p://<any>"},
	aws.Spacelift:    {"space:<part>:stack:<part>:run_type:<part>:scope:<part>", "space:<part>:module:<part>:run_type:<part>:scope:<part>"},
	aws.Vercel:       {"owner:<part>:project:<part>:environment:<part>"},
}

// gitHubNames are the claims that a subject template can name, but for a ref, which
// has a form of its own.
var gitHubNames = slices.DeleteFunc(aws.GitHubClaims(), func(name string) bool { return name == "ref" })

// gitHubShapes are the subjects of one repository: the context, or what a template
// has in its place.
func gitHubShapes(repository string) []string {
	return append(gitHubClaims(repository+":"), repository, repository+":pull_request", repository+":pull_request:<any>", repository+":repo_property_<any>")
}

// gitHubClaims are the claims that a subject, or the rest of one, can begin with. A
// ref is a whole one; a colon in an environment's name is written %3A, so that what
// follows one is another claim.
func gitHubClaims(before string) []string {
	var out []string
	for _, kind := range []string{"heads", "tags", "pull"} {
		ref := before + "ref:refs/" + kind + "/<ref>"
		out = append(out, ref, ref+":<any>")
	}
	for _, name := range gitHubNames {
		if name != "environment" {
			out = append(out, before+name+":<any>")
			continue
		}
		out = append(out, before+name+":<part>", before+name+":<part>:pull_request", before+name+":<part>:<claim>:<any>")
	}
	return out
}

// classes are the kinds of characters that shapes name.
var classes = map[string]func(r rune) bool{
	"any":        func(rune) bool { return true },
	"part":       func(r rune) bool { return r != ':' },
	"claim":      func(r rune) bool { return r >= 'a' && r <= 'z' || r == '_' }, // see unescapedColon
	"digit":      func(r rune) bool { return r >= '0' && r <= '9' },
	"label":      func(r rune) bool { return lowerOrDigit(r) || r == '-' },
	"name":       func(r rune) bool { return lowerOrDigit(r) || r == '-' || r == '.' },
	"ref":        func(r rune) bool { return r > ' ' && !strings.ContainsRune("\\:^~[\u007f", r) }, // man git-check-ref-format
	"uuid":       func(r rune) bool { return strings.ContainsRune("0123456789abcdefABCDEF-", r) },
	"owner":      func(r rune) bool { return lowerOrDigit(r|0x20) || r == '-' || r == '_' },
	"repository": func(r rune) bool { return lowerOrDigit(r|0x20) || r == '-' || r == '_' || r == '.' },
}

func lowerOrDigit(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' }

// atom is one character of a shape, or one or more of a kind.
type atom struct {
	is     func(r rune) bool
	repeat bool
}

func atomsOf(shape string) []atom {
	var out []atom
	for shape != "" {
		if name, rest, ok := strings.Cut(shape, ">"); ok && shape[0] == '<' {
			out = append(out, atom{classes[name[1:]], true})
			shape = rest
			continue
		}
		want := rune(shape[0])
		out = append(out, atom{func(r rune) bool { return r == want }, false})
		shape = shape[1:]
	}
	return out
}

// compiled are the shapes taken apart, when they are first asked for: a server never does.
var compiled = sync.OnceValue(func() map[aws.IssuerKind][][]atom {
	out := map[aws.IssuerKind][][]atom{}
	for kind, list := range shapes {
		for _, s := range list {
			out[kind] = append(out[kind], atomsOf(s))
		}
	}
	return out
})

// possible says whether a subject of an issuer can be like a value, in which * and
// ? may be wildcards.
func possible(text string, kind aws.IssuerKind, wild bool) bool {
	const longest = 1024 // more than a claim has; it bounds the work
	list := compiled()[kind]
	return len(list) == 0 || len(text) > longest || slices.ContainsFunc(list, func(shape []atom) bool { return meets(text, shape, wild) })
}

// meets runs a pattern through a shape: at is true where a beginning of the shape
// can be like what was read of the pattern. Position 2i is before the i-th atom,
// 2i+1 within one that repeats.
func meets(pattern string, shape []atom, wild bool) bool {
	at := make([]bool, 2*len(shape)+1)
	at[0] = true
	step := func(can func(a atom) bool) []bool {
		next := make([]bool, len(at))
		for i, a := range shape {
			if (at[2*i] || at[2*i+1]) && can(a) {
				next[2*i+2] = true
				next[2*i+1] = next[2*i+1] || a.repeat
			}
		}
		return next
	}
	for _, r := range pattern {
		first := slices.Index(at, true)
		switch {
		case first < 0:
			return false
		case wild && r == '*': // every position behind the first one can be reached
			for i := first + 1; i < len(at); i++ {
				at[i] = i%2 == 0 || shape[i/2].repeat
			}
		case wild && r == '?':
			at = step(func(atom) bool { return true })
		default:
			at = step(func(a atom) bool { return a.is(r) })
		}
	}
	return at[len(at)-1]
}

// fault is why no token can have a subject, and what was meant, if that is certain.
type fault struct{ why, write, right string }

// subjectFault says why no token of an issuer can have a subject that is like text.
func subjectFault(text string, kind aws.IssuerKind, wild bool) fault {
	if name := unexpanded(text); name != "" {
		return fault{why: name + " was not replaced, and IAM has no variable of that name", write: "write the value that it stands for"}
	}
	if word := templateWords.Compiled().FindString(text); word != "" {
		return fault{why: word + " was not replaced", write: "write the value that it stands for"}
	}
	if strings.Contains(text, "${") {
		return fault{}
	}
	if kind == "" && strings.HasPrefix(strings.TrimLeft(strings.ToLower(text), " \t"), "system:service") {
		kind = aws.EKS // a cluster that is none of EKS's
	}
	padded := len(shapes[kind]) > 0 && strings.Trim(text, blanks) != text // also where names have blanks
	never := padded || kind == aws.GitHub && (gitSuffix.MatchString(text) || unescapedColon(text))
	if !never && (possible(text, kind, wild) || !wild && strings.ContainsAny(text, "*?") && possible(text, kind, true)) {
		return fault{}
	}
	f := fault{why: "it is not of the shape of this issuer's subjects"}
	switch kind {
	case aws.EKS:
		f = kubernetesFault(text, wild)
	case aws.GitHub:
		f = gitHubFault(text, wild)
	case aws.Bitbucket:
		f.write = "write {REPOSITORY-UUID}:{STEP-UUID}, or with a deployment {REPOSITORY-UUID}:{ENVIRONMENT-UUID}:{STEP-UUID}; the braces are part of it"
	default:
		f.write = "subjects look like " + strings.NewReplacer("<part>", "NAME", "<uuid>", "UUID", "<any>", "…").Replace(shapes[kind][0])
		if bare := withoutBlanks(text); bare != text && possible(bare, kind, wild) {
			f.why, f.right = "it holds a blank", bare
		}
	}
	return f
}

var placeholders = lazyregexp.New(`\$\{[^}]*\}|\{\{[^}]*\}\}|<[A-Za-z][^<>]*>|\$\([A-Za-z][^)]*\)|\$[A-Z][A-Z0-9_]+|%\{[^}]*\}|#\{[^}]*\}`)

// templateWords are the words of documentation, and of fixes of ours, that stand for
// the reader's own.
var templateWords = lazyregexp.New(`\bYOUR[-_][A-Z]+(?:[-_][A-Z]+)*\b|\b(?:K8S_)?NAMESPACE\b|\bSERVICE[-_]?ACCOUNT(?:[-_]NAME)?\b|\bOWNER/REPO(?:SITORY)?\b|\bREPOSITORY[-_]ID\b|\bOWNER[-_]ID\b`)

// unexpanded is a placeholder of a template that nobody filled in, "" when there is
// none: IAM's own variables have a colon in their names.
func unexpanded(text string) string {
	for _, p := range placeholders.Compiled().FindAllString(text, -1) {
		if name, isVariable := strings.CutPrefix(p, "${"); isVariable {
			name = strings.TrimSuffix(name, "}")
			if name == "*" || name == "?" || name == "$" || strings.Contains(name, ":") && !strings.HasPrefix(name, "AWS::") {
				continue
			}
		}
		return p
	}
	return ""
}

const blanks = " \t\r\n\u00a0\u200b\ufeff"

var besideSeparator = lazyregexp.New("[" + blanks + "]*([:/@])[" + blanks + "]*")

// withoutBlanks drops the blanks at the ends of a subject and of its parts. One
// within a name stays: what was meant is not known.
func withoutBlanks(s string) string {
	return besideSeparator.ReplaceAllString(strings.Trim(s, blanks), "$1")
}

const writeServiceAccount = "write system:serviceaccount:NAMESPACE:NAME"

// kubernetesParts are the namespace and the name in what was meant as a subject,
// whatever stands in place of its colons.
var kubernetesParts = lazyregexp.New(`^(?i:system)[:/.-]?(?i:service[-_ ]?acc?ou?nts?)[:/]([^:/]+)[:/]([^:/]+)$`)

func kubernetesFault(text string, wild bool) fault {
	f := fault{why: "it is not a Kubernetes subject", write: writeServiceAccount}
	bare := withoutBlanks(text)
	fixed := func(why, right string) fault {
		if possible(right, aws.EKS, wild) {
			return fault{why: why, right: right, write: "write " + right}
		}
		return fault{why: why, write: writeServiceAccount}
	}
	parts := strings.Split(bare, ":")
	switch m := kubernetesParts.FindStringSubmatch(bare); {
	case bare != text:
		return fixed("it holds a blank", bare)
	case m != nil && !strings.HasPrefix(bare, serviceAccount):
		return fixed("it does not begin with system:serviceaccount:", serviceAccount+m[1]+":"+m[2])
	case strings.HasPrefix(bare, "system:serviceaccounts"):
		f.why = "it is a group of Kubernetes"
	case strings.HasPrefix(bare, serviceAccount) && len(parts) == 3:
		f.why = "the namespace is missing"
		if namespace, name, ok := strings.Cut(parts[2], "/"); ok {
			return fixed("namespace and name are separated by a colon", serviceAccount+namespace+":"+name)
		}
	case strings.HasPrefix(bare, serviceAccount) && len(parts) > 4:
		f.why = "it has more than a namespace and a name"
	case strings.HasPrefix(bare, serviceAccount) && slices.Contains(parts, ""):
		f.why = "namespace or name is empty"
	case strings.HasPrefix(bare, serviceAccount):
		f.why = "names in Kubernetes have lower-case letters, digits and dashes only"
	case len(parts) == 2 && parts[0] != "system":
		return fixed("system:serviceaccount: is missing before it", serviceAccount+bare)
	case strings.Count(bare, "/") == 1 && len(parts) == 1:
		return fixed("it is not a subject", serviceAccount+strings.Replace(bare, "/", ":", 1))
	}
	return f
}

// gitSuffix is the end of a clone's URL; no repository's name has it.
var gitSuffix = lazyregexp.New(`^(repo:[^:]+?)\.git(@\d+)?(:|$)`)

// environmentColon is an environment's name with a colon that GitHub would escape.
var environmentColon = lazyregexp.New(`^(repo:[^:]+:environment:[^:]+):(.+)$`)

// unescapedColon says whether what follows an environment's name is no claim's name:
// then it is a part of the environment's.
func unescapedColon(text string) bool {
	m := environmentColon.FindStringSubmatch(text)
	if m == nil {
		return false
	}
	next, _, _ := strings.Cut(m[2], ":")
	known := next == "pull_request" || next == "ref" || strings.HasPrefix(next, "repo_property_") || slices.Contains(gitHubNames, next)
	return !known && !strings.ContainsAny(next, "*?")
}

// gitHubSlips are what people write in a subject of GitHub, and what is right.
var gitHubSlips = []struct {
	find *lazyregexp.Regexp
	to   string
	why  string
}{
	{lazyregexp.New(`^repo:(https?://)?github\.com[/:]`), "repo:", "the repository is named OWNER/REPOSITORY, without its host"},
	{lazyregexp.New(`^([\w.-]+/[\w.-]+:)`), "repo:$1", "repo: is missing before it"},
	{lazyregexp.New(`^repos(itor(y|ies))?:([^:]+/[^:]+:(ref|environment|pull_request))`), "repo:$3", "it begins with repo:"},
	{lazyregexp.New(`^(repo:[^:/]+):([^:/]+:)`), "$1/$2", "owner and repository are separated by a slash"},
	{gitSuffix, "$1$2$3", "the repository has no .git"},
	{lazyregexp.New(`^(repo:[^:]+):refs/`), "$1:ref:refs/", "ref: is missing before refs/"},
	{lazyregexp.New(`^(repo:[^:]+):refs?:(heads|tags)/`), "$1:ref:refs/$2/", "a ref begins with refs/"},
	{lazyregexp.New(`^(repo:[^:]+):refs?:refs?/(head|branch|branche)s?/`), "$1:ref:refs/heads/", "a branch is refs/heads/NAME"},
	{lazyregexp.New(`^(repo:[^:]+):refs?:refs?/tags?/`), "$1:ref:refs/tags/", "a tag is refs/tags/NAME"},
	{lazyregexp.New(`^(repo:[^:]+):branch(es)?[:/]`), "$1:ref:refs/heads/", "a branch is ref:refs/heads/NAME"},
	{lazyregexp.New(`^(repo:[^:]+):tags?[:/]`), "$1:ref:refs/tags/", "a tag is ref:refs/tags/NAME"},
	{lazyregexp.New(`^(repo:[^:]+):pull[-_ ]?requests?$`), "$1:pull_request", "a pull request is pull_request"},
	{lazyregexp.New(`^(repo:[^:]+):env(ironments?)?[:/=]`), "$1:environment:", "an environment is environment:NAME"},
}

func gitHubFault(text string, wild bool) fault {
	f := fault{why: "it is not a subject of GitHub Actions", write: "write repo:OWNER/REPOSITORY:ref:refs/heads/BRANCH, :environment:NAME or :pull_request"}
	right := withoutBlanks(text)
	if right != text {
		f.why = "it holds a blank"
	}
	for _, slip := range gitHubSlips {
		if next := slip.find.ReplaceAllString(right, slip.to); next != right {
			if right == text {
				f.why = slip.why
			}
			right = next
		}
	}
	if m := environmentColon.FindStringSubmatch(right); m != nil && unescapedColon(right) {
		f.why, right = "GitHub writes a colon in an environment's name as %3A", m[1]+"%3A"+strings.ReplaceAll(m[2], ":", "%3A")
	}
	if right != text && possible(right, aws.GitHub, wild) {
		f.right = right
	} else if strings.Contains(text, ":ref:") {
		f.why, f.write = "after ref: comes a whole ref of git, without blanks", "write ref:refs/heads/BRANCH or ref:refs/tags/TAG"
	}
	return f
}
