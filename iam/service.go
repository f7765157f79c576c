package iam

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// The IAM API's version and the namespace of its answers.
const (
	Version   = "2010-05-08"
	Namespace = wire.IAMNamespace
)

// Config is what the IAM API needs.
type Config struct {
	Store *state.Store
	// Rand is the source of unique ids and secret keys; it must be safe for concurrent use.
	Rand io.Reader
	// FetchThumbprint connects to an issuer and gives the thumbprint of the last
	// certificate that it serves: 40 lower-case hex digits. It is asked when a
	// provider is created without thumbprints. Nil: such a provider has none.
	FetchThumbprint func(ctx context.Context, url string) (string, error)
	// LastUsed tells when an access key last signed a call. Nil, or false: never.
	LastUsed func(accessKeyID string) (KeyUse, bool)
}

// KeyUse is the last call that an access key signed.
type KeyUse struct {
	Time            time.Time
	Service, Region string
}

// API is the IAM Query API, an [api.Service].
type API struct{ cfg Config }

// New makes the API.
func New(cfg Config) *API { return &API{cfg} }

// call is one request on the IAM API.
type call struct {
	*api.Request
	cfg     *Config
	account string
}

// ServeAWS answers one request.
func (a *API) ServeAWS(w http.ResponseWriter, req *api.Request) {
	result, err := a.serve(req)
	if err != nil {
		wire.WriteQueryError(w, req.Call, Namespace, fail(req, err))
		return
	}
	wire.WriteQuery(w, req.Call, Namespace, result)
}

// HasAction says whether IAM has an action of that name, served here or not.
func (a *API) HasAction(name string) bool {
	_, served := actions[name]
	return served || unsupported[name]
}

func (a *API) serve(req *api.Request) (any, error) {
	do, known := actions[req.Action]
	switch {
	case req.Version != Version:
		return nil, wire.InvalidAction(req.Action, req.Version)
	case !known && unsupported[req.Action]:
		return nil, notImplemented(req.Action)
	case !known:
		return nil, wire.InvalidAction(req.Action, req.Version)
	case req.Principal == nil:
		return nil, wire.Errorf(http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token")
	case !mayCallIAM(req.Principal):
		return nil, withoutMFA(req.Principal)
	}
	return do(&call{Request: req, cfg: &a.cfg, account: req.Principal.Account})
}

// input is the typed input of an action; target names what the action acts on.
type input interface{ target(*call) target }

// checker is an input with a constraint on who calls, which comes before
// policies are asked.
type checker interface{ check(*call) error }

// target is the resource of an action, as policies and refusals name it.
type target struct {
	arn string
	// shown is how AWS's refusal names it, where that is not the ARN.
	shown string
	// keys are further condition keys of the call.
	keys policy.Context
}

// action answers one call: reads its input, holds it against policies, runs.
type action func(*call) (any, error)

func on[In any, P interface {
	*In
	input
}](run func(*call, P) (any, error)) action {
	return func(c *call) (any, error) {
		in := P(new(In))
		c.Input = in
		if err := decodeInput(c.Form, in); err != nil {
			return nil, err
		}
		if in, ok := any(in).(checker); ok {
			if err := in.check(c); err != nil {
				return nil, err
			}
		}
		if err := c.authorize(in.target(c)); err != nil {
			return nil, err
		}
		return run(c, in)
	}
}

// decodeInput reads an action's input and checks what IAM words by itself.
func decodeInput(form url.Values, into any) error {
	if err := wire.DecodeQuery(form, into, wire.NamesOnly); err != nil {
		return err
	}
	if in, ok := into.(interface{ checkPath() error }); ok {
		return in.checkPath()
	}
	return nil
}

// update runs a transaction; the result of its last run is the action's.
func (c *call) update(run func(*state.Txn) (any, error)) (any, error) {
	var result any
	err := c.cfg.Store.Update(c.HTTP.Context(), func(tx *state.Txn) (err error) {
		result, err = run(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// maker creates entities: in a transaction, at a time, with fresh ids.
type maker struct {
	tx      *state.Txn
	account string
	now     time.Time
	rand    io.Reader
	// lenient accepts principals that do not exist: a state document describes
	// a world whose parts may come later.
	lenient bool
}

func (c *call) maker(tx *state.Txn) *maker {
	return &maker{tx: tx, account: c.account, now: c.Now.UTC().Truncate(time.Millisecond), rand: c.cfg.Rand}
}

// refuse notes in the decision how the call is answered, and why.
func refuse(req *api.Request, err *wire.Error, reason decision.Reason) {
	if req.Decision == nil {
		return
	}
	req.Decision.Error = &decision.Error{Code: err.Code, Message: err.Message, Status: err.Status}
	req.Decision.Reason = &reason
}

// count is how many entities of a kind an account has.
func count[E state.Entity](r state.Reader, account string) int {
	n := 0
	for range state.All[E](r, account+"/") {
		n++
	}
	return n
}
