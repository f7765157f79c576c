package iam

import (
	"cmp"
	"slices"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
)

// A resource's policy means the roles and users that exist when it is written, as
// a trust policy does. Its service keeps the text and, beside it, what
// [BindPrincipals] found; [InForce] is the policy as it is shown and evaluated.

// NamesNobody gives the refusal of a resource's policy its reason: a principal that does
// not exist.
func NamesNobody(r *api.Refusal, written string) *api.Refusal {
	return r.Because("there is no user or role %s", written).
		WithHint("make it before the policy that names it; the id of one that was deleted cannot be written again")
}

// BindPrincipals ties a resource's policy to the roles and users that it names.
// unknown is the first principal that does not exist, "" if all do; it is left as
// it is written.
func BindPrincipals(r state.Reader, parsed *policy.Document) (doc Document, bound []TrustPrincipal, unknown string) {
	if !namesAWS(parsed) {
		return NewDocument(parsed), nil, ""
	}
	text := rewritePrincipals(parsed.Text(), func(written string) string {
		p, ok := findPrincipal(r, written)
		switch {
		case !ok || !inItsPartition(r, p.ARN):
			unknown = cmp.Or(unknown, written)
			return written
		case p.ID == "":
			return written
		}
		if !slices.Contains(bound, p) {
			bound = append(bound, p)
		}
		return p.ARN
	})
	return DocumentOf(text), bound, unknown
}

// inItsPartition says whether an ARN has its account's partition; "" does.
func inItsPartition(r state.Reader, arn string) bool {
	a, err := aws.ParseARN(arn)
	return err != nil || a.Partition == Partition(r, a.Account)
}

// InForce is a policy with the principals that it was bound to under the names
// that they have now. Of those that are gone it has the unique ids, so that
// another of the same name is not meant (IAM user guide, "AWS JSON policy
// elements: Principal").
func InForce(r state.Reader, d Document, bound []TrustPrincipal) Document {
	var names map[string]string
	for _, p := range bound {
		name := p.ID
		if now, ok := findPrincipal(r, p.ID); ok {
			name = now.ARN
		}
		if name != p.ARN {
			if names == nil {
				names = map[string]string{}
			}
			names[p.ARN] = name
		}
	}
	if names == nil {
		return d
	}
	return DocumentOf(rewritePrincipals(d.Text, func(written string) string { return cmp.Or(names[written], written) }))
}
