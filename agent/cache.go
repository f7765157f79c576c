package agent

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eksauth/types"
	"github.com/aws/smithy-go"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// Upstream's times.
const (
	sweepEvery     = time.Minute      // how often credentials that are due are looked for
	leastLife      = 15 * time.Second // credentials with less left are not served
	retryAfter     = time.Minute      // and as much again at random, after a renewal that failed
	renewalTimeout = time.Minute
	fetchTimeout   = 10 * time.Second // for pods that wait; SDKs give up after two seconds
)

// cache keeps credentials by token, as upstream's v0.1.37: a rotated token is
// fetched anew. Nothing is kept longer than the credentials are good.
type cache struct {
	config  Config
	metrics metrics
	renewal *rate.Limiter
	flight  singleflight.Group

	entries *lru.Cache[string, entry] // nil keeps nothing
}

type entry struct {
	credentials Credentials
	renew       time.Time
}

func newCache(c Config, m metrics) *cache {
	out := &cache{config: c, metrics: m, renewal: rate.NewLimiter(rate.Limit(max(1, c.RenewalQPS)), max(1, c.RenewalQPS))}
	if c.CacheSize > 0 && c.Retention > 0 {
		out.entries, _ = lru.New[string, entry](c.CacheSize) // fails only for sizes that are not positive
	}
	return out
}

// get is the credentials of a token; pods that ask at the same time wait for
// one fetch, which goes on when one of them has gone.
func (c *cache) get(ctx context.Context, token string) (Credentials, error) {
	if found, ok := c.lookup(token); ok {
		return found, nil
	}
	result := c.flight.DoChan(token, func() (any, error) {
		if found, ok := c.lookup(token); ok {
			return found, nil
		}
		c.metrics.state.WithLabelValues("miss").Inc()
		fetch, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		return c.fetch(fetch, token)
	})
	select {
	case <-ctx.Done():
		return Credentials{}, ctx.Err()
	case r := <-result:
		if r.Err != nil {
			return Credentials{}, r.Err
		}
		return r.Val.(Credentials), nil
	}
}

func (c *cache) lookup(token string) (Credentials, bool) {
	if c.entries == nil {
		return Credentials{}, false
	}
	e, ok := c.entries.Get(token)
	if !ok {
		return Credentials{}, false
	}
	if e.credentials.Expiration.Sub(c.config.Now()) <= leastLife {
		c.drop(token)
		return Credentials{}, false
	}
	return e.credentials, true
}

// fetch asks the source, and keeps the answer.
func (c *cache) fetch(ctx context.Context, token string) (Credentials, error) {
	credentials, err := c.config.Source.Credentials(ctx, token)
	if err != nil {
		return Credentials{}, fmt.Errorf("error getting credentials to cache: %w", err)
	}
	left := credentials.Expiration.Sub(c.config.Now())
	if left <= leastLife {
		return Credentials{}, fmt.Errorf("fetched credentials are expired or will expire within the next %0.2f seconds", left.Seconds())
	}
	c.keep(token, credentials, min(left, c.config.Retention))
	return credentials, nil
}

func (c *cache) keep(token string, credentials Credentials, renewIn time.Duration) {
	if c.entries == nil {
		return
	}
	if c.entries.Add(token, entry{credentials: credentials, renew: c.config.Now().Add(renewIn)}) {
		c.metrics.state.WithLabelValues("evicted").Inc()
	}
}

func (c *cache) drop(token string) {
	if c.entries.Remove(token) {
		c.metrics.state.WithLabelValues("evicted").Inc()
	}
}

// run sweeps until the context ends.
func (c *cache) run(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.sweep(ctx)
		}
	}
}

// sweep renews what is due, so that running pods never wait; credentials of
// pods that are gone are renewed until their token has expired.
func (c *cache) sweep(ctx context.Context) {
	if c.entries == nil {
		return
	}
	for _, token := range c.entries.Keys() {
		e, ok := c.entries.Peek(token)
		if !ok || c.config.Now().Before(e.renew) {
			continue
		}
		if err := c.renewal.Wait(ctx); err != nil {
			return // the agent ends
		}
		c.renewOne(ctx, token, e)
	}
}

func (c *cache) renewOne(ctx context.Context, token string, old entry) {
	ctx, cancel := context.WithTimeout(ctx, renewalTimeout)
	defer cancel()
	_, err := c.fetch(ctx, token)
	if err == nil {
		c.metrics.state.WithLabelValues("hit").Inc()
		return
	}
	code, final := codeOf(err)
	if final {
		c.config.Logger.Info("credentials dropped", "error", err)
		c.metrics.errors.WithLabelValues("NonRecoverable", code).Inc()
		c.drop(token)
		return
	}
	c.metrics.errors.WithLabelValues("Recoverable", code).Inc()
	left := old.credentials.Expiration.Sub(c.config.Now())
	if left <= leastLife {
		c.drop(token)
		return
	}
	c.config.Logger.Info("credentials kept, although they could not be renewed", "error", err, "left", left.Round(time.Second))
	c.keep(token, old.credentials, min(left, retryAfter+rand.N(retryAfter)))
}

// codeOf is the code of an error of EKS Auth, and whether asking again is vain:
// no association any more, a token that has expired or is none, a role that
// EKS may not assume.
func codeOf(err error) (code string, final bool) {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return "Unknown", false
	}
	switch api.(type) {
	case *types.ResourceNotFoundException, *types.ExpiredTokenException, *types.InvalidTokenException, *types.AccessDeniedException:
		return api.ErrorCode(), true
	}
	return api.ErrorCode(), false
}
