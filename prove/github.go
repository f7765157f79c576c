package prove

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// GitHub Actions' subjects (GitHub Docs, "OpenID Connect reference"): the classic
// form, and the immutable one with ids, which repositories have that were made,
// renamed or transferred since 2026-07-15.

var (
	ownerChars = chars("A-Za-z0-9-")
	nameChars  = chars("A-Za-z0-9._-")
	inSubject  = anyChar.without(':', '/', '@') // within an owner's or a repository's name
)

var (
	classicRepository   = seq{plus{class(ownerChars)}, text("/"), plus{class(nameChars)}}
	immutableRepository = seq{plus{class(ownerChars)}, text("@"), plus{class(digits)}, text("/"),
		plus{class(nameChars)}, text("@"), plus{class(digits)}}
	gitHubLengths = limited(seq{text("repo:"), upTo{class(inSubject), 39}, opt{seq{text("@"), star(digits)}}, text("/"),
		upTo{class(inSubject), 100}, opt{seq{text("@"), star(digits)}}, text(":"), star(anyChar)})
)

var (
	refContext         = seq{text("ref:refs/"), alt{text("heads/"), text("tags/")}, gitRef}
	environmentContext = seq{text("environment:"), plus{class(colonless)}}
	pullRequestContext = text("pull_request")
)

// gitHubSubject is the default subject, in either form.
var gitHubSubject = shape{
	words: seq{text("repo:"), alt{classicRepository, immutableRepository}, text(":"),
		alt{refContext, environmentContext, pullRequestContext}},
	lengths: gitHubLengths,
}

// follows is a key whose value follows from the subject: in is the language of
// subjects whose value is in the given one.
type follows struct{ in func(value expr) expr }

// Template is what a subject is made of: the claims that an organisation or a
// repository lists in include_claim_keys, of which repo and context are the parts
// of the default subject (GitHub Docs, "Customizing the token claims").
type Template []string

// DefaultTemplate makes the default subjects.
var DefaultTemplate = Template{"repo", "context"}

// piece is what a template's key puts into a subject, in one of its forms: a
// number of texts between colons.
type piece struct {
	shape   expr
	texts   int
	follows map[string]func(value expr) expr // claims that agree with it
	absent  []string                         // claims that there are not then
	ref     *shape                           // what the claim ref is then
}

// pieces are the forms of a template's key.
func pieces(key string) []piece {
	repository := func(l expr) expr { return within(l, anyChar.without(':', '@')) }
	switch key {
	case "repo":
		return []piece{
			{seq{text("repo:"), classicRepository}, 2, map[string]func(expr) expr{
				"repository": func(l expr) expr { return seq{text("repo:"), repository(l)} },
			}, nil, nil},
			{seq{text("repo:"), immutableRepository}, 2, map[string]func(expr) expr{
				"repository": func(l expr) expr { return seq{text("repo:"), withIDs{repository(l)}} },
				"repository_owner_id": func(l expr) expr {
					return seq{text("repo:"), star(inSubject), text("@"), within(l, digits), text("/"), star(colonless)}
				},
				"repository_id": func(l expr) expr {
					return seq{text("repo:"), star(inSubject), text("@"), star(digits), text("/"), star(inSubject), text("@"), within(l, digits)}
				},
			}, nil, nil},
		}
	case "context":
		return []piece{
			{refContext, 2, map[string]func(expr) expr{"ref": func(l expr) expr { return seq{text("ref:"), within(l, colonless)} }}, []string{"environment"}, nil},
			{environmentContext, 2, map[string]func(expr) expr{"environment": func(l expr) expr { return seq{text("environment:"), escaped(l)} }}, nil, &gitHubRef},
			{pullRequestContext, 1, nil, []string{"environment"}, &pullRef},
		}
	}
	return []piece{{seq{text(key + ":"), star(colonless)}, 2, map[string]func(expr) expr{
		key: func(l expr) expr { return seq{text(key + ":"), escaped(l)} },
	}, nil, nil}}
}

// shape is that of a template's subjects.
func (t Template) shape() shape {
	if slices.Equal(t, DefaultTemplate) {
		return gitHubSubject
	}
	var out seq
	for i, key := range t {
		if i > 0 {
			out = append(out, text(":"))
		}
		var forms alt
		for _, p := range pieces(key) {
			forms = append(forms, p.shape)
		}
		out = append(out, forms)
	}
	return shape{words: out}
}

// templates are those of a provider's subjects: the default one, and those that
// are known to be in use.
func (p *Provider) templates() []Template { return append([]Template{DefaultTemplate}, p.Templates...) }

// gitHubSubjects is the shape of a provider's subjects.
func (p *Provider) gitHubSubjects() shape {
	if len(p.Templates) == 0 {
		return gitHubSubject
	}
	var all alt
	for _, t := range p.templates() {
		all = append(all, t.shape().words)
	}
	return shape{words: all}
}

