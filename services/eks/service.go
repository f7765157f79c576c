// Package eks is Amazon EKS as far as IRSA and its tools ask for it: which
// clusters there are, how to reach them, what their OIDC issuer is, their tags,
// and the pod identity associations beside it.
//
// It runs no cluster. A cluster here is a description: of one that a State
// document names, or that CreateCluster made; access entries and add-ons are
// kept and shown, without effect; nodes and the like answer NotImplemented.
//
// It follows the API reference of EKS (restJson 1.1).
package eks

import (
	"context"
	"io"
	"log/slog"
	"net/http"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Config is what a Service needs.
type Config struct {
	// Store keeps the clusters; it was opened with Kinds.
	Store *state.Store
	// Rand makes ids: crypto/rand.Reader, or something repeatable in tests.
	Rand io.Reader
	// NewIssuer makes the OIDC issuer of a new cluster, with keys, served under
	// that URL. Without it CreateCluster answers NotImplemented.
	NewIssuer func(ctx context.Context, url string) error
	// Log takes what no caller can be told; nil discards it.
	Log *slog.Logger
}

// Service answers the calls of EKS.
type Service struct {
	store     *state.Store
	rand      io.Reader
	newIssuer func(context.Context, string) error
	log       *slog.Logger
}

// New makes a Service.
func New(c Config) *Service {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{store: c.Store, rand: c.Rand, newIssuer: c.NewIssuer, log: c.Log}
}

// call is one request with the names that its path has.
type call struct {
	*api.Request
	path map[string]string
}

// ServeAWS answers one call that the dispatcher has routed and authenticated.
func (s *Service) ServeAWS(w http.ResponseWriter, req *api.Request) {
	route, path := match(req.HTTP)
	if route != nil {
		req.Action, req.Decision.Action = route.action, route.action
	}
	result, err := s.answer(&call{req, path}, route)
	if err == nil {
		wire.WriteRESTJSON(w, req.Call, http.StatusOK, result)
		return
	}
	f := services.AsFailure(err, "ServerException")
	if f.Wire.Code == services.Unavailable {
		f.Wire.Code = "ServiceUnavailableException" // EKS's own name for it
	}
	if f.Cause != nil {
		s.log.Error("eks: call failed", "action", req.Action, "requestId", req.ID, "err", f.Cause)
	}
	services.Record(req, f)
	wire.WriteRESTJSONError(w, req.Call, f.Wire)
}

func (s *Service) answer(c *call, r *route) (any, error) {
	switch {
	case c.Principal == nil:
		return nil, wire.MissingAuthentication().REST()
	case r == nil:
		return nil, services.Fail(http.StatusNotFound, "UnknownOperationException", "EKS has no operation for %s %s.", c.HTTP.Method, c.HTTP.URL.EscapedPath())
	case r.do == nil:
		return nil, services.Unsupported("eks", r.action)
	}
	return r.do(s, c)
}

// authorize holds a call against the caller's policies; EKS resources have no
// policies of their own. The refusal names the ARN.
func authorize(req *api.Request, action, resource, account string, keys policy.Context) error {
	if req.Decision.Resource == "" {
		req.Decision.Resource = resource
	}
	d := req.Authorize(api.Access{Action: action, Resource: resource, ResourceAccount: account, Keys: keys})
	if d.Allowed {
		return nil
	}
	return services.Denied(d, wire.Errorf(http.StatusForbidden, "AccessDeniedException", "%s", services.DenialText(req.Principal, d, action, resource)))
}

func invalidParameter(format string, args ...any) *services.Failure {
	return services.Fail(http.StatusBadRequest, "InvalidParameterException", format, args...)
}
