package emulator

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/sts"
)

func (e *Emulator) getInfo(*http.Request) (any, error) {
	return control.Info{Account: e.config.Account, Region: e.config.Region}, nil
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
	if err := control.ReadQuery(control.PostState, r.URL.RawQuery, nil); err != nil {
		return nil, badRequest("%v", err)
	}
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

func (e *Emulator) deleteState(r *http.Request, query control.StateReset) (any, error) {
	if query.Account != "" {
		return nil, e.ResetAccount(r.Context(), query.Account)
	}
	return nil, e.Reset(r.Context())
}

func (e *Emulator) getIssuers(r *http.Request) (any, error) {
	e.catchUp(r)
	views := []control.Issuer{}
	for i := range state.All[*Issuer](e.store.Snapshot(), "") {
		view := control.Issuer{URL: i.URL, Own: i.Own(), Alg: i.Alg, JWKS: i.JWKS}
		if i.Own() {
			view.JWKS = i.issuer().JWKS()
		}
		views = append(views, view)
	}
	return control.Issuers{Issuers: views, Default: e.defaultIssuerURL()}, nil
}

func (e *Emulator) putIssuer(r *http.Request, in control.IssuerKeys) (any, error) {
	if err := checkIssuerURL(in.URL); err != nil {
		return nil, badRequest("url: %v", err)
	}
	if string(in.JWKS) == "null" {
		return nil, badRequest(`jwks: null; write the issuer's key set, {"keys": [...]}`)
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

func (e *Emulator) deleteIssuer(r *http.Request, query control.IssuerName) (any, error) {
	return nil, e.store.Update(r.Context(), func(tx *state.Txn) error {
		found, ok := state.Get[*Issuer](tx, query.URL)
		if !ok {
			return notFound("no issuer %q", query.URL)
		}
		tx.Delete(found)
		return nil
	})
}

func (e *Emulator) postRotate(r *http.Request, in control.Rotation) (any, error) {
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
	return control.RotatedKey{Issuer: issuer.URL, KeyID: issuer.Keys[0].KID}, nil
}

func (e *Emulator) getClock(r *http.Request) (any, error) {
	e.catchUp(r)
	return control.Clock{Now: e.clock.Now().UTC(), Real: e.config.Now().UTC(), Offset: control.Duration(e.clock.Offset())}, nil
}

func (e *Emulator) postClock(r *http.Request, in control.ClockChange) (any, error) {
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

func (e *Emulator) getDecisions(_ *http.Request, query control.DecisionQuery) (any, error) {
	if query.Limit == 0 {
		query.Limit = 100
	}
	switch query.Outcome {
	case "", decision.Allowed, decision.Refused, decision.Failed:
	default:
		return nil, badRequest("outcome: %q is not an outcome; write %s, %s or %s", query.Outcome, decision.Allowed, decision.Refused, decision.Failed)
	}
	return control.Decisions{Decisions: e.decisions.Newest(query.Limit, query.Outcome)}, nil
}

func (e *Emulator) getDecision(r *http.Request) (any, error) {
	id := chi.URLParam(r, "id")
	d, ok := e.decisions.Get(id)
	if !ok {
		return nil, notFound("no decision for request %q: only the newest %d are kept", id, e.config.Decisions)
	}
	return d, nil
}

func (e *Emulator) getFaults(*http.Request) (any, error) {
	return control.Faults{Faults: e.faults.all()}, nil
}

func (e *Emulator) postFault(_ *http.Request, f control.FaultRequest) (any, error) {
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
