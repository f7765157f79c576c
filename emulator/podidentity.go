package emulator

import (
	"net/http"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/services/eks"
	"github.com/irsa-emu/irsa-emu/state"
)

// getPodIdentity answers what the webhook, the agent and the authenticator of a
// cluster ask, who know its issuer, and commands, who know its name.
func (c *controlAPI) getPodIdentity(r *http.Request, in control.PodIdentityQuery) (any, error) {
	account, ok := aws.ParseServiceAccount(in.ServiceAccount)
	if in.ServiceAccount != "" && !ok {
		return nil, badRequest("serviceAccount: %q; write NAMESPACE/NAME", in.ServiceAccount)
	}
	if in.Cluster != "" && in.Issuer != "" {
		return nil, badRequest("cluster and issuer: write one of them")
	}
	c.catchUp(r)
	snapshot := c.store.Snapshot()
	var found []*eks.Cluster
	var names []string
	for c := range state.All[*eks.Cluster](snapshot, "") {
		names = append(names, c.Name)
		if (in.Cluster == "" || c.Name == in.Cluster) && (in.Issuer == "" || c.Issuer == in.Issuer) {
			found = append(found, c)
		}
	}
	switch {
	case len(names) == 0 && in.Cluster != "":
		return nil, notFound("no cluster %q: the emulator has no EKS cluster; give it a State document with clusters.%s (--given, irsa-emu state load), or aws eks create-cluster", in.Cluster, in.Cluster)
	case len(found) == 0 && in.Cluster != "":
		return nil, notFound("no cluster %q; there are: %s", in.Cluster, listed(names))
	case len(found) > 1 && in.Cluster == "" && in.Issuer == "":
		return nil, &controlError{http.StatusConflict, "which cluster? Name one of: " + listed(names)}
	}
	var out control.PodIdentity
	for _, c := range slices.Backward(found) { // of several with one issuer, the one with an association
		a, ok := eks.AssociationFor(snapshot, c, account.Namespace, account.Name)
		if out.Association != "" && !ok {
			continue
		}
		out = control.PodIdentity{Cluster: c.Name, Issuer: c.Issuer, Account: c.Account, Region: c.Region}
		if ok {
			out.Association, out.Role = a.ID, a.RoleARN
		}
	}
	return out, nil
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}
