package prove

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

// Claim is what is said of all accepted tokens. Nobody: there are none. Only:
// each has, for each key, a value like one of the patterns. Never: none has.
type Claim struct {
	Nobody      bool
	Only, Never []KeyPatterns
}

// KeyPatterns are patterns, as those of StringLike, for a key: a claim of the
// provider's (sub, aud, amr, …), serviceAccount (NAMESPACE/NAME), or a whole
// condition key.
type KeyPatterns struct {
	Key      string
	Patterns []string
}

// ServiceAccountKey stands for the subjects of service accounts.
const ServiceAccountKey = "serviceAccount"

// test is the patterns as a test of the world's key: a set passes it with any one
// value, an absent key does not.
func (k *KeyPatterns) test(p *Provider) policy.Test {
	t := policy.Test{Comparison: "StringLike", Qualifier: policy.ForAnyValue, Key: strings.ToLower(k.Key)}
	if k.Key == ServiceAccountKey {
		t.Key = p.prefix() + "sub"
	} else if !strings.Contains(k.Key, ":") {
		t.Key = p.prefix() + strings.ToLower(k.Key)
	}
	for _, pattern := range k.Patterns {
		if k.Key == ServiceAccountKey {
			pattern = subjectPattern(pattern)
		}
		t.Values = append(t.Values, policy.Pattern{{Text: pattern}})
	}
	return t
}

// subjectPattern is the subject of NAMESPACE/NAME; both can have wildcards.
func subjectPattern(serviceAccountName string) string {
	namespace, name, _ := strings.Cut(serviceAccountName, "/")
	return serviceAccount + namespace + ":" + name
}

// goal is a claim registered in a space: where it is broken.
type goal struct {
	nobody      bool
	only, never []ref
}

func (s *space) goal(c *Claim) goal {
	g := goal{nobody: c.Nobody}
	for i := range c.Only {
		g.only = append(g.only, s.test(c.Only[i].test(s.world.provider), nil))
	}
	for i := range c.Never {
		g.never = append(g.never, s.test(c.Never[i].test(s.world.provider), nil))
	}
	return g
}

// broken is where the claim does not hold.
func (s *space) broken(g goal) region {
	if g.nobody {
		return region{s.whole()}
	}
	var out region
	for _, r := range g.only {
		d := s.dims[r.dim]
		outside := fullBits(len(d.cells)).minus(d.tests[r.test].must)
		out = append(out, s.whole().narrow(r.dim, outside))
	}
	for _, r := range g.never {
		out = append(out, s.whole().narrow(r.dim, s.dims[r.dim].tests[r.test].may))
	}
	return out
}

// CanBe says whether a token can have a value like a pattern for a key: that it
// cannot is said of subjects alone.
func (p *Provider) CanBe(key, pattern string) bool {
	k := KeyPatterns{Key: key, Patterns: []string{pattern}}
	t := k.test(p)
	if t.Key != p.prefix()+"sub" {
		return true
	}
	d := p.keys()[t.Key]
	must := []expr{d.values.words, glob(t.Values[0], nil, anyChar)}
	found, err := words(must, nil, &budget{left: defaultWork})
	if err == nil && len(found) > 0 && !d.values.lengths.keeps(found[0].text) {
		found, err = words(append(must, d.values.lengths), nil, &budget{left: defaultWork})
	}
	return err != nil || len(found) > 0
}
