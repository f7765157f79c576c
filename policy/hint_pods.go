package policy

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/spelling"
)

// PodIdentityStatement is what a trust policy needs for EKS Pod Identity.
const PodIdentityStatement = `{"Effect": "Allow", "Principal": {"Service": "` + aws.PodIdentityService + `"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}`

// pods looks at a trust policy that refuses EKS Pod Identity, which no statement
// of it names: one for IRSA, or for another service of EKS.
func (h *hinter) pods() {
	p := h.policies.Trust
	if h.request.Principal.Service != aws.PodIdentityService || p == nil || p.Document == nil || h.decision.Outcome != ImplicitDeny || len(h.decision.Policies) == 0 {
		return
	}
	result := &h.decision.Policies[0]
	mechanism := ""
	for i := range result.Statements {
		s, st := &result.Statements[i], &p.Document.Statements[i]
		switch {
		case s.Effect != "Allow" || st.principal == nil:
			continue
		case s.PrincipalMatch:
			return
		}
		for _, named := range st.Principals.Values {
			switch {
			case named.Type == PrincipalService && strings.Contains(named.Value, "eks"):
				h.add(result, s, "", fixed("other-service", `write {"Service": "`+aws.PodIdentityService+`"}`, "the statement trusts the service %s; EKS Pod Identity is %s", named.Value, aws.PodIdentityService))
				return
			case named.Type == PrincipalFederated:
				mechanism = ", but a web identity's provider, as IRSA needs it"
			}
		}
	}
	first := &StatementResult{}
	if len(result.Statements) > 0 {
		first = &result.Statements[0]
	}
	h.add(result, first, "", fixed("not-for-pod-identity", "add the statement "+PodIdentityStatement, "the trust policy does not name the service %s%s", aws.PodIdentityService, mechanism))
}

// podCondition looks at a condition that EKS Pod Identity does not meet.
func (h *hinter) podCondition(r *ConditionResult) hint.Hint {
	if h.request.Principal.Service != aws.PodIdentityService {
		return hint.Hint{}
	}
	key := strings.ToLower(r.Key)
	tag, isTag := strings.CutPrefix(key, "aws:requesttag/")
	principalTag, isPrincipalTag := strings.CutPrefix(key, "aws:principaltag/")
	_, claim, isClaim := cutClaim(r.Key)
	_, tagged := h.request.keys().Get("aws:tagkeys")
	switch {
	case key == "aws:sourcearn" && slices.ContainsFunc(r.Want, func(want string) bool { return !strings.Contains(want, ":cluster/") }):
		return fixed("source-is-the-cluster", "write "+strings.Join(r.Got, ", "), "aws:SourceArn is the ARN of the cluster, not of an association, a pod or a service account")
	case isPrincipalTag && !r.Present && slices.Contains(aws.PodIdentityTags(), principalTag):
		return fixed("tags-of-the-request", "write aws:RequestTag/"+principalTag, "when the role is assumed the tags are the request's; aws:PrincipalTag/%s is for the role's own policies", principalTag)
	case isTag && !r.Present && !tagged:
		return fixed("session-tags-disabled", "take the condition out, or let the association have session tags", "the association disables session tags, so that the request has none")
	case isTag && !r.Present:
		meant := spelling.Near(tag, aws.PodIdentityTags())
		fix := "write one of " + strings.Join(aws.PodIdentityTags(), ", ")
		if meant != "" {
			fix = "write aws:RequestTag/" + meant
		}
		return fixed("no-such-session-tag", fix, "EKS Pod Identity sets no tag %s", tag)
	case isClaim && !r.Present && (claim == "sub" || claim == "aud") && strings.Contains(r.Key, "."):
		return fixed("claim-of-a-token", "write aws:RequestTag/kubernetes-namespace and aws:RequestTag/kubernetes-service-account", "a service calls, and %s is of web identities' tokens", r.Key)
	}
	return hint.Hint{}
}
