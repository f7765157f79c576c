package aws

import (
	"regexp"
	"strings"
)

// CutEndpoint takes the domain of AWS's endpoints off a host name, whichever
// partition's it is: sts.us-west-2 of sts.us-west-2.amazonaws.com, iam.global of
// iam.global.api.aws. False: the host is none of AWS's.
func CutEndpoint(host string) (labels string, ok bool) {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	for _, p := range partitions {
		for _, suffix := range []string{p.DualStackDNSSuffix, p.DNSSuffix} {
			if rest, found := strings.CutSuffix(host, "."+suffix); found {
				return rest, true
			}
		}
	}
	return "", false
}

// HostPattern is a regular expression of host names with a dot at their end, as a
// DNS server sees them: those of the services that labels name, in every partition
// and region, with FIPS and dual stack, old forms with a dash, and anything in
// front, since buckets are names; and those of EKS's issuers. A * at the end of a
// label stands for its rest. Labels of regional name a service only where a region
// follows.
func HostPattern(labels, regional []string) string {
	return `^(.*\.)?(` + oneOf(labels) + `(\.dualstack)?(\.[a-z0-9-]+)?|` + oneOf(regional, issuerHosts...) + `\.[a-z0-9-]+)\.` + oneOf(endpointSuffixes()) + `\.$`
}

func oneOf(names []string, more ...string) string {
	var quoted []string
	for _, name := range append(names[:len(names):len(names)], more...) {
		start, open := strings.CutSuffix(name, "*")
		q := regexp.QuoteMeta(start)
		if open {
			q += "[a-z0-9-]*"
		}
		quoted = append(quoted, q)
	}
	return "(" + strings.Join(quoted, "|") + ")"
}

// endpointSuffixes are the domains of all partitions' endpoints, each once.
func endpointSuffixes() []string {
	var all []string
	seen := map[string]bool{}
	for i := range partitions {
		p := partitions[(i+len(partitions)-1)%len(partitions)] // "aws" first
		for _, suffix := range []string{p.DNSSuffix, p.DualStackDNSSuffix} {
			if !seen[suffix] {
				seen[suffix] = true
				all = append(all, suffix)
			}
		}
	}
	return all
}
