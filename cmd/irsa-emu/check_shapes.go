package main

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/term"
)

// shape is the answer for one of the shapes that the subject of a repository of
// GitHub may have.
type shape struct {
	// Shape is classic or immutable.
	Shape   string `json:"shape"`
	Subject string `json:"subject"`
	Allowed bool   `json:"allowed"`
}

const gitHubProfile, gitHubImmutableProfile = "github", "github-immutable"

// bothShapes says whether the question is about a repository of which it is not
// known which shape its subject has.
func (q *question) bothShapes() bool {
	if q.who.profile != gitHubProfile {
		return false
	}
	for _, c := range q.who.claims {
		if name, _, _ := strings.Cut(c, "="); strings.TrimSuffix(name, ":") == "sub" {
			return false
		}
	}
	return true
}

// askShapes asks for the other shape too.
func (q *question) askShapes(p *program, c *candidate, v *verdict) error {
	other := *q
	other.who.profile = gitHubImmutableProfile
	claims, err := other.immutable(p, c)
	if err != nil {
		return err
	}
	immutable := other.ask(c, claims)
	v.Shapes = []shape{{"classic", v.Subject, v.Allowed}, {"immutable", immutable.Subject, immutable.Allowed}}
	return nil
}

// immutable are the claims of a repository with an immutable subject: with the ids
// that are given, else those that the role's policy names for it, else the profile's.
func (q *question) immutable(p *program, c *candidate) (*oidc.Unverified, error) {
	claims, err := q.who.read(p, q.now)
	if err != nil {
		return nil, err
	}
	who := q.who
	who.claims = append(idsOf(c, claims.Subject), q.who.claims...)
	return who.read(p, q.now)
}

// idsOf are the ids, as claims, that the trust policy names for the owner and the
// repository of a subject.
func idsOf(c *candidate, subject string) (claims []string) {
	wanted, ok := aws.ParseGitHubSubject(subject)
	role, _ := c.view.Role(c.arn)
	if !ok || role == nil || role.Trust.Parsed() == nil {
		return nil
	}
	known := func(id string) bool { return id != "" && !strings.ContainsAny(id, "*?$") }
	for _, st := range role.Trust.Parsed().Statements {
		for _, condition := range st.Conditions {
			for _, value := range condition.Values {
				named, ok := aws.ParseGitHubSubject(value)
				if !ok || !policy.Like(named.Owner, wanted.Owner) || !policy.Like(named.Repository, wanted.Repository) {
					continue
				}
				if known(named.OwnerID) {
					claims = append(claims, "repository_owner_id="+named.OwnerID)
				}
				if known(named.RepositoryID) {
					claims = append(claims, "repository_id="+named.RepositoryID)
				}
				if len(claims) > 0 {
					return claims
				}
			}
		}
	}
	return nil
}

// shapes says which of the shapes are let in.
func (v *verdict) printShapes(out *term.Printer) {
	for _, s := range v.Shapes {
		word, of := "denied", "repositories from before 2026-07-15 that were neither renamed nor transferred since"
		if s.Allowed {
			word = "allowed"
		}
		if s.Shape == "immutable" {
			of = "repositories created, renamed or transferred since 2026-07-15 (--profile " + gitHubImmutableProfile + ")"
		}
		out.Line("  %s subject: %s: %s, of %s", s.Shape, word, s.Subject, of)
	}
}
