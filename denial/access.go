package denial

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
)

// sessionRole is the role of the caller's session, with its path; "" when the
// caller is no role.
func (e *Event) sessionRole() string {
	if i := e.UserIdentity.SessionContext.SessionIssuer; isRole(i.ARN) {
		return i.ARN
	}
	return ""
}

func isRole(arn string) bool {
	parsed, err := aws.ParseARN(arn)
	_, is := parsed.Role()
	return err == nil && is
}

// principal is the caller as policies see it.
func (e *Event) principal() policy.Principal {
	u := &e.UserIdentity
	p := policy.Principal{Account: u.AccountID, ARN: u.ARN, RoleARN: e.sessionRole(), UniqueID: u.PrincipalID, Root: u.Type == "Root"}
	if u.Type == "AWSService" || u.ARN == "" && u.InvokedBy != "" {
		return policy.Principal{Service: u.InvokedBy}
	}
	if p.Account == "" {
		p.Account = aws.AccountIn(u.ARN)
	}
	return p
}

// callerKeys are the keys of a signed call. Unknown tells all others that a
// service may set: only what the event shows, or rules out, is known.
func (e *Event) callerKeys() (policy.Context, func(string) bool) {
	ctx := policy.Context{}
	e.network(ctx)
	p := e.principal()
	ctx.Set("aws:PrincipalAccount", p.Account)
	ctx.Set("aws:PrincipalArn", cmp.Or(p.RoleARN, p.ARN))
	ctx.Set("aws:userid", e.UserIdentity.PrincipalID)
	if e.UserIdentity.Type == "IAMUser" {
		ctx.Set("aws:username", e.UserIdentity.UserName)
	}
	// Of federated identities records say false, and requests nothing (IAM user guide, aws:MultiFactorAuthPresent).
	federated := e.UserIdentity.SessionContext.WebIDFederationData.FederatedProvider != "" || e.UserIdentity.Type == "FederatedUser"
	if mfa := e.UserIdentity.SessionContext.Attributes.MFAAuthenticated; mfa != "" && !federated {
		ctx.Set("aws:MultiFactorAuthPresent", mfa)
	}
	if id := e.UserIdentity.SessionContext.SourceIdentity; id != "" {
		ctx.Set("aws:SourceIdentity", id)
	}
	if provider := e.UserIdentity.SessionContext.WebIDFederationData.FederatedProvider; provider != "" {
		ctx.Set("aws:FederatedProvider", provider)
	}
	return ctx, func(key string) bool {
		_, known := ctx.Get(key)
		switch {
		case strings.EqualFold(key, "aws:username"):
			return !known && e.UserIdentity.Type != "AssumedRole"
		case strings.EqualFold(key, "aws:MultiFactorAuthPresent"):
			return !known && !federated
		}
		return !known
	}
}

// side is what the policies of one kind say.
type side struct {
	name   string // of its policies, where two sides must both allow
	answer policy.Answer
	why    string
}

// assumeRole answers for AssumeRole: the role's trust policy and the caller's own.
func (x *Explainer) assumeRole(e *Event, out *Explanation) {
	target := e.role()
	out.Resource = target
	ctx, unknown := e.callerKeys()
	if id := e.parameter("externalId"); id != "" {
		ctx.Set("sts:ExternalId", id)
	}
	ctx.Set("sts:RoleSessionName", e.parameter("roleSessionName"))
	open := func(key string) bool {
		if e.parameters != nil && strings.EqualFold(key, "sts:ExternalId") {
			return false // the parameters are there, and it is not among them
		}
		if e.parameters == nil && strings.EqualFold(key, "sts:RoleSessionName") {
			return true
		}
		return unknown(key)
	}
	action := "sts:AssumeRole"
	if said := e.action(); said == "sts:TagSession" || said == "sts:SetSourceIdentity" { // what of the call was refused
		action = said
	}
	request := policy.Request{Action: action, Resource: target, Principal: e.principal(), Context: ctx}
	r := x.roleOf(target)
	trust := side{answer: policy.Unknown, why: "the role " + target + " is in none of the sources"}
	if r != nil {
		d := policy.Evaluate(policy.Policies{Trust: &r.Trust, ResourceAccount: r.Account}, request)
		// Of the trust policy alone: whether the caller's own allows it is the other side.
		own := policy.Decision{Policies: d.Policies[:1], Hints: d.Hints, Caller: d.Caller}
		trust.answer = x.decide(out, own, x.placeIn(r), open)
		trust.why = "the trust policy of " + r.ARN + " refuses the caller: " + whyNot(own, open)
		if trust.answer == policy.Unknown {
			trust.why = "the trust policy hangs on " + strings.Join(out.Missing, " and ")
		}
	}
	caller := x.callerSide(e, out, request, open)
	if r != nil && trust.answer == policy.Yes && x.namedItself(r, request) {
		caller.answer = policy.Yes // a trust policy that names the role needs no other
	}
	trust.name, caller.name = "the role's trust policy", "the caller's own policies"
	x.settleBoth(e, out, trust, caller)
	if e.parameters == nil && slices.Contains(out.Missing, "sts:ExternalId") {
		out.Next = append(out.Next, "the event has no requestParameters, so the external id is not known: it is likely missing or another one")
	}
}

