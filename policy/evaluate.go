package policy

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Evaluate decides a request. With Policies.Trust it decides whether the role
// may be assumed, otherwise whether an action may be done on a resource. It
// judges everything: a Deny in the first statement leaves no later one out.
func Evaluate(p Policies, r Request) Decision {
	e := evaluation{policies: p, request: r, keys: r.keys(), action: strings.ToLower(r.Action), resource: newRequested(r.Resource)}
	e.decision = Decision{Action: r.Action, Resource: r.Resource, Caller: r.Principal}
	e.run()
	d := e.decision
	d.Allowed = d.Outcome == Allowed
	if !d.Allowed {
		d.Hints = hintsFor(p, r, d)
	}
	return d
}

// hintsFor takes copies, so that what Evaluate has of a call that is allowed stays on the stack.
func hintsFor(p Policies, r Request, d Decision) []Hint { return findHints(&p, &r, &d) }

// evaluation is the state of one Evaluate.
type evaluation struct {
	policies Policies // values: pointers to them would not stay on the stack
	request  Request
	keys     Keys   // the request's
	action   string // lower case
	resource requested
	decision Decision

	denied *PolicyResult // the first explicit deny, in the order of the gates
}

// side is what all policies of one type say together.
type side struct {
	allows bool
	grant  grant // the closest naming of an allowing statement with a principal
}

func (e *evaluation) run() {
	p := &e.policies
	e.decision.Policies = make([]PolicyResult, 0, p.count()) // never grows: results are pointed to
	// The order is that of AWS's gates; it decides which policy a refusal names.
	var named, identity, boundary, session side
	if p.Trust != nil {
		named = e.judge(p.Trust, TrustPolicy)
	} else if p.Resource != nil {
		named = e.judge(p.Resource, ResourcePolicy)
	}
	for i := range p.Identity {
		identity.allows = e.judge(&p.Identity[i], IdentityPolicy).allows || identity.allows
	}
	boundary.allows = true
	if p.Boundary != nil {
		boundary = e.judge(p.Boundary, BoundaryPolicy)
	}
	session.allows = !p.HasSession && len(p.Session) == 0
	for i := range p.Session {
		session.allows = e.judge(&p.Session[i], SessionPolicy).allows || session.allows
	}
	if e.request.Principal.Root {
		identity.allows = true // the account root may do everything by default
	}
	if e.denied != nil {
		e.decision.Outcome, e.decision.By, e.decision.ByName = ExplicitDeny, e.denied.Type, e.denied.Name
		e.decision.Reason = "a Deny statement applies"
		return
	}
	switch {
	case p.Trust != nil:
		e.delegated(named, TrustPolicy, identity, boundary, session)
	case p.ResourceDecides:
		e.delegated(named, ResourcePolicy, identity, boundary, session)
	default:
		e.access(named, identity, boundary, session)
	}
}

// count is of how many policies there will be a result.
func (p *Policies) count() int {
	n := len(p.Identity) + len(p.Session)
	if p.Trust != nil || p.Resource != nil {
		n++
	}
	if p.Boundary != nil {
		n++
	}
	return n
}

// judge evaluates one policy and appends its result.
func (e *evaluation) judge(n *Named, t SourceType) side {
	doc := n.Document
	e.decision.Policies = append(e.decision.Policies, PolicyResult{Type: t, Name: n.Name, Outcome: ImplicitDeny})
	r := &e.decision.Policies[len(e.decision.Policies)-1]
	s := side{}
	if doc == nil {
		return s
	}
	r.Statements = make([]StatementResult, len(doc.Statements))
	conditions := make([]ConditionResult, 0, doc.conditions)
	for i := range doc.Statements {
		st, sr := &doc.Statements[i], &r.Statements[i]
		sr.Index = i
		g, next := e.statement(st, sr, t, conditions)
		conditions = next
		switch {
		case !sr.Applies:
		case st.Effect == "Deny":
			r.Outcome = ExplicitDeny
		default:
			s.allows, s.grant = true, max(s.grant, g)
			if r.Outcome == ImplicitDeny {
				r.Outcome = Allowed
			}
		}
	}
	if r.Outcome == ExplicitDeny && e.denied == nil {
		e.denied = r
	}
	return s
}

