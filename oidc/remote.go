package oidc

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// mostCached bounds the memory that issuers take; the oldest goes first.
const mostCached = 1000

// Remote fetches keys from issuers over HTTPS: discovery, then key set. It is
// safe for concurrent use; an issuer has one fetch in flight, whoever asks.
type Remote struct {
	config  RemoteConfig
	flights singleflight.Group

	mu    sync.Mutex
	cache map[string]*fetched
}

// fetched is the outcome of one fetch.
type fetched struct {
	at time.Time
	// tried is at, or later if fetching again failed since.
	tried     time.Time
	set       *KeySet
	untrusted []string
	err       error
}

// NewRemote makes a source; the zero configuration is good.
func NewRemote(c RemoteConfig) *Remote {
	return &Remote{config: c.withDefaults(), cache: map[string]*fetched{}}
}

// Keys implements [KeySource].
func (r *Remote) Keys(ctx context.Context, p Provider) (*KeySet, error) {
	cached := r.cached(p.URL)
	if cached == nil || r.config.Now().Sub(cached.at) >= r.life(cached) {
		var err error
		if cached, err = r.fetch(ctx, p.URL, cached); err != nil {
			return nil, err
		}
	}
	return cached.keysFor(p)
}

// Refresh implements [Refresher]: it fetches again unless it did within the
// RefreshInterval. A refresh that fails leaves the set in place that was there:
// a token with an invented kid must not cost others theirs.
func (r *Remote) Refresh(ctx context.Context, p Provider, had *KeySet) (*KeySet, error) {
	cached := r.cached(p.URL)
	if cached != nil && (cached.set != had || r.config.Now().Sub(cached.tried) < r.config.RefreshInterval) {
		return cached.keysFor(p)
	}
	fresh, err := r.fetch(ctx, p.URL, cached)
	if err != nil {
		return nil, err
	}
	return fresh.keysFor(p)
}

func (r *Remote) life(f *fetched) time.Duration {
	if f.err != nil {
		return r.config.RetryAfter
	}
	return r.config.CacheFor
}

// keysFor applies the provider's thumbprints: two accounts may pin different ones
// for one issuer, so this is asked anew each time.
func (f *fetched) keysFor(p Provider) (*KeySet, error) {
	if f.err != nil {
		return nil, f.err
	}
	for _, top := range f.untrusted {
		if !p.pinned(top) {
			return nil, &KeyError{StepThumbprint, p.URL, fmt.Errorf("no trusted root signed the server's chain, its top certificate has the thumbprint %s, and the provider has %s",
				top, listOr(p.Thumbprints, "none"))}
		}
	}
	return f.set, nil
}

func (r *Remote) cached(issuerURL string) *fetched {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cache[issuerURL]
}

// fetch joins the fetch in flight or starts one, which the caller's departure
// does not end. stale is the outcome that the caller will not use; one that came
// meanwhile is as good as a new one.
func (r *Remote) fetch(ctx context.Context, issuerURL string, stale *fetched) (*fetched, error) {
	flight := r.flights.DoChan(issuerURL, func() (any, error) {
		if newer := r.cached(issuerURL); newer != stale {
			return newer, nil
		}
		return r.load(context.WithoutCancel(ctx), issuerURL), nil
	})
	select {
	case result := <-flight:
		return result.Val.(*fetched), nil
	case <-ctx.Done():
		return nil, &KeyError{StepTime, issuerURL, ctx.Err()}
	}
}

func (r *Remote) load(ctx context.Context, issuerURL string) *fetched {
	began := time.Now()
	docs := FetchIssuer(ctx, r.config, issuerURL)
	f := &fetched{untrusted: docs.Untrusted, err: docs.Err}
	if f.err == nil {
		f.set, f.err = readDocuments(docs)
	}
	if f.set != nil {
		f.set.Pinned = len(f.untrusted) > 0
	}
	if r.config.Fetched != nil {
		r.config.Fetched(time.Since(began), f.err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	f.at = r.config.Now()
	f.tried = f.at
	if old := r.cache[issuerURL]; f.err != nil && old != nil && old.err == nil && f.at.Sub(old.at) < r.config.CacheFor {
		kept := *old
		kept.tried = f.at
		r.cache[issuerURL] = &kept
		return f
	}
	r.cache[issuerURL] = f
	if len(r.cache) > mostCached {
		r.dropOldest()
	}
	return f
}

// Len is how many issuers are cached.
func (r *Remote) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.cache)
}

func (r *Remote) dropOldest() {
	oldest := ""
	for url, f := range r.cache {
		if oldest == "" || f.at.Before(r.cache[oldest].at) {
			oldest = url
		}
	}
	delete(r.cache, oldest)
}

func readDocuments(docs IssuerDocuments) (*KeySet, error) {
	uri, err := readDiscovery(docs.Discovery, docs.URL)
	if err != nil {
		return nil, err
	}
	set, err := ParseJWKS(docs.JWKS)
	if err != nil {
		return nil, &KeyError{StepJSON, uri, err}
	}
	return set, nil
}
