// Package services holds what the services that prove a session's rights have
// in common: the words of a refusal and the record of it. Each service is a
// package of its own beside this file and asks [api.Request.Authorize] before
// it does anything.
//
// It is not a framework: every service reads and writes its own protocol and
// words its own errors.
package services

import (
	"errors"
	"net/http"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Failure is an answer that is an error, with the reason that AWS does not give.
type Failure struct {
	Wire   *wire.Error
	Reason *decision.Reason
	// Cause is an error of the emulator itself (a store that cannot be reached); nil for mistakes of callers.
	Cause error
}

// Error is the code and the message that the client sees.
func (f *Failure) Error() string { return f.Wire.Error() }

// Unwrap is the cause.
func (f *Failure) Unwrap() error { return f.Cause }

// Fail makes a Failure that is the caller's mistake: a bad parameter, a missing or conflicting entity.
func Fail(status int, code, format string, args ...any) *Failure {
	e := wire.Errorf(status, code, format, args...)
	return &Failure{Wire: e, Reason: &decision.Reason{Kind: decision.Parameter, Message: e.Message}}
}

// WithHint adds what to write instead.
func (f *Failure) WithHint(hint string) *Failure {
	f.Reason.Hint = hint
	return f
}

// Unsupported refuses an action that AWS has and the emulator has not. It is
// never answered as if it had been done.
func Unsupported(service, action string) *Failure {
	e := wire.Errorf(http.StatusNotImplemented, "NotImplemented", "irsa-emu does not implement %s:%s.", service, action)
	return &Failure{Wire: e, Reason: &decision.Reason{Kind: decision.Unsupported, Message: e.Message}}
}

// Denied makes the Failure of a call that its policies do not allow. The
// message is the service's own; a nil principal, an anonymous caller, has one too.
func Denied(d policy.Decision, e *wire.Error) *Failure {
	r := &decision.Reason{Kind: decision.Policy, Message: d.Reason}
	if len(d.Hints) > 0 {
		r.Advise(d.Hints[0].Hint)
	}
	return &Failure{Wire: e, Reason: r}
}

// DenialText is AWS's sentence for a denied call. The resource is left out
// when it is empty.
func DenialText(p *api.Principal, d policy.Decision, action, resource string) string {
	caller := "anonymous"
	if p != nil {
		caller = p.ARN
	}
	text := "User: " + caller + " is not authorized to perform: " + action
	if resource != "" {
		text += " on resource: " + resource
	}
	return text + policy.DeniedText(d, action)
}

// Unavailable is AWS's common code for what a later try may do.
const Unavailable = "ServiceUnavailable"

// AsFailure turns any error of a handler into a Failure. What is not one is
// the emulator's own: internal is the service's code for it.
func AsFailure(err error, internal string) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	var w *wire.Error
	if errors.As(err, &w) {
		message := w.Reason
		if message == "" {
			message = w.Message
		}
		return &Failure{Wire: w, Reason: &decision.Reason{Kind: decision.Parameter, Message: message}}
	}
	e, kind := wire.Errorf(http.StatusInternalServerError, internal, "An internal error occurred."), internal
	if state.Unavailable(err) {
		e, kind = wire.Errorf(http.StatusServiceUnavailable, Unavailable, "The request has failed due to a temporary failure of the server."), decision.Unavailable
	}
	return &Failure{Wire: e, Reason: &decision.Reason{Kind: kind, Message: err.Error()}, Cause: err}
}

// Record writes a Failure into the decision of its call.
func Record(req *api.Request, f *Failure) {
	d := req.Decision
	d.Error = &decision.Error{Code: f.Wire.Code, Message: f.Wire.Message, Status: f.Wire.Status}
	d.Reason = f.Reason
	d.Outcome = decision.Failed
	if f.Reason != nil && f.Reason.Kind == decision.Policy {
		d.Outcome = decision.Refused
	}
}
