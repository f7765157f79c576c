package emulator

import (
	"context"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/wire"
)

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

// reachedByPages is whether a page in this machine's browser can have sent a
// request: by a loopback address, or by a name of one. A port that a container
// engine publishes on loopback arrives at another address, with such a name.
func reachedByPages(r *http.Request) bool { return isLoopback(localAddr(r)) || isLoopback(r.Host) }

// mayComeFromPages is whether a call is as well from a page of another site as
// from anybody: a read that nobody signed, or what its service was told to take
// from that page.
func mayComeFromPages(req *api.Request, service api.Service, sig *wire.Signature) bool {
	method := req.HTTP.Method
	if sig == nil && service.Describe().Anonymous && (method == http.MethodGet || method == http.MethodHead) {
		return true
	}
	pages, ok := service.(api.PageServer)
	return ok && pages.ServesPage(req)
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
