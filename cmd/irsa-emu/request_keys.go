package main

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// requestKeys are condition keys of the request that --context gives.
type requestKeys []string

// into sets them, each with the values that it is given.
func (k requestKeys) into(keys policy.Context) error {
	values := map[string][]string{}
	for _, text := range k {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return usageError("--context %s: write KEY=VALUE, such as aws:SourceIp=203.0.113.7", text)
		}
		lower := strings.ToLower(key)
		_, claim, isClaim := policy.CutClaim(key)
		service, name, named := strings.Cut(lower, ":")
		switch {
		case isClaim:
			return usageError("--context %s: it is a key of the token; write --claim %s=VALUE", key, claim)
		case !named || service == "" || name == "":
			return usageError("--context %s: a condition key has a service and a name, such as aws:SourceIp", key)
		case lower == "sts:rolesessionname":
			return usageError("--context %s: write --session-name NAME", key)
		}
		values[lower] = append(values[lower], value)
	}
	for key, list := range values {
		switch {
		case aws.MultivaluedKey(key):
			keys.SetMulti(key, list)
		case len(list) > 1:
			return usageError("--context %s: it has one value, and %d are given", key, len(list))
		default:
			keys.Set(key, list[0])
		}
	}
	return nil
}

// open are the keys of the request that the answer hangs on and nobody gave, as the
// policy writes them.
func openKeys(checks []policy.Decision) []string {
	var keys []string
	for _, d := range checks {
		for _, p := range d.Policies {
			for _, s := range p.Statements {
				if !s.ActionMatch || !s.PrincipalMatch {
					continue
				}
				for _, c := range s.Conditions {
					_, _, isClaim := policy.CutClaim(c.Key)
					known := slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, c.Key) })
					if !c.Present && !isClaim && !known && ofRequest(c.Key) {
						keys = append(keys, c.Key)
					}
				}
			}
		}
	}
	return keys
}

// ofRequest says whether a key depends on who sends a request from where, and not on
// the token.
func ofRequest(key string) bool {
	lower := strings.ToLower(key)
	for _, other := range []string{"aws:requesttag/", "aws:tagkeys", "sts:transitivetagkeys", "sts:sourceidentity", "sts:externalid", "aws:principal", "aws:multifactorauth", "aws:tokenissuetime"} {
		if strings.HasPrefix(lower, other) {
			return false
		}
	}
	return strings.HasPrefix(lower, "aws:")
}
