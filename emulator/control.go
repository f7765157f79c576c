package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/sts"
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

// controlHandler is a handler of the control API: what it returns is sent as
// JSON, nil as 204 No Content, and an error as {"error": …}.
type controlHandler func(r *http.Request) (any, error)

func (h controlHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowTransfer(w)
	r.Body = http.MaxBytesReader(w, r.Body, maxControlBody)
	result, err := h(r)
	switch {
	case err != nil:
		writeControlError(w, err)
	case result == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		writeControl(w, http.StatusOK, result)
	}
}

func writeControlError(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var known *controlError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &known):
		status = known.status
	case errors.As(err, &tooLarge):
		status = http.StatusRequestEntityTooLarge
	case state.Unavailable(err):
		status = http.StatusServiceUnavailable
	case errors.Is(err, errForeignIssuer):
		status = http.StatusConflict
	}
	writeControl(w, status, map[string]string{"error": err.Error()})
}

func writeControl(w http.ResponseWriter, status int, v any) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the client is gone if this fails
}

// decodeBody reads one JSON value, strictly.
func decodeBody(r *http.Request, into any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return err
		}
		return badRequest("the request body is not what is expected here: %v", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return badRequest("the request body goes on after its JSON value")
	}
	return nil
}

func (e *Emulator) controlRoutes(r chi.Router) {
	r.Method(http.MethodGet, "/info", controlHandler(e.getInfo))
	r.Method(http.MethodGet, "/state", controlHandler(e.getState))
	r.Method(http.MethodPost, "/state", controlHandler(e.postState))
	r.Method(http.MethodDelete, "/state", controlHandler(e.deleteState))
	r.Method(http.MethodGet, "/issuers", controlHandler(e.getIssuers))
	r.Method(http.MethodPut, "/issuers", controlHandler(e.putIssuer))
	r.Method(http.MethodDelete, "/issuers", controlHandler(e.deleteIssuer))
	r.Method(http.MethodPost, "/tokens", controlHandler(e.postToken))
	r.Method(http.MethodPost, "/keys/rotate", controlHandler(e.postRotate))
	r.Method(http.MethodGet, "/clock", controlHandler(e.getClock))
	r.Method(http.MethodPost, "/clock", controlHandler(e.postClock))
	r.Method(http.MethodGet, "/decisions", controlHandler(e.getDecisions))
	r.Method(http.MethodGet, "/decisions/{id}", controlHandler(e.getDecision))
	r.Method(http.MethodGet, "/faults", controlHandler(e.getFaults))
	r.Method(http.MethodPost, "/faults", controlHandler(e.postFault))
	r.Method(http.MethodDelete, "/faults", controlHandler(e.deleteFaults))
}

// getInfo says what clients need to know to point themselves here.
func (e *Emulator) getInfo(*http.Request) (any, error) {
	return map[string]string{"account": e.config.Account, "region": e.config.Region}, nil
}

// catchUp brings the news of other replicas in before a read of the control API. Without them it goes on from what is known.
func (e *Emulator) catchUp(r *http.Request) {
	if err := e.store.CatchUp(r.Context()); err != nil {
		e.config.Logger.Warn("answering from the state as it was known last", "path", r.URL.Path, "err", err)
	}
}

func (e *Emulator) getState(r *http.Request) (any, error) {
	e.catchUp(r)
	return e.export()
}

func (e *Emulator) postState(r *http.Request) (any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	// A document that comes over the network names no files of this machine.
	doc, err := statefile.Parse("request body", body, nil)
	if err != nil {
		return nil, badRequest("%v", err)
	}
	return nil, e.apply(r.Context(), doc)
}

func (e *Emulator) deleteState(r *http.Request) (any, error) { return nil, e.Reset(r.Context()) }

// issuerView is one issuer as the control API shows it: never a private key.
type issuerView struct {
	URL  string          `json:"url"`
	Own  bool            `json:"own"`
	Alg  string          `json:"alg,omitempty"`
	JWKS json.RawMessage `json:"jwks"`
}

func (e *Emulator) getIssuers(r *http.Request) (any, error) {
	e.catchUp(r)
	views := []issuerView{}
	for i := range state.All[*Issuer](e.store.Snapshot(), "") {
		view := issuerView{URL: i.URL, Own: i.Own(), Alg: i.Alg, JWKS: i.JWKS}
		if i.Own() {
			view.JWKS = i.issuer().JWKS()
		}
		views = append(views, view)
	}
	return map[string]any{"issuers": views, "default": e.defaultIssuerURL()}, nil
}

