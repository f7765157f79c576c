package emulator

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/state"
)

// Accounts as issuers: the keys and documents behind sts:GetWebIdentityToken.
// The keys are kept as those of an issuer, the RSA key first, so that exports
// carry them.

// outboundOf is the issuer of some account that a host is of.
func outboundOf(r state.Reader, issuerURL string) (*iam.OutboundFederation, bool) {
	if !strings.HasSuffix(issuerURL, aws.OutboundHost) {
		return nil, false
	}
	for o := range state.All[*iam.OutboundFederation](r, "") {
		if o.Issuer == issuerURL {
			return o, true
		}
	}
	return nil, false
}

// outboundKeys gives an account's issuer its keys; they are made when one is
// first needed, and stay.
func (s *issuers) outboundKeys(ctx context.Context, issuerURL string) (*oidc.OutboundKeys, error) {
	if keys, ok := storedOutboundKeys(s.store.Snapshot(), issuerURL); ok {
		return keys, nil
	}
	s.making.Lock() // one pair for many who ask at once
	defer s.making.Unlock()
	var keys *oidc.OutboundKeys
	err := s.store.Update(ctx, func(tx *state.Txn) error {
		var ok bool
		if keys, ok = storedOutboundKeys(tx, issuerURL); ok {
			return nil
		}
		var err error
		if keys, err = oidc.GenerateOutboundKeys(issuerURL, rand.Reader); err != nil {
			return err
		}
		made := &Issuer{URL: issuerURL, Keys: []*oidc.SigningKey{keys.RSA, keys.EC}}
		tx.Put(made)
		return made.parse()
	})
	if err != nil {
		return nil, fmt.Errorf("keys of %s: %w", issuerURL, err)
	}
	return keys, nil
}

func storedOutboundKeys(r state.Reader, issuerURL string) (*oidc.OutboundKeys, bool) {
	found, ok := state.Get[*Issuer](r, issuerURL)
	if !ok || len(found.Keys) != 2 {
		return nil, false
	}
	return &oidc.OutboundKeys{URL: issuerURL, RSA: found.Keys[0], EC: found.Keys[1]}, true
}

// signOutbound signs the payload of a token of an account's issuer.
func (s *issuers) signOutbound(ctx context.Context, issuerURL, alg string, payload []byte) (string, error) {
	keys, err := s.outboundKeys(ctx, issuerURL)
	if err != nil {
		return "", err
	}
	return keys.Sign(alg, payload)
}

// serveOutbound answers what relying parties read of an account's issuer, at
// its own host. It reports whether the request was for one.
func (s *issuers) serveOutbound(w http.ResponseWriter, r *http.Request) bool {
	host, _, _ := strings.Cut(r.Host, ":")
	if !strings.HasSuffix(host, aws.OutboundHost) {
		return false
	}
	issuerURL := "https://" + host
	if _, ok := outboundOf(s.store.Snapshot(), issuerURL); !ok {
		if s.store.CatchUp(r.Context()) != nil { // another replica may have made it just now
			return notFoundIssuer(w)
		}
		if _, ok := outboundOf(s.store.Snapshot(), issuerURL); !ok {
			return notFoundIssuer(w)
		}
	}
	keys, err := s.outboundKeys(r.Context(), issuerURL)
	if err != nil {
		writeControlError(w, err)
		return true
	}
	page, ok := keys.Page(r.URL.Path)
	if !ok {
		return notFoundIssuer(w)
	}
	w.Header().Set("Content-Type", page.ContentType)
	_, _ = w.Write(page.Body) // the client is gone if this fails
	return true
}

func notFoundIssuer(w http.ResponseWriter) bool {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	fmt.Fprintln(w, `{"message":"Not Found"}`)
	return true
}
