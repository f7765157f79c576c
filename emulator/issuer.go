package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/state"
)

// Issuer is an OIDC issuer that the emulator knows: one of its own, with
// signing keys, or one whose public keys were published to it.
type Issuer struct {
	URL string `json:"url"`
	// Alg is what new keys of an own issuer sign with: RS256 or ES256.
	Alg string `json:"alg,omitempty"`
	// Keys are an own issuer's, the signing one first; the others are still
	// served, until tokens that they signed are gone. None until one is needed.
	Keys []*oidc.SigningKey `json:"keys,omitempty"`
	// JWKS are the keys that were published for an issuer of somebody else's.
	JWKS json.RawMessage `json:"jwks,omitempty"`

	own    *oidc.Issuer // Keys, ready to sign and serve
	public *oidc.KeySet // what tokens are verified with
}

// StateKey is the issuer's URL.
func (i *Issuer) StateKey() string { return i.URL }

// Own is whether the emulator signs for the issuer.
func (i *Issuer) Own() bool { return len(i.JWKS) == 0 }

// issuer signs and serves for an own issuer.
func (i *Issuer) issuer() *oidc.Issuer {
	if i.own != nil {
		return i.own
	}
	return &oidc.Issuer{URL: i.URL, Keys: i.Keys}
}

func issuerKind() state.Kind {
	return state.Kind{Name: "issuer", Decode: func(b []byte) (state.Entity, error) {
		i := new(Issuer)
		if err := json.Unmarshal(b, i); err != nil {
			return nil, err
		}
		return i, i.parse()
	}}
}

// nameKeys gives the keys of an issuer of EKS its kids (recorded 15).
func (i *Issuer) nameKeys() error {
	if aws.IssuerOf(i.URL).Kind != aws.EKS {
		return nil
	}
	named := make([]*oidc.SigningKey, len(i.Keys))
	for n, key := range i.Keys {
		copied := *key
		var err error
		if copied.KID, err = oidc.EKSKeyID(key.Private.Public()); err != nil {
			return err
		}
		named[n] = &copied
	}
	i.Keys = named
	return nil
}

// parse makes the public keys usable, once, when the entity is made.
func (i *Issuer) parse() error {
	if n := slices.Index(i.Keys, nil); n >= 0 {
		return fmt.Errorf("keys[%d] is missing", n)
	}
	if i.Own() {
		if err := i.nameKeys(); err != nil {
			return err
		}
		i.own = &oidc.Issuer{URL: i.URL, Keys: i.Keys}
		i.public = i.own.KeySet()
		return nil
	}
	set, err := oidc.ParseJWKS(i.JWKS)
	if err != nil {
		return fmt.Errorf("keys of issuer %s: %w", i.URL, err)
	}
	i.public = set
	return nil
}

var errForeignIssuer = errors.New("the keys of this issuer were published to the emulator, which does not hold their private halves: it can neither sign for it nor rotate its keys")

// checkIssuerURL says what AWS would not accept as an issuer.
func checkIssuerURL(raw string) error {
	if problem := aws.IssuerURLProblem(raw); problem != "" {
		return fmt.Errorf("issuer %q %s", raw, problem)
	}
	return nil
}

func (i *Issuer) ifOwn() (*Issuer, error) {
	if !i.Own() {
		return nil, errForeignIssuer
	}
	return i, nil
}
