package oidc

import (
	"context"
	"errors"
	"time"
)

// Tolerance is how far AWS's clock and the issuer's may differ, for exp, iat and
// nbf alike. Source: recorded 1b.
const Tolerance = 5 * time.Minute

// Verifier judges tokens as STS does. Both fields are required.
type Verifier struct {
	Keys KeySource
	Now  func() time.Time
}

// Verify judges a token against the provider that the caller found for its
// issuer: claims, audience, key, signature, times, AWS's own claims. The error is
// a [*TokenError].
func (v *Verifier) Verify(ctx context.Context, p Provider, t *Token) (*Claims, error) {
	if err := t.CheckClaims(); err != nil {
		return nil, err
	}
	c := t.claims
	if c.Issuer != p.URL {
		return nil, NoProvider(c.Issuer, []string{p.URL})
	}
	if err := c.checkAudience(p); err != nil {
		return nil, err
	}
	set, err := v.checkKeyAndSignature(ctx, p, t)
	if err != nil {
		return nil, err
	}
	c.PinnedKeys = set.Pinned
	if err := c.checkTimes(v.Now().Unix()); err != nil {
		return nil, err
	}
	if t.brokenAWS != nil {
		return nil, t.brokenAWS
	}
	return c, nil
}

// checkKeyAndSignature gives the key set whose key signed.
func (v *Verifier) checkKeyAndSignature(ctx context.Context, p Provider, t *Token) (*KeySet, error) {
	set, err := v.Keys.Keys(ctx, p)
	if err != nil {
		return nil, keysUnavailable(p, err)
	}
	public, refused := set.choose(t.Header)
	if refused != nil && refused.Reason == ReasonUnknownKey {
		// The issuer may have rotated its keys since the set was fetched.
		if r, ok := v.Keys.(Refresher); ok {
			fresh, err := r.Refresh(ctx, p, set)
			if err != nil {
				return nil, keysUnavailable(p, err)
			}
			if fresh != set {
				set = fresh
				public, refused = fresh.choose(t.Header)
			}
		}
	}
	if refused != nil {
		return nil, refused
	}
	if err := t.checkSignature(public); err != nil {
		return nil, refuse(ReasonBadSignature, textNotValidated, "the signature does not go with the key %q of %s: %v", t.Header.KeyID, p.URL, err).
			withHint("the token was altered, or signed by another key that has the same kid").causedBy(err)
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
		refused.Hint = "publish them: PUT /_emu/issuers, or issuers: in a state file"
	case errors.As(err, &failed) && failed.Step == StepThumbprint:
		refused.Reason, refused.Message = ReasonThumbprint, textThumbprint
		refused.Hint = "irsa-emu issuer thumbprint " + p.URL + " prints the thumbprint that AWS computes"
	case errors.As(err, &failed):
		refused.Hint = "irsa-emu issuer check " + p.URL + " tests the issuer against AWS's rules"
	}
	return refused
}

// checkTimes compares with the clock in AWS's words, which print the clock
// already moved by the tolerance. AWS was seen to answer "Token too old" years
// ago; it is not among the recorded answers of today, so no token is too old
// here before it expires.
func (c *Claims) checkTimes(now int64) error {
	const tolerance = int64(Tolerance / time.Second)
	if c.IssuedAt > now+tolerance {
		return refuse(ReasonIssuedInFuture, "Token issued in the future: "+itoa(c.IssuedAt),
			"iat is %s, %s after now", stamp(c.IssuedAt), seconds(c.IssuedAt-now)).withClaim("iat")
	}
	if c.NotBefore > now+tolerance {
		return refuse(ReasonNotYetValid, "Token not yet valid: current date/time "+itoa(now+tolerance)+
			" must be after or equal to the not-before date/time "+itoa(c.NotBefore),
			"nbf is %s, %s after now", stamp(c.NotBefore), seconds(c.NotBefore-now)).withClaim("nbf")
	}
	if now-tolerance >= c.Expires {
		err := refuse(ReasonExpired, "Token expired: current date/time "+itoa(now-tolerance)+
			" must be before the expiration date/time "+itoa(c.Expires),
			"exp is %s, %s ago", stamp(c.Expires), seconds(now-c.Expires)).withClaim("exp")
		err.Code = CodeExpiredToken
		return err.withHint("the token file was not read again after it was refreshed, or the token was kept elsewhere")
	}
	return nil
}