// namedItself says whether a trust policy names the caller's role in its own
// account, which needs no policy of the caller's.
func (x *Explainer) namedItself(r *prove.Role, request policy.Request) bool {
	return r.Account == request.Principal.Account && policy.Evaluate(policy.Policies{Trust: &r.Trust, ResourceAccount: r.Account}, request).Allowed
}

// callerSide is what the caller's identity policies and boundary say.
func (x *Explainer) callerSide(e *Event, out *Explanation, request policy.Request, unknown func(string) bool) side {
	if request.Principal.Service != "" || request.Principal.Root {
		return side{answer: policy.Yes}
	}
	caller := x.roleOf(e.sessionRole())
	if caller == nil {
		return side{answer: policy.Unknown, why: "the policies of " + e.caller() + " are in none of the sources"}
	}
	answer := policy.No
	for i := range caller.Identity {
		d := policy.Evaluate(policy.Policies{Identity: caller.Identity[i : i+1]}, request)
		for _, s := range d.Policies[0].Statements {
			if s.Effect == "Deny" && s.Applies {
				out.Statements = append(out.Statements, Statement{Policy: caller.Identity[i].Name, Index: s.Index, Effect: "Deny", Answer: policy.No})
				return side{answer: policy.No, why: "the policy " + caller.Identity[i].Name + " of " + caller.ARN + " denies it"}
			}
		}
		switch a, open := policy.Partly(d, unknown); {
		case a == policy.Yes:
			answer = policy.Yes
		case a == policy.Unknown && answer == policy.No:
			answer = policy.Unknown
			for _, o := range open {
				out.Missing = append(out.Missing, o.Key)
				out.Statements = append(out.Statements, Statement{Policy: o.Policy, Index: o.Statement, Effect: o.Effect, Operator: o.Operator, Key: o.Key, Want: o.Want, Answer: policy.Unknown})
			}
		}
	}
	if caller.Boundary != nil {
		d := policy.Evaluate(policy.Policies{Identity: []policy.Named{*caller.Boundary}}, request)
		if a, _ := policy.Partly(d, unknown); a == policy.No {
			return side{answer: policy.No, why: "the permissions boundary " + caller.Boundary.Name + " of " + caller.ARN + " does not allow it"}
		}
	}
	switch {
	case answer == policy.No && len(caller.Unread) > 0:
		return side{answer: policy.Unknown, why: "the policies " + strings.Join(caller.Unread, ", ") + " of " + caller.ARN + " are in none of the sources"}
	case answer == policy.No:
		return side{answer: policy.No, why: fmt.Sprintf("no identity-based policy of %s allows %s on %s", caller.ARN, request.Action, request.Resource)}
	case answer == policy.Unknown:
		return side{answer: policy.Unknown, why: "a policy of " + caller.ARN + " hangs on " + strings.Join(out.Missing, " and ")}
	}
	return side{answer: policy.Yes}
}

// settleBoth joins two sides that must both allow.
func (x *Explainer) settleBoth(e *Event, out *Explanation, a, b side) {
	for _, s := range [][2]side{{a, b}, {b, a}} {
		one, other := s[0], s[1]
		if one.answer != policy.No {
			continue
		}
		why := one.why
		if other.answer == policy.Unknown {
			why += "; and, unseen, " + other.name + ": " + other.why
		}
		out.settle(Explained, why)
		return
	}
	var open []string
	for _, s := range []side{a, b} {
		if s.answer == policy.Unknown {
			open = append(open, s.why)
		}
	}
	if len(open) > 0 {
		out.settle(Undecided, strings.Join(open, "; "))
		return
	}
	out.contradict("both "+a.name+" and "+b.name+" in the sources allow the call", e, "a principal that was deleted and made anew has another unique id, which a stored trust policy does not follow")
}

