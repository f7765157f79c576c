package oidc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// RemoteConfig is how issuers are fetched over the network.
type RemoteConfig struct {
	// Roots are the trusted certificate authorities; default: the system's.
	Roots *x509.CertPool
	// Timeout bounds discovery and key set together; default 5 s, as AWS.
	Timeout time.Duration
	// MaxBytes bounds each document; default 1 MiB.
	MaxBytes int64
	// MaxRedirects bounds redirects of one document; default 3. They stay on
	// https.
	MaxRedirects int
	// CacheFor is how long a key set is used before it is fetched again; default
	// 10 minutes. AWS does not say how long it caches.
	CacheFor time.Duration
	// RefreshInterval is the least time between fetches for unknown kids, an
	// issuer each; default 10 s.
	RefreshInterval time.Duration
	// RetryAfter is how long a failure is remembered; default 1 s.
	RetryAfter time.Duration
	// AllowPrivate are address ranges that may be dialled although they are not
	// public. Without it, an issuer that points at loopback, at a private
	// network or at a metadata service is refused.
	AllowPrivate []netip.Prefix
	// Now is the clock for caching and for certificates; default time.Now. It is
	// the network's clock, not the emulator's, which may stand still.
	Now func() time.Time
	// Fetched is told of each fetch of keys: how long it took, and how it failed.
	// Nil: nobody is.
	Fetched func(took time.Duration, err error)
}

func (c RemoteConfig) withDefaults() RemoteConfig {
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 1 << 20
	}
	if c.MaxRedirects == 0 {
		c.MaxRedirects = 3
	}
	if c.CacheFor == 0 {
		c.CacheFor = 10 * time.Minute
	}
	if c.RefreshInterval == 0 {
		c.RefreshInterval = 10 * time.Second
	}
	if c.RetryAfter == 0 {
		c.RetryAfter = time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// IssuerDocuments are what an issuer serves, as fetched or as read from files.
type IssuerDocuments struct {
	// URL is the issuer. Empty: not known, rules about it are left out.
	URL string
	// Discovery and JWKS are the documents, nil where there is none.
	Discovery []byte
	JWKS      []byte
	// Fetched says that the network was asked; the fields below need it.
	Fetched bool
	// Chain is what the jwks_uri's host presented (the issuer's host, if the key
	// set was not reached).
	Chain []*x509.Certificate
	// Untrusted are the thumbprints of the chains that no trusted root signed.
	Untrusted []string
	// Private are the hosts that were looked for at addresses that are not on the
	// internet, with one such address each.
	Private map[string]netip.Addr
	Elapsed time.Duration
	// Err is the step that ended the fetch, a *KeyError.
	Err error
}

// FetchIssuer gets an issuer's documents, as far as it can.
func FetchIssuer(ctx context.Context, c RemoteConfig, issuerURL string) (docs IssuerDocuments) {
	c = c.withDefaults()
	docs = IssuerDocuments{URL: issuerURL, Fetched: true}
	start := time.Now()
	f := fetch{config: c, docs: &docs, private: map[string]netip.Addr{}}
	defer func() { docs.Elapsed, docs.Private = time.Since(start), f.sawPrivate() }()
	if err := checkFetchURL(issuerURL); err != nil {
		docs.Err = &KeyError{StepURL, issuerURL, err}
		return docs
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	client := f.client()
	defer client.CloseIdleConnections()

	if docs.Discovery, docs.Err = f.get(ctx, client, issuerURL+DiscoveryPath); docs.Err != nil {
		return docs
	}
	document, err := splitObject(docs.Discovery)
	if err != nil {
		docs.Err = &KeyError{StepJSON, issuerURL + DiscoveryPath, err}
		return docs
	}
	uri, err := jwksURI(document, issuerURL)
	if err != nil {
		docs.Err = err
		return docs
	}
	docs.JWKS, docs.Err = f.get(ctx, client, uri)
	return docs
}

// fetch is one retrieval; connections live no longer.
type fetch struct {
	config RemoteConfig
	docs   *IssuerDocuments

	mu      sync.Mutex // addresses are tried side by side, and some after their request is over
	private map[string]netip.Addr
}

// stepError marks where inside the HTTP client something failed.
type stepError struct {
	step Step
	err  error
}

func (e *stepError) Error() string { return e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

func (f *fetch) client() *http.Client {
	dial := func(ctx context.Context, network, hostport string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(hostport) // net/http has put both there
		dialer := &net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
			return f.checkAddress(host, address)
		}}
		return dialer.DialContext(ctx, network, hostport)
	}
	return &http.Client{
		Transport: &http.Transport{
			// No proxy: the addresses that are dialled must be the issuer's own,
			// or they could not be judged.
			Proxy:                  nil,
			DialContext:            dial,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
			TLSClientConfig: &tls.Config{
				MinVersion: tls.VersionTLS12,
				// VerifyConnection below verifies, and lets a chain without a
				// trusted root through to the thumbprint check.
				InsecureSkipVerify: true,
				VerifyConnection:   f.checkTLS,
			},
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > f.config.MaxRedirects {
				return &stepError{StepRedirect, fmt.Errorf("more than %d redirects", f.config.MaxRedirects)}
			}
			if err := checkFetchURL(r.URL.String()); err != nil {
				return &stepError{StepRedirect, fmt.Errorf("redirected to %s: %w", r.URL.Redacted(), err)}
			}
			return nil
		},
	}
}

// checkAddress runs after name resolution, for each address that is dialled, so
// that a name that resolves to a private address is caught too.
func (f *fetch) checkAddress(host, address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return &stepError{StepAddress, err}
	}
	// A zone means nothing to a route, and a prefix contains no address with one.
	ip := at.Addr().Unmap().WithZone("")
	if isPublic(ip) {
		return nil
	}
	f.mu.Lock()
	f.private[host] = ip
	f.mu.Unlock()
	for _, allowed := range f.config.AllowPrivate {
		if allowed.Contains(ip) {
			return nil
		}
	}
	return &stepError{StepAddress, fmt.Errorf("%s is not a public address", ip)}
}

