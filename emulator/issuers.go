package emulator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

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

// parse makes the public keys usable, once, when the entity is made.
func (i *Issuer) parse() error {
	if i.Own() {
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

// addKey puts a new signing key before the others.
func (e *Emulator) addKey(issuer *Issuer, now time.Time) error {
	if issuer.Alg == "" {
		issuer.Alg = "RS256"
	}
	key, err := e.config.NewKey(issuer.Alg)
	if err != nil {
		return fmt.Errorf("a signing key for %s: %w", issuer.URL, err)
	}
	key.Created = now.UTC()
	rotated, err := issuer.issuer().Rotate(key, now, keyOverlap)
	if err != nil {
		return fmt.Errorf("a signing key for %s: %w", issuer.URL, err)
	}
	issuer.Keys = rotated.Keys
	return issuer.parse()
}

// ensureIssuer finds an own issuer that can sign, or makes it: the emulator
// signs for any issuer that nobody published keys for. Keys are made when they
// are first needed, since an RSA key costs a tenth of a second.
func (e *Emulator) ensureIssuer(ctx context.Context, issuerURL string) (*Issuer, error) {
	if found, ok := state.Get[*Issuer](e.store.Snapshot(), issuerURL); ok && (!found.Own() || len(found.Keys) > 0) {
		return found.ifOwn()
	}
	if err := checkIssuerURL(issuerURL); err != nil {
		return nil, badRequest("%v", err)
	}
	e.making.Lock() // one key for many who ask at once
	defer e.making.Unlock()
	var made *Issuer
	err := e.store.Update(ctx, func(tx *state.Txn) error {
		made = &Issuer{URL: issuerURL}
		if found, ok := state.Get[*Issuer](tx, issuerURL); ok {
			if made = found; !found.Own() || len(found.Keys) > 0 {
				return nil
			}
			made = &Issuer{URL: found.URL, Alg: found.Alg}
		}
		if err := e.addKey(made, e.clock.Now()); err != nil {
			return err
		}
		tx.Put(made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made.ifOwn()
}

func (i *Issuer) ifOwn() (*Issuer, error) {
	if !i.Own() {
		return nil, errForeignIssuer
	}
	return i, nil
}

// keyOverlap is how long a key stays published after another took its place:
// the longest life of a projected token on EKS.
const keyOverlap = 24 * time.Hour

// mostKeys is how many keys of one type AWS accepts in a key set; package oidc holds issuers to it, and has the source.
const mostKeys = 100

// rotate gives an own issuer a new signing key; older ones stay published.
func (e *Emulator) rotate(ctx context.Context, issuerURL string) (*Issuer, error) {
	var rotated *Issuer
	err := e.store.Update(ctx, func(tx *state.Txn) error {
		found, ok := state.Get[*Issuer](tx, issuerURL)
		if !ok {
			return notFound("no issuer %s; known are: %s", issuerURL, strings.Join(issuerURLs(tx), ", "))
		}
		if !found.Own() {
			return errForeignIssuer
		}
		next := &Issuer{URL: found.URL, Alg: found.Alg, Keys: found.Keys}
		if err := e.addKey(next, e.clock.Now()); err != nil {
			return err
		}
		if len(next.Keys) > mostKeys {
			return &controlError{http.StatusConflict, fmt.Sprintf("issuer %s publishes %d keys, and AWS accepts no token of an issuer with more: "+
				"a key is dropped %s after the next one took its place; wait, or move the clock with POST /_emu/clock", issuerURL, mostKeys, keyOverlap)}
		}
		rotated = next
		tx.Put(next)
		return nil
	})
	return rotated, err
}

func issuerURLs(r state.Reader) []string {
	var urls []string
	for i := range state.All[*Issuer](r, "") {
		urls = append(urls, i.URL)
	}
	return urls
}

// defaultIssuerURL is the issuer of tokens that name none, EKS-shaped and the
// same at every start of an emulator with the same account and region.
func (e *Emulator) defaultIssuerURL() string {
	sum := sha256.Sum256([]byte("irsa-emu/" + e.config.Account + "/" + e.config.Region))
	return aws.EKSIssuer(e.config.Region, strings.ToUpper(hex.EncodeToString(sum[:16])))
}

// publicKeys gives the relying party the keys of the issuers in the state;
// only those of others are fetched.
func (e *Emulator) publicKeys(issuerURL string) (*oidc.KeySet, bool) {
	if strings.HasSuffix(issuerURL, oidc.OutboundHost) {
		// The STS refuses tokens of AWS's own issuers (recorded 13): it has no keys for them.
		return (&oidc.Issuer{URL: issuerURL}).KeySet(), true
	}
	found, ok := state.Get[*Issuer](e.store.Snapshot(), issuerURL)
	if !ok {
		return nil, false
	}
	if found.public == nil { // declared, and no key was needed so far
		return found.issuer().KeySet(), true
	}
	return found.public, true
}
