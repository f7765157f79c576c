package emulator

import (
	"crypto/subtle"
	"net/http"

	"github.com/go-chi/chi/v5"
)

// What test suites that were written for another emulator ask of it: moto's
// reset, and LocalStack's reset and health.

// familiarRoutes registers those paths, and refuses their neighbours: without
// that they would be S3's buckets, and the error S3's.
func (e *Emulator) familiarRoutes(r chi.Router) {
	reset := controlHandler(func(req *http.Request) (any, error) {
		return map[string]string{"status": "ok"}, e.control.reset(req.Context())
	})
	only := func(what string, register func(chi.Router)) func(chi.Router) {
		return func(r chi.Router) {
			register(r)
			refuse := controlHandler(func(req *http.Request) (any, error) {
				return nil, notFound("irsa-emu has no %s %s; it has %s, and its own API at /_emu", req.Method, req.URL.Path, what)
			}).ServeHTTP
			r.NotFound(refuse)
			r.MethodNotAllowed(refuse)
		}
	}
	r.Route("/moto-api", only("POST /moto-api/reset", func(r chi.Router) {
		r.With(e.guardReset).Method(http.MethodPost, "/reset", reset)
	}))
	r.Route("/_localstack", only("GET /_localstack/health and POST /_localstack/state/reset", func(r chi.Router) {
		r.With(e.guardReset).Method(http.MethodPost, "/state/reset", reset)
		r.Method(http.MethodGet, "/health", controlHandler(func(*http.Request) (any, error) { return e.health(), nil }))
	}))
}

// health is in the shape of LocalStack's, which waits look through for the
// services that a suite needs.
func (e *Emulator) health() any {
	services := map[string]string{}
	for _, s := range e.services.all {
		services[s.Describe().Name] = "available"
	}
	return struct {
		Services map[string]string `json:"services"`
		Edition  string            `json:"edition"`
	}{services, "irsa-emu"}
}

// guardReset lets in who may reset the emulator by another emulator's path: who
// may use the control API, and beyond loopback, as in a container, administrators.
// Suites send no credentials. With the usual secret they need none: everybody is
// an administrator then, and may delete by signed calls whatever a reset deletes.
// With another one they say it by HTTP basic authentication. A page that a browser
// shows is never let in.
func (e *Emulator) guardReset(next http.Handler) http.Handler {
	guarded := e.control.guard(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, basic := r.BasicAuth()
		switch {
		case onLoopback(r) || r.Header.Get("Authorization") != "" && !basic:
			guarded.ServeHTTP(w, r)
		case fromForeignPage(r):
			writeControlError(w, &controlError{http.StatusForbidden, "a reset does not answer web pages of other origins"})
		case basic && !e.isAdministrator(user, password):
			writeControlError(w, &controlError{http.StatusForbidden, "the user name and password are not the access key id and secret of an administrator"})
		case basic || e.config.AdminSecret == usualSecret:
			next.ServeHTTP(w, r)
		default:
			writeControlError(w, &controlError{http.StatusForbidden, "since --admin-secret is not the usual one, a reset from beyond loopback takes it by HTTP basic authentication, such as curl -X POST -u test:SECRET; or the control token as a bearer token"})
		}
	})
}

func (e *Emulator) isAdministrator(accessKeyID, secret string) bool {
	_, want, ok := e.sts.Administrator(accessKeyID)
	return ok && subtle.ConstantTimeCompare([]byte(secret), []byte(want)) == 1
}
