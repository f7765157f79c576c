package api

import (
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// ContextKeys are the global condition keys of a call, those of the caller
// included (condition keys page of the IAM user guide). Their names are written
// in lower case, as contexts keep them: every call sets them, and none is copied.
func (req *Request) ContextKeys() policy.Context {
	ctx := make(policy.Context, 24)
	now := req.Now.UTC()
	ctx.Set("aws:currenttime", now.Format(aws.TimeLayout))
	ctx.Set("aws:epochtime", strconv.FormatInt(now.Unix(), 10))
	ctx.SetBool("aws:principalisawsservice", false)
	ctx.SetBool("aws:viaawsservice", false)
	if req.Region != "" {
		ctx.Set("aws:requestedregion", req.Region)
	}
	if r := req.HTTP; r != nil {
		setHTTPKeys(ctx, r)
	} else if req.InvokedBy != "" { // services ask each other by HTTPS, from no address of the caller's
		ctx.SetBool("aws:securetransport", true)
	}
	if req.Principal != nil {
		req.Principal.setKeys(ctx)
		req.setOrganization(ctx, "aws:principalorg", req.Principal.Account)
	}
	return ctx
}

// setOrganization sets the keys of an account's organisation, which begin with
// aws:principalorg or aws:resourceorg.
func (req *Request) setOrganization(ctx policy.Context, prefix, account string) {
	if req.OrganizationOf == nil {
		return
	}
	id, path := req.OrganizationOf(req.State, account)
	if id != "" {
		ctx.Set(prefix+"id", id)
	}
	if path != "" {
		ctx.SetMulti(prefix+"paths", []string{path})
	}
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

func (p *Principal) setKeys(ctx policy.Context) {
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
	for _, t := range p.Tags {
		ctx.Set("aws:PrincipalTag/"+t.Key, t.Value)
	}
	for _, t := range p.SessionTags { // override the role's of the same key
		ctx.Set("aws:PrincipalTag/"+t.Key, t.Value)
	}
	if !p.Temporary {
		return
	}
	ctx.Set("aws:tokenissuetime", p.Issued.UTC().Format(aws.TimeLayout))
	if p.SourceIdentity != "" {
		ctx.Set("aws:sourceidentity", p.SourceIdentity)
	}
	if p.FederatedProvider != "" {
		ctx.Set("aws:federatedprovider", p.FederatedProvider)
	}
	if p.mayHaveMFA() {
		ctx.SetBool("aws:multifactorauthpresent", false) // there are no devices
	}
	for key, values := range p.SessionKeys {
		if strings.HasSuffix(key, ":amr") {
			ctx.SetMulti(key, values)
		} else if len(values) > 0 {
			ctx.Set(key, values[0])
		}
	}
}

// mayHaveMFA says whether requests with these credentials tell of MFA: those of
// AssumeRole and GetSessionToken do, federated identities do not, and neither do
// long-term keys (IAM user guide, aws:MultiFactorAuthPresent).
func (p *Principal) mayHaveMFA() bool {
	return p.Temporary && p.FederatedProvider == "" && p.Type != FederatedUser
}