var sessionPolicy = lazyregexp.New(`(?i)session policy`)

// access answers for a signed call of any other service.
func (x *Explainer) access(e *Event, out *Explanation) {
	if !slices.ContainsFunc([]string{"AccessDenied", "Unauthorized", "NotAuthorized", "AuthorizationError", "Forbidden"}, func(s string) bool { return strings.Contains(e.ErrorCode, s) }) {
		out.settle(Elsewhere, "the call failed, but no policy refused it: "+e.ErrorCode)
		return
	}
	_, _, by := e.said()
	if sessionPolicy.MatchString(by) {
		out.settle(Elsewhere, "the event says that a session policy decides; it was passed when the session was opened (the policy or policyArns of the AssumeRole event, or of the Pod Identity association)")
		return
	}
	ctx, unknown := e.callerKeys()
	request := policy.Request{Action: out.Action, Resource: out.Resource, Principal: e.principal(), Context: ctx}
	if own, _, _ := strings.Cut(e.EventSource, "."); !strings.EqualFold(out.Action, own+":"+e.EventName) && e.EventName != "" {
		out.Next = append(out.Next, fmt.Sprintf("the call %s also needs %s, which is what was refused", e.EventName, out.Action))
	}
	if e.EventName == "GetObject" && out.Action == "s3:ListBucket" || e.EventName == "HeadObject" && out.Action == "s3:ListBucket" {
		out.Next = append(out.Next, fmt.Sprintf("the object %s does not exist: to a caller without s3:ListBucket S3 answers 403 in place of 404; look at the key, or allow s3:ListBucket on the bucket", e.parameter("key")))
	}
	caller := x.callerSide(e, out, request, unknown)
	resource := x.resourceSide(e, out, request, unknown)
	switch {
	case caller.answer == policy.No && resource.answer != policy.Yes:
		out.settle(Explained, caller.why)
	case resource.answer == policy.No:
		out.settle(Explained, resource.why)
	case caller.answer == policy.Unknown:
		out.settle(Undecided, caller.why)
	case resource.answer == policy.Unknown:
		out.settle(Undecided, resource.why)
	default:
		out.contradict("the policies in the sources allow the call", e)
	}
}

// resourceSide is what a resource's policy says. No policy is no answer of its
// own: within an account the caller's decide.
func (x *Explainer) resourceSide(e *Event, out *Explanation, request policy.Request, unknown func(string) bool) side {
	cross := aws.AccountIn(request.Resource) != "" && aws.AccountIn(request.Resource) != request.Principal.Account
	for i := range x.model.Resources {
		rp := &x.model.Resources[i]
		if !slices.ContainsFunc(rp.ARNs, func(pattern string) bool { return like(request.Resource, pattern) }) {
			continue
		}
		d := policy.Evaluate(policy.Policies{Resource: &rp.Policy, ResourceAccount: rp.Account}, request)
		for _, s := range d.Policies[0].Statements {
			if s.Effect == "Deny" && s.Applies {
				out.Statements = append(out.Statements, Statement{Policy: rp.Policy.Name, Index: s.Index, Effect: "Deny", Answer: policy.No})
				return side{answer: policy.No, why: "the policy of the resource denies it: statement " + fmt.Sprint(s.Index+1) + " of " + rp.Policy.Name}
			}
		}
		answer, _ := policy.Partly(policy.Decision{Policies: d.Policies[:1]}, unknown)
		if answer == policy.Yes {
			return side{answer: policy.Yes}
		}
		if cross {
			return side{answer: answer, why: "the resource is of another account, and its policy does not allow the caller"}
		}
	}
	if cross {
		return side{answer: policy.Unknown, why: "the resource is of another account, and its policy is in none of the sources"}
	}
	return side{}
}

// like matches an ARN with * and ? in a pattern of ours.
func like(text, pattern string) bool {
	quoted := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile(`^` + quoted + `$`).MatchString(text)
}
