package api

import (
	"time"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Request is one call on an AWS API with all that a service needs to answer
// it: what the client sent, who signed it, one snapshot of the state that no
// later change touches, and the decision that the call fills.
type Request struct {
	*wire.Call
	// Principal is nil for a call that is not signed.
	Principal *Principal
	State     *state.Snapshot
	Now       time.Time
	// PoliciesOf collects the policies that belong to a principal: identity
	// policies, permissions boundary and session policies. It is iam.PoliciesOf;
	// nil makes calls that no policy belongs to.
	PoliciesOf PoliciesOf
	// OrganizationOf is iam.OrganizationOf; nil knows of none.
	OrganizationOf OrganizationOf
	// Decision is filled by whoever knows: the service its checks, its reason
	// and resource, the dispatcher the outcome and the error on the wire.
	Decision *decision.Decision
	// LongestSession ends the session that the call issues earlier than it would end;
	// zero does not.
	LongestSession time.Duration
	// InvokedBy is the service principal that makes the call, for its own ends or
	// with a session that it holds; empty: a client does.
	InvokedBy string
	// Made are the calls on other services that this one made, in order, each with
	// a decision of its own; they are recorded after it.
	Made []*Request
}

// OrganizationOf is the id of the organisation that an account is in, and the
// account's path in it; "" for one that is in none.
type OrganizationOf func(r state.Reader, account string) (id, path string)

// PoliciesOf collects the policies that belong to a principal, which may be nil.
type PoliciesOf func(state.Reader, *Principal) policy.Policies
