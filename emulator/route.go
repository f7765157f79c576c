package emulator

import (
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/services/eksauth"
	"github.com/irsa-emu/irsa-emu/wire"
)

// The services that are served, by signing name.
const (
	serviceSTS            = "sts"
	serviceIAM            = "iam"
	serviceSecretsManager = "secretsmanager"
	serviceS3             = "s3"
	serviceEKS            = "eks"
	serviceEKSAuth        = eksauth.Name
)

// apiVersions are the Query protocol's versions: an unsigned call names its
// service by nothing else.
var apiVersions = map[string]string{"2011-06-15": serviceSTS, "2010-05-08": serviceIAM}

// isAWSCall says whether a request is one of an AWS client rather than one
// for the issuer, the health checks or the control API.
func isAWSCall(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-") || r.Header.Get("X-Amz-Target") != "" ||
		strings.Contains(r.URL.RawQuery, "X-Amz-") || (r.Method == http.MethodPost && r.URL.Path == "/") || serviceOfHost(r.Host) != ""
}

// serviceOf names the service that a request is for: by its target header,
// AWS's own host that it was sent to, the scope of its signature, and last by what
// an unsigned request can still show.
func serviceOf(r *http.Request, sig *wire.Signature) string {
	if target, _, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		return strings.ToLower(target)
	}
	if service := serviceOfHost(r.Host); service != "" {
		return service // a scope of another service's is refused there
	}
	if sig != nil {
		return sig.Service
	}
	if r.URL.Path == "/clusters" || strings.HasPrefix(r.URL.Path, "/clusters/") {
		return serviceEKS
	}
	return ""
}

// serviceOfHost reads AWS's own host names, which clients use when DNS points
// them here: sts.us-west-2.amazonaws.com, bucket.s3.amazonaws.com.
func serviceOfHost(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(host)
	switch {
	case strings.HasSuffix(host, ".amazonaws.com"), strings.HasSuffix(host, ".amazonaws.com.cn"), strings.HasSuffix(host, ".api.aws"):
	default:
		return ""
	}
	if strings.HasPrefix(host, "oidc.eks.") || strings.HasPrefix(host, "oidc-eks.") {
		return "" // an issuer
	}
	labels := strings.Split(host, ".")
	for _, label := range slices.Backward(labels) { // from the right: a bucket may be called "sts"
		switch label {
		case serviceSTS, serviceIAM, serviceSecretsManager, serviceEKS, serviceEKSAuth, serviceS3:
			return label
		case "sts-fips":
			return serviceSTS
		}
		if strings.HasPrefix(label, "s3-") {
			return serviceS3
		}
	}
	return ""
}

// regionOf is the region of a call whose signature names none.
func regionOf(sig *wire.Signature, fallback string) string {
	if sig != nil && sig.Region != "" {
		return sig.Region
	}
	return fallback
}

// actionOfTarget is the action in X-Amz-Target: secretsmanager.GetSecretValue.
func actionOfTarget(r *http.Request) string {
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return action
}
