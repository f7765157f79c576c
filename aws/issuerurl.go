package aws

import (
	"net/url"
	"slices"
	"strings"
)

// DiscoveryPath is where an issuer's document is, behind its URL (OpenID Connect
// Discovery 1.0, section 4), ClusterKeysPath where an API server has the keys of its own.
const (
	DiscoveryPath   = "/.well-known/openid-configuration"
	ClusterKeysPath = "/openid/v1/jwks"
)

// URLFault is why a URL cannot be an issuer's. Who takes a URL decides which
// faults count and how they are worded to an AWS client; what they are is decided
// here alone.
type URLFault uint8

// The faults, in the order in which they are looked for.
const (
	URLFine URLFault = iota
	URLUnreadable
	URLWithoutScheme
	URLNotHTTPS
	URLWithoutHost
	URLWithUser
	// URLWithQuery is a query or a fragment: IAM refuses it in a provider's URL
	// (recorded), a jwks_uri may have one.
	URLWithQuery
)

// IssuerURLFault looks for the first fault of an issuer's URL.
func IssuerURLFault(raw string) URLFault {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return URLUnreadable
	case u.Scheme == "":
		return URLWithoutScheme
	case u.Scheme != "https":
		return URLNotHTTPS
	case u.Hostname() == "":
		return URLWithoutHost
	case u.User != nil:
		return URLWithUser
	case strings.ContainsAny(raw, "?#"):
		return URLWithQuery
	}
	return URLFine
}

// IssuerURLProblem says what is wrong with an issuer's URL and what to write, to
// follow the quoted URL in a message; "" when nothing is.
func IssuerURLProblem(raw string) string {
	switch IssuerURLFault(raw) {
	case URLUnreadable:
		return "is not a URL; write https://HOST/PATH"
	case URLWithoutScheme:
		return "has no scheme; write https://" + raw
	case URLNotHTTPS:
		return "does not begin with https://; AWS takes no other issuers"
	case URLWithoutHost:
		return "has no host; write https://HOST/PATH"
	case URLWithUser:
		return "has a user; write host and path alone"
	case URLWithQuery:
		return "has a query or a fragment; write host and path alone"
	}
	return ""
}

// ProviderURL is an issuer's URL as IAM stores and shows its provider: without
// scheme, a port of 443 stripped (eksctl registers it and looks for the ARN
// without), otherwise as it was written, case and trailing slash included.
func ProviderURL(issuer string) string {
	url := strings.TrimPrefix(issuer, "https://")
	host, _, _ := strings.Cut(url, "/")
	if bare, had := strings.CutSuffix(host, ":443"); had {
		return bare + url[len(host):]
	}
	return url
}

// IssuerName is what a provider's condition keys begin with: its URL without
// scheme. It takes a URL, the ARN of a provider or the name itself.
func IssuerName(s string) string {
	if name, ok := OIDCProvider(s); ok {
		s = name
	}
	return strings.TrimPrefix(s, "https://")
}

// issuerHosts are what the hosts of EKS's issuers have before their region: the
// classic ones, and those in the dual-stack domain.
var issuerHosts = []string{"oidc.eks", "oidc-eks"}

// IsIssuerHost says whether the labels of one of AWS's hosts, without its domain,
// are those of EKS's issuers in a region.
func IsIssuerHost(labels string) bool {
	return slices.ContainsFunc(issuerHosts, func(h string) bool { return strings.HasPrefix(labels, h+".") })
}

// EKSIssuer is the issuer URL of a cluster of EKS.
func EKSIssuer(region, id string) string {
	return "https://oidc.eks." + region + "." + PartitionOf(region).DNSSuffix + "/id/" + id
}

// EKSIssuerParts takes region and id out of the issuer URL of a cluster of EKS, or
// its name without scheme. Clusters that speak IPv6 have their issuer in the
// dual-stack domain, as oidc-eks.REGION.api.aws.
func EKSIssuerParts(issuer string) (region, id string, ok bool) {
	host, path, _ := strings.Cut(strings.TrimPrefix(issuer, "https://"), "/")
	id, ok = strings.CutPrefix(path, "id/")
	if !ok || id == "" || strings.Contains(id, "/") {
		return "", "", false
	}
	rest, classic := strings.CutPrefix(host, "oidc.eks.")
	if !classic {
		if rest, ok = strings.CutPrefix(host, "oidc-eks."); !ok {
			return "", "", false
		}
	}
	region, suffix, _ := strings.Cut(rest, ".")
	p := PartitionOf(region)
	if !IsRegion(region) || classic && suffix != p.DNSSuffix || !classic && suffix != p.DualStackDNSSuffix {
		return "", "", false
	}
	return region, id, true
}
