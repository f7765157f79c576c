package iam

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// The simulator answers with the engine that decides calls. Beyond AWS's, which
// knows no trust policies, it answers who may assume a role, for the actions
// sts:AssumeRole, AssumeRoleWithWebIdentity, TagSession and so on. For a web
// identity that is the question which AssumeRoleWithWebIdentity asks last; see
// [TrustQuestion]. The role:
//
//   - a ResourcePolicy is taken for the trust policy;
//   - or else a role among ResourceArns brings its own;
//   - or else, for AssumeRoleWithWebIdentity, the role that PolicySourceArn names.
//
// Who asks is CallerArn. An OIDC provider's ARN stands for a web identity,
// whose claims are ContextEntries (ISSUER:sub, ISSUER:aud); it may be left out
// when the trust policy names one provider only.

// decide answers the question, and gives the condition keys it was answered with.
func (s *simulation) decide(sets *policy.Policies, request policy.Request) (policy.Decision, policy.Keys) {
	tags := s.trust(sets, &request)
	provider := request.Principal.Federated
	if sets.Trust == nil || provider == "" {
		return policy.Evaluate(*sets, request), s.context
	}
	account := sets.ResourceAccount
	if account == "" {
		account = ownerOf(provider)
	}
	if owner := ownerOf(provider); owner != account {
		// The STS takes the provider of the role's account for the token's issuer.
		provider = strings.Replace(provider, ":"+owner+":", ":"+account+":", 1)
	}
	question := &TrustQuestion{
		Policy: *sets.Trust, Role: request.Resource, Account: account, Tags: tags, Provider: provider, Keys: s.context,
	}
	return question.Ask(request.Action), question
}

// trust turns the question who may assume a role into one about its trust
// policy, and gives the role's tags.
func (s *simulation) trust(sets *policy.Policies, request *policy.Request) (tags []aws.Tag) {
	name, isSTS := strings.CutPrefix(strings.ToLower(request.Action), "sts:")
	if !isSTS || !strings.HasPrefix(name, "assumerole") && name != "tagsession" && name != "setsourceidentity" {
		return nil
	}
	if sets.Resource != nil {
		sets.Trust, sets.Resource = sets.Resource, nil
	} else {
		role, ok := RoleByARN(s.c.State, request.Resource)
		if !ok && strings.HasPrefix(name, "assumerolewith") {
			role, ok = s.source, s.source != nil
		}
		if !ok {
			return nil
		}
		tags = role.Tags
		sets.Trust = &policy.Named{Name: role.ARN(), Type: policy.TrustPolicy, Document: role.Trust.Parsed()}
		sets.ResourceAccount = role.Account
		request.Resource = role.ARN()
	}
	if strings.HasPrefix(name, "assumerolewith") && request.Principal.Federated == "" {
		provider, ok := onlyProvider(sets.Trust.Document)
		if !ok {
			return tags
		}
		request.Principal = policy.Principal{Account: ownerOf(provider), Federated: provider}
	}
	if request.Principal.Federated != "" {
		sets.Identity, sets.Boundary = nil, nil // a web identity has none
	}
	return tags
}

// onlyProvider is the one federated principal that a trust policy names.
func onlyProvider(d *policy.Document) (string, bool) {
	var found []string
	for _, s := range d.Statements {
		for _, p := range s.Principals.Values {
			if p.Type == policy.PrincipalFederated && !slices.Contains(found, p.Value) {
				found = append(found, p.Value)
			}
		}
	}
	if len(found) != 1 {
		return "", false
	}
	return found[0], true
}
