package oidc_test

import (
	"context"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/oidc"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// idp is an issuer on loopback whose answers a test can bend.
type idp struct {
	*httptest.Server
	mux    *http.ServeMux
	bent   atomic.Pointer[http.HandlerFunc] // answers instead of mux
	issuer atomic.Pointer[oidc.Issuer]
	asked  atomic.Int64 // key sets served
}

func newIDP(t *testing.T, keys ...*oidc.SigningKey) *idp {
	t.Helper()
	p := &idp{mux: http.NewServeMux()}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if bent := p.bent.Load(); bent != nil {
			(*bent)(w, r)
			return
		}
		p.mux.ServeHTTP(w, r)
	}))
	p.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that refuse to go on are the point
	p.StartTLS()
	t.Cleanup(p.Close)
	p.issuer.Store(&oidc.Issuer{URL: p.URL, Keys: keys})
	p.mux.HandleFunc(oidc.DiscoveryPath, func(w http.ResponseWriter, _ *http.Request) { w.Write(p.issuer.Load().Discovery()) })
	p.mux.HandleFunc(oidc.KeysPath, func(w http.ResponseWriter, _ *http.Request) {
		p.asked.Add(1)
		w.Write(p.issuer.Load().JWKS())
	})
	return p
}

func (p *idp) bend(h http.HandlerFunc) { p.bent.Store(&h) }

func (p *idp) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.Certificate())
	return pool
}

func (p *idp) config() oidc.RemoteConfig {
	// The time is no limit on a busy machine: tests of it set their own.
	return oidc.RemoteConfig{Roots: p.roots(), AllowPrivate: loopback, Timeout: time.Minute}
}

func (p *idp) provider(thumbprints ...string) oidc.Provider {
	return oidc.Provider{URL: p.URL, ClientIDs: []string{"sts.amazonaws.com"}, Thumbprints: thumbprints}
}

func (p *idp) token(k *oidc.SigningKey) string {
	return mint(k, with(base(), object{"iss": p.URL}))
}

