package oidc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/spelling"
)

// NoProvider is the refusal of a token whose issuer the role's account has no
// provider for. registered are the URLs that it has, for the hint.
func NoProvider(issuer string, registered []string) *TokenError {
	err := refuse(ReasonNoProvider, textNoProvider+issuer, "the token's iss is %q; the account has %s", issuer, listOr(registered, "no providers")).
		withClaim("iss")
	err.Hint = issuerHint(issuer, registered)
	return err
}

// mostListed bounds a list in an explanation: everybody may ask for one, and an
// account may have a thousand providers.
const mostListed = 20

func listOr(items []string, none string) string {
	switch {
	case len(items) == 0:
		return none
	case len(items) > mostListed:
		return fmt.Sprintf("%q and %d more", items[:mostListed], len(items)-mostListed)
	}
	return fmt.Sprintf("%q", items)
}

// Codes of hints that programs look at.
const (
	HintCreateProvider = "create-provider"
)

// issuerHint names the mistake between an issuer and the nearest registered one.
func issuerHint(issuer string, registered []string) hint.Hint {
	create := hint.Hint{Code: HintCreateProvider, Fix: "create the provider: aws iam create-open-id-connect-provider --url " + issuer}
	if issuer == "kubernetes/serviceaccount" {
		return hint.Hint{Code: "legacy-token", Message: "this is a legacy service-account token from a Secret, not a projected token"}
	}
	if host, ok := aws.BuiltInProvider(issuer); ok {
		return hint.Hint{Code: "built-in-provider", Message: "AWS knows this issuer by itself, under the principal " + host,
			Fix: `trust it by {"Federated": "` + host + `"}, or create the provider: aws iam create-open-id-connect-provider --url ` + issuer}
	}
	near, distance := spelling.Nearest(issuer, registered)
	if near == "" {
		return create
	}
	host := strings.TrimPrefix(near, "https://")
	is := func(code, format string, args ...any) hint.Hint {
		return hint.Hint{Code: code, Message: near + " is registered" + fmt.Sprintf(format, args...)}
	}
	switch {
	case strings.TrimRight(issuer, "/") == strings.TrimRight(near, "/"):
		return is("trailing-slash", ": they differ in a trailing slash, which counts")
	case strings.EqualFold(issuer, near):
		return is("case", ": they differ in letter case, which counts")
	case strings.HasPrefix(issuer, "https://") && "https://"+aws.ProviderURL(issuer) == near:
		return is("port", ": they differ in the port :443, which AWS strips at registration")
	case issuer == "http://"+host || issuer == host:
		return is("scheme", ": the token's iss lacks https://")
	case sameEKSRegion(issuer, near):
		return is("other-cluster", ", another cluster's id: was the cluster rebuilt?")
	case distance <= len(issuer)/4:
		return hint.Hint{Code: "nearest-provider", Message: fmt.Sprintf("the nearest registered provider is %s (%d characters differ)", near, distance)}
	}
	return create
}

func sameEKSRegion(a, b string) bool {
	in, _, ok := aws.EKSIssuerParts(a)
	other, _, both := aws.EKSIssuerParts(b)
	return ok && both && in == other
}

// audienceHint names the known mistakes with audiences.
func audienceHint(audience string, clientIDs []string) hint.Hint {
	const sts = aws.DefaultAudience
	switch {
	case audience == aws.SlipAudience:
		return hint.Hint{Code: "sts-amazon-com", Message: aws.SlipAudience + " is a common slip for " + sts, Fix: "ask for a token for " + sts}
	case audience == "":
		return hint.Hint{Code: "empty-audience", Message: "the audience is empty"}
	case strings.HasPrefix(audience, "https://kubernetes.default.svc"):
		return hint.Hint{Code: "default-token", Message: "this audience is the API server's: the token is the pod's default one, not the projected token for AWS (is AWS_WEB_IDENTITY_TOKEN_FILE right?)"}
	case strings.HasPrefix(audience, "https://github.com/"):
		return hint.Hint{Code: "default-audience", Message: "this is GitHub's default audience", Fix: "ask for the token with audience: " + sts}
	// EKS's webhook asks for sts.amazonaws.com in every partition; eksctl and
	// Terraform's module registered China's domain once and took it back
	// (eksctl-io/eksctl#1910, terraform-aws-modules/terraform-aws-eks#1704, #2700).
	case audience == aws.ChinaAudience:
		return hint.Hint{Code: "partition", Message: "the audience is " + sts + " in China's partition too, unless token and provider agree on another one"}
	case audience == sts && slices.Contains(clientIDs, aws.ChinaAudience):
		return hint.Hint{Code: "partition", Message: "the provider has China's domain, " + aws.ChinaAudience + ", but the audience of EKS's tokens is " + sts + " in China too", Fix: "add it to the client ids"}
	case len(clientIDs) == 0:
		return hint.Hint{Code: "no-client-ids", Message: "the provider has no client ids", Fix: "add the audience: aws iam add-client-id-to-open-id-connect-provider"}
	}
	for _, id := range clientIDs {
		if strings.EqualFold(id, audience) || strings.TrimRight(id, "/") == strings.TrimRight(audience, "/") {
			return hint.Hint{Code: "case", Message: fmt.Sprintf("%q is registered: letter case and trailing slashes count", id)}
		}
	}
	if near, distance := spelling.Nearest(audience, clientIDs); near != "" && distance <= max(2, len(audience)/5) {
		return hint.Hint{Code: "nearest-client-id", Message: fmt.Sprintf("the nearest client id is %q (%d characters differ)", near, distance)}
	}
	return hint.Hint{Code: "other-audience",
		Fix: fmt.Sprintf("add the audience to the provider (aws iam add-client-id-to-open-id-connect-provider --client-id %s) or ask for a token with one of its client ids", audience)}
}
