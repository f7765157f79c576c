package eksauth

import (
	"net/http"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/services/eks"
	"github.com/irsa-emu/irsa-emu/spelling"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/sts"
)

// Unauthorized is the one answer for all that the STS may have against a pod's role
// (recorded 14).
func Unauthorized() *api.Refusal {
	return api.Fail(http.StatusBadRequest, "AccessDeniedException", "Unauthorized Exception! EKS does not have permissions to assume the associated role.")
}

// NotAssociated is the answer to a pod whose service account has no association. The
// text is not AWS's.
func NotAssociated(account aws.ServiceAccount, cluster string) *api.Refusal {
	return api.Fail(http.StatusNotFound, "ResourceNotFoundException", "No pod identity association found for service account %s in cluster %s.", account, cluster)
}

// noAssociation refuses a pod whose service account has no association, and says
// which ones there are near by: in the same cluster, and of the same service
// account in others.
func noAssociation(r state.Reader, cluster *eks.Cluster, pod *sts.Pod) error {
	f := NotAssociated(pod.Holder(), cluster.Name)
	command := "aws eks create-pod-identity-association --cluster-name " + cluster.Name + " --namespace " + pod.Namespace + " --service-account " + pod.ServiceAccount + " --role-arn ARN"
	var said []string
	if near := nearby(r, cluster, pod); len(near) > 0 {
		said = append(said, "cluster "+cluster.Name+" has associations for "+strings.Join(near, ", "))
	} else {
		said = append(said, "cluster "+cluster.Name+" has no association at all")
	}
	if others := elsewhere(r, cluster, pod); len(others) > 0 {
		said = append(said, "this service account has one in cluster "+strings.Join(others, ", "))
	}
	return f.Advise(hint.Hint{Code: "no-association", Message: strings.Join(said, "; "), Fix: "make one: " + command})
}

// nearby are the service accounts of a cluster that have an association, those
// that are most like the pod's first.
func nearby(r state.Reader, cluster *eks.Cluster, pod *sts.Pod) []string {
	const most = 5
	var all []string
	for a := range eks.Associations(r, cluster.Account, cluster.Region, cluster.Name) {
		all = append(all, a.Holder().String())
	}
	return spelling.Closest(pod.Holder().String(), all, most)
}

// elsewhere are other clusters of the account in which the service account has an association.
func elsewhere(r state.Reader, cluster *eks.Cluster, pod *sts.Pod) []string {
	var names []string
	for other := range state.All[*eks.Cluster](r, cluster.Account+"/") {
		if other.Name == cluster.Name && other.Region == cluster.Region {
			continue
		}
		if _, ok := eks.AssociationFor(r, other, pod.Namespace, pod.ServiceAccount); ok {
			names = append(names, other.Name)
		}
	}
	return names
}
