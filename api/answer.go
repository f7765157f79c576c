package api

import (
	"net/http"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Answer answers a call that was routed and authenticated: the service does, or
// else the error that it gives is the answer, which is returned.
func Answer(s Service, w http.ResponseWriter, req *Request) *Refusal {
	d := s.Describe()
	err := d.admit(req)
	if err == nil {
		err = s.Serve(w, req)
	}
	if err == nil {
		return nil
	}
	return d.Refuse(w, req, err)
}

// admit refuses what is no business of the service's: an action that its API or
// that the emulator does not have, a call that should be signed. AWS looks for
// the operation first: an unsigned call of an unknown one is InvalidAction.
func (d *Description) admit(req *Request) error {
	served, known := d.Actions[req.Action]
	switch {
	case d.Actions != nil && !known, d.Version != "" && req.Version != d.Version:
		return d.Protocol.UnknownAction(req.Call)
	case req.Principal == nil && !d.Anonymous && !d.IsUnsigned(req.Action):
		return wire.MissingAuthentication()
	case known && !served:
		return Unsupported(d.Name, req.Action)
	}
	return nil
}

// Refuse answers a call with an error, in the service's protocol, and notes it
// in the decision.
func (d *Description) Refuse(w http.ResponseWriter, req *Request, err error) *Refusal {
	r := RefusalOf(d, err)
	r.note(req.Decision)
	d.Protocol.WriteError(w, req.Call, r.Wire)
	return r
}

// note writes the refusal into a decision.
func (r *Refusal) note(d *decision.Decision) {
	reason := r.Reason
	d.Error = r.Answer()
	d.Reason = &reason
	if d.Outcome = r.Outcome; d.Outcome == "" {
		d.Outcome = outcomeOf(r, d)
	}
}

// outcomeOf tells a call that was not let through from one that failed.
func outcomeOf(r *Refusal, d *decision.Decision) decision.Outcome {
	switch r.Reason.Kind {
	case decision.Policy, decision.TrustPolicy, decision.RoleNotFound, decision.ProviderNotFound, decision.RolesClaim:
		return decision.Refused
	}
	if r.Wire.Status == http.StatusForbidden || r.Wire.Status == http.StatusUnauthorized || d.Token != nil {
		return decision.Refused
	}
	return decision.Failed
}
