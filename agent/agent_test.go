package agent

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eksauth/types"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// clock is moved by hand.
type clock struct{ at atomic.Int64 }

func newClock() *clock                    { c := new(clock); c.at.Store(start.UnixNano()); return c }
func (c *clock) now() time.Time           { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) advance(by time.Duration) { c.at.Add(int64(by)) }

// source counts what it is asked, and answers with what is set.
type source struct {
	clock *clock
	calls atomic.Int64
	mu    sync.Mutex
	err   error
	life  time.Duration
	block chan struct{} // closed lets calls through; nil does not hold them
}

func (s *source) Credentials(ctx context.Context, token string) (Credentials, error) {
	n := s.calls.Add(1)
	if s.block != nil {
		<-s.block
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return Credentials{}, s.err
	}
	return Credentials{AccessKeyID: fmt.Sprintf("ASIA%d", n), SecretAccessKey: "s", Token: "t", AccountID: "111122223333", Expiration: s.clock.now().Add(s.life)}, nil
}

func (s *source) fail(err error) { s.mu.Lock(); s.err = err; s.mu.Unlock() }

func token(claims string) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return part(`{"alg":"RS256","kid":"k"}`) + "." + part(claims) + "." + part("signature")
}

func goodToken(name string) string {
	return token(fmt.Sprintf(`{"iss":"https://i","sub":"%s","aud":["pods.eks.amazonaws.com"],"iat":%d,"nbf":%[2]d,"exp":%d}`, name, start.Unix(), start.Add(24*time.Hour).Unix()))
}

func fixture(t *testing.T) (*Agent, *source, *clock) {
	t.Helper()
	c := newClock()
	s := &source{clock: c, life: 6 * time.Hour}
	return New(Config{Source: s, Now: c.now, Retention: DefaultRetention, CacheSize: DefaultCacheSize, RenewalQPS: 1000, Metrics: prometheus.NewRegistry()}), s, c
}

func ask(a *Agent, method, path, host, authorization string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Host = host
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	return w
}

// Statuses and texts as upstream v0.1.37 gives them.
func TestAnswers(t *testing.T) {
	expired := token(fmt.Sprintf(`{"exp":%d}`, start.Add(-time.Second).Unix()))
	early := token(fmt.Sprintf(`{"nbf":%d}`, start.Add(time.Minute).Unix()))
	for name, tt := range map[string]struct {
		method, path, host, token string
		status                    int
		text                      string
	}{
		"credentials":                   {"GET", Path, IPv4, goodToken("a"), 200, ""},
		"any method":                    {"PATCH", Path, IPv4 + ":80", goodToken("a"), 200, ""},
		"IPv6 with brackets":            {"GET", Path, "[" + IPv6 + "]", goodToken("a"), 200, ""},
		"IPv6 with a port":              {"GET", Path, "[" + IPv6 + "]:80", goodToken("a"), 200, ""},
		"another path":                  {"GET", "/", IPv4, goodToken("a"), 404, "404 page not found\n"},
		"another host":                  {"GET", Path, "localhost:80", goodToken("a"), 403, "Access Denied. Called agent through invalid address, please use either [169.254.170.23 fd00:ec2::23] address not localhost\n"},
		"the host comes before a token": {"GET", Path, "10.0.0.1", "", 403, "Access Denied. Called agent through invalid address, please use either [169.254.170.23 fd00:ec2::23] address not 10.0.0.1\n"},
		"no token":                      {"GET", Path, IPv4, "", 400, "Service account token cannot be empty\n"},
		"Bearer":                        {"GET", Path, IPv4, "Bearer " + goodToken("a"), 400, "Service account token cannot be parsed: token is malformed: could not base64 decode header: illegal base64 data at input byte 6\n"},
		"not a token":                   {"GET", Path, IPv4, "token", 400, "Service account token cannot be parsed: token is malformed: token contains an invalid number of segments\n"},
		"expired":                       {"GET", Path, IPv4, expired, 400, "Service account token failed basic claim validations: token is expired\n"},
		"not valid yet":                 {"GET", Path, IPv4, early, 400, "Service account token failed basic claim validations: token is not valid yet\n"},
	} {
		t.Run(name, func(t *testing.T) {
			a, _, _ := fixture(t)
			w := ask(a, tt.method, tt.path, tt.host, tt.token)
			if w.Code != tt.status || (tt.text != "" && w.Body.String() != tt.text) {
				t.Errorf("%d %q, want %d %q", w.Code, w.Body, tt.status, tt.text)
			}
			if tt.status == 200 {
				want := `{"AccessKeyId":"ASIA1","SecretAccessKey":"s","Token":"t","AccountId":"111122223333","Expiration":"2026-11-27T18:00:00Z"}`
				if w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" {
					t.Errorf("%s %s, want %s", w.Header().Get("Content-Type"), w.Body, want)
				}
			}
		})
	}
}

