package api

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// Keys are the global condition keys of a call, those of the caller included
// (condition keys page of the IAM user guide). Each is worked out when a policy
// asks for it.
func (req *Request) Keys() policy.Keys { return callKeys{req} }

type callKeys struct{ req *Request }

// Get implements [policy.Keys].
func (k callKeys) Get(key string) (policy.Values, bool) {
	req := k.req
	key = strings.ToLower(key)
	switch key {
	case "aws:currenttime":
		return one(req.Now.UTC().Format(aws.TimeLayout))
	case "aws:epochtime":
		return one(strconv.FormatInt(req.Now.Unix(), 10))
	case "aws:principalisawsservice", "aws:viaawsservice":
		return one("false")
	case "aws:requestedregion":
		return given(req.Region)
	case "aws:principalorgid", "aws:principalorgpaths":
		if req.Principal == nil {
			return absent()
		}
		return req.organization(strings.TrimPrefix(key, "aws:principalorg"), req.Principal.Account)
	}
	if v, ok := req.httpKey(key); ok || req.Principal == nil {
		return v, ok
	}
	return req.Principal.key(key)
}

// organization is a key of the organisation that an account is in: its "id", or its "paths".
func (req *Request) organization(of, account string) (policy.Values, bool) {
	if req.OrganizationOf == nil {
		return absent()
	}
	id, path := req.OrganizationOf(req.State, account)
	if of == "id" {
		return given(id)
	}
	v, ok := given(path)
	v.Multi = ok
	return v, ok
}

func (req *Request) httpKey(key string) (policy.Values, bool) {
	r := req.HTTP
	if r == nil { // services ask each other by HTTPS, from no address of the caller's
		if key == "aws:securetransport" && req.InvokedBy != "" {
			return one("true")
		}
		return absent()
	}
	switch key {
	case "aws:securetransport":
		return one(strconv.FormatBool(r.TLS != nil))
	case "aws:useragent":
		return given(r.UserAgent())
	case "aws:referer":
		return given(r.Referer())
	case "aws:sourceip":
		if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
			return one(host)
		}
	}
	return absent()
}

// key is one of the caller's.
func (p *Principal) key(key string) (policy.Values, bool) {
	switch key {
	case "aws:principalaccount":
		return one(p.Account)
	case "aws:principaltype":
		return one(string(p.Type))
	case "aws:userid":
		return one(p.UserID)
	case "aws:principalarn":
		if p.Type == AssumedRole { // the role's ARN with its path, not the session's
			return one(p.RoleARN)
		}
		return one(p.ARN)
	case "aws:username":
		if p.Type == IAMUser {
			return one(p.UserName)
		}
		return absent()
	}
	if tag, ok := strings.CutPrefix(key, "aws:principaltag/"); ok {
		for _, tags := range [...][]aws.Tag{p.SessionTags, p.Tags} { // the session's before the role's of the same key
			for _, t := range slices.Backward(tags) {
				if strings.ToLower(t.Key) == tag {
					return one(t.Value)
				}
			}
		}
		return absent()
	}
	if p.Temporary {
		return p.sessionKey(key)
	}
	return absent()
}

func (p *Principal) sessionKey(key string) (policy.Values, bool) {
	switch key {
	case "aws:tokenissuetime":
		return one(p.Issued.UTC().Format(aws.TimeLayout))
	case "aws:sourceidentity":
		return given(p.SourceIdentity)
	case "aws:federatedprovider":
		return given(p.FederatedProvider)
	case "aws:multifactorauthpresent":
		if p.mayHaveMFA() {
			return one("false") // there are no devices
		}
		return absent()
	}
	for name, values := range p.SessionKeys {
		switch {
		case strings.ToLower(name) != key:
		case strings.HasSuffix(name, ":amr"):
			return policy.Values{List: values, Multi: true}, true
		case len(values) > 0:
			return one(values[0])
		}
	}
	return absent()
}

func absent() (policy.Values, bool) { return policy.Values{}, false }

func one(value string) (policy.Values, bool) { return policy.Values{List: []string{value}}, true }

// given is a key that is absent where it has no value.
func given(value string) (policy.Values, bool) {
	if value == "" {
		return absent()
	}
	return one(value)
}

// mayHaveMFA says whether requests with these credentials tell of MFA: those of
// AssumeRole and GetSessionToken do, federated identities do not, and neither do
// long-term keys (IAM user guide, aws:MultiFactorAuthPresent).
func (p *Principal) mayHaveMFA() bool {
	return p.Temporary && p.FederatedProvider == "" && p.Type != FederatedUser
}
