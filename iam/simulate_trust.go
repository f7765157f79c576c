package iam

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

// The simulator answers with the engine that judges calls. Beyond AWS's, which
// knows no trust policies, it answers who may assume a role, for the actions
// sts:AssumeRole, AssumeRoleWithWebIdentity, TagSession and so on:
//
//   - a ResourcePolicy is taken for the trust policy;
//   - or else a role among ResourceArns brings its own;
//   - or else, for AssumeRoleWithWebIdentity, the role that PolicySourceArn names.
//
// Who asks is CallerArn. An OIDC provider's ARN stands for a web identity,
// whose claims are ContextEntries (ISSUER:sub, ISSUER:aud); it may be left out
// when the trust policy names one provider only.

// trust turns the question who may assume a role into one about its trust policy.
func (s *simulation) trust(sets *policy.Policies, request *policy.Request) {
	name, isSTS := strings.CutPrefix(strings.ToLower(request.Action), "sts:")
	if !isSTS || !strings.HasPrefix(name, "assumerole") && name != "tagsession" && name != "setsourceidentity" {
		return
	}
	if sets.Resource != nil {
		sets.Trust, sets.Resource = sets.Resource, nil
	} else {
		role, ok := RoleByARN(s.c.State, request.Resource)
		if !ok && strings.HasPrefix(name, "assumerolewith") {
			role, ok = s.source, s.source != nil
		}
		if !ok {
			return
		}
		sets.Trust = &policy.Named{Name: role.ARN(), Type: policy.TrustPolicy, Document: role.Trust.Parsed}
		sets.ResourceAccount = role.Account
		request.Resource = role.ARN()
	}
	if strings.HasPrefix(name, "assumerolewith") && request.Principal.Federated == "" {
		provider, ok := onlyProvider(sets.Trust.Document)
		if !ok {
			return
		}
		request.Principal = policy.Principal{Account: ownerOf(provider), Federated: provider}
	}
	if request.Principal.Federated != "" {
		sets.Identity, sets.Boundary = nil, nil // a web identity has none
	}
}

// onlyProvider is the one federated principal that a trust policy names.
func onlyProvider(d *policy.Document) (string, bool) {
	var found []string
	for _, s := range d.Statements {
		for _, p := range s.Principals.Values {
			if arn, ok := strings.CutPrefix(p, "Federated: "); ok && !slices.Contains(found, arn) {
				found = append(found, arn)
			}
		}
	}
	if len(found) != 1 {
		return "", false
	}
	return found[0], true
}
