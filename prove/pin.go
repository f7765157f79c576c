package prove

import (
	"maps"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

// Pin narrows a provider's tokens to those that have certain values: one token,
// when it is whole, or all tokens with a subject.
type Pin struct {
	// Keys are condition keys in lower case. A key without values is absent.
	Keys policy.Context
	// Whole says that these are all keys that the token has.
	Whole bool
}

// Pinned is the provider with tokens like the pin only.
func (p *Provider) Pinned(pin Pin) *Provider {
	narrowed := *p
	narrowed.Pin = &pin
	return &narrowed
}

func (pin *Pin) narrow(w *world) {
	for key, v := range pin.Keys {
		d := w.domain(key)
		w.keys[key] = pinned(d.claim, v)
	}
}

// pinned is the domain of a key with one value, or one set of values.
func pinned(claim string, v policy.Values) domain {
	switch {
	case len(v.List) == 0:
		return never
	case !v.Multi && len(v.List) == 1:
		return domain{values: oneOf(v.List[0]), claim: claim}
	}
	d := domain{values: shape{words: none{}}, many: multi, claim: claim}
	for _, value := range v.List {
		d.with = append(d.with, text(value))
	}
	return d
}

// worlds is the one world of a whole token.
func (pin *Pin) worlds(p *Provider, role *Role) []world {
	audience, _ := pin.Keys.Get(p.prefix() + "aud")
	if p.ClientIDs != nil && !slices.ContainsFunc(audience.List, func(a string) bool { return slices.Contains(p.ClientIDs, a) }) {
		return nil // STS refuses the audience
	}
	f := sessionFeatures{sourceIdentity: len(pin.Keys["sts:sourceidentity"].List) > 0, tagged: len(pin.Keys["aws:tagkeys"].List) > 0}
	w := tokenWorld(p, role, f)
	for key := range maps.Clone(w.keys) {
		if strings.HasPrefix(key, p.prefix()) {
			w.keys[key] = never
		}
	}
	w.same = nil
	pin.narrow(&w)
	return []world{w}
}
