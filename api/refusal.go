package api

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Refusal is a call that is answered with an error: what AWS says, and why.
type Refusal struct {
	// Wire is the answer.
	Wire *wire.Error
	// Reason is what AWS does not say.
	Reason decision.Reason
	// Outcome tells a call that was not let through from one that could not be
	// answered. Empty: the kind of the reason and the status say it.
	Outcome decision.Outcome
	// Cause is an error of the emulator itself, such as a store that cannot be
	// reached; nil for mistakes of callers.
	Cause error
}

// Error is the code and the message that the client sees.
func (r *Refusal) Error() string { return r.Wire.Error() }

// Unwrap is the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// Refuse makes a Refusal of a kind of reason; what it says is AWS's message
// until [Refusal.Because].
func Refuse(kind string, answer *wire.Error) *Refusal {
	return &Refusal{Wire: answer, Reason: decision.Reason{Kind: kind, Message: answer.Message}}
}

// Fail makes a Refusal that is the caller's mistake: a bad parameter, a missing
// or conflicting entity.
func Fail(status int, code, format string, args ...any) *Refusal {
	return Refuse(decision.Parameter, wire.Errorf(status, code, format, args...))
}

// Unsupported refuses an action that AWS has and the emulator has not. It is
// never answered as if it had been done.
func Unsupported(service, action string) *Refusal {
	return Refuse(decision.Unsupported, wire.Errorf(http.StatusNotImplemented, "NotImplemented", "irsa-emu does not implement %s:%s.", service, action))
}

// Denied refuses a call that its policies do not allow. The answer is worded by
// the service; see [DenialText].
func Denied(d policy.Decision, answer *wire.Error) *Refusal {
	return Refuse(decision.Policy, answer).Explain(d)
}

// Broken makes a Refusal of a mistake of the emulator itself, which the service
// words; see [RefusalOf].
func Broken(err error) *Refusal { return mistake(&Description{}, err) }

func mistake(d *Description, err error) *Refusal {
	kind, answer := decision.Internal, d.internal()
	if state.Unavailable(err) {
		kind, answer = decision.Unavailable, d.unavailable()
	}
	r := Refuse(kind, answer)
	r.Reason.Message, r.Outcome, r.Cause = err.Error(), decision.Failed, err
	return r
}

// DenialText is AWS's sentence for a denied call. The resource is left out when
// it is empty; a nil principal is an anonymous caller.
func DenialText(p *Principal, d policy.Decision, action, resource string) string {
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

// Because says what AWS does not.
func (r *Refusal) Because(format string, args ...any) *Refusal {
	r.Reason.Message = fmt.Sprintf(format, args...)
	return r
}

// WithHint adds what to do instead, in words.
func (r *Refusal) WithHint(text string) *Refusal {
	r.Reason.Hint = text
	return r
}

// Advise adds a hint for a known mistake.
func (r *Refusal) Advise(h hint.Hint) *Refusal {
	r.Reason.Advise(h)
	return r
}

// Explain takes the reason and the first hint of a decision on policies.
func (r *Refusal) Explain(d policy.Decision) *Refusal {
	if d.Reason != "" {
		r.Reason.Message = d.Reason
	}
	for _, h := range d.Hints {
		if h.Message != "" {
			return r.Advise(h.Hint)
		}
	}
	return r
}

// Answer is the refusal as the client sees it.
func (r *Refusal) Answer() *decision.Error {
	return &decision.Error{Code: r.Wire.Code, Message: r.Wire.Message, Status: r.Wire.Status}
}

// Text is AWS's words with what AWS does not say.
func (r *Refusal) Text() string {
	text := r.Wire.Code + ": " + r.Wire.Message
	if r.Reason.Message != r.Wire.Message {
		text += " (" + r.Reason.Message + ")"
	}
	return hint.Sentence(text, r.Reason.Advice())
}

// RefusalOf is any error of a call as the service answers it: the one place
// where errors become answers.
func RefusalOf(d *Description, err error) *Refusal {
	var known *Refusal
	if errors.As(err, &known) {
		if known.Cause == nil {
			return known
		}
		return mistake(d, known.Cause)
	}
	var auth *wire.AuthError
	if errors.As(err, &auth) {
		r := Refuse(string(auth.Kind), d.Protocol.AuthError(auth)).WithHint(auth.Hint)
		r.Outcome = decision.Refused
		return r
	}
	var answer *wire.Error
	if errors.As(err, &answer) {
		r := Refuse(kindOf(answer), answer)
		if answer.Reason != "" {
			r.Reason.Message = answer.Reason
		}
		return r
	}
	return mistake(d, err)
}

func kindOf(answer *wire.Error) string {
	switch answer.Code {
	case "NotImplemented", "InvalidAction", "UnknownOperationException":
		return decision.Unsupported
	}
	return decision.Parameter
}

// internal and unavailable are copies, since answers may be added to. Their
// defaults are AWS's common errors (API references of STS and others, "Common
// Errors").
func (d *Description) internal() *wire.Error {
	if answer := d.Internal; answer.Code != "" {
		return &answer
	}
	return wire.Errorf(http.StatusInternalServerError, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.")
}

func (d *Description) unavailable() *wire.Error {
	if answer := d.Unavailable; answer.Code != "" {
		return &answer
	}
	return wire.Errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
}
