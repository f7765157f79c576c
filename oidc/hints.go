package oidc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/spelling"
)

// NoProvider is the refusal of a token whose issuer the role's account has no
// provider for. registered are the URLs that it has, for the hint.
func NoProvider(issuer string, registered []string) *TokenError {
	err := refuse(ReasonNoProvider, textNoProvider+issuer, "the token's iss is %q; the account has %s", issuer, listOr(registered, "no providers")).
		withClaim("iss")
	return err.withHint(issuerHint(issuer, registered))
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

// issuerHint names the mistake between an issuer and the nearest registered one.
func issuerHint(issuer string, registered []string) string {
	if issuer == "kubernetes/serviceaccount" {
		return "this is a legacy service-account token from a Secret, not a projected token"
	}
	near, distance := spelling.Nearest(issuer, registered)
	if near == "" {
		return "create the provider: aws iam create-open-id-connect-provider --url " + issuer
	}
	host := strings.TrimPrefix(near, "https://")
	switch {
	case strings.TrimRight(issuer, "/") == strings.TrimRight(near, "/"):
		return fmt.Sprintf("%s is registered: they differ by a trailing slash, which counts", near)
	case strings.EqualFold(issuer, near):
		return fmt.Sprintf("%s is registered: they differ in letter case, which counts", near)
	case strings.Replace(issuer, ":443", "", 1) == near:
		return fmt.Sprintf("%s is registered: they differ by the port :443, which AWS strips at registration", near)
	case issuer == "http://"+host || issuer == host:
		return fmt.Sprintf("%s is registered: the token's iss lacks https://", near)
	case sameEKSRegion(issuer, near):
		return fmt.Sprintf("%s is registered, another cluster's id: was the cluster rebuilt?", near)
	case distance <= len(issuer)/4:
		return fmt.Sprintf("the nearest registered provider is %s (%d characters differ)", near, distance)
	}
	return "create the provider: aws iam create-open-id-connect-provider --url " + issuer
}

func sameEKSRegion(a, b string) bool {
	in, _, ok := aws.EKSIssuerParts(a)
	other, _, both := aws.EKSIssuerParts(b)
	return ok && both && in == other
}

// audienceHint names the known mistakes with audiences.
func audienceHint(audience string, clientIDs []string) string {
	const sts = aws.DefaultAudience
	switch {
	case audience == "sts.amazon.com":
		return "sts.amazon.com is a common slip for " + sts
	case audience == "":
		return "the audience is empty"
	case strings.HasPrefix(audience, "https://kubernetes.default.svc"):
		return "this audience is the API server's: the token is the pod's default one, not the projected token for AWS (is AWS_WEB_IDENTITY_TOKEN_FILE right?)"
	case strings.HasPrefix(audience, "https://github.com/"):
		return "this is GitHub's default audience; ask for the token with audience: " + sts
	// EKS's webhook asks for sts.amazonaws.com in every partition; eksctl and
	// Terraform's module registered China's domain once and took it back
	// (eksctl-io/eksctl#1910, terraform-aws-modules/terraform-aws-eks#1704, #2700).
	case audience == sts+".cn":
		return "the audience is " + sts + " in China's partition too, unless token and provider agree on another one"
	case audience == sts && slices.Contains(clientIDs, sts+".cn"):
		return "the provider has China's domain, " + sts + ".cn, but the audience of EKS's tokens is " + sts + " in China too: add it to the client ids"
	case len(clientIDs) == 0:
		return "the provider has no client ids: aws iam add-client-id-to-open-id-connect-provider"
	}
	for _, id := range clientIDs {
		if strings.EqualFold(id, audience) || strings.TrimRight(id, "/") == strings.TrimRight(audience, "/") {
			return fmt.Sprintf("%q is registered: letter case and trailing slashes count", id)
		}
	}
	if near, distance := spelling.Nearest(audience, clientIDs); near != "" && distance <= max(2, len(audience)/5) {
		return fmt.Sprintf("the nearest client id is %q (%d characters differ)", near, distance)
	}
	return fmt.Sprintf("add the audience to the provider (aws iam add-client-id-to-open-id-connect-provider --client-id %s) or ask for a token with one of its client ids", audience)
}
