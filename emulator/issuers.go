package emulator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/state"
)

// issuers are the OIDC issuers that the emulator knows: it signs for its own,
// serves their documents, and finds the keys of all that tokens come from.
type issuers struct {
	store *state.Store
	clock *Clock
	// newKey makes the signing keys of own issuers.
	newKey func(alg string) (*oidc.SigningKey, error)
	// account and region are those of the default issuer.
	account, region string
	// fetching is how documents of issuers are fetched that nobody published keys of,
	// and remote caches those keys.
	fetching oidc.RemoteConfig
	remote   *oidc.Remote

	making sync.Mutex // held while a signing key is made
}

func newIssuers(c *Config, store *state.Store, clock *Clock, fetched func(time.Duration, error)) *issuers {
	s := &issuers{
		store: store, clock: clock, newKey: c.NewKey, account: c.Account, region: c.Region,
		fetching: oidc.RemoteConfig{Roots: c.IssuerRoots, AllowPrivate: c.AllowPrivateIssuers, Now: c.Now},
	}
	remote := s.fetching
	remote.Fetched = fetched
	s.remote = oidc.NewRemote(remote)
	return s
}

// keys are those of all issuers: published ones and own ones first.
func (s *issuers) keys() oidc.KeySource { return oidc.Sources{oidc.KeysFunc(s.publicKeys), s.remote} }

// addKey puts a new signing key before the others.
func (s *issuers) addKey(issuer *Issuer, now time.Time) error {
	if issuer.Alg == "" {
		issuer.Alg = "RS256"
	}
	key, err := s.newKey(issuer.Alg)
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

// ensure finds an own issuer that can sign, or makes it: the emulator
// signs for any issuer that nobody published keys for. Keys are made when they
// are first needed, since an RSA key costs a tenth of a second.
func (s *issuers) ensure(ctx context.Context, issuerURL string) (*Issuer, error) {
	if found, ok := state.Get[*Issuer](s.store.Snapshot(), issuerURL); ok && (!found.Own() || len(found.Keys) > 0) {
		return found.ifOwn()
	}
	if err := checkIssuerURL(issuerURL); err != nil {
		return nil, badRequest("%v", err)
	}
	s.making.Lock() // one key for many who ask at once
	defer s.making.Unlock()
	var made *Issuer
	err := s.store.Update(ctx, func(tx *state.Txn) error {
		made = &Issuer{URL: issuerURL}
		if found, ok := state.Get[*Issuer](tx, issuerURL); ok {
			if made = found; !found.Own() || len(found.Keys) > 0 {
				return nil
			}
			made = &Issuer{URL: found.URL, Alg: found.Alg}
		}
		if err := s.addKey(made, s.clock.Now()); err != nil {
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

// keyOverlap is how long a key stays published after another took its place:
// the longest life of a projected token on EKS.
const keyOverlap = 24 * time.Hour

// mostKeys is how many keys of one type AWS accepts in a key set; package oidc holds issuers to it, and has the source.
const mostKeys = 100

// rotate gives an own issuer a new signing key; older ones stay published.
func (s *issuers) rotate(ctx context.Context, issuerURL string) (*Issuer, error) {
	var rotated *Issuer
	err := s.store.Update(ctx, func(tx *state.Txn) error {
		found, ok := state.Get[*Issuer](tx, issuerURL)
		if !ok {
			return notFound("no issuer %s; known are: %s", issuerURL, strings.Join(issuerURLs(tx), ", "))
		}
		if !found.Own() {
			return errForeignIssuer
		}
		next := &Issuer{URL: found.URL, Alg: found.Alg, Keys: found.Keys}
		if err := s.addKey(next, s.clock.Now()); err != nil {
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

// defaultURL is the issuer of tokens that name none, EKS-shaped and the
// same at every start of an emulator with the same account and region.
func (s *issuers) defaultURL() string {
	sum := sha256.Sum256([]byte("irsa-emu/" + s.account + "/" + s.region))
	return aws.EKSIssuer(s.region, strings.ToUpper(hex.EncodeToString(sum[:16])))
}

// publicKeys gives the relying party the keys of the issuers in the state;
// only those of others are fetched.
func (s *issuers) publicKeys(issuerURL string) (*oidc.KeySet, bool) {
	snapshot := s.store.Snapshot()
	if _, is := outboundOf(snapshot, issuerURL); is {
		if keys, ok := storedOutboundKeys(snapshot, issuerURL); ok {
			return keys.KeySet(), true
		}
		return (&oidc.Issuer{URL: issuerURL}).KeySet(), true // nothing was signed with yet
	}
	found, ok := state.Get[*Issuer](snapshot, issuerURL)
	if !ok {
		return nil, false
	}
	if found.public == nil { // declared, and no key was needed so far
		return found.issuer().KeySet(), true
	}
	return found.public, true
}

// eksThumbprint is what IAM stores for EKS issuers that are registered without
// a thumbprint: the root above oidc.eks.*.amazonaws.com (EKS user guide).
const eksThumbprint = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"

// fetchThumbprint does what IAM does when a provider is created without
// thumbprints. Issuers that the emulator stands in for are not on the network.
func (s *issuers) fetchThumbprint(ctx context.Context, issuerURL string) (string, error) {
	if s.standsIn(issuerURL) {
		return eksThumbprint, nil
	}
	docs := oidc.FetchIssuer(ctx, s.fetching, issuerURL)
	if len(docs.Chain) == 0 {
		return "", docs.Err
	}
	return oidc.Thumbprint(docs.Chain)
}

// standsIn is whether the emulator plays an issuer, or would if it were asked
// for a token: those of EKS and of the profiles.
func (s *issuers) standsIn(issuerURL string) bool {
	if _, known := state.Get[*Issuer](s.store.Snapshot(), issuerURL); known || aws.IssuerOf(issuerURL).Kind == aws.EKS {
		return true
	}
	return slices.ContainsFunc(oidc.Profiles(), func(p oidc.Profile) bool { return p.Issuer == issuerURL })
}