func TestRateLimit(t *testing.T) {
	a, _, _ := fixture(t)
	a.limiter.SetLimit(0) // the burst alone, however slow this machine is
	limited := 0
	for range 600 {
		if w := ask(a, "GET", Path, IPv4, goodToken("a")); w.Code == http.StatusTooManyRequests {
			if w.Body.String() != "Too Many Requests\n" {
				t.Fatalf("%q", w.Body)
			}
			limited++
		}
	}
	if limited != 100 {
		t.Errorf("%d of 600 requests at once were refused; bursts are of 500", limited)
	}
}

func TestCache(t *testing.T) {
	a, s, c := fixture(t)
	get := func(name string) string {
		t.Helper()
		w := ask(a, "GET", Path, IPv4, goodToken(name))
		var out Credentials
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			return fmt.Sprintf("%d", w.Code)
		}
		return out.AccessKeyID
	}
	if first, again := get("a"), get("a"); first != "ASIA1" || again != "ASIA1" {
		t.Fatalf("%s, %s: credentials are kept", first, again)
	}
	if other := get("b"); other != "ASIA2" {
		t.Fatalf("%s: another token has its own", other)
	}
	c.advance(2 * time.Hour)
	a.cache.sweep(t.Context())
	if got := get("a"); got != "ASIA1" {
		t.Fatalf("%s: nothing is due after two hours", got)
	}
	c.advance(time.Hour + time.Second)
	a.cache.sweep(t.Context())
	if got := s.calls.Load(); got != 4 {
		t.Fatalf("%d calls: both are renewed after three hours", got)
	}
	if got := get("a"); got != "ASIA3" && got != "ASIA4" {
		t.Fatalf("%s after the renewal", got)
	}

	// A failure that may pass keeps the old ones, and is tried again soon.
	s.fail(errors.New("connection refused"))
	c.advance(3*time.Hour + time.Second)
	a.cache.sweep(t.Context())
	if got := get("a"); !strings.HasPrefix(got, "ASIA") {
		t.Fatalf("%s: good credentials go on being served", got)
	}
	calls := s.calls.Load()
	c.advance(2*time.Minute + time.Second)
	a.cache.sweep(t.Context())
	if s.calls.Load() == calls {
		t.Fatal("the renewal is not tried again")
	}
	// One that does not pass drops them.
	s.fail(&types.ResourceNotFoundException{Message: aws.String("gone")})
	c.advance(2*time.Minute + time.Second)
	a.cache.sweep(t.Context())
	if got := get("a"); got != "404" {
		t.Fatalf("%s: credentials of an association that is gone are served", got)
	}
	// Credentials that are nearly over are not served.
	s.fail(nil)
	get("a")
	s.fail(errors.New("down"))
	c.advance(6*time.Hour - 10*time.Second)
	if got := get("a"); got != "500" {
		t.Fatalf("%s with ten seconds left", got)
	}
	if got := testutil.ToFloat64(a.metrics.errors.WithLabelValues("NonRecoverable", "ResourceNotFoundException")); got != 2 {
		t.Errorf("%v non-recoverable errors counted, want 2", got)
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newClock()
	a := New(Config{Source: &source{clock: c, life: time.Hour}, Now: c.now, Retention: time.Hour, CacheSize: 10})
	for i := range 100 {
		if _, err := a.cache.get(t.Context(), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := a.cache.entries.Len(); n != 10 {
		t.Errorf("%d entries", n)
	}
}

// Pods that ask at the same time with one token cause one call, also when the
// first of them goes away.
func TestOneFetch(t *testing.T) {
	a, s, _ := fixture(t)
	s.block = make(chan struct{})
	gone, leave := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { _, err := a.cache.get(gone, "x"); first <- err }()
	for s.calls.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	leave()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := a.cache.get(t.Context(), "x"); err != nil {
				t.Error(err)
			}
		})
	}
	close(s.block)
	group.Wait()
	if n := s.calls.Load(); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// An error of EKS Auth reaches the pod as upstream words it: botocore shows this text.
