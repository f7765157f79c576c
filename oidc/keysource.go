package oidc

import (
	"context"
	"errors"
	"fmt"
)

// KeySource finds the keys of an issuer that an account has registered.
type KeySource interface {
	// Keys returns ErrUnknownIssuer if this source does not have the issuer, and
	// a *KeyError if it should and cannot.
	Keys(ctx context.Context, p Provider) (*KeySet, error)
}

// Refresher is a KeySource that can look again. A [Verifier] asks when the set
// that it had lacks the token's key; a source that looked just now returns the
// same set.
type Refresher interface {
	Refresh(ctx context.Context, p Provider, had *KeySet) (*KeySet, error)
}

// ErrUnknownIssuer says that a source does not have the issuer.
var ErrUnknownIssuer = errors.New("issuer not known here")

// Step is the part of fetching an issuer's keys that failed.
type Step string

// Steps, in their order.
const (
	StepURL        Step = "url"
	StepDNS        Step = "dns"
	StepAddress    Step = "address"
	StepConnect    Step = "connect"
	StepTLS        Step = "tls"
	StepThumbprint Step = "thumbprint"
	StepTime       Step = "time"
	StepStatus     Step = "status"
	StepRedirect   Step = "redirect"
	StepSize       Step = "size"
	StepJSON       Step = "json"
	StepField      Step = "field"
)

// KeyError is a failure to get an issuer's keys: what was asked for, and which
// step failed.
type KeyError struct {
	Step Step
	URL  string
	Err  error
}

func (e *KeyError) Error() string { return fmt.Sprintf("fetch %s: %s: %v", e.URL, e.Step, e.Err) }

func (e *KeyError) Unwrap() error { return e.Err }

// KeysFunc is a source of keys that are at hand: an emulator's own issuers, or
// key sets that were published to it. It reports whether it has the issuer.
type KeysFunc func(issuerURL string) (*KeySet, bool)

// Keys implements [KeySource].
func (f KeysFunc) Keys(_ context.Context, p Provider) (*KeySet, error) {
	if set, ok := f(p.URL); ok {
		return set, nil
	}
	return nil, ErrUnknownIssuer
}

// Sources asks one source after the other; the first that has the issuer
// answers, so that keys at hand are never fetched.
type Sources []KeySource

// Keys implements [KeySource].
func (s Sources) Keys(ctx context.Context, p Provider) (*KeySet, error) {
	set, _, err := s.find(ctx, p)
	return set, err
}

// Refresh implements [Refresher], if the source that has the issuer does.
func (s Sources) Refresh(ctx context.Context, p Provider, had *KeySet) (*KeySet, error) {
	set, source, err := s.find(ctx, p)
	if err != nil || set != had {
		return set, err
	}
	if r, ok := source.(Refresher); ok {
		return r.Refresh(ctx, p, had)
	}
	return set, nil
}

func (s Sources) find(ctx context.Context, p Provider) (*KeySet, KeySource, error) {
	for _, source := range s {
		set, err := source.Keys(ctx, p)
		if !errors.Is(err, ErrUnknownIssuer) {
			return set, source, err
		}
	}
	return nil, nil, ErrUnknownIssuer
}
