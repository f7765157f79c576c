package main

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
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

// askShapes asks for the other shape too, with the ids that the role's policy names
// for the repository, unless they are given.
func (q *question) askShapes(p *program, c *candidate, v *verdict) error {
	other := *q
	other.who.profile = gitHubImmutableProfile
	owner, repository := q.idsOf(c, v.Subject)
	other.who.claims = append([]string{"repository_owner_id=" + owner, "repository_id=" + repository}, q.who.claims...)
	if owner == "" {
		other.who.claims = q.who.claims
	}
	claims, err := other.who.read(p, q.now)
	if err != nil {
		return err
	}
	immutable := other.ask(c, claims)
	v.Shapes = []shape{{"classic", v.Subject, v.Allowed}, {"immutable", immutable.Subject, immutable.Allowed}}
	return nil
}

// idsOf are the ids of owner and repository that the trust policy names for a
// subject without ids.
func (q *question) idsOf(c *candidate, subject string) (owner, repository string) {
	wanted, ok := aws.ParseGitHubSubject(subject)
	role, _ := c.view.Role(c.arn)
	if !ok || role == nil || role.Trust.Parsed() == nil {
		return "", ""
	}
	for _, st := range role.Trust.Parsed().Statements {
		for _, condition := range st.Conditions {
			for _, value := range condition.Values {
				named, ok := aws.ParseGitHubSubject(value)
				if ok && named.Immutable() && policy.Like(named.Owner, wanted.Owner) && policy.Like(named.Repository, wanted.Repository) && !strings.ContainsAny(named.OwnerID+named.RepositoryID, "*?$") {
					return named.OwnerID, named.RepositoryID
				}
			}
		}
	}
	return "", ""
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
