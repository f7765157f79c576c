package emulator

import (
	"bytes"
	"io"
	"maps"
	"net/http"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/hint"
)

// answerFollowing is answer where other replicas write to the state as well.
// What they have acknowledged arrives a moment later here, and until then a
// role, a key or a permission seems not to be there. So an error of the
// caller's is held back until this replica has caught up, and if that brought
// anything, the call is answered anew: nothing was done for it so far. Calls
// that are answered well wait for nothing, and so does everything while the
// store cannot be reached: reads go on from what was known last.
func (d *dispatcher) answerFollowing(w http.ResponseWriter, req *api.Request) *api.Request {
	body := &countingBody{ReadCloser: req.HTTP.Body}
	own(req.Call).Body = body
	held := d.hold(w, req)
	if !held.again() || req.Body == nil && body.n > 0 { // an object that was read cannot be read again
		held.release()
		return req
	}
	if err := d.store.CatchUp(req.HTTP.Context()); err != nil {
		held.unverified(err)
		held.release()
		return req
	}
	if d.store.Snapshot() == req.State {
		held.release()
		return req
	}
	if req.Body != nil {
		own(req.Call).Body = rewound(req.Body)
	}
	anew := d.request(req.HTTP, req.WantJSON)
	d.hold(w, anew).release()
	return anew
}

// hold answers a call and keeps an error back.
func (d *dispatcher) hold(w http.ResponseWriter, req *api.Request) *heldError {
	held := &heldError{ResponseWriter: w, header: http.Header{}, decision: req.Decision}
	d.answer(&reasonWriter{ResponseWriter: held, decision: req.Decision}, req)
	if !held.passed && held.status == 0 { // an empty 200, or a connection that was dropped
		held.passHeader()
	}
	return held
}

// heldError passes an answer on, unless its status is an error.
type heldError struct {
	http.ResponseWriter
	decision *decision.Decision
	header   http.Header
	status   int // of what is held back; 0 once headers were passed on
	passed   bool
	body     bytes.Buffer
}

func (h *heldError) Header() http.Header { return h.header }

func (h *heldError) WriteHeader(status int) {
	if h.passed || h.status != 0 {
		return
	}
	if status >= http.StatusBadRequest {
		h.status = status
		return
	}
	h.pass(status)
}

func (h *heldError) pass(status int) {
	h.passed = true
	h.passHeader()
	h.ResponseWriter.WriteHeader(status)
}

func (h *heldError) passHeader() { maps.Copy(h.ResponseWriter.Header(), h.header) }

func (h *heldError) Write(b []byte) (int, error) {
	if !h.passed && h.status == 0 {
		h.WriteHeader(http.StatusOK)
	}
	if h.passed {
		return h.ResponseWriter.Write(b)
	}
	return h.body.Write(b)
}

// again is whether the call may be answered anew: what was asked for as a
// fault stays, and so does an error of the emulator's own.
func (h *heldError) again() bool {
	return !h.passed && h.status != 0 && h.status < http.StatusInternalServerError &&
		(h.decision.Reason == nil || h.decision.Reason.Kind != decision.Injected)
}

// unverified says beside the answer that another replica may know better.
func (h *heldError) unverified(cause error) {
	if h.decision.Reason == nil {
		return
	}
	reason := *h.decision.Reason
	if reason.Hint != "" {
		reason.Hint += "; "
	}
	reason.Hint += "this replica answers from the state as it knew it last: " + cause.Error()
	h.decision.Reason = &reason
	h.header.Set(hint.ReasonHeader, h.decision.ReasonLine())
}

// release sends what was held back.
func (h *heldError) release() {
	if h.passed || h.status == 0 {
		return
	}
	h.pass(h.status)
	_, _ = h.ResponseWriter.Write(h.body.Bytes()) // the client is gone if this fails
}

// Unwrap lets http.ResponseController reach the connection.
func (h *heldError) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// countingBody tells whether anything of a request's body was read.
type countingBody struct {
	io.ReadCloser
	n int
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += n
	return n, err
}
