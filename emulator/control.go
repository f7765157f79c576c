package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/state"
)

// maxControlBody bounds what the control API reads: a state document with
// ten thousand roles is a few tens of megabytes.
const maxControlBody = 64 << 20

// controlError is an answer of the control API that is no success.
type controlError struct {
	status int
	msg    string
}

func (e *controlError) Error() string { return e.msg }

func badRequest(format string, args ...any) error {
	return &controlError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &controlError{http.StatusNotFound, fmt.Sprintf(format, args...)}
}

// controlStream writes an answer that is not made in memory.
type controlStream func(w io.Writer) error

// controlText is an answer for people, in place of JSON.
type controlText string

// controlHandler is a handler of the control API: what it returns is sent as
// JSON, a [controlText] as it is, nil as 204 No Content, and an error as
// {"error": …}.
type controlHandler func(r *http.Request) (any, error)

func (h controlHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowTransfer(w)
	r.Body = http.MaxBytesReader(w, r.Body, maxControlBody)
	result, err := h(r)
	if err != nil {
		writeControlError(w, err)
		return
	}
	switch result := result.(type) {
	case nil:
		w.WriteHeader(http.StatusNoContent)
	case controlStream:
		w.Header().Set("Content-Type", "application/json")
		if err := result(w); err != nil {
			panic(http.ErrAbortHandler) // the client must not take it for the whole
		}
	case controlText:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, string(result)) // the client is gone if this fails
	default:
		writeControl(w, http.StatusOK, result)
	}
}

func writeControlError(w http.ResponseWriter, err error) {
	status, said := http.StatusInternalServerError, err.Error()
	var known *controlError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &known):
		status = known.status
	case errors.Is(err, errClockRange):
		status = http.StatusBadRequest
	case errors.As(err, &tooLarge):
		status, said = http.StatusRequestEntityTooLarge, fmt.Sprintf("the request body has more than %d bytes", tooLarge.Limit)
	case state.Unavailable(err):
		status = http.StatusServiceUnavailable
	case errors.Is(err, errForeignIssuer):
		status = http.StatusConflict
	}
	writeControl(w, status, control.Error{Error: said})
}

