package webhook

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
)

// AuthorityAnnotation on a pod, its service account or its namespace, of which the
// nearest counts, names the variables that tell the pod's programs of the
// authority which signs for AWS's host names, with commas between them:
// [DefaultAuthority] where nothing says otherwise, none for no variable.
//
// No set of variables suits every program. Go programs with an HTTP client of
// their own end at AWS_CA_BUNDLE; a botocore older than AWS_ENDPOINT_URL reads
// nothing else.
const AuthorityAnnotation = "irsa-emu.dev/authority"

// AuthorityMountPath is the folder with the authority's certificate.
const AuthorityMountPath = "/var/run/secrets/irsa-emu.dev"

// DefaultAuthority are the variables that pods get unless they choose: they add
// the authority to those that the image trusts, but for AWS_CA_BUNDLE, which AWS's
// SDKs alone read.
var DefaultAuthority = []string{aws.EnvCABundle, "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"}

// NoAuthority is the annotation's word for no variable.
const NoAuthority = "none"

var variableName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)

// ParseAuthority reads the annotation's value. An empty one says nothing: nil.
func ParseAuthority(value string) ([]string, error) {
	if strings.TrimSpace(value) == "" {
		return nil, nil
	}
	var names []string
	for name := range strings.SplitSeq(value, ",") {
		name = strings.TrimSpace(name)
		if !variableName.MatchString(name) {
			return nil, fmt.Errorf("%.64q is not the name of a variable; write those that the pod's programs read, such as %s, or %s", name, strings.Join(DefaultAuthority, ","), NoAuthority)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if slices.Contains(names, NoAuthority) {
		if len(names) > 1 {
			return nil, fmt.Errorf("%s stands alone, not beside variables", NoAuthority)
		}
		return []string{}, nil
	}
	return names, nil
}
