package aws

import (
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/lazyregexp"
)

// ServiceAccountPrefix is what the subjects of Kubernetes' service accounts begin
// with. A group of them, system:serviceaccounts:…, is the subject of no token.
const ServiceAccountPrefix = "system:serviceaccount:"

// Lives of tokens: that which the pod identity webhook asks for, and the shortest that
// an API server grants.
const (
	DefaultTokenLife  = 24 * time.Hour
	ShortestTokenLife = 10 * time.Minute
)

// ServiceAccount is a service account of a cluster, by its names alone.
type ServiceAccount struct {
	Namespace, Name string
}

// ParseServiceAccount takes NAMESPACE/NAME apart. Neither is empty, and there is one
// slash; whether an API server takes the names, [ServiceAccount.Fits] says.
func ParseServiceAccount(s string) (ServiceAccount, bool) {
	namespace, name, ok := strings.Cut(s, "/")
	return ServiceAccount{namespace, name}, ok && namespace != "" && name != "" && !strings.Contains(name, "/")
}

// ServiceAccountOf takes a token's subject apart: the sub of a service account, as
// Kubernetes reads it (apiserver/pkg/authentication/serviceaccount, SplitUsername).
// Neither name is empty, and none holds a colon.
func ServiceAccountOf(subject string) (ServiceAccount, bool) {
	rest, ok := strings.CutPrefix(subject, ServiceAccountPrefix)
	namespace, name, both := strings.Cut(rest, ":")
	if !ok || !both || namespace == "" || name == "" || strings.Contains(name, ":") {
		return ServiceAccount{}, false
	}
	return ServiceAccount{namespace, name}, true
}

// Subject is the sub of its tokens.
func (a ServiceAccount) Subject() string { return ServiceAccountPrefix + a.Namespace + ":" + a.Name }

// String is NAMESPACE/NAME.
func (a ServiceAccount) String() string { return a.Namespace + "/" + a.Name }

// A namespace is a DNS label, a service account's name a DNS subdomain (Kubernetes,
// "Object Names and IDs"). EKS gives these expressions in its refusals (recorded 14).
var (
	NamespacePattern          = lazyregexp.New(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	ServiceAccountNamePattern = lazyregexp.New(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
)

// Fits says whether an API server takes both names, of at most 63 and 253 characters.
func (a ServiceAccount) Fits() bool {
	return len(a.Namespace) <= 63 && NamespacePattern.MatchString(a.Namespace) &&
		len(a.Name) <= 253 && ServiceAccountNamePattern.MatchString(a.Name)
}

// IsServiceAccount says whether s is NAMESPACE/NAME, as an API server takes them.
func IsServiceAccount(s string) bool {
	account, ok := ParseServiceAccount(s)
	return ok && account.Fits()
}
