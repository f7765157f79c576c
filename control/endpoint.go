package control

import (
	"net/http"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// Endpoint is one method on one path.
type Endpoint struct {
	Method string
	// Path as routers write it: {id} stands for one segment.
	Path string
	// Does says what a call does, for the reference.
	Does string
	// Query is a value of the struct that holds the query parameters, Body one
	// of the type that the request body holds; nil where there is none.
	Query, Body any
	// Answer is a value of the type of the answer; nil is 204 No Content.
	Answer any
}

// String is the method and the path.
func (e Endpoint) String() string { return e.Method + " " + e.Path }

// The endpoints that there are.
var (
	GetInfo      = Endpoint{Method: http.MethodGet, Path: "/_emu/info", Does: "The default account and region.", Query: InfoQuery{}, Answer: Info{}}
	GetAuthority = Endpoint{Method: http.MethodGet, Path: "/_emu/authority", Does: "Who signs the certificates with which the emulator answers as AWS's hosts: over HTTPS, and to `CONNECT HOST:443` on any listener.", Answer: Authority{}}

	GetState    = Endpoint{Method: http.MethodGet, Path: "/_emu/state", Does: "The whole state, as a State document that `--given` takes. It holds private keys and secrets.", Answer: statefile.State{}}
	PostState   = Endpoint{Method: http.MethodPost, Path: "/_emu/state", Does: "Merges a State document, YAML or JSON, into the state: what both name is updated, the rest stays. All of it is applied, or nothing.", Body: statefile.State{}}
	DeleteState = Endpoint{Method: http.MethodDelete, Path: "/_emu/state", Does: "Resets the emulator to what `--given` said; the clock, faults and decisions with it. With `account`, only what that account holds is reset.", Query: StateReset{}}

	GetIssuers   = Endpoint{Method: http.MethodGet, Path: "/_emu/issuers", Does: "The issuers that the emulator knows, with their public keys.", Answer: Issuers{}}
	PutIssuer    = Endpoint{Method: http.MethodPut, Path: "/_emu/issuers", Does: "Publishes the keys of an issuer that the emulator does not own. From then on they are taken from here, never fetched.", Body: IssuerKeys{}}
	DeleteIssuer = Endpoint{Method: http.MethodDelete, Path: "/_emu/issuers", Does: "Forgets an issuer and its keys.", Query: IssuerName{}}

	PostToken  = Endpoint{Method: http.MethodPost, Path: "/_emu/tokens", Does: "Signs a token as an issuer of the emulator's own.", Body: TokenRequest{}, Answer: Token{}}
	PostRotate = Endpoint{Method: http.MethodPost, Path: "/_emu/keys/rotate", Does: "Gives an issuer a new signing key; earlier keys stay published for 24 hours. With `sealing` the answer is 204 No Content.", Body: Rotation{}, Answer: RotatedKey{}}

	GetPodIdentity = Endpoint{Method: http.MethodGet, Path: "/_emu/pod-identity", Does: "The cluster of an issuer or a name, and the association that a service account has in it. Without either, the only cluster that there is.", Query: PodIdentityQuery{}, Answer: PodIdentity{}}

	GetClock  = Endpoint{Method: http.MethodGet, Path: "/_emu/clock", Does: "The emulator's time.", Answer: Clock{}}
	PostClock = Endpoint{Method: http.MethodPost, Path: "/_emu/clock", Does: "Moves the clock and answers the new time.", Body: ClockChange{}, Answer: Clock{}}

	GetDecisions = Endpoint{Method: http.MethodGet, Path: "/_emu/decisions", Does: "What the emulator decided about recent AWS calls, newest first. With `Accept: text/plain` the answer is the text of `irsa-emu explain`, for each.", Query: DecisionQuery{}, Answer: Decisions{}}
	GetDecision  = Endpoint{Method: http.MethodGet, Path: "/_emu/decisions/{id}", Does: "What it decided about one call. `id` is the request id that AWS's answer carries. With `Accept: text/plain` the answer is the text of `irsa-emu explain`.", Answer: decision.Decision{}}

	GetFaults    = Endpoint{Method: http.MethodGet, Path: "/_emu/faults", Does: "The faults in force, oldest first.", Answer: Faults{}}
	PostFault    = Endpoint{Method: http.MethodPost, Path: "/_emu/faults", Does: "Makes matching AWS calls fail, or the sessions that they issue end early. The oldest fault that matches a call counts.", Body: FaultRequest{}, Answer: Fault{}}
	DeleteFaults = Endpoint{Method: http.MethodDelete, Path: "/_emu/faults", Does: "Takes all faults back."}
)

// Endpoints lists all of them, in the order of the reference.
func Endpoints() []Endpoint {
	return []Endpoint{
		GetInfo, GetAuthority, GetState, PostState, DeleteState, GetIssuers, PutIssuer, DeleteIssuer, PostToken, PostRotate, GetPodIdentity,
		GetClock, PostClock, GetDecisions, GetDecision, GetFaults, PostFault, DeleteFaults,
	}
}
