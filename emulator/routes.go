package emulator

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/state"
)

// routes is everything on one address: AWS clients are told by their
// signatures, targets and hosts; what is left goes by its path.
func (e *Emulator) routes() http.Handler {
	r := chi.NewRouter()
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	r.Get("/readyz", e.serveReady)
	r.Method(http.MethodGet, "/metrics", e.metrics.handler())
	r.With(e.guardControl).Route("/_emu", e.controlRoutes)
	// Test suites written for moto reset it with this.
	r.With(e.guardControl).Method(http.MethodPost, "/moto-api/reset", controlHandler(func(req *http.Request) (any, error) {
		return map[string]string{"status": "ok"}, e.Reset(req.Context())
	}))
	r.Get("/", func(w http.ResponseWriter, req *http.Request) {
		if req.URL.RawQuery != "" {
			e.calls.serve(w, req)
			return
		}
		fmt.Fprintf(w, "irsa-emu serves %s on this address.\nPoint AWS clients at it: eval \"$(irsa-emu env)\"\n", e.services.titles())
	})
	r.NotFound(e.calls.serve)
	r.MethodNotAllowed(e.calls.serve)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		e.underWay.Add(1)
		defer e.underWay.Add(-1)
		switch {
		case req.Method == http.MethodGet && e.serveOutbound(w, req):
		case e.services.isAWSCall(req):
			e.calls.serve(w, req)
		case (req.Method == http.MethodGet || req.Method == http.MethodHead) && e.serveIssuer(w, req):
		default:
			r.ServeHTTP(w, req)
		}
	})
}

const (
	discoveryPath = "/.well-known/openid-configuration"
	keysPath      = "/keys"
)

// serveIssuer answers discovery and keys for an issuer of the emulator's own,
// found by its host and path, or by the ID of an EKS-shaped URL. It reports
// whether the path was one of an issuer.
func (e *Emulator) serveIssuer(w http.ResponseWriter, r *http.Request) bool {
	path, isDiscovery := strings.CutSuffix(r.URL.Path, discoveryPath)
	if !isDiscovery {
		var isKeys bool
		if path, isKeys = strings.CutSuffix(r.URL.Path, keysPath); !isKeys {
			return false
		}
	}
	found := e.issuerAt(r.Host, path)
	if found == nil && e.store.CatchUp(r.Context()) == nil {
		found = e.issuerAt(r.Host, path) // another replica may have made it just now
	}
	if found == nil {
		if !strings.HasPrefix(path, "/id/") {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintln(w, `{"message":"Not Found"}`)
		return true
	}
	issuer, err := e.ensureIssuer(r.Context(), found.URL)
	if err != nil {
		writeControlError(w, err)
		return true
	}
	page, ok := issuer.issuer().Page(strings.TrimPrefix(r.URL.Path, path))
	if !ok {
		return false
	}
	if _, _, ofEKS := aws.EKSIssuerParts(found.URL); ofEKS {
		page.CacheControl = "max-age=604800" // recorded 15
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
	}
	w.Header().Set("Content-Type", page.ContentType)
	if page.CacheControl != "" {
		w.Header().Set("Cache-Control", page.CacheControl)
	}
	_, _ = w.Write(page.Body) // the client is gone if this fails
	return true
}

func (e *Emulator) issuerAt(host, path string) *Issuer {
	snapshot := e.store.Snapshot()
	if i, ok := state.Get[*Issuer](snapshot, "https://"+host+path); ok && i.Own() {
		return i
	}
	if !strings.HasPrefix(path, "/id/") {
		return nil
	}
	for i := range state.All[*Issuer](snapshot, "") {
		if u, err := url.Parse(i.URL); err == nil && u.Path == path && i.Own() {
			return i
		}
	}
	if def := e.defaultIssuerURL(); strings.HasSuffix(def, path) {
		return &Issuer{URL: def}
	}
	return nil
}

// guardControl lets in who may use the control API: everybody on a loopback
// listener but web pages, and elsewhere who holds the control token.
func (e *Emulator) guardControl(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token := e.config.ControlToken; token != "" && sameToken(r, token) {
			next.ServeHTTP(w, r)
			return
		}
		switch {
		case !onLoopback(r):
			writeControlError(w, &controlError{http.StatusForbidden, "the control API is open on loopback listeners only; start irsa-emu with --control-token and send it as a bearer token"})
		case e.config.ControlToken != "" && r.Header.Get("Authorization") != "":
			writeControlError(w, &controlError{http.StatusForbidden, "the bearer token is not the control token"})
		case fromWebPage(r):
			// A page in the developer's browser must not reset the emulator.
			writeControlError(w, &controlError{http.StatusForbidden, "the control API does not answer web pages of other origins"})
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// listenerKey is the context key of the address of the listener that a request
// came in by.
type listenerKey struct{}

func withListener(l net.Listener) context.Context {
	return context.WithValue(context.Background(), listenerKey{}, l.Addr().String())
}

// onLoopback is whether a request came in by a listener that only this machine
// can reach. A listener on all addresses is none, even for connections to
// 127.0.0.1: a service mesh's proxy hands on everybody's so. What the request
// says of itself (X-Forwarded-For and the like) does not count.
func onLoopback(r *http.Request) bool {
	if listener, ok := r.Context().Value(listenerKey{}).(string); ok && !isLoopback(listener) {
		return false
	}
	return isLoopback(localAddr(r))
}

func localAddr(r *http.Request) string {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return addr.String()
	}
	return ""
}

// isLoopback is about an address with or without port; no address at all is a
// handler that is called in process.
func isLoopback(hostport string) bool {
	if hostport == "" {
		return true
	}
	host := strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// fromWebPage tells a browser that acts for another site: by what it says of
// itself, or by a Host that only DNS rebinding brings to a loopback address.
func fromWebPage(r *http.Request) bool { return fromForeignPage(r) || !isLoopback(r.Host) }

// fromForeignPage tells a browser that acts for a page which is not of this
// machine. A frame in a sandbox has the origin "null", and so has a local file:
// any page can make itself the one, and a mail can bring the other. Requests
// without an Origin, such as those for images, are told by Sec-Fetch-Site, which
// browsers send to loopback and pages cannot change.
func fromForeignPage(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return r.Header.Get("Sec-Fetch-Site") == "cross-site"
	}
	u, err := url.Parse(origin)
	return err != nil || u.Host == "" || !isLoopback(u.Host)
}

// sameToken compares the request's bearer token with the control token, in
// constant time.
func sameToken(r *http.Request, token string) bool {
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && subtle.ConstantTimeCompare([]byte(got), []byte(token)) == 1
}