func TestRemote(t *testing.T) {
	p := newIDP(t, rsaKey())
	remote := oidc.NewRemote(p.config())
	for range 3 {
		if _, err := verify(remote, p.provider(), p.token(rsaKey())); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.asked.Load(); got != 1 {
		t.Errorf("the key set was fetched %d times, not once", got)
	}
}

func TestRemoteFetchesOnceForMany(t *testing.T) {
	p := newIDP(t, rsaKey())
	remote := oidc.NewRemote(p.config())
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if _, err := remote.Keys(context.Background(), p.provider()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := p.asked.Load(); got != 1 {
		t.Errorf("the key set was fetched %d times, not once", got)
	}
}

func TestRemoteLooksAgainForAnUnknownKey(t *testing.T) {
	p := newIDP(t, rsaKey())
	config := p.config()
	clock := &fakeClock{at: time.Now()}
	config.Now = clock.Now
	remote := oidc.NewRemote(config)
	if _, err := verify(remote, p.provider(), p.token(rsaKey())); err != nil {
		t.Fatal(err)
	}
	rotated, err := p.issuer.Load().Rotate(otherRSA(), now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	p.issuer.Store(rotated)

	_, err = verify(remote, p.provider(), p.token(otherRSA()))
	checkRefusal(t, err, refusal{reason: oidc.ReasonUnknownKey, message: noKey}) // fetched a moment ago
	clock.advance(11 * time.Second)
	for _, k := range []*oidc.SigningKey{otherRSA(), rsaKey()} {
		if _, err := verify(remote, p.provider(), p.token(k)); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.asked.Load(); got != 2 {
		t.Errorf("the key set was fetched %d times, not twice", got)
	}
	t.Run("at a limited rate", func(t *testing.T) {
		for range 20 {
			_, err := verify(remote, p.provider(), p.token(ecKey()))
			checkRefusal(t, err, refusal{reason: oidc.ReasonUnknownKey})
		}
		if got := p.asked.Load(); got != 2 {
			t.Errorf("invented kids caused %d fetches", got-2)
		}
	})
	t.Run("and a failure costs nobody a good key", func(t *testing.T) {
		p.Close()
		clock.advance(11 * time.Second)
		_, err := verify(remote, p.provider(), p.token(ecKey()))
		checkRefusal(t, err, refusal{reason: oidc.ReasonKeysUnavailable, message: noKey})
		if _, err := verify(remote, p.provider(), p.token(rsaKey())); err != nil {
			t.Error(err)
		}
	})
	t.Run("until the cache is over", func(t *testing.T) {
		clock.advance(time.Hour)
		_, err := verify(remote, p.provider(), p.token(rsaKey()))
		checkRefusal(t, err, refusal{reason: oidc.ReasonKeysUnavailable, message: noKey, detail: "connect"})
	})
}

type fakeClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *fakeClock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *fakeClock) advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

// Issuers that are broken, slow or hostile. Each fails in bounded time and
// memory, with AWS's text and the step that failed: those that never end would
// keep the test from ending.
func TestAttackHostileIssuers(t *testing.T) {
	serve := func(path string, h http.HandlerFunc) func(*idp) {
		return func(p *idp) {
			p.bend(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == path {
					h(w, r)
					return
				}
				p.mux.ServeHTTP(w, r)
			})
		}
	}
	write := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
	}
	hang := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	endless := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(strings.Repeat(" ", 1<<16))); err != nil {
				return
			}
		}
	}
	drip := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(" ")); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond)
		}
	}
	tests := []struct {
		name string
		bend func(*idp)
		step oidc.Step
	}{
		{"discovery 404", serve(oidc.DiscoveryPath, http.NotFound), oidc.StepStatus},
		{"discovery for the logged-in only", serve(oidc.DiscoveryPath, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }), oidc.StepStatus},
		{"discovery is HTML", serve(oidc.DiscoveryPath, write("<html>")), oidc.StepJSON},
		{"discovery is a list", serve(oidc.DiscoveryPath, write("[]")), oidc.StepJSON},
		{"discovery empty", serve(oidc.DiscoveryPath, write("")), oidc.StepJSON},
		{"discovery hangs", serve(oidc.DiscoveryPath, hang), oidc.StepTime},
		{"discovery endless", serve(oidc.DiscoveryPath, endless), oidc.StepSize},
		{"discovery drips", serve(oidc.DiscoveryPath, drip), oidc.StepTime},
		{"discovery redirects for ever", serve(oidc.DiscoveryPath, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }), oidc.StepRedirect},
		{"discovery redirects to http", serve(oidc.DiscoveryPath, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+oidc.DiscoveryPath, http.StatusFound)
		}), oidc.StepRedirect},
		{"discovery redirects to the metadata service", serve(oidc.DiscoveryPath, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://169.254.169.254/latest/meta-data/", http.StatusFound)
		}), oidc.StepAddress},
		{"discovery redirects to a file", serve(oidc.DiscoveryPath, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}), oidc.StepRedirect},
		{"huge headers", serve(oidc.DiscoveryPath, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		}), oidc.StepConnect},
		{"jwks_uri http", serve(oidc.DiscoveryPath, write(`{"jwks_uri":"http://127.0.0.1/keys"}`)), oidc.StepField},
		{"jwks_uri at a private address", serve(oidc.DiscoveryPath, write(`{"jwks_uri":"https://10.0.0.1/keys"}`)), oidc.StepAddress},
		{"jwks_uri at IPv6 that embeds a private address", serve(oidc.DiscoveryPath, write(`{"jwks_uri":"https://[::ffff:10.0.0.1]/keys"}`)), oidc.StepAddress},
		{"jwks_uri of a name that nobody has", serve(oidc.DiscoveryPath, write(`{"jwks_uri":"https://does-not-exist.invalid/keys"}`)), oidc.StepDNS},
		{"jwks_uri absent", serve(oidc.DiscoveryPath, write(`{}`)), oidc.StepField},
		{"keys 500", serve(oidc.KeysPath, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }), oidc.StepStatus},
		{"keys not JSON", serve(oidc.KeysPath, write("nope")), oidc.StepJSON},
		{"keys of another shape", serve(oidc.KeysPath, write(`{"keys":{"a":1}}`)), oidc.StepJSON},
		{"keys huge", serve(oidc.KeysPath, write(`{"keys":["`+strings.Repeat("x", 1<<20)+`"]}`)), oidc.StepSize},
		{"keys deep", serve(oidc.KeysPath, write(`{"keys":`+strings.Repeat("[", 100000)+strings.Repeat("]", 100000)+`}`)), oidc.StepJSON},
		{"keys hang", serve(oidc.KeysPath, hang), oidc.StepTime},
		{"connection dropped", serve(oidc.KeysPath, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), oidc.StepConnect},
	}
	for _, field := range []string{"issuer", "jwks_uri", "response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"} {
		tests = append(tests, struct {
			name string
			bend func(*idp)
			step oidc.Step
		}{"discovery lacks " + field, func(p *idp) {
			text := strings.Replace(string(p.issuer.Load().Discovery()), `"`+field+`"`, `"x"`, 1)
			serve(oidc.DiscoveryPath, write(text))(p)
		}, oidc.StepField})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newIDP(t, rsaKey())
			tt.bend(p)
			config := p.config()
			if tt.step == oidc.StepTime {
				config.Timeout = 300 * time.Millisecond
			}
			_, err := verify(oidc.NewRemote(config), p.provider(), p.token(rsaKey()))
			checkRefusal(t, err, refusal{reason: oidc.ReasonKeysUnavailable, message: noKey, detail: string(tt.step), hint: "issuer-check"})
			var failed *oidc.KeyError
			if !errors.As(err, &failed) || failed.Step != tt.step {
				t.Errorf("got %v, want step %s", err, tt.step)
			}
		})
	}
}