// Why EKS Auth refused is in the agent's log.
func TestErrorsOfEKSAuth(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path != "/clusters/c/assume-role-for-pod-identity" || !strings.Contains(string(body), `"token"`) {
			t.Errorf("%s %s", r.URL, body)
		}
		w.Header().Set("X-Amzn-Requestid", "8d1b1c3e-0000-4000-8000-000000000000")
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		w.Header().Set("X-Irsa-Emu-Reason", "trust-policy: no statement allows it")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"message":"Unauthorized Exception! EKS does not have permissions to assume the associated role."}`)
	}))
	defer server.Close()
	config := aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), BaseEndpoint: &server.URL}
	config.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { // an authority of its own
		t.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	})
	auth := NewEKSAuth(config, "c")
	var log strings.Builder
	a := New(Config{Source: auth, Now: newClock().now, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	w := ask(a, "GET", Path, IPv4, goodToken("a"))
	want := "[8d1b1c3e-0000-4000-8000-000000000000]: (AccessDeniedException): Unauthorized Exception! EKS does not have permissions to assume the associated role., fault: client\n"
	if w.Code != 400 || w.Body.String() != want {
		t.Errorf("%d %q, want %q", w.Code, w.Body, want)
	}
	if kind := w.Header().Get("Content-Type"); kind != "text/plain; charset=utf-8" {
		t.Errorf("Content-Type %s", kind)
	}
	if !strings.Contains(log.String(), `reason="trust-policy: no statement allows it"`) {
		t.Errorf("the agent's log: %s", &log)
	}
	auth.Close()
}

func TestServe(t *testing.T) {
	a, _, c := fixture(t)
	a.config.Hosts, a.hosts = []string{"127.0.0.1"}, map[string]bool{"127.0.0.1": true}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan []string, 1), make(chan error, 1)
	registry := prometheus.NewRegistry()
	go func() {
		ended <- a.Serve(ctx, ServeConfig{Bind: []string{"127.0.0.1"}, ProbePort: -1, MetricsAddress: "127.0.0.1", MetricsPort: 0, Gatherer: registry, Ready: func(at []string) { ready <- at }})
	}()
	addresses := <-ready
	req, _ := http.NewRequest(http.MethodGet, "http://"+addresses[0]+Path, nil)
	req.Header.Set("Authorization", goodToken("a"))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("status %d", res.StatusCode)
	}
	w := httptest.NewRecorder()
	probe(addresses, client).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if w.Code != 200 {
		t.Errorf("ready: %d %s", w.Code, w.Body)
	}
	c.advance(0)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	w = httptest.NewRecorder()
	probe(addresses, client).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	if w.Code != 500 || w.Body.String() != "Internal Server Error occurred" {
		t.Errorf("nothing listens: %d %q", w.Code, w.Body)
	}
	err = a.Serve(t.Context(), ServeConfig{Bind: []string{"192.0.2.1"}, ProbePort: -1, MetricsPort: -1})
	if err == nil || !strings.HasPrefix(err.Error(), "--bind 192.0.2.1: ") {
		t.Errorf("an address that the machine does not have: %v", err)
	}
}

func BenchmarkCached(b *testing.B) {
	c := newClock()
	a := New(Config{Source: &source{clock: c, life: time.Hour}, Now: c.now, Retention: time.Hour, CacheSize: 10})
	a.limiter.SetLimit(1e12)
	a.limiter.SetBurst(1 << 30)
	t := goodToken("a")
	for b.Loop() {
		if w := ask(a, "GET", Path, IPv4, t); w.Code != 200 {
			b.Fatal(w.Code, w.Body)
		}
	}
}

// What a source refuses by itself has the status that EKS Auth has for it.
func TestRefusalsOfTheSource(t *testing.T) {
	for want, err := range map[int]error{
		http.StatusBadRequest:          &types.InvalidTokenException{Message: aws.String("gone")},
		http.StatusNotFound:            &types.ResourceNotFoundException{Message: aws.String("no cluster")},
		http.StatusInternalServerError: errors.New("no answer"),
	} {
		if status, text := described(err); status != want || text == "" {
			t.Errorf("%v: %d %q", err, status, text)
		}
	}
}