func (e *Emulator) putIssuer(r *http.Request) (any, error) {
	var in struct {
		URL  string          `json:"url"`
		JWKS json.RawMessage `json:"jwks"`
	}
	if err := decodeBody(r, &in); err != nil {
		return nil, err
	}
	if err := checkIssuerURL(in.URL); err != nil {
		return nil, badRequest("url: %v", err)
	}
	if len(in.JWKS) == 0 || string(in.JWKS) == "null" {
		return nil, badRequest(`jwks: missing; write the issuer's key set, {"keys": [...]}`)
	}
	issuer := &Issuer{URL: in.URL, JWKS: in.JWKS}
	if err := issuer.parse(); err != nil {
		return nil, badRequest("jwks: %v", err)
	}
	return nil, e.store.Update(r.Context(), func(tx *state.Txn) error {
		tx.Put(issuer)
		return nil
	})
}

func (e *Emulator) deleteIssuer(r *http.Request) (any, error) {
	issuerURL := r.URL.Query().Get("url")
	return nil, e.store.Update(r.Context(), func(tx *state.Txn) error {
		found, ok := state.Get[*Issuer](tx, issuerURL)
		if !ok {
			return notFound("no issuer %q", issuerURL)
		}
		tx.Delete(found)
		return nil
	})
}

func (e *Emulator) postRotate(r *http.Request) (any, error) {
	var in struct {
		Issuer string `json:"issuer"`
		// Sealing rotates the key that credentials are made with, in place of an issuer's.
		Sealing bool `json:"sealing"`
	}
	if err := decodeBody(r, &in); err != nil {
		return nil, err
	}
	if in.Sealing {
		if in.Issuer != "" {
			return nil, badRequest("issuer and sealing: write one of them")
		}
		return nil, sts.Rotate(r.Context(), e.store, e.clock.Now(), e.config.Rand)
	}
	if in.Issuer == "" {
		in.Issuer = e.defaultIssuer(e.store.Snapshot())
	}
	issuer, err := e.rotate(r.Context(), in.Issuer)
	if err != nil {
		return nil, err
	}
	return map[string]any{"issuer": issuer.URL, "keyId": issuer.Keys[0].KID}, nil
}

// clockView is the emulator's time beside the real one.
type clockView struct {
	Now    time.Time `json:"now"`
	Real   time.Time `json:"real"`
	Offset Duration  `json:"offset"`
}

func (e *Emulator) getClock(r *http.Request) (any, error) {
	e.catchUp(r)
	return clockView{Now: e.clock.Now().UTC(), Real: e.config.Now().UTC(), Offset: Duration(e.clock.Offset())}, nil
}

func (e *Emulator) postClock(r *http.Request) (any, error) {
	var in struct {
		Advance *Duration  `json:"advance"`
		Set     *time.Time `json:"set"`
		Reset   bool       `json:"reset"`
	}
	if err := decodeBody(r, &in); err != nil {
		return nil, err
	}
	given := 0
	for _, is := range []bool{in.Advance != nil, in.Set != nil, in.Reset} {
		if is {
			given++
		}
	}
	if given != 1 {
		return nil, badRequest(`write exactly one of {"advance": "2h"}, {"set": "2026-01-02T15:04:05Z"} and {"reset": true}`)
	}
	var err error
	switch {
	case in.Advance != nil:
		err = e.clock.Advance(time.Duration(*in.Advance))
	case in.Set != nil:
		err = e.clock.Set(*in.Set)
	default:
		err = e.clock.Reset()
	}
	if err != nil {
		return nil, fmt.Errorf("moving the clock: %w", err)
	}
	return e.getClock(r)
}

func (e *Emulator) getDecisions(r *http.Request) (any, error) {
	q := r.URL.Query()
	limit := 100
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return nil, badRequest("limit: %q is not a number above 0", s)
		}
		limit = n
	}
	outcome := decision.Outcome(q.Get("outcome"))
	switch outcome {
	case "", decision.Allowed, decision.Refused, decision.Failed:
	default:
		return nil, badRequest("outcome: %q is none of allowed, refused and failed", outcome)
	}
	return map[string]any{"decisions": e.decisions.Newest(limit, outcome)}, nil
}

func (e *Emulator) getDecision(r *http.Request) (any, error) {
	id := chi.URLParam(r, "id")
	d, ok := e.decisions.Get(id)
	if !ok {
		return nil, notFound("no decision of request %q is kept; the newest %d are", id, e.config.Decisions)
	}
	return d, nil
}

func (e *Emulator) getFaults(*http.Request) (any, error) {
	return map[string]any{"faults": e.faults.all()}, nil
}

func (e *Emulator) postFault(r *http.Request) (any, error) {
	var f Fault
	if err := decodeBody(r, &f); err != nil {
		return nil, err
	}
	if err := f.validate(); err != nil {
		return nil, badRequest("%v", err)
	}
	added, err := e.faults.add(f)
	if err != nil {
		return nil, badRequest("%v", err)
	}
	return added, nil
}

func (e *Emulator) deleteFaults(*http.Request) (any, error) {
	e.faults.clear()
	return nil, nil
}
