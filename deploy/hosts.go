package deploy

import (
	"regexp"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// HostPattern is a regular expression of the host names that a cluster's DNS is
// to lead to the emulator: those of the services that irsa-emu serves, in every
// partition and region, with FIPS and dual stack, old forms with a dash, and
// anything in front, since buckets are names. EKS has endpoints in regions only;
// without one, the name is that of a real cluster's API server
// (ID.gr7.REGION.eks.amazonaws.com).
var HostPattern = `^(.*\.)?(((sts|iam|secretsmanager|kms|access-analyzer)(-fips)?|s3(-[a-z0-9-]+)?)(\.dualstack)?(\.[a-z0-9-]+)?|(eks(-auth)?(-fips)?|oidc-eks)\.[a-z0-9-]+)\.(` +
	endpointSuffixes() + `)\.$`

func endpointSuffixes() string {
	suffixes := aws.EndpointSuffixes()
	for i, s := range suffixes {
		suffixes[i] = regexp.QuoteMeta(s)
	}
	return strings.Join(suffixes, "|")
}

// CoreDNS is the stanza that leads the names of [HostPattern] to the Service
// [Intercept], for before the line "kubernetes …" of a Corefile.
var CoreDNS = `rewrite stop {
        # irsa-emu: AWS's host names lead to the emulator
        name regex ` + HostPattern + " " + Intercept + "." + Namespace + `.svc.cluster.local
        answer auto
    }
`
