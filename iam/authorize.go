package iam

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
)

// Access is what a caller wants to do: one action on one resource.
type Access struct {
	// Action has its prefix: secretsmanager:GetSecretValue.
	Action string
	// Resource is an ARN, or "*" for actions that have none.
	Resource string
	// ResourceAccount owns the resource; empty means the caller's account.
	ResourceAccount string
	// ResourcePolicy is the policy on the resource; nil if it has none.
	ResourcePolicy *policy.Named
	// Trust is the role trust policy when the action is one of the STS's.
	Trust *policy.Named
	// Keys are the service's own condition keys, such as secretsmanager:SecretId.
	Keys policy.Context
}

// Authorize holds an access against every policy in force for the caller:
// identity policies, permissions boundary, session policies and the
// resource's own, and records the check in the request's decision. The
// administrator of an account (its root user) may do everything there.
func (req *Request) Authorize(a Access) policy.Decision {
	p := req.Principal
	ctx := req.ContextKeys()
	defer Recycle(ctx)
	for k, v := range a.Keys {
		ctx[k] = v
	}
	resourceAccount := a.ResourceAccount
	if resourceAccount == "" && p != nil {
		resourceAccount = p.Account
	}
	ctx.Set("aws:ResourceAccount", resourceAccount)
	sets := PoliciesOf(req.State, p)
	sets.Trust, sets.Resource, sets.ResourceAccount = a.Trust, a.ResourcePolicy, resourceAccount
	d := policy.Evaluate(sets, policy.Request{
		Action: a.Action, Resource: a.Resource, Principal: p.policyPrincipal(), Context: ctx,
	})
	req.Decision.Checks = append(req.Decision.Checks, decision.Check{Action: a.Action, Resource: a.Resource, Decision: d})
	return d
}

// PoliciesOf collects the policies that belong to a principal. A role or a
// user that is gone has none left.
func PoliciesOf(r state.Reader, p *Principal) policy.Policies {
	var sets policy.Policies
	if p == nil {
		return sets
	}
	sets.Session, sets.HasSession = p.SessionPolicies, p.HasSessionPolicies
	switch {
	case p.RoleID != "":
		if role, ok := state.Lookup[*Role](r, ByID, p.RoleID); ok {
			sets.Identity = appendPolicies(r, sets.Identity, &role.Permissions)
			sets.Boundary = managed(r, role.Boundary, policy.BoundaryPolicy)
		}
	case p.UserName != "":
		if user, ok := state.Get[*User](r, nameKey(p.Account, p.UserName)); ok {
			sets.Identity = appendPolicies(r, sets.Identity, &user.Permissions)
			sets.Boundary = managed(r, user.Boundary, policy.BoundaryPolicy)
			for _, name := range user.Groups {
				if group, ok := state.Get[*Group](r, nameKey(p.Account, name)); ok {
					sets.Identity = appendPolicies(r, sets.Identity, &group.Permissions)
				}
			}
		}
	}
	return sets
}

func appendPolicies(r state.Reader, to []policy.Named, from *Permissions) []policy.Named {
	for i := range from.Inline {
		to = append(to, policy.Named{Name: from.Inline[i].Name, Type: policy.IdentityPolicy, Document: from.Inline[i].Document.Parsed})
	}
	for _, arn := range from.Attached {
		if n := managed(r, arn, policy.IdentityPolicy); n != nil {
			to = append(to, *n)
		}
	}
	return to
}

// managed is the default version of a managed policy; nil for no ARN. A
// boundary whose policy is gone still bounds: to nothing.
func managed(r state.Reader, arn string, as policy.SourceType) *policy.Named {
	if arn == "" {
		return nil
	}
	n := &policy.Named{Name: arn, Type: as, Document: &policy.Document{}}
	if p, ok := PolicyByARN(r, arn); ok {
		n.Document = p.DefaultVersion().Document.Parsed
	}
	return n
}

// ContextKeys are the global condition keys of a call, those of the caller
// included (condition keys page of the IAM user guide). Their names are written
// in lower case, as contexts keep them: every call sets them, and none is copied.
// See [Recycle].
func (req *Request) ContextKeys() policy.Context {
	ctx := contexts.Get().(policy.Context)
	now := req.Now.UTC()
	ctx.Set("aws:currenttime", now.Format("2006-01-02T15:04:05Z"))
	ctx.Set("aws:epochtime", strconv.FormatInt(now.Unix(), 10))
	ctx.SetBool("aws:principalisawsservice", false)
	ctx.SetBool("aws:viaawsservice", false)
	if req.Region != "" {
		ctx.Set("aws:requestedregion", req.Region)
	}
	if r := req.HTTP; r != nil {
		setHTTPKeys(ctx, r)
	}
	if req.Principal != nil {
		req.Principal.setKeys(ctx, req.State)
	}
	return ctx
}

// contexts are maps that are used again: one with its two dozen keys is an eighth
// of what a call allocates.
var contexts = sync.Pool{New: func() any { return make(policy.Context, 24) }}

// Recycle takes back a context that nobody holds any more. What an evaluation
// returns holds values of it, and never the context.
func Recycle(ctx policy.Context) {
	clear(ctx)
	contexts.Put(ctx)
}

func setHTTPKeys(ctx policy.Context, r *http.Request) {
	ctx.SetBool("aws:securetransport", r.TLS != nil)
	if ua := r.UserAgent(); ua != "" {
		ctx.Set("aws:useragent", ua)
	}
	if referer := r.Referer(); referer != "" {
		ctx.Set("aws:referer", referer)
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		ctx.Set("aws:sourceip", host)
	}
}

func (p *Principal) setKeys(ctx policy.Context, r state.Reader) {
	ctx.Set("aws:principalaccount", p.Account)
	ctx.Set("aws:principaltype", string(p.Type))
	ctx.Set("aws:userid", p.UserID)
	switch p.Type {
	case AssumedRole:
		// The role's ARN with its path, not the session's.
		ctx.Set("aws:principalarn", p.RoleARN)
	default:
		ctx.Set("aws:principalarn", p.ARN)
	}
	if p.Type == IAMUser {
		ctx.Set("aws:username", p.UserName)
	}
	var tags []Tag
	if p.RoleID != "" {
		if role, ok := state.Lookup[*Role](r, ByID, p.RoleID); ok {
			tags = role.Tags
		}
	} else if p.UserName != "" {
		if user, ok := state.Get[*User](r, nameKey(p.Account, p.UserName)); ok {
			tags = user.Tags
		}
	}
	for _, t := range tags {
		ctx.Set("aws:PrincipalTag/"+t.Key, t.Value)
	}
	for _, t := range p.SessionTags { // override the role's of the same key
		ctx.Set("aws:PrincipalTag/"+t.Key, t.Value)
	}
	if !p.Temporary {
		return
	}
	ctx.Set("aws:tokenissuetime", p.Issued.UTC().Format("2006-01-02T15:04:05Z"))
	if p.SourceIdentity != "" {
		ctx.Set("aws:sourceidentity", p.SourceIdentity)
	}
	if p.FederatedProvider != "" {
		ctx.Set("aws:federatedprovider", p.FederatedProvider)
	}
	for key, values := range p.SessionKeys {
		if strings.HasSuffix(key, ":amr") {
			ctx.SetMulti(key, values)
		} else if len(values) > 0 {
			ctx.Set(key, values[0])
		}
	}
}
