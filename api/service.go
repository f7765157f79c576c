package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Service is one AWS API. All that the dispatcher, the metrics, CloudTrail and
// the control API know of it, it declares itself: a new one is a package and
// the line that registers it. What only some services can do is one of the
// interfaces below.
type Service interface {
	// Describe says what the service is. The answer never changes.
	Describe() *Description
	// Serve answers one call, which was routed and authenticated before; see
	// [Answer]. An error is the answer instead, and nothing was written then.
	Serve(w http.ResponseWriter, req *Request) error
}

// Description is what a service says of itself.
type Description struct {
	// Name is the signing name: the service in a credential's scope.
	Name string
	// Title is how people call it.
	Title string
	// Protocol is how its calls are read and its errors written.
	Protocol wire.Protocol
	// Version is the version of the API, by which an unsigned call of the Query
	// protocol names its service.
	Version string
	// Hosts are the labels that name the service in AWS's own host names, such
	// as sts-fips; a * at the end stands for the rest of the label.
	Hosts []string
	// Regional says that the hosts have a region after the label, and that a name
	// without one is another's: ID.gr7.us-west-2.eks.amazonaws.com is a cluster.
	Regional bool
	// Targets are what stands before the dot in X-Amz-Target, in lower case.
	Targets []string
	// Paths are those of unsigned requests for the service, as patterns of
	// [http.ServeMux]; signed requests are for the service of their scope.
	Paths []string
	// Actions are AWS's, by name: true is served, false is answered
	// NotImplemented. Nil: the service finds out itself.
	Actions map[string]bool
	// Unsigned are the actions that take no signature; one that is sent is not
	// looked at.
	Unsigned []string
	// Anonymous says that unsigned calls go on to the service, which knows what
	// everybody may do.
	Anonymous bool
	// Internal is the answer to a mistake of the emulator, Unavailable that while
	// the store cannot be reached. Default: the common errors of AWS's APIs.
	Internal, Unavailable wire.Error
	// Records says how CloudTrail records the calls; nil: it does not.
	Records *Records
}

// Knows says whether the service has an action of that name, served here or not.
func (d *Description) Knows(action string) bool {
	if d.Actions == nil {
		return action != ""
	}
	_, known := d.Actions[action]
	return known
}

// IsUnsigned says whether an action takes no signature.
func (d *Description) IsUnsigned(action string) bool {
	for _, name := range d.Unsigned {
		if name == action {
			return true
		}
	}
	return false
}

// HasHost says whether a label of a host name is the service's.
func (d *Description) HasHost(label string) bool {
	for _, host := range d.Hosts {
		if start, open := strings.CutSuffix(host, "*"); label == host || open && strings.HasPrefix(label, start) {
			return true
		}
	}
	return false
}

// ActionNames makes [Description.Actions] of the actions that a service has and
// those that it knows and does not have.
func ActionNames[F any](served map[string]F, unsupported ...string) map[string]bool {
	names := make(map[string]bool, len(served)+len(unsupported))
	for name := range served {
		names[name] = true
	}
	for _, name := range unsupported {
		names[name] = false
	}
	return names
}

// Authenticator finds who an access key belongs to, and the secret key that the
// signature must have been made with.
type Authenticator interface {
	Authenticate(r state.Reader, sig *wire.Signature, now time.Time) (p *Principal, secret string, err *wire.AuthError)
}

// BucketHost is a service that requests can name a bucket of in their host.
type BucketHost interface {
	// HostBucket is the bucket, "" for none.
	HostBucket(r *http.Request, in state.Reader) string
}

// StateKeeper is a service that has a part in State documents.
type StateKeeper interface {
	// Apply merges the service's part of a document into the state.
	Apply(tx *state.Txn, doc *statefile.State, now time.Time) error
	// Export adds the service's part of the state to a document.
	Export(r state.Reader, doc *statefile.State)
	// Reset deletes all that documents can give the service of an account; "": of
	// every account.
	Reset(tx *state.Txn, account string)
}

// Starter is a Service that has something to do beside its calls.
type Starter interface {
	// Start is called before the first call, when the state is there. What it begins ends with Stop.
	Start(ctx context.Context) error
	// Stop is called after the last call, before the state is closed.
	Stop()
}

// PageServer is a service that can be told to take calls of web pages.
type PageServer interface {
	// ServesPage says whether it was, for a call that has an Origin and was not authenticated yet.
	ServesPage(req *Request) bool
}

// IssuerNamer is a service whose resources have OIDC issuers.
type IssuerNamer interface {
	// Issuers are the URLs of an account's, one per resource; "": of every account.
	Issuers(r state.Reader, account string) []string
}
