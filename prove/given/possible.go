package given

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/prove"
	"github.com/irsa-emu/irsa-emu/spelling"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// possible finds patterns of subjects that no token of any provider concerned
// can have: an assertion with one guards nothing.
func (m *Model) possible(a *Assertion, roles []*prove.Role) error {
	if err := m.trusted(a, roles); err != nil {
		return err
	}
	for _, list := range []struct {
		field string
		keys  []prove.KeyPatterns
	}{{"only", a.Only}, {"never", a.Never}} {
		for _, k := range list.keys {
			if fix := m.strangeKey(a, roles, k.Key); fix != "" {
				return a.mistake(strictyaml.Join(list.field, k.Key), fix)
			}
			for i, pattern := range k.Patterns {
				if fix := m.impossible(a, roles, k.Key, pattern); fix != "" {
					field := strictyaml.Index(strictyaml.Join(list.field, k.Key), i)
					return a.mistake(field, fmt.Sprintf("the pattern %q can never match: %s", pattern, fix))
				}
			}
		}
	}
	return nil
}

// impossible says why no token can have a value like a pattern; "" when one can,
// or when none of the roles is about tokens at all.
func (m *Model) impossible(a *Assertion, roles []*prove.Role, key, pattern string) string {
	why := ""
	for _, role := range roles {
		for _, p := range m.concerned(a, role) {
			if p.CanBe(key, pattern) {
				return ""
			}
			why = "the subjects of " + p.Issuer + " are like " + p.AnySubject()
			if p.Kind == prove.EKS || p.Kind == prove.Kubernetes {
				why += ", with names of lower-case letters, digits and - (and . in the service account's)"
			}
		}
	}
	return why
}

// trusted holds the issuer of an assertion against those that its roles trust: one
// that is spelt almost alike is a mistake, one that none trusts is worth a note.
func (m *Model) trusted(a *Assertion, roles []*prove.Role) error {
	issuers := m.issuers(a, roles)
	if a.Issuer == "" || slices.Contains(issuers, a.Issuer) {
		return nil
	}
	for _, issuer := range issuers {
		if spelling.Distance(issuer, a.Issuer) <= 2 {
			return a.mistake("issuer", fmt.Sprintf("no role here trusts tokens of %q; write %s", a.Issuer, issuer))
		}
	}
	a.notes = []string{"no role here trusts tokens of " + a.Issuer + ", so there is none that could break it"}
	return nil
}

// issuers are those whose tokens the roles trust.
func (m *Model) issuers(a *Assertion, roles []*prove.Role) []string {
	var out []string
	for _, role := range roles {
		for _, p := range m.Providers(role) {
			if !slices.Contains(out, p.Issuer) {
				out = append(out, p.Issuer)
			}
		}
	}
	return out
}

// strangeKey says what is wrong with a whole condition key that no token of the
// roles' providers can bring; "" when nothing is.
func (m *Model) strangeKey(a *Assertion, roles []*prove.Role, key string) string {
	i := strings.LastIndexByte(key, ':')
	if i < 0 {
		return ""
	}
	prefix := strings.ToLower(key[:i])
	issuers := m.issuers(a, roles)
	if prefix == "aws" || prefix == "sts" || prefix == "iam" || len(issuers) == 0 ||
		slices.ContainsFunc(issuers, func(issuer string) bool { return strings.HasPrefix(strings.ToLower(key), strings.ToLower(issuer)+":") }) {
		return ""
	}
	return fmt.Sprintf("%s is not a condition key of a call with a token of %s; write a claim such as sub, or %s:sub", key, strings.Join(issuers, ", "), issuers[0])
}