func writeControl(w http.ResponseWriter, status int, v any) {
	text, err := controlJSON(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client is gone if this fails
}

// controlJSON is a value as the control API writes it.
func controlJSON(v any) ([]byte, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	return append(text, '\n'), err
}

// controlAPI answers /_emu, in the types of package control.
type controlAPI struct {
	account string
	// token opens the API on listeners beyond loopback; empty: nothing does.
	token string
	store *state.Store
	clock *Clock
	// now is the real time.
	now func() time.Time
	log *slog.Logger

	server    *server
	documents *documents
	issuers   *issuers
	minter    *minter
	faults    *faults
	decisions *decision.Log
	exporting sync.Mutex // held while a State document is made
	// mostDecisions is how many are kept.
	mostDecisions int
}

// routes registers the handlers of all endpoints of package control.
func (c *controlAPI) routes(r chi.Router) {
	handlers := map[string]controlHandler{
		control.GetInfo.String():        withQuery(control.GetInfo, c.getInfo),
		control.GetAuthority.String():   without(control.GetAuthority, c.getAuthority),
		control.GetState.String():       without(control.GetState, c.getState),
		control.PostState.String():      c.postState,
		control.DeleteState.String():    withQuery(control.DeleteState, c.deleteState),
		control.GetIssuers.String():     without(control.GetIssuers, c.getIssuers),
		control.PutIssuer.String():      withBody(control.PutIssuer, c.putIssuer),
		control.DeleteIssuer.String():   withQuery(control.DeleteIssuer, c.deleteIssuer),
		control.PostToken.String():      withBody(control.PostToken, c.postToken),
		control.PostRotate.String():     withBody(control.PostRotate, c.postRotate),
		control.GetPodIdentity.String(): withQuery(control.GetPodIdentity, c.getPodIdentity),
		control.GetClock.String():       without(control.GetClock, c.getClock),
		control.PostClock.String():      withBody(control.PostClock, c.postClock),
		control.GetDecisions.String():   withQuery(control.GetDecisions, c.getDecisions),
		control.GetDecision.String():    without(control.GetDecision, c.getDecision),
		control.GetFaults.String():      without(control.GetFaults, c.getFaults),
		control.PostFault.String():      withBody(control.PostFault, c.postFault),
		control.DeleteFaults.String():   without(control.DeleteFaults, c.deleteFaults),
	}
	for _, endpoint := range control.Endpoints() {
		r.Method(endpoint.Method, strings.TrimPrefix(endpoint.Path, "/_emu"), handlers[endpoint.String()])
	}
	r.NotFound(controlHandler(func(r *http.Request) (any, error) {
		return nil, notFound("the control API has no %s; see docs/control-api.md", r.URL.Path)
	}).ServeHTTP)
	r.MethodNotAllowed(refuseMethod)
}

// refuseMethod says which methods a path has.
func refuseMethod(w http.ResponseWriter, r *http.Request) {
	var methods []string
	for _, e := range control.Endpoints() {
		if prefix, one := strings.CutSuffix(e.Path, "{id}"); e.Path == r.URL.Path || one && strings.HasPrefix(r.URL.Path, prefix) {
			methods = append(methods, e.Method)
		}
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	writeControlError(w, &controlError{http.StatusMethodNotAllowed, fmt.Sprintf("%s does not take %s; it takes %s", r.URL.Path, r.Method, strings.Join(methods, ", "))})
}

// without is a handler of an endpoint that reads neither query nor body.
func without(e control.Endpoint, h controlHandler) controlHandler {
	return func(r *http.Request) (any, error) {
		if err := readControl(e, r, nil, nil); err != nil {
			return nil, err
		}
		return h(r)
	}
}

// withQuery is a handler of an endpoint that has query parameters.
func withQuery[Q any](e control.Endpoint, h func(*http.Request, Q) (any, error)) controlHandler {
	return func(r *http.Request) (any, error) {
		var query Q
		if err := readControl(e, r, &query, nil); err != nil {
			return nil, err
		}
		return h(r, query)
	}
}

// withBody is a handler of an endpoint that has a request body.
func withBody[B any](e control.Endpoint, h func(*http.Request, B) (any, error)) controlHandler {
	return func(r *http.Request) (any, error) {
		var body B
		if err := readControl(e, r, nil, &body); err != nil {
			return nil, err
		}
		return h(r, body)
	}
}

// readControl reads query and body, strictly.
func readControl(e control.Endpoint, r *http.Request, query, body any) error {
	if err := control.ReadQuery(e, r.URL.RawQuery, query); err != nil {
		return badRequest("%v", err)
	}
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if err := control.ReadBody(e, content, body); err != nil {
		return badRequest("%v", err)
	}
	return nil
}

// guardControl lets in who may use the control API: everybody on a loopback
// listener but web pages, and elsewhere who holds the control token.
func (c *controlAPI) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token := c.token; token != "" && sameToken(r, token) {
			next.ServeHTTP(w, r)
			return
		}
		switch {
		case !onLoopback(r):
			writeControlError(w, &controlError{http.StatusForbidden, "the control API is open on loopback listeners only; start irsa-emu with --control-token and send it as a bearer token"})
		case c.token != "" && r.Header.Get("Authorization") != "":
			writeControlError(w, &controlError{http.StatusForbidden, "the bearer token is not the control token"})
		case fromWebPage(r):
			// A page in the developer's browser must not reset the emulator.
			writeControlError(w, &controlError{http.StatusForbidden, "the control API does not answer web pages of other origins"})
		default:
			next.ServeHTTP(w, r)
		}
	})
}
