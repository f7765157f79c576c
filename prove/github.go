package prove

import "strings"

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
	refContext         = seq{text(":ref:refs/"), alt{text("heads/"), text("tags/")}, gitRef}
	environmentContext = seq{text(":environment:"), plus{class(colonless)}}
	pullRequestContext = text(":pull_request")
)

// gitHubSubject is the default subject, in either form.
var gitHubSubject = shape{
	words: seq{text("repo:"), alt{classicRepository, immutableRepository},
		alt{refContext, environmentContext, pullRequestContext}},
	lengths: gitHubLengths,
}

// follows is a key whose value follows from the subject: in is the language of
// subjects whose value is in the given one.
type follows struct{ in func(value expr) expr }

// gitHubWorlds are the kinds of GitHub's tokens apart, for policies that test
// claims which agree with the subject: in each kind it is known how.
func gitHubWorlds(base world, sub string) []world {
	prefix := sub[:len(sub)-len("sub")]
	repository := func(l expr) expr { return within(l, anyChar.without(':', '@')) }
	forms := []struct {
		shape   expr
		follows map[string]follows
	}{
		{classicRepository, map[string]follows{
			"repository": {func(l expr) expr { return seq{text("repo:"), repository(l), text(":"), star(anyChar)} }},
		}},
		{immutableRepository, map[string]follows{
			"repository": {func(l expr) expr { return seq{text("repo:"), withIDs{repository(l)}, text(":"), star(anyChar)} }},
			"repository_owner_id": {func(l expr) expr {
				return seq{text("repo:"), star(inSubject), text("@"), within(l, digits), text("/"), star(anyChar)}
			}},
			"repository_id": {func(l expr) expr {
				return seq{text("repo:"), star(inSubject), text("@"), star(digits), text("/"), star(inSubject), text("@"),
					within(l, digits), text(":"), star(anyChar)}
			}},
		}},
	}
	contexts := []struct {
		shape   expr
		ref     *shape // free
		follows map[string]follows
	}{
		{refContext, nil, map[string]follows{"ref": {func(l expr) expr {
			return seq{text("repo:"), star(colonless), text(":ref:"), within(l, colonless)}
		}}}},
		{environmentContext, &gitHubRef, map[string]follows{"environment": {func(l expr) expr {
			return seq{text("repo:"), star(colonless), text(":environment:"), escaped(l)}
		}}}},
		{pullRequestContext, &pullRef, nil},
	}
	var out []world
	for _, form := range forms {
		for _, c := range contexts {
			w := base.clone()
			w.keys[sub] = domain{values: shape{words: seq{text("repo:"), form.shape, c.shape}, lengths: gitHubLengths}, claim: "sub"}
			if c.ref != nil {
				w.keys[prefix+"ref"] = domain{values: *c.ref, claim: "ref"}
			}
			w.keys[prefix+"environment"] = never
			if _, has := c.follows["environment"]; has {
				w.keys[prefix+"environment"] = domain{values: anyText, claim: "environment"}
			}
			for _, m := range []map[string]follows{form.follows, c.follows} {
				for key, f := range m {
					w.follows[prefix+key] = f
				}
			}
			out = append(out, w)
		}
	}
	return out
}

var (
	pullRef   = shape{words: seq{text("refs/pull/"), plus{class(digits)}, text("/merge")}}
	gitHubRef = shape{words: alt{seq{text("refs/"), alt{text("heads/"), text("tags/")}, gitRef}, pullRef.words}}
)

// gitHubDerived are the claims that agree with the subject.
var gitHubDerived = []string{"repository", "repository_id", "repository_owner_id", "ref", "environment"}

// gitHubClaimsOf are the claims that a default subject settles.
func gitHubClaimsOf(subject string) (map[string]string, bool) {
	rest, ok := strings.CutPrefix(subject, "repo:")
	if !ok {
		return nil, false
	}
	repository, context, ok := strings.Cut(rest, ":")
	if !ok {
		return nil, false
	}
	owner, name, ok := strings.Cut(repository, "/")
	if !ok {
		return nil, false
	}
	claims := map[string]string{}
	owner, ownerID, immutable := strings.Cut(owner, "@")
	name, id, _ := strings.Cut(name, "@")
	claims["repository"] = owner + "/" + name
	if immutable {
		claims["repository_owner_id"], claims["repository_id"] = ownerID, id
	}
	if environment, ok := strings.CutPrefix(context, "environment:"); ok {
		claims["environment"] = strings.ReplaceAll(environment, "%3A", ":")
	}
	if ref, ok := strings.CutPrefix(context, "ref:"); ok {
		claims["ref"] = ref
	}
	return claims, true
}
