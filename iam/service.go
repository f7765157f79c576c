package iam

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
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
type API struct {
	cfg         Config
	description *api.Description
}

// New makes the API.
func New(cfg Config) *API { return &API{cfg, Description()} }

// Description is what the service says of itself.
func Description() *api.Description {
	return &api.Description{
		Name: "iam", Title: "IAM", Protocol: wire.Query{Namespace: Namespace}, Version: Version, Hosts: []string{"iam", "iam-fips"},
		Actions:  api.ActionNames(actions, unsupported...),
		Internal: *wire.Errorf(http.StatusInternalServerError, "ServiceFailure", "The request processing has failed because of an unknown error, exception or failure."),
		Records: &api.Records{
			Source: "iam.amazonaws.com", Dates: "Jan 2, 2006 3:04:05 PM", ErrorCode: recordedCode, Bare: true,
			// IAM user guide, the table of regions: all of IAM is global.
			Global: func(*http.Request) bool { return true },
		},
	}
}

// recordedCode is a code as CloudTrail's records have it: the name of the
// exception in the API reference. Seen: NoSuchEntityException for NoSuchEntity
// (panther-analysis).
func recordedCode(code string) string {
	switch code {
	case "ConcurrentModification", "DeleteConflict", "EntityAlreadyExists", "InvalidInput", "LimitExceeded", "MalformedPolicyDocument",
		"NoSuchEntity", "PolicyNotAttachable", "ServiceFailure", "UnmodifiableEntity":
		return code + "Exception"
	}
	return code
}

// Describe says what the service is.
func (a *API) Describe() *api.Description { return a.description }

// Serve answers one call.
func (a *API) Serve(w http.ResponseWriter, req *api.Request) error {
	if !mayCallIAM(req.Principal) {
		return withoutMFA(req.Principal)
	}
	result, err := actions[req.Action](&call{Request: req, cfg: &a.cfg, account: req.Principal.Account})
	if err != nil {
		return answerOf(err)
	}
	wire.WriteQuery(w, req.Call, Namespace, result)
	return nil
}

// call is one request on the IAM API.
type call struct {
	*api.Request
	cfg     *Config
	account string
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
	// partition is the account's, as entities keep it.
	partition string
	now       time.Time
	rand      io.Reader
	// lenient accepts principals that do not exist: a state document describes
	// a world whose parts may come later.
	lenient bool
	// validTrust is a trust policy that was validated before.
	validTrust string
}

func (c *call) maker(tx *state.Txn) *maker {
	return &maker{tx: tx, account: c.account, partition: storedPartition(tx, c.account), now: c.Now.UTC().Truncate(time.Millisecond), rand: c.cfg.Rand}
}

// count is how many entities of a kind an account has.
func count[E state.Entity](r state.Reader, account string) int {
	n := 0
	for range state.All[E](r, account+"/") {
		n++
	}
	return n
}
