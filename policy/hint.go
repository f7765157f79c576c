package policy

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/hint"
)

// maxHints bounds what is said of one refusal.
const maxHints = 8

// hinter looks for known mistakes in a refused request. It runs after the
// verdict and only adds to the explanation.
type hinter struct {
	policies *Policies
	request  *Request
	decision *Decision
	hints    []Hint
}

func findHints(p *Policies, r *Request, d *Decision) []Hint {
	h := &hinter{policies: p, request: r, decision: d}
	h.pods()
	h.key()
	for i := range d.Policies {
		result := &d.Policies[i]
		if d.Outcome == ImplicitDeny && result.Outcome == Allowed {
			continue // this policy is not why
		}
		doc := h.document(i)
		for j := range result.Statements {
			if len(h.hints) >= maxHints {
				return h.hints
			}
			s := &result.Statements[j]
			switch {
			case d.Outcome == ExplicitDeny && s.Effect == "Deny" && s.Applies:
				h.denies(result, s)
			case d.Outcome == ImplicitDeny && s.Effect == "Allow":
				h.fails(result, s, doc)
			}
		}
	}
	return h.hints
}

// document finds the document of the i-th result; results are in the order in
// which run judges.
func (h *hinter) document(i int) *Document {
	p := h.policies
	all := make([]*Named, 0, 8)
	if p.Trust != nil {
		all = append(all, p.Trust)
	} else if p.Resource != nil {
		all = append(all, p.Resource)
	}
	for j := range p.Identity {
		all = append(all, &p.Identity[j])
	}
	if p.Boundary != nil {
		all = append(all, p.Boundary)
	}
	for j := range p.Session {
		all = append(all, &p.Session[j])
	}
	return all[i].Document
}

// add adds what is wrong and what to write, unless it is there.
func (h *hinter) add(p *PolicyResult, s *StatementResult, key string, found hint.Hint) {
	for _, have := range h.hints {
		if have.Code == found.Code && have.Message == found.Message {
			return
		}
	}
	h.hints = append(h.hints, Hint{Hint: found, Policy: p.Name, Statement: s.Index, Key: key})
}

// known is a hint without what to write.
func known(code, format string, args ...any) hint.Hint {
	return hint.Hint{Code: code, Message: fmt.Sprintf(format, args...)}
}

// fixed is a hint with what to write.
func fixed(code, fix, format string, args ...any) hint.Hint {
	return hint.Hint{Code: code, Message: fmt.Sprintf(format, args...), Fix: fix}
}

// denies looks at a Deny statement that applies.
func (h *hinter) denies(p *PolicyResult, s *StatementResult) {
	for i := range s.Conditions {
		c := &s.Conditions[i]
		if op, _ := parseOperator(c.Operator); !c.Present && op.negated {
			found := fixed("negated-on-absent", "test Null as well if that is not meant", "the request has no %s, and %s is true of an absent key", c.Key, c.Operator)
			c.Hint, c.Fix, c.Code = found.Message, found.Fix, found.Code
			h.add(p, s, c.Key, found)
		}
	}
}

// fails looks at an Allow statement that does not apply.
func (h *hinter) fails(p *PolicyResult, s *StatementResult, doc *Document) {
	if s.Applies || doc == nil {
		return
	}
	st := &doc.Statements[s.Index]
	switch {
	case s.ActionMatch && !s.PrincipalMatch:
		h.principal(p, s, st)
	case !s.ActionMatch && s.PrincipalMatch:
		h.action(p, s)
	case !s.ActionMatch:
		h.otherCaller(p, s, st)
	case s.ActionMatch && s.PrincipalMatch && !s.ResourceMatch:
		h.resource(p, s)
	}
	if !s.ActionMatch || !s.PrincipalMatch {
		return
	}
	for i := range s.Conditions {
		if c := &s.Conditions[i]; !c.Met {
			h.condition(p, s, c, &st.Conditions[i], doc)
		}
	}
}

func (h *hinter) action(p *PolicyResult, s *StatementResult) {
	want := strings.ToLower(h.request.Action)
	if p.Type != TrustPolicy || s.Actions.Not {
		return
	}
	for _, a := range s.Actions.Values {
		switch lower := strings.ToLower(a); {
		case want == "sts:tagsession":
			h.add(p, s, "", fixed("tag-session", "allow sts:TagSession in the same statement", "the call carries session tags"))
			return
		case want == "sts:setsourceidentity":
			h.add(p, s, "", fixed("set-source-identity", "allow sts:SetSourceIdentity in the same statement", "the call sets a source identity"))
			return
		case strings.HasPrefix(lower, "sts:assumerole"):
			h.add(p, s, "", known("other-assume-role", "the statement allows %s, but the call is %s", a, h.request.Action))
			return
		}
	}
}

