package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/sts"
)

func (c *controlAPI) getInfo(r *http.Request, in control.InfoQuery) (any, error) {
	if in.Account == "" {
		in.Account = c.account
	}
	if !aws.IsAccount(in.Account) {
		return nil, badRequest("account: %q is not an account id; write twelve digits", in.Account)
	}
	c.catchUp(r)
	return control.Info{Account: in.Account, Region: c.documents.regionIn(c.store.Snapshot(), in.Account, "")}, nil
}

// catchUp brings the news of other replicas in before a read of the control API. Without them it goes on from what is known.
func (c *controlAPI) catchUp(r *http.Request) {
	if err := c.store.CatchUp(r.Context()); err != nil {
		c.log.Warn("answering from the state as it was known last", "path", r.URL.Path, "err", err)
	}
}

func (c *controlAPI) getAuthority(*http.Request) (any, error) {
	serving := c.server.connected.Load()
	if serving == nil {
		return nil, &controlError{http.StatusNotImplemented, errNoTLS.Error()}
	}
	return control.Authority{Certificate: string(serving.ca.pem())}, nil
}

// getState makes one document at a time: each takes several times its size while it
// is written as JSON.
func (c *controlAPI) getState(r *http.Request) (any, error) {
	c.catchUp(r)
	c.exporting.Lock()
	defer c.exporting.Unlock()
	doc, err := c.documents.export()
	if err != nil {
		return nil, err
	}
	text, err := controlJSON(doc)
	if err != nil {
		return nil, err
	}
	return controlStream(func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}), nil
}

func (c *controlAPI) postState(r *http.Request) (any, error) {
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
	return nil, c.documents.apply(r.Context(), doc)
}

func (c *controlAPI) deleteState(r *http.Request, query control.StateReset) (any, error) {
	if query.Account != "" {
		return nil, c.documents.resetAccount(r.Context(), query.Account)
	}
	return nil, c.reset(r.Context())
}

// reset brings everything back to how the emulator started.
func (c *controlAPI) reset(ctx context.Context) error {
	if err := c.documents.reset(ctx, c.now()); err != nil {
		return err
	}
	c.faults.clear()
	c.decisions.Clear()
	return nil
}

func (c *controlAPI) getIssuers(r *http.Request) (any, error) {
	c.catchUp(r)
	views := []control.Issuer{}
	for i := range state.All[*Issuer](c.store.Snapshot(), "") {
		view := control.Issuer{URL: i.URL, Own: i.Own(), Alg: i.Alg, JWKS: i.JWKS}
		if i.Own() {
			view.JWKS = i.issuer().JWKS()
		}
		views = append(views, view)
	}
	return control.Issuers{Issuers: views, Default: c.issuers.defaultURL()}, nil
}

func (c *controlAPI) putIssuer(r *http.Request, in control.IssuerKeys) (any, error) {
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
	return nil, c.store.Update(r.Context(), func(tx *state.Txn) error {
		tx.Put(issuer)
		return nil
	})
}

func (c *controlAPI) deleteIssuer(r *http.Request, query control.IssuerName) (any, error) {
	return nil, c.store.Update(r.Context(), func(tx *state.Txn) error {
		found, ok := state.Get[*Issuer](tx, query.URL)
		if !ok {
			return notFound("no issuer %q", query.URL)
		}
		tx.Delete(found)
		return nil
	})
}

func (c *controlAPI) postToken(r *http.Request, in control.TokenRequest) (any, error) {
	token, err := c.minter.mint(r.Context(), in)
	if err != nil {
		return nil, err
	}
	return control.Token{Token: token}, nil
}

func (c *controlAPI) postRotate(r *http.Request, in control.Rotation) (any, error) {
	if in.Sealing {
		if in.Issuer != "" {
			return nil, badRequest("issuer and sealing: write one of them")
		}
		return nil, sts.Rotate(r.Context(), c.store, c.clock.Now(), c.minter.rand)
	}
	if in.Issuer == "" {
		var err error
		if in.Issuer, err = c.minter.defaultIssuer(c.store.Snapshot()); err != nil {
			return nil, err
		}
	}
	issuer, err := c.issuers.rotate(r.Context(), in.Issuer)
	if err != nil {
		return nil, err
	}
	return control.RotatedKey{Issuer: issuer.URL, KeyID: issuer.Keys[0].KID}, nil
}

func (c *controlAPI) getClock(r *http.Request) (any, error) {
	c.catchUp(r)
	return control.Clock{Now: c.clock.Now().UTC(), Real: c.now().UTC(), Offset: control.Duration(c.clock.Offset())}, nil
}

func (c *controlAPI) postClock(r *http.Request, in control.ClockChange) (any, error) {
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
		err = c.clock.Advance(time.Duration(*in.Advance))
	case in.Set != nil:
		err = c.clock.Set(*in.Set)
	default:
		err = c.clock.Reset()
	}
	if err != nil {
		return nil, fmt.Errorf("moving the clock: %w", err)
	}
	return c.getClock(r)
}

func (c *controlAPI) getDecisions(r *http.Request, query control.DecisionQuery) (any, error) {
	if query.Limit == 0 {
		query.Limit = 100
	}
	switch query.Outcome {
	case "", decision.Allowed, decision.Refused, decision.Failed:
	default:
		return nil, badRequest("outcome: %q is not an outcome; write %s, %s or %s", query.Outcome, decision.Allowed, decision.Refused, decision.Failed)
	}
	found := c.decisions.Newest(query.Limit, query.Outcome)
	if wantsText(r) {
		return explanations(found), nil
	}
	return controlStream(func(w io.Writer) error { return writeDecisions(w, found) }), nil
}

// writeDecisions writes a [control.Decisions], one decision in memory at a time.
func writeDecisions(w io.Writer, found iter.Seq[*decision.Decision]) error {
	separator := "{\n  \"decisions\": [\n    "
	none := true
	for d := range found {
		none = false
		text, err := json.MarshalIndent(d, "    ", "  ")
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s%s", separator, text); err != nil {
			return err
		}
		separator = ",\n    "
	}
	end := "\n  ]\n}\n"
	if none {
		end = "{\n  \"decisions\": []\n}\n"
	}
	_, err := io.WriteString(w, end)
	return err
}

func (c *controlAPI) getDecision(r *http.Request) (any, error) {
	id := chi.URLParam(r, "id")
	d, ok := c.decisions.Get(id)
	if !ok {
		return nil, notFound("no decision for request %q: only the newest %d are kept", id, c.mostDecisions)
	}
	if wantsText(r) {
		return controlText(d.Text()), nil
	}
	return d, nil
}

// wantsText is whether a call asks for the text that irsa-emu explain prints.
func wantsText(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Accept"), "text/plain")
}

func explanations(found iter.Seq[*decision.Decision]) controlText {
	var texts []string
	for d := range found {
		texts = append(texts, d.Text())
	}
	return controlText(strings.Join(texts, "\n"))
}

func (c *controlAPI) getFaults(*http.Request) (any, error) {
	return control.Faults{Faults: c.faults.all()}, nil
}

func (c *controlAPI) postFault(_ *http.Request, f control.FaultRequest) (any, error) {
	added, err := c.faults.add(f)
	if err != nil {
		return nil, badRequest("%v", err)
	}
	return added, nil
}

func (c *controlAPI) deleteFaults(*http.Request) (any, error) {
	c.faults.clear()
	return nil, nil
}
