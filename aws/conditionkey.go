package aws

import "strings"

// multivaluedKeys are the condition keys that hold a list, in lower case. Sources: the
// IAM user guide, "AWS global condition context keys"; the service authorization
// reference of the STS.
var multivaluedKeys = map[string]bool{
	"aws:calledvia": true, "aws:principalorgpaths": true, "aws:principalservicenameslist": true, "aws:resourceorgpaths": true,
	"aws:sourceorgpaths": true, "aws:tagkeys": true,
	"sts:identitytokenaudience": true, "sts:requestcontextproviders": true, "sts:transitivetagkeys": true,
}

// MultivaluedKey says whether a condition key, in letters of any case, holds a list,
// however many values are in it. Of an issuer's keys amr does.
func MultivaluedKey(key string) bool {
	key = strings.ToLower(key)
	return multivaluedKeys[key] || strings.HasSuffix(key, ":amr")
}

// RoleTagKey says whether a condition key of a role's trust policy, in letters of any
// case, is about the tags of the role itself.
func RoleTagKey(key string) bool {
	family, _, _ := strings.Cut(strings.ToLower(key), "/")
	return family == "aws:resourcetag" || family == "iam:resourcetag"
}

// SessionTagKey says whether a condition key, in letters of any case, is about the tags
// that a call gives to a session: a call has it only with sts:TagSession.
func SessionTagKey(key string) bool {
	key = strings.ToLower(key)
	return key == "aws:tagkeys" || key == "sts:transitivetagkeys" || strings.HasPrefix(key, "aws:requesttag/")
}