// statement fills sr; conditions is the space shared by the policy's statements.
func (e *evaluation) statement(st *Statement, sr *StatementResult, t SourceType, conditions []ConditionResult) (grant, []ConditionResult) {
	sr.Sid, sr.Effect, sr.Start, sr.End = st.Sid, st.Effect, st.Start, st.End
	sr.Actions, sr.Resources, sr.Principals = st.Actions, st.Resources, st.Principals

	sr.ActionMatch = st.Actions.Not
	for i := range st.actions {
		if st.actions[i].match(e.action) {
			sr.ActionMatch = !st.Actions.Not
			break
		}
	}
	// A trust policy has no Resource: it is about its role.
	sr.ResourceMatch = st.resources == nil && t == TrustPolicy || st.Resources.Not
	for i := range st.resources {
		if st.resources[i].match(&e.resource, e.keys) {
			sr.ResourceMatch = !st.Resources.Not
			break
		}
	}
	g := noGrant
	if st.principal != nil {
		g = st.principal.match(&e.request.Principal, st.Effect == "Deny")
		sr.PrincipalMatch = g != noGrant
	} else {
		sr.PrincipalMatch = t != TrustPolicy && t != ResourcePolicy
	}
	first := len(conditions)
	met := true
	for i := range st.Conditions {
		conditions = append(conditions, st.Conditions[i].evaluate(e.keys))
		met = conditions[len(conditions)-1].Met && met
	}
	if len(conditions) > first {
		sr.Conditions = conditions[first:len(conditions):len(conditions)]
	}
	sr.Applies = sr.ActionMatch && sr.ResourceMatch && sr.PrincipalMatch && met
	return g, conditions
}

func (e *evaluation) allow(reason string) {
	e.decision.Outcome, e.decision.Reason = Allowed, reason
}

func (e *evaluation) refuse(by SourceType, reason string) {
	e.decision.Outcome, e.decision.By, e.decision.Reason = ImplicitDeny, by, reason
}

// delegated decides where identity policies count only if the resource's own
// policy says so: an AssumeRole* call, the use of a KMS key. There is no explicit deny.
func (e *evaluation) delegated(named side, by SourceType, identity, boundary, session side) {
	caller := &e.request.Principal
	text := delegatedTexts[by]
	switch {
	case !named.allows:
		e.refuse(by, text.none)
	case caller.ARN == "":
		// Web identities and services have no identity policies.
		e.allow(text.allows)
	case e.crossAccount():
		e.limited(identity, boundary, session, text.both)
	case named.grant == byAccount:
		e.limited(identity, boundary, session, text.delegates)
	case named.grant == byRole:
		// The guide: a grant to a role is limited by boundary and session policy,
		// not by the lack of an identity policy.
		e.limited(side{allows: true}, boundary, session, text.role)
	default:
		e.allow(text.caller)
	}
}

// delegatedTexts are what is said of either kind of policy.
var delegatedTexts = map[SourceType]struct{ none, allows, both, delegates, role, caller string }{
	TrustPolicy: {
		"no statement of the trust policy allows it", "the trust policy allows it", "the trust policy and the caller's account allow it",
		"the trust policy delegates to the account and an identity policy allows it", "the trust policy names the caller's role", "the trust policy names the caller",
	},
	ResourcePolicy: {
		"no statement of the key policy allows it", "the key policy allows it", "the key policy and the caller's account allow it",
		"the key policy delegates to the account and an identity policy allows it", "the key policy names the caller's role", "the key policy names the caller",
	},
}

// access decides any other call without an explicit deny.
func (e *evaluation) access(resource, identity, boundary, session side) {
	caller := &e.request.Principal
	switch {
	case caller.ARN == "":
		// Anonymous callers and services have no identity policies.
		if resource.allows {
			e.allow("the resource policy allows it")
		} else {
			e.refuse(ResourcePolicy, "no resource policy allows it")
		}
	case e.crossAccount():
		if !resource.allows {
			e.refuse(ResourcePolicy, "the resource belongs to another account and no resource policy allows it")
			return
		}
		e.limited(identity, boundary, session, "the resource policy and the caller's account allow it")
	case resource.allows && resource.grant == byName:
		e.allow("the resource policy names the caller")
	case resource.allows && resource.grant == byRole:
		e.limited(side{allows: true}, boundary, session, "the resource policy names the caller's role")
	case caller.Root:
		e.limited(identity, boundary, session, "the account root may do everything")
	default:
		e.limited(identity, boundary, session, "an identity policy allows it")
	}
}

// limited requires the caller's own side: identity policies, then the boundary,
// then session policies.
func (e *evaluation) limited(identity, boundary, session side, reason string) {
	switch {
	case !identity.allows:
		e.refuse(IdentityPolicy, "no identity policy allows it")
	case !boundary.allows:
		e.refuse(BoundaryPolicy, "the permissions boundary does not allow it")
	case !session.allows:
		e.refuse(SessionPolicy, "no session policy allows it")
	default:
		e.allow(reason)
	}
}

// crossAccount says whether caller and resource belong to different accounts.
func (e *evaluation) crossAccount() bool {
	owner := e.policies.ResourceAccount
	if owner == "" && e.resource.isARN {
		owner = e.resource.parts[4]
	}
	caller := e.request.Principal.Account
	return aws.IsAccount(owner) && caller != "" && owner != caller
}
