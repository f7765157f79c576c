package emulator

import (
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"
)

// front is everything on one address. AWS calls are recognised by signature,
// target or host; the rest goes by its path.
type front struct {
	services *registry
	calls    *dispatcher
	issuers  *issuers
	rest     http.Handler
}

func newFront(e *Emulator) *front {
	r := chi.NewRouter()
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	r.Get("/readyz", e.server.serveReady)
	r.Method(http.MethodGet, "/metrics", e.metrics.handler())
	r.With(e.control.guard).Route("/_emu", e.control.routes)
	e.familiarRoutes(r)
	r.Get("/", func(w http.ResponseWriter, req *http.Request) {
		if req.URL.RawQuery != "" {
			e.calls.serve(w, req)
			return
		}
		fmt.Fprintf(w, "irsa-emu serves %s on this address.\nPoint AWS clients at it: eval \"$(irsa-emu env)\"\n", e.services.titles())
	})
	r.NotFound(e.calls.serve)
	r.MethodNotAllowed(e.calls.serve)
	return &front{services: e.services, calls: e.calls, issuers: e.issuers, rest: r}
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodGet && f.issuers.serveOutbound(w, r):
	case f.services.isAWSCall(r):
		f.calls.serve(w, r)
	case (r.Method == http.MethodGet || r.Method == http.MethodHead) && f.issuers.serve(w, r):
	default:
		f.rest.ServeHTTP(w, r)
	}
}
