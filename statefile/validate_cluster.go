package statefile

import (
	"regexp"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// serviceAccount is NAMESPACE/NAME: a DNS label and a DNS subdomain.
var serviceAccount = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`)

func isServiceAccount(s string) bool {
	namespace, name, _ := strings.Cut(s, "/")
	return len(namespace) <= 63 && len(name) <= 253 && serviceAccount.MatchString(s)
}

func (v *validator) associations(at string, c Cluster) {
	noneTwice(v, at, c.PodIdentityAssociations, PodIdentityAssociation.identity, "service account")
	for i, a := range c.PodIdentityAssociations {
		at := strictyaml.Index(at, i)
		if !isServiceAccount(a.ServiceAccount) {
			v.errorf(at+".serviceAccount", "%q; write NAMESPACE/NAME, without wildcards", a.ServiceAccount)
		}
		v.roleOf(at+".role", a.Role, c.Account)
		if a.TargetRole != "" {
			v.roleOf(at+".targetRole", a.TargetRole, "")
		} else if a.ExternalID != "" {
			v.errorf(at+".externalId", "an external id is for a target role; write targetRole too")
		}
		if !a.Policy.IsZero() && !a.DisableSessionTags {
			v.errorf(at+".policy", "EKS takes a session policy without session tags alone; write disableSessionTags: true too")
		}
		v.sessionPolicy(at+".policy", a.Policy)
	}
}

// roleOf checks the ARN of a role, and its account where that is known.
func (v *validator) roleOf(at, text, account string) {
	if text == "" {
		return // reported as missing
	}
	arn, err := aws.ParseARN(text)
	switch {
	case err != nil || arn.Service != "iam" || len(arn.Resource) < 6 || arn.Resource[:5] != "role/":
		v.errorf(at, "%q is not the ARN of a role; write one such as arn:aws:iam::111122223333:role/NAME", text)
	case account != "" && arn.Account != account:
		v.errorf(at, "%s is not of the cluster's account %s; write a role of that account, and this one as targetRole", text, account)
	}
}