func TestAttackPrivateAddresses(t *testing.T) {
	remote := oidc.NewRemote(oidc.RemoteConfig{Timeout: time.Minute})
	for _, host := range []string{
		"127.0.0.1", "localhost", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "169.254.170.23", "100.64.0.1", "0.0.0.0",
		"[::1]", "[::]", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.0.1", "255.255.255.255",
		"[::7f00:1]", "[::ffff:a9fe:a9fe]", "[::ffff:0:7f00:1]", "[fe80::1%25lo]", "[::1%25lo]", "[64:ff9b::a9fe:a9fe%25lo]", "[fec0::1%25lo]",
	} {
		t.Run(host, func(t *testing.T) {
			_, err := remote.Keys(context.Background(), oidc.Provider{URL: "https://" + host})
			var failed *oidc.KeyError
			if !errors.As(err, &failed) || failed.Step != oidc.StepAddress {
				t.Errorf("got %v, want step %s", err, oidc.StepAddress)
			}
		})
	}
	for _, url := range []string{"http://issuer.example.com", "ftp://issuer.example.com", "https://", "https://user:secret@issuer.example.com", "issuer.example.com", "https://[::1", "file:///etc/passwd"} {
		t.Run(url, func(t *testing.T) {
			_, err := remote.Keys(context.Background(), oidc.Provider{URL: url})
			var failed *oidc.KeyError
			if !errors.As(err, &failed) || failed.Step != oidc.StepURL {
				t.Errorf("got %v, want step %s", err, oidc.StepURL)
			}
		})
	}
}

// Thumbprints count only where no trusted root signed the chain.
func TestThumbprints(t *testing.T) {
	p := newIDP(t, rsaKey())
	sum := sha1.Sum(p.Certificate().Raw)
	thumbprint := hex.EncodeToString(sum[:])
	wrong := strings.Repeat("0", 40)
	nobody := oidc.RemoteConfig{Roots: x509.NewCertPool(), AllowPrivate: loopback}
	tests := []struct {
		name        string
		config      oidc.RemoteConfig
		thumbprints []string
		refused     bool
	}{
		{"trusted, no thumbprint", p.config(), nil, false},
		{"trusted, wrong thumbprint", p.config(), []string{wrong}, false},
		{"not trusted, no thumbprint", nobody, nil, true},
		{"not trusted, wrong thumbprint", nobody, []string{wrong}, true},
		{"not trusted, right thumbprint", nobody, []string{wrong, thumbprint}, false},
		{"not trusted, right thumbprint in upper case", nobody, []string{strings.ToUpper(thumbprint)}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			claims, err := verify(oidc.NewRemote(tt.config), p.provider(tt.thumbprints...), p.token(rsaKey()))
			if !tt.refused {
				if err != nil {
					t.Fatal(err)
				}
				if pinned := tt.config.Roots == nobody.Roots; claims.PinnedKeys != pinned {
					t.Errorf("PinnedKeys is %v", claims.PinnedKeys)
				}
				return
			}
			checkRefusal(t, err, refusal{reason: oidc.ReasonThumbprint, message: "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint", detail: thumbprint})
		})
	}
	t.Run("each provider by its own", func(t *testing.T) {
		remote := oidc.NewRemote(nobody)
		if _, err := remote.Keys(context.Background(), p.provider(thumbprint)); err != nil {
			t.Fatal(err)
		}
		if _, err := remote.Keys(context.Background(), p.provider(wrong)); err == nil {
			t.Error("another account's provider with a wrong thumbprint got the keys from the cache")
		}
	})
	t.Run("a certificate for another host is refused all the same", func(t *testing.T) {
		_, port, _ := strings.Cut(strings.TrimPrefix(p.URL, "https://"), ":")
		_, err := oidc.NewRemote(nobody).Keys(context.Background(), oidc.Provider{URL: "https://localhost:" + port, Thumbprints: []string{thumbprint}})
		var failed *oidc.KeyError
		if !errors.As(err, &failed) || failed.Step != oidc.StepTLS {
			t.Errorf("got %v, want step %s", err, oidc.StepTLS)
		}
	})
	t.Run("a certificate out of date is refused all the same", func(t *testing.T) {
		config := nobody
		config.Now = func() time.Time { return p.Certificate().NotAfter.Add(time.Hour) }
		_, err := oidc.NewRemote(config).Keys(context.Background(), p.provider(thumbprint))
		var failed *oidc.KeyError
		if !errors.As(err, &failed) || failed.Step != oidc.StepTLS {
			t.Errorf("got %v, want step %s", err, oidc.StepTLS)
		}
	})
}

func TestPlainHTTPServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, err := oidc.NewRemote(oidc.RemoteConfig{AllowPrivate: loopback}).Keys(context.Background(), oidc.Provider{URL: strings.Replace(server.URL, "http:", "https:", 1)})
	var failed *oidc.KeyError
	if !errors.As(err, &failed) || failed.Step != oidc.StepTLS {
		t.Errorf("got %v, want step %s", err, oidc.StepTLS)
	}
}

// A caller that leaves does not wait, and does not end the fetch for the others.
func TestRemoteCallerLeaves(t *testing.T) {
	p := newIDP(t, rsaKey())
	started, release := make(chan struct{}), make(chan struct{})
	p.bend(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == oidc.DiscoveryPath {
			close(started)
			<-release
		}
		p.mux.ServeHTTP(w, r)
	})
	remote := oidc.NewRemote(p.config())
	ctx, cancel := context.WithCancel(context.Background())
	left := make(chan error, 1)
	go func() { _, err := remote.Keys(ctx, p.provider()); left <- err }()
	<-started
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
	if _, err := remote.Keys(context.Background(), p.provider()); err != nil {
		t.Error(err)
	}
	if got := p.asked.Load(); got != 1 {
		t.Errorf("the key set was fetched %d times, not once", got)
	}
}

func TestSources(t *testing.T) {
	p := newIDP(t, otherRSA())
	remote := oidc.NewRemote(p.config())
	own := &oidc.Issuer{URL: p.URL, Keys: []*oidc.SigningKey{rsaKey()}}
	t.Run("keys at hand are never fetched", func(t *testing.T) {
		sources := oidc.Sources{keysOf(own), remote}
		_, err := verify(sources, p.provider(), p.token(otherRSA()))
		checkRefusal(t, err, refusal{reason: oidc.ReasonUnknownKey})
		if got := p.asked.Load(); got != 0 {
			t.Errorf("fetched %d times", got)
		}
	})
	t.Run("the next is asked for what the first lacks", func(t *testing.T) {
		sources := oidc.Sources{keysOf(issuer(rsaKey())), remote}
		if _, err := verify(sources, p.provider(), p.token(otherRSA())); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("nobody has it", func(t *testing.T) {
		_, err := verify(oidc.Sources{keysOf(issuer(rsaKey()))}, p.provider(), p.token(otherRSA()))
		checkRefusal(t, err, refusal{reason: oidc.ReasonKeysUnavailable, message: noKey, hint: "publish-keys"})
	})
	t.Run("keys that came meanwhile are used", func(t *testing.T) {
		calls := 0
		changing := oidc.KeysFunc(func(string) (*oidc.KeySet, bool) {
			if calls++; calls == 1 {
				return own.KeySet(), true
			}
			return p.issuer.Load().KeySet(), true
		})
		if _, err := verify(oidc.Sources{changing}, p.provider(), p.token(otherRSA())); err != nil {
			t.Fatal(err)
		}
	})
}

// The number of issuers that are remembered is bounded.
func TestRemoteCacheIsBounded(t *testing.T) {
	remote := oidc.NewRemote(oidc.RemoteConfig{})
	for i := range 1500 {
		remote.Keys(context.Background(), oidc.Provider{URL: fmt.Sprintf("http://%d.example.com", i)})
	}
	if got := oidc.CachedIssuers(remote); got > 1000 {
		t.Errorf("%d issuers are cached", got)
	}
}