// gitHubWorlds are the kinds of GitHub's tokens apart, for policies that test
// claims which agree with the subject: in each kind it is known how.
func gitHubWorlds(base world, p *Provider) []world {
	var out []world
	for _, t := range p.templates() {
		for _, form := range t.forms() {
			out = append(out, form.world(base, p.prefix(), t.shape().lengths))
		}
	}
	return out
}

// forms are a template's subjects by the forms of its keys.
func (t Template) forms() []gitHubForm {
	out := []gitHubForm{nil}
	for _, key := range t {
		var next []gitHubForm
		for _, form := range out {
			for _, p := range pieces(key) {
				next = append(next, append(slices.Clone(form), p))
			}
		}
		out = next
	}
	return out
}

// gitHubForm is one form of subjects, piece by piece.
type gitHubForm []piece

func (f gitHubForm) world(base world, prefix string, lengths *limits) world {
	w := base.clone()
	var words, before seq
	for i, p := range f {
		if i > 0 {
			words = append(words, text(":"))
		}
		words = append(words, p.shape)
		for claim, in := range p.follows {
			if d, isKey := w.keys[prefix+claim]; isKey {
				d.absent = false
				w.keys[prefix+claim] = d
				skipped, last := slices.Clone(before), i == len(f)-1
				w.follows[prefix+claim] = follows{func(l expr) expr {
					out := append(slices.Clone(skipped), in(l))
					if !last {
						out = append(out, text(":"), star(anyChar))
					}
					return out
				}}
			}
		}
		for _, claim := range p.absent {
			if _, follows := w.follows[prefix+claim]; !follows {
				w.keys[prefix+claim] = never
			}
		}
		if p.ref != nil {
			w.keys[prefix+"ref"] = domain{values: *p.ref, claim: "ref"}
		}
		for range p.texts {
			before = append(before, star(colonless), text(":"))
		}
	}
	w.keys[prefix+"sub"] = domain{values: shape{words: words, lengths: lengths}, claim: "sub"}
	return w
}

var (
	pullRef   = shape{words: seq{text("refs/pull/"), plus{class(digits)}, text("/merge")}}
	gitHubRef = shape{words: alt{seq{text("refs/"), alt{text("heads/"), text("tags/")}, gitRef}, pullRef.words}}
)

// derives says whether a key is that of a claim which agrees with the subject.
func (p *Provider) derives(key string) bool {
	claim, ok := strings.CutPrefix(key, p.prefix())
	return ok && (slices.Contains(gitHubDerived, claim) || slices.ContainsFunc(p.Templates, func(t Template) bool { return slices.Contains(t, claim) }))
}

// gitHubDerived are the claims that agree with the default subject.
var gitHubDerived = []string{"repository", "repository_id", "repository_owner_id", "ref", "environment"}

// gitHubClaimsOf are the claims that a subject settles.
func (p *Provider) gitHubClaimsOf(subject string) (map[string]string, bool) {
	for _, t := range p.templates() {
		if claims, ok := t.claims(subject); ok {
			return claims, true
		}
	}
	return nil, false
}

// claims takes a subject of the template apart.
func (t Template) claims(subject string) (map[string]string, bool) {
	texts := strings.Split(subject, ":")
	next := func() string {
		if len(texts) == 0 {
			return ""
		}
		first := texts[0]
		texts = texts[1:]
		return strings.ReplaceAll(first, "%3A", ":")
	}
	claims := map[string]string{}
	for _, key := range t {
		name := next()
		switch {
		case key == "context" && name == "pull_request":
			continue
		case key == "context" && (name == "ref" || name == "environment") || name == key && key != "repo":
			claims[name] = next()
			continue
		case key != "repo" || name != "repo":
			return nil, false
		}
		owner, repository, ok := strings.Cut(next(), "/")
		if !ok {
			return nil, false
		}
		owner, ownerID, immutable := strings.Cut(owner, "@")
		repository, id, _ := strings.Cut(repository, "@")
		claims["repository"] = owner + "/" + repository
		if immutable {
			claims["repository_owner_id"], claims["repository_id"] = ownerID, id
		}
	}
	return claims, len(texts) == 0
}

// Customised says whether a pattern wants subjects that no template here makes but
// a customised one would: it begins with the key of another claim than repo.
func (p *Provider) Customised(pattern string) bool {
	key, _, ok := strings.Cut(pattern, ":")
	return ok && p.Kind == GitHub && slices.Contains(templateKeys, key) && !p.CanBe("sub", pattern)
}

// templateKeys are claims that a customised subject can begin with.
var templateKeys = aws.GitHubClaims()

// ParseTemplate reads the keys of a template, joined by commas.
func ParseTemplate(list string) (Template, error) {
	t := Template(strings.Split(list, ","))
	for i, key := range t {
		switch {
		case key != "repo" && key != "context" && !slices.Contains(templateKeys, key) && !strings.HasPrefix(key, "repo_property_"):
			return nil, fmt.Errorf("%q is not a claim of GitHub's tokens; write those of include_claim_keys, such as repo,context,job_workflow_ref", key)
		case slices.Contains(t[:i], key):
			return nil, fmt.Errorf("%s is there twice; write it once", key)
		}
	}
	return t, nil
}
