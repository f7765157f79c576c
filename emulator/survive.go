package emulator

import (
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/wire"
)

// survive turns a mistake of the emulator's own into an answer and a log line
// that carry the request's id: net/http would close the connection and log a
// stack that belongs to nobody.
func (e *Emulator) survive(w http.ResponseWriter, req *api.Request) {
	mistake := recover()
	if mistake == nil {
		return
	}
	if mistake == http.ErrAbortHandler {
		panic(mistake) // asked for: a fault that drops the connection
	}
	e.config.Logger.Error("a call panicked; please report it", "requestId", req.ID, "service", req.Service, "action", req.Action,
		"panic", fmt.Sprint(mistake), "stack", string(debug.Stack()))
	req.Decision.Outcome = decision.Failed
	req.Decision.Reason = &decision.Reason{Kind: decision.Internal, Message: "the emulator made a mistake; its log has more"}
	if answer, ok := w.(*reasonWriter); ok && answer.wrote { // too late for an answer
		req.Decision.Error = &decision.Error{Code: "InternalFailure", Message: "the connection was closed in the middle of the answer"}
		e.record(req)
		panic(http.ErrAbortHandler)
	}
	e.write(w, req, wire.Errorf(http.StatusInternalServerError, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure."))
}
