package harness

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// TokenKeeper replaces a projected token before it expires, as the kubelet does
// it: when four fifths of its life are over, and after a day at most
// (kubernetes/pkg/kubelet/token, requiresRefresh).
type TokenKeeper struct {
	// Request asks for a token.
	Request func(context.Context) (string, error)
	// Write makes a token the one that readers find.
	Write func(token string) error
	// Look is how often to ask for a token that is only compared with the one in
	// use. It shows what the life of a token does not: that the emulator's clock
	// was moved, that the issuer signs with another key, or that the emulator was
	// reset and other tokens are its own now. Zero never looks.
	Look time.Duration
	// Replaced hears of each new token, and why there is one; nil does not.
	Replaced func(token, why string)
	// Failed hears of a token that could not be had, once until the next that can.
	// Due is whether the token in use should be replaced by now. Nil does not.
	Failed func(err error, due bool)
}

// Why a token is replaced, for people.
const (
	ReplacedDue    = "four fifths of its life are over"
	ReplacedIssuer = "the issuer is another one"
	ReplacedKey    = "the issuer signs with another key"
	ReplacedClock  = "the emulator's clock was moved back"
)

// longestRetry bounds the time between two attempts to replace a token.
const longestRetry = time.Minute

// Keep replaces the token, which was written last, whenever it has to be, until
// ctx ends.
func (k *TokenKeeper) Keep(ctx context.Context, token string) {
	claims := readTokenTimes(token)
	due := time.Now().Add(claims.useful())
	retry := time.Second
	var said, saidDue bool
	for wait := k.next(due); ; {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		next, why, err := k.replace(ctx, claims, !time.Now().Before(due))
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			isDue := !time.Now().Before(due)
			if k.Failed != nil && (!said || isDue && !saidDue) {
				k.Failed(err, isDue)
			}
			said, saidDue = true, isDue
			wait, retry = retry, min(2*retry, longestRetry)
			if k.Look > 0 {
				wait = k.Look
			}
			continue
		}
		said, saidDue, retry = false, false, time.Second
		if why != "" {
			claims = readTokenTimes(next)
			due = time.Now().Add(claims.useful())
			if k.Replaced != nil {
				k.Replaced(next, why)
			}
		}
		wait = k.next(due)
	}
}

// next is how long to wait for the next look.
func (k *TokenKeeper) next(due time.Time) time.Duration {
	wait := max(time.Until(due), shortestUse)
	if k.Look > 0 {
		wait = min(wait, k.Look)
	}
	return wait
}

// replace asks for a token and writes it, if there is a reason why.
func (k *TokenKeeper) replace(ctx context.Context, now tokenTimes, due bool) (next, why string, err error) {
	next, err = k.Request(ctx)
	if err != nil {
		return "", "", err
	}
	why = now.outdatedBy(readTokenTimes(next))
	if due {
		why = ReplacedDue
	}
	if why != "" {
		err = k.Write(next)
	}
	return next, why, err
}

const (
	// refreshAt is how much of a token's life passes before the kubelet asks for
	// a new one, and longestUse after how long it does so at the latest.
	refreshAt   = 0.8
	longestUse  = 24 * time.Hour
	shortestUse = 100 * time.Millisecond
	// unknownLife is the kubelet's own default life of a token.
	unknownLife = time.Hour
)

// tokenTimes is what says when a token is to be replaced. The times are the
// emulator's, whose clock may be another than this machine's.
type tokenTimes struct {
	Issuer   string `json:"iss"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	KeyID    string `json:"-"`
}

// readTokenTimes reads a token without verifying it. What cannot be read stays zero.
func readTokenTimes(token string) tokenTimes {
	var t tokenTimes
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return t
	}
	var header struct {
		KeyID string `json:"kid"`
	}
	for i, into := range []any{&header, &t} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(text, into) != nil {
			return tokenTimes{}
		}
	}
	t.KeyID = header.KeyID
	return t
}

// useful is how long a token is used from when it was issued.
func (t tokenTimes) useful() time.Duration {
	life := unknownLife
	if t.Expires > t.IssuedAt {
		life = time.Duration(t.Expires-t.IssuedAt) * time.Second
	}
	return max(min(time.Duration(refreshAt*float64(life)), longestUse), shortestUse)
}

// outdatedBy says why a token is not to be used any more, as one that was issued
// now shows it; empty if it is.
func (t tokenTimes) outdatedBy(now tokenTimes) string {
	passed := time.Duration(now.IssuedAt-t.IssuedAt) * time.Second
	switch {
	case t.Issuer != now.Issuer:
		return ReplacedIssuer
	case t.KeyID != now.KeyID:
		return ReplacedKey
	case passed < 0:
		return ReplacedClock
	case passed >= t.useful() && passed > 0:
		return ReplacedDue
	}
	return ""
}