func (f *fetch) sawPrivate() map[string]netip.Addr {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.private)
}

// notPublic are ranges of the IANA special-purpose registries that netip has no
// predicate for, and IPv6 forms that embed an IPv4 address.
var notPublic = func() []netip.Prefix {
	var list []netip.Prefix
	for _, text := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001:db8::/32",
		"2001::/23", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10", "::/96", "::ffff:0:0:0/96",
	} {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}()

func isPublic(ip netip.Addr) bool {
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, prefix := range notPublic {
		if prefix.Contains(ip) {
			return false
		}
	}
	return true
}

func (f *fetch) checkTLS(state tls.ConnectionState) error {
	f.docs.Chain = state.PeerCertificates
	untrusted, err := verifyChain(state.PeerCertificates, state.ServerName, f.config.Roots, f.config.Now())
	if err != nil {
		return &stepError{StepTLS, err}
	}
	if untrusted != "" {
		f.docs.Untrusted = append(f.docs.Untrusted, untrusted)
	}
	return nil
}

// get is one document. What comes after the time is over is late, whatever it
// is: a server that sees its client hang up ends its answer, empty and with
// status 200, and net/http may still hand that on.
func (f *fetch) get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	body, err := f.read(ctx, client, url)
	if late := ctx.Err(); late != nil {
		return nil, &KeyError{StepTime, url, late}
	}
	return body, err
}

func (f *fetch) read(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, &KeyError{StepURL, url, err}
	}
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, &KeyError{stepOf(err), url, unwrapURL(err)}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, &KeyError{StepStatus, url, fmt.Errorf("HTTP status %d", response.StatusCode)}
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, f.config.MaxBytes+1))
	if err != nil {
		return nil, &KeyError{stepOf(err), url, err}
	}
	if int64(len(body)) > f.config.MaxBytes {
		return nil, &KeyError{StepSize, url, fmt.Errorf("more than %d bytes", f.config.MaxBytes)}
	}
	return body, nil
}

// stepOf names the step that an HTTP client's error comes from.
func stepOf(err error) Step {
	var marked *stepError
	var dns *net.DNSError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	var network net.Error
	switch {
	case errors.As(err, &marked):
		return marked.step
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return StepTime
	case errors.As(err, &dns):
		return StepDNS
	case errors.As(err, &alert), errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return StepTLS
	case errors.As(err, &network) && network.Timeout():
		return StepTime
	}
	return StepConnect
}

// unwrapURL drops the "Get …:" that net/http puts in front; KeyError has the URL.
func unwrapURL(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}
