package policy

import "strings"

// cutClaim splits a provider's condition key, such as
// oidc.eks.us-west-2.amazonaws.com/id/ABC:sub, at its last colon; ok is false for
// keys of AWS, such as aws:SourceIp. A provider's name is a host and thus has a
// dot, or is a localhost.
func cutClaim(key string) (prefix, claim string, ok bool) {
	i := strings.LastIndexByte(key, ':')
	if i < 0 {
		return "", "", false
	}
	prefix, claim = key[:i], key[i+1:]
	host, _, _ := strings.Cut(prefix, "/")
	return prefix, claim, strings.Contains(host, ".") || strings.HasPrefix(host, "localhost")
}