func (h *hinter) principal(p *PolicyResult, s *StatementResult, st *Statement) {
	if st.principal == nil || st.principal.not {
		return
	}
	caller := &h.request.Principal
	for _, e := range st.principal.entries {
		switch {
		case caller.webIdentity() && e.kind == anyone:
			h.add(p, s, "", fixed("star-is-no-web-identity", fmt.Sprintf(`name the provider: {"Federated": "%s"}`, caller.Federated), `"*" covers no web identities`))
		case caller.webIdentity() && e.kind == federatedProvider:
			h.provider(p, s, e.value, caller.Federated)
		case caller.webIdentity() && (e.kind == awsRole || e.kind == awsOther || e.kind == awsAccount || e.kind == awsRoot):
			h.add(p, s, "", fixed("aws-is-no-web-identity", fmt.Sprintf(`name the provider: {"Federated": "%s"}`, caller.Federated), "the statement names an AWS principal, the caller is a web identity"))
		case caller.webIdentity() && e.kind == awsService:
			h.notForTokens(p, s)
		case e.kind == awsUniqueID && caller.ARN != "":
			h.add(p, s, "", known("deleted-principal", "the statement names %s, the id of one user or role; one that was deleted and made anew has another id", e.value))
		case (e.kind == awsRole || e.kind == awsOther) && caller.ARN != "" && strings.EqualFold(e.value, cmp.Or(caller.RoleARN, caller.ARN)):
			h.add(p, s, "", known("case", "the statement names %s, the caller is %s: they differ in letter case only", e.value, cmp.Or(caller.RoleARN, caller.ARN)))
		case e.kind == awsRole && caller.RoleARN != "" && aws.WithoutPath(e.value) == aws.WithoutPath(caller.RoleARN):
			h.add(p, s, "", known("role-path", "the statement names %s, but the caller's role has another path: %s", e.value, caller.RoleARN))
		}
	}
}

func (h *hinter) provider(p *PolicyResult, s *StatementResult, want, got string) {
	wantParts, wantOK := aws.SplitARN(want)
	gotParts, gotOK := aws.SplitARN(got)
	_, hasScheme := aws.WithoutScheme(want)
	switch {
	case hasScheme:
		h.add(p, s, "", fixed("provider-scheme", "write "+got, "a provider's ARN holds the issuer without https://"))
	case strings.Contains(want, ":saml-provider/"):
		h.notForTokens(p, s)
	case strings.EqualFold(want, got):
		h.add(p, s, "", known("case", "the statement trusts %s, the token's provider is %s: they differ in letter case only", want, got))
	case strings.TrimRight(want, "/") == strings.TrimRight(got, "/"):
		h.add(p, s, "", known("trailing-slash", "the statement trusts %s, the token's provider is %s: they differ in a trailing slash", want, got))
	case wantOK && gotOK && wantParts[5] == gotParts[5] && wantParts[4] != gotParts[4]:
		h.add(p, s, "", known("provider-account", "the statement trusts the provider in account %s; it must be in the role's own account, %s", wantParts[4], gotParts[4]))
	case wantOK && gotOK && wantParts[4] == gotParts[4] && wantParts[5] == gotParts[5] && wantParts[1] != gotParts[1]:
		h.add(p, s, "", fixed("provider-partition", "write "+got, "the statement trusts a provider of the partition %s; the account is in %s", wantParts[1], gotParts[1]))
	case wantOK != gotOK: // one of them is built in
		h.add(p, s, "", known("other-provider", "the statement trusts %s, but the token's provider is %s", want, got))
	default:
		h.add(p, s, "", known("other-provider", "the statement trusts %s, but the token's provider is %s; %s", want, got, firstDifference(want, got)))
	}
}

// resource knows two mistakes with the resources that IRSA users reach for.
func (h *hinter) resource(p *PolicyResult, s *StatementResult) {
	got, ok := aws.SplitARN(h.request.Resource)
	if !ok || s.Resources.Not {
		return
	}
	for _, r := range s.Resources.Values {
		want, ok := aws.SplitARN(r)
		switch {
		case !ok:
		case got[2] == "secretsmanager" && want[2] == "secretsmanager" && len(got[5]) > 7 && got[5][:len(got[5])-7] == want[5]:
			h.add(p, s, "", fixed("secret-suffix", "write "+r+"-??????", "a secret's ARN ends in a dash and six random characters"))
		case got[2] == "s3" && !strings.Contains(got[5], "/") && strings.TrimSuffix(want[5], "/*") == got[5]:
			h.add(p, s, "", known("bucket-not-objects", "%s is about the bucket itself, %s; the statement names its objects only, %s", h.request.Action, h.request.Resource, r))
		case got[2] == "s3" && want[5] != "" && strings.HasPrefix(got[5], want[5]+"/"):
			h.add(p, s, "", fixed("objects-not-bucket", "write "+r+"/*", "%s is about objects; the statement names the bucket only", h.request.Action))
		case got[2] == "kms" && want[2] == "kms" && strings.HasPrefix(want[5], "alias/"):
			h.add(p, s, "", fixed("key-not-alias", "write "+h.request.Resource+`, or "*" with a condition on kms:ResourceAliases`, "%s is an alias; policies name keys by their own ARN", r))
		case strings.EqualFold(r, h.request.Resource):
			h.add(p, s, "", known("case", "the statement names %s, the request is for %s: they differ in letter case only", r, h.request.Resource))
		}
	}
}
