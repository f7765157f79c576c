package intercept

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpproxy"
	"golang.org/x/net/netutil"

	"github.com/irsa-emu/irsa-emu/tunnel"
)

// Limits of the proxy: of its one user, a command and its children.
const (
	mostConnections = 4096
	mostHeader      = 64 << 10
	headerTimeout   = 30 * time.Second
)

// proxyServer is an HTTP proxy on loopback: AWS's hosts lead to the emulator, and
// others to where they led before.
type proxyServer struct {
	emulator *url.URL
	served   *regexp.Regexp // see [Config.Served]
	// before is the proxy that the environment named for a URL; nil is none.
	before func(*url.URL) (*url.URL, error)
	// authorization is what a request has to bring: the port is open to all users
	// of the machine, and a proxy behind this one may know the command's user.
	authorization string
	// brokenOff hears of clients that do not trust the authority.
	brokenOff func(*tunnel.BrokenOff)
	// asked counts the connections and requests for AWS's hosts.
	asked atomic.Int64

	ctx     context.Context
	open    sync.WaitGroup // what was hijacked
	plain   *httputil.ReverseProxy
	carrier *http.Transport // of plain
	server  *http.Server
}

func (p *proxyServer) intercepts(host string) bool { return Intercepts(host, p.served) }

// newProxy makes the proxy for a command with an environment.
func newProxy(ctx context.Context, s *starter, user *url.Userinfo) *proxyServer {
	p := &proxyServer{emulator: s.emulator, served: s.Served, before: proxyBefore(s.Environ), ctx: ctx, brokenOff: s.brokenOff}
	password, _ := user.Password()
	p.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
	p.carrier = &http.Transport{
		DisableCompression: true, ExpectContinueTimeout: time.Second, ResponseHeaderTimeout: 15 * time.Minute,
		Proxy: func(r *http.Request) (*url.URL, error) {
			if p.intercepts(r.URL.Hostname()) {
				return p.emulator, nil
			}
			return p.before(r.URL)
		},
	}
	p.plain = &httputil.ReverseProxy{
		Transport: p.carrier, Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL, r.Out.Host = r.In.URL, r.In.Host },
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { refuse(w, r.URL.Host, err) },
	}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: headerTimeout, MaxHeaderBytes: mostHeader}
	return p
}

// proxyBefore is how requests go by the proxies of an environment.
func proxyBefore(environ []string) func(*url.URL) (*url.URL, error) {
	config := &httpproxy.Config{
		HTTPProxy: lookup(environ, "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), HTTPSProxy: lookup(environ, "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
		NoProxy: lookup(environ, "no_proxy", "NO_PROXY"),
	}
	return config.ProxyFunc()
}

// lookup is the first of the names that an environment has a value of.
func lookup(environ []string, names ...string) string {
	for _, name := range names {
		for i := len(environ) - 1; i >= 0; i-- { // the last entry of a name counts
			if value, ok := strings.CutPrefix(environ[i], name+"="); ok {
				if value != "" {
					return value
				}
				break
			}
		}
	}
	return ""
}

// serve answers until stop.
func (p *proxyServer) serve(l net.Listener) {
	p.open.Go(func() { _ = p.server.Serve(netutil.LimitListener(l, mostConnections)) }) // it ends with stop alone
}

// stop accepts no more and waits for what is open, until its context ends.
func (p *proxyServer) stop() error {
	err := p.server.Close()
	p.open.Wait()
	p.carrier.CloseIdleConnections()
	return err
}

func (p *proxyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodConnect && r.URL.Scheme != "http":
		http.Error(w, "this is the proxy of irsa-emu exec --intercept, for the command that exec runs", http.StatusBadRequest)
		return
	case subtle.ConstantTimeCompare([]byte(r.Header.Get("Proxy-Authorization")), []byte(p.authorization)) != 1:
		w.Header().Set("Proxy-Authenticate", `Basic realm="irsa-emu exec --intercept"`)
		http.Error(w, "this proxy is for the command that irsa-emu exec runs, which has its user and password in HTTPS_PROXY", http.StatusProxyAuthRequired)
		return
	}
	if p.intercepts(r.URL.Hostname()) {
		p.asked.Add(1)
	}
	if r.Method != http.MethodConnect {
		r.Header.Del("Proxy-Authorization")
		p.plain.ServeHTTP(w, r)
		return
	}
	brokenOff := p.brokenOff
	if !p.intercepts(r.URL.Hostname()) {
		brokenOff = nil // what others make of their handshakes is none of our business
	}
	to, err := p.dial(r.Context(), r.URL.Host)
	if err != nil {
		refuse(w, r.URL.Host, err)
		return
	}
	from, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = to.Close()
		refuse(w, r.URL.Host, err)
		return
	}
	p.open.Go(func() {
		_ = from.SetDeadline(time.Time{}) // a dead connection fails at once below
		if _, err := buffered.WriteString("HTTP/1.1 200 Connection established\r\n\r\n"); err != nil || buffered.Flush() != nil {
			_, _ = from.Close(), to.Close()
			return
		}
		tunnel.Join(p.ctx, &readAhead{from, buffered.Reader}, to, 0, brokenOff)
	})
}

// dial opens the connection that CONNECT asks for.
func (p *proxyServer) dial(ctx context.Context, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if p.intercepts(host) && port == "443" {
		return through(ctx, p.emulator, address)
	}
	by, err := p.before(&url.URL{Scheme: "https", Host: address})
	if err != nil {
		return nil, err
	}
	if by != nil {
		return through(ctx, by, address)
	}
	return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", address)
}

// refuse is the answer for a host that cannot be reached.
func refuse(w http.ResponseWriter, host string, err error) {
	status := http.StatusBadGateway
	if errors.Is(err, context.DeadlineExceeded) {
		status = http.StatusGatewayTimeout
	}
	http.Error(w, "irsa-emu exec --intercept: "+host+": "+err.Error(), status)
}
