package statefile

import (
	"bytes"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// AccessEntryTypes are those of EKS's API.
var AccessEntryTypes = []string{"STANDARD", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX", "HYPERPOD_LINUX"}

func (v *validator) cluster(at string, c *Cluster) {
	v.associations(at+".podIdentityAssociations", *c)
	if c.Role != "" {
		v.roleOf(at+".role", c.Role, c.Account, "")
	}
	if !c.Config.IsZero() && !bytes.HasPrefix(bytes.TrimSpace(c.Config), []byte("{")) {
		v.errorf(at+".config", "write members of CreateCluster, such as {accessConfig: {authenticationMode: API}}")
	}
	noneTwice(v, at+".accessEntries", c.AccessEntries, AccessEntry.identity, "access entry")
	for i, e := range c.AccessEntries {
		at := strictyaml.Index(at+".accessEntries", i)
		if e.Principal != "" && !isARNOf(e.Principal, "iam", "role") && !isARNOf(e.Principal, "iam", "user") {
			v.errorf(at+".principal", "%q is not the ARN of a role or user; write one such as arn:aws:iam::111122223333:role/NAME", e.Principal)
		}
		v.optional(at+".type", e.Type, func(kind string) bool { return slices.Contains(AccessEntryTypes, kind) }, "one of "+strings.Join(AccessEntryTypes, ", "))
		for j, p := range e.Policies {
			if p.ARN != "" && !isARNOf(p.ARN, "eks", "cluster-access-policy") {
				v.errorf(strictyaml.Index(at+".policies", j)+".arn", "%q is no access policy of EKS; write one such as arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", p.ARN)
			}
		}
	}
	noneTwice(v, at+".addons", c.Addons, Addon.identity, "add-on")
	for i, a := range c.Addons {
		if a.Role != "" {
			v.roleOf(strictyaml.Index(at+".addons", i)+".role", a.Role, c.Account, "")
		}
	}
}

func (v *validator) associations(at string, c Cluster) {
	noneTwice(v, at, c.PodIdentityAssociations, PodIdentityAssociation.identity, "service account")
	for i, a := range c.PodIdentityAssociations {
		at := strictyaml.Index(at, i)
		if !aws.IsServiceAccount(a.ServiceAccount) {
			v.errorf(at+".serviceAccount", "%q; write NAMESPACE/NAME, without wildcards", a.ServiceAccount)
		}
		v.roleOf(at+".role", a.Role, c.Account, ", and this one as targetRole")
		if a.TargetRole != "" {
			v.roleOf(at+".targetRole", a.TargetRole, "", "")
		} else if a.ExternalID != "" {
			v.errorf(at+".externalId", "an external id is for a target role; write targetRole too")
		}
		if !a.Policy.IsZero() && !a.DisableSessionTags {
			v.errorf(at+".policy", "EKS takes a session policy without session tags alone; write disableSessionTags: true too")
		}
		v.sessionPolicy(at+".policy", a.Policy)
	}
}

// roleOf checks the ARN of a role, and its account where that is known; else says
// where one of another account may be written.
func (v *validator) roleOf(at, text, account, elsewhere string) {
	if text == "" {
		return // reported as missing
	}
	switch {
	case !isARNOf(text, "iam", "role"):
		v.errorf(at, "%q is not the ARN of a role; write one such as arn:aws:iam::111122223333:role/NAME", text)
	case account != "" && aws.AccountIn(text) != account:
		v.errorf(at, "%s is not of the cluster's account %s; write a role of that account%s", text, account, elsewhere)
	}
}

// isARNOf says whether a text is the ARN of a service's kind of thing.
func isARNOf(text, service, kind string) bool {
	arn, err := aws.ParseARN(text)
	name, ok := arn.Named(service, kind)
	return err == nil && ok && name != ""
}
