package oidc

import (
	"context"
	"errors"
	"time"
)

// Tolerance is how far AWS's clock and the issuer's may differ, for exp, iat and
// nbf alike. Source: recorded 1b.
const Tolerance = 5 * time.Minute

// Claims are verified: [Verifier.Verify] alone returns them.
type Claims struct {
	*ClaimSet
	// PinnedKeys says that the keys came by a connection which the provider's
	// thumbprints vouch for, and no trusted root: see [KeySet.Pinned].
	PinnedKeys bool `json:"pinnedKeys,omitempty"`
	// NotChecked says that the Verifier was told to check neither signature nor
	// times; see [NotChecked].
	NotChecked bool `json:"notChecked,omitempty"`
}

// Verifier checks tokens as STS does. Both fields are required.
type Verifier struct {
	Keys KeySource
	Now  func() time.Time
}

// Verify checks claims and their signature against the provider that the caller
// found for their issuer: claims, audience, key, signature, times, AWS's own
// claims. The error is a [*TokenError].
func (v *Verifier) Verify(ctx context.Context, p Provider, u *Unverified) (*Claims, error) {
	if err := u.Check(); err != nil {
		return nil, err
	}
	if !p.issues(u.Issuer) {
		return nil, NoProvider(u.Issuer, []string{p.URL})
	}
	if u.roles != nil {
		return nil, u.roles
	}
	if err := u.CheckAudience(p); err != nil {
		return nil, err
	}
	claims := &Claims{ClaimSet: &u.ClaimSet}
	if v.Keys == NotChecked {
		claims.NotChecked = true
	} else {
		set, err := v.checkKeyAndSignature(ctx, p, u)
		if err != nil {
			return nil, err
		}
		claims.PinnedKeys = set.Pinned
		if err := u.CheckTimes(v.Now()); err != nil {
			return nil, err
		}
	}
	if err := u.CheckSession(); err != nil {
		return nil, err
	}
	return claims, nil
}

// NotChecked in place of a source of keys checks neither signature nor times, for
// questions asked offline: of claims that nobody signed, or of a token that was
// kept. Nothing may be issued for claims that were verified so.
var NotChecked KeySource = notChecked{}

type notChecked struct{}

func (notChecked) Keys(context.Context, Provider) (*KeySet, error) { return nil, ErrUnknownIssuer }

// checkKeyAndSignature gives the key set whose key signed.
func (v *Verifier) checkKeyAndSignature(ctx context.Context, p Provider, u *Unverified) (*KeySet, error) {
	t := u.token
	if t == nil {
		return nil, refuse(ReasonBadSignature, textNotValidated, "the claims were written down and have no signature")
	}
	set, err := v.Keys.Keys(ctx, p)
	if err != nil {
		return nil, keysUnavailable(p, err)
	}
	key, refused := set.choose(t.Header)
	if refused != nil && refused.Reason == ReasonUnknownKey {
		// The issuer may have rotated its keys since the set was fetched.
		if r, ok := v.Keys.(Refresher); ok {
			fresh, err := r.Refresh(ctx, p, set)
			if err != nil {
				return nil, keysUnavailable(p, err)
			}
			if fresh != set {
				set = fresh
				key, refused = fresh.choose(t.Header)
			}
		}
	}
	if refused != nil {
		return nil, refused
	}
	if err := t.checkSignature(key); err != nil {
		return nil, refuse(ReasonBadSignature, textNotValidated, "the signature does not go with the key %q of %s: %v", t.Header.KeyID, p.URL, err).
			withHint("bad-signature", "the token was altered, or signed by another key that has the same kid", "").causedBy(err)
	}
	return set, nil
}

// keysUnavailable gives a failed fetch AWS's text. AWS has the code
// IDPCommunicationError as well, but was recorded to answer
// InvalidIdentityToken even for an issuer that cannot be reached.
func keysUnavailable(p Provider, err error) *TokenError {
	refused := refuse(ReasonKeysUnavailable, textNoKey, "").causedBy(err)
	refused.Detail = err.Error()
	var failed *KeyError
	switch {
	case errors.Is(err, ErrUnknownIssuer):
		refused.Detail = "nobody published keys for " + p.URL + ", and fetching is off"
		return refused.withHint("publish-keys", "", "publish them: PUT /_emu/issuers, or issuers: in a state file")
	case errors.As(err, &failed) && failed.Step == StepThumbprint:
		refused.Reason, refused.Message = ReasonThumbprint, textThumbprint
		return refused.withHint("thumbprint", "", "irsa-emu issuer thumbprint "+p.URL+" prints the thumbprint that AWS computes")
	case errors.As(err, &failed):
		return refused.withHint("issuer-check", "", "irsa-emu issuer check "+p.URL+" tests the issuer against AWS's rules")
	}
	return refused
}
