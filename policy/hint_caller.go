package policy

import (
	"fmt"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// otherCaller looks at a statement that allows neither the call nor its caller: the
// role is for callers of another kind, which come by another call.
func (h *hinter) otherCaller(p *PolicyResult, s *StatementResult, st *Statement) {
	if p.Type != TrustPolicy || st.principal == nil || st.principal.not || s.Principals.Not {
		return
	}
	caller := &h.request.Principal
	switch {
	case caller.webIdentity():
		h.notForTokens(p, s)
	case caller.Service == "" && !caller.Anonymous:
		h.notForPrincipals(p, s)
	}
}

// notForTokens says whom a role is for that does not take a token.
func (h *hinter) notForTokens(p *PolicyResult, s *StatementResult) {
	fix := fmt.Sprintf(`add a statement for the token's provider: {"Effect": "Allow", "Principal": {"Federated": "%s"}, "Action": "sts:AssumeRoleWithWebIdentity"}, with conditions on its subject and audience`, h.request.Principal.Federated)
	for _, named := range s.Principals.Values {
		switch {
		case named.Type == PrincipalService && named.Value == aws.PodIdentityService:
			h.add(p, s, "", fixed("other-caller", "give the role by an association (aws eks create-pod-identity-association) in place of the annotation, or "+fix,
				"the role is for EKS Pod Identity, which needs no token of a provider: %s assumes it for the pods of an association", named.Value))
		case named.Type == PrincipalService:
			h.add(p, s, "", fixed("other-caller", fix, "the role is for a service of AWS, %s, and not for web identities", named.Value))
		case named.Type == PrincipalFederated && strings.Contains(named.Value, ":saml-provider/"):
			h.add(p, s, "", fixed("other-caller", fix, "the role is for users of a SAML provider, %s, and not for web identities", named.Value))
		case named.Type == PrincipalAWS && named.Value != "*":
			h.add(p, s, "", fixed("other-caller", fix, "the role is for an AWS principal, %s, that calls sts:AssumeRole, and not for web identities", named.Value))
		default:
			continue
		}
		return
	}
}

// notForPrincipals says so of a role for tokens that an AWS principal wants.
func (h *hinter) notForPrincipals(p *PolicyResult, s *StatementResult) {
	for _, named := range s.Principals.Values {
		switch {
		case named.Type == PrincipalFederated && strings.Contains(named.Value, ":saml-provider/"):
			h.add(p, s, "", fixed("other-caller", "call sts:AssumeRoleWithSAML with an assertion", "the role is for users of a SAML provider, %s", named.Value))
		case named.Type == PrincipalFederated:
			h.add(p, s, "", fixed("other-caller", "call sts:AssumeRoleWithWebIdentity with a token, or name the caller in a statement of its own that allows sts:AssumeRole",
				"the role is for web identities of %s", aws.IssuerName(named.Value)))
		case named.Type == PrincipalService:
			h.add(p, s, "", known("other-caller", "the role is for a service of AWS, %s", named.Value))
		default:
			continue
		}
		return
	}
}
