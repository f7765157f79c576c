package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// order is that in which the STS comes to the links, which tells what of a
// refusal's links held. Source: the order of checks in package sts.
var order = []string{linkRole, linkProvider, linkTrustPolicy, linkKeys, linkCredentials}

// blamed is the link that a refusal of AWS's own STS speaks of. AWS says the
// same for a role that is missing and for one whose trust policy does not let
// the token in.
func (a *assumption) blamed() string {
	said := func(texts ...string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(a.message, text) })
	}
	switch {
	case a.code == "AccessDenied":
		return linkTrustPolicy
	case a.code == "IDPCommunicationError", said("verification key", "thumbprint"):
		return linkKeys
	case said("No OpenIDConnect provider found"), a.audience():
		return linkProvider
	}
	return linkCredentials
}

// audience is whether the provider does not take the token's, in AWS's older
// text and its newer one. The trust policy has let the token in by then.
func (a *assumption) audience() bool {
	return strings.Contains(a.message, "Incorrect token audience") || strings.Contains(a.message, "could not be validated")
}

// byAWS is what the answer of AWS's STS says of a link; holds is what to say
// when it does.
func (x *examination) byAWS(ctx context.Context, name, holds string, tell ...string) Link {
	a := x.assume(ctx)
	if a == nil {
		return unknown("AWS cannot be asked without a token and a role", tell...)
	}
	switch {
	case a.arn != "":
		return ok(holds)
	case a.err != nil:
		return unknown("AWS's STS gave no answer: "+a.err.Error(), tell...)
	}
	blamed := a.blamed()
	said := fmt.Sprintf("AWS says %s: %s", a.code, a.message)
	switch at, to := slices.Index(order, name), slices.Index(order, blamed); {
	case name == blamed:
		return x.blame(name, said, tell)
	case at < to && a.code != "AccessDenied", name == linkTrustPolicy && a.audience():
		return ok(holds)
	}
	return unknown("AWS's answer does not tell", tell...)
}

func (x *examination) blame(name, said string, tell []string) Link {
	link := broken(said, tell...)
	switch {
	case name == linkTrustPolicy:
		link.Detail = "the role does not let the token in, or there is none"
		link.More = []string{said}
	case name == linkProvider && x.assumed.audience():
		link.Detail = fmt.Sprintf("the provider does not take the token; is its audience, %s, among the provider's client ids?", x.audience)
		link.More = []string{said}
	case name == linkProvider:
		link.Fix = []string{fmt.Sprintf("aws iam create-open-id-connect-provider --url %s --client-id-list %s   # in account %s", word(x.issuer), word(x.audience), x.role.account)}
	}
	return link
}

// checkOffline are the commands that try a trust policy of AWS's on the token's claims.
func (x *examination) checkOffline() []string {
	return []string{
		fmt.Sprintf("aws iam get-role --role-name %s --query Role.AssumeRolePolicyDocument > trust-policy.json   # in account %s", x.role.name, x.role.account),
		fmt.Sprintf("irsa-emu check --trust-policy trust-policy.json --role %s --issuer %s --service-account %s/%s --audience %s",
			x.role.arn, word(x.issuer), x.Namespace, x.ServiceAccount, word(x.audience)),
	}
}
