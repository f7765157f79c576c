package aws

import "strings"

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

// EndpointSuffixes are the domains of all partitions' endpoints, each once.
func EndpointSuffixes() []string {
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
