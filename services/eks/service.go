// Package eks is Amazon EKS as far as IRSA and its tools ask for it: which
// clusters there are, how to reach them, what their OIDC issuer is, their tags,
// and the pod identity associations beside it.
//
// It runs no cluster. A cluster here is a description: of one that a State
// document names, or that CreateCluster made. Access entries and add-ons are kept
// and shown; of a cluster of irsa-emu up, the API server goes by the entries. Nodes
// and the like answer NotImplemented.
//
// It follows the API reference of EKS (restJson 1.1).
package eks

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Config is what a Service needs.
type Config struct {
	// Store keeps the clusters; it was opened with Kinds.
	Store *state.Store
	// Rand makes ids: crypto/rand.Reader, or something repeatable in tests.
	Rand io.Reader
	// Account and Region are those of clusters in State documents that name none.
	Account, Region string
	// NewIssuer makes the OIDC issuer of a new cluster, with keys, served under
	// that URL. Without it CreateCluster answers NotImplemented.
	NewIssuer func(ctx context.Context, url string) error
}

// servicePrincipal is the service in policies and in records.
const servicePrincipal = "eks.amazonaws.com"

// Service answers the calls of EKS.
type Service struct {
	store     *state.Store
	rand      io.Reader
	newIssuer func(context.Context, string) error
	// account and region are those of documents that name none.
	account, region string

	description *api.Description
}

// New makes a Service.
func New(c Config) *Service {
	return &Service{store: c.Store, rand: c.Rand, newIssuer: c.NewIssuer, account: c.Account, region: c.Region, description: Description()}
}

// Description is what the service says of itself.
func Description() *api.Description {
	names := map[string]bool{}
	for _, r := range routes {
		names[r.action] = r.do != nil
	}
	return &api.Description{
		Name: "eks", Title: "EKS", Protocol: wire.RESTJSON{Action: ActionOf},
		Hosts: []string{"eks", "eks-fips"}, Regional: true, Paths: []string{"/clusters", "/clusters/"}, Actions: names,
		Records:  &api.Records{Source: servicePrincipal, Dates: time.RFC3339, ErrorCode: api.DeniedAsAccessDenied},
		Internal: *wire.Errorf(http.StatusInternalServerError, "ServerException", "An internal error occurred."),
		// The name is EKS's own.
		Unavailable: *wire.Errorf(http.StatusServiceUnavailable, "ServiceUnavailableException", "The request has failed due to a temporary failure of the server."),
	}
}

// Describe says what the service is.
func (s *Service) Describe() *api.Description { return s.description }

// call is one request with the names that its path has.
type call struct {
	*api.Request
	path map[string]string
}

// Serve answers one call.
func (s *Service) Serve(w http.ResponseWriter, req *api.Request) error {
	route, path := match(req.HTTP)
	req.Input = route.parameters(req, path)
	result, err := route.do(s, &call{req, path})
	if err != nil {
		return err
	}
	req.Result = result
	wire.WriteRESTJSON(w, req.Call, http.StatusOK, result)
	return nil
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
	return api.Denied(d, wire.Errorf(http.StatusForbidden, "AccessDeniedException", "%s", api.DenialText(req.Principal, d, action, resource)))
}

func invalidParameter(format string, args ...any) *api.Refusal {
	return api.Fail(http.StatusBadRequest, "InvalidParameterException", format, args...)
}
