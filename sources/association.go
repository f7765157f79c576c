package sources

import (
	"slices"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// associate puts the associations of all sources into the state, where their
// cluster is in it and nothing of them is unknown: an emulator that starts from a
// plan has what the plan makes.
func (b *builder) associate() {
	for i := range b.found.Manifests.Associations {
		a := &b.found.Manifests.Associations[i]
		cluster, ok := b.found.State.Clusters[a.Cluster]
		if !ok || a.Namespace == "" || a.ServiceAccount == "" || Unresolved(a.Namespace+a.ServiceAccount) != "" {
			continue
		}
		title := a.Holder().String()
		if slices.ContainsFunc(cluster.PodIdentityAssociations, func(p statefile.PodIdentityAssociation) bool { return p.ServiceAccount == title }) {
			continue
		}
		if !isRole(a.Role) || a.TargetRole != "" && !isRole(a.TargetRole) {
			b.note(a.At, "the association of "+title, "left out: its role %s is not known", a.Role)
			continue
		}
		cluster.PodIdentityAssociations = append(slices.Clone(cluster.PodIdentityAssociations), statefile.PodIdentityAssociation{
			ServiceAccount: title, Role: a.Role, TargetRole: a.TargetRole, ExternalID: a.ExternalID, DisableSessionTags: a.DisableSessionTags,
			Policy: statefile.NewDocument(a.Policy),
		})
		b.found.State.Clusters[a.Cluster] = cluster
	}
}

func isRole(arn string) bool {
	a, err := aws.ParseARN(arn)
	return err == nil && a.Service == "iam" && Unresolved(arn) == ""
}
