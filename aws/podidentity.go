package aws

// PodIdentityService is EKS Pod Identity: the service principal that assumes the
// roles of associations, and the audience of its pods' tokens.
const PodIdentityService = "pods.eks.amazonaws.com"

// PodIdentityTags are the keys of the session tags that EKS Pod Identity sets, in
// its order; all of them are transitive (recorded 14).
func PodIdentityTags() []string {
	return []string{"eks-cluster-arn", "eks-cluster-name", "kubernetes-namespace", "kubernetes-service-account", "kubernetes-pod-name", "kubernetes-pod-uid"}
}

// EKSClusterARN is the ARN of a cluster of EKS.
func EKSClusterARN(region, account, name string) string {
	return RegionalARN("eks", region, account, "cluster/"+name)
}

// EKSCluster is the name of the cluster that the ARN names; false: it names something
// else.
func (a ARN) EKSCluster() (name string, ok bool) {
	return a.Named("eks", "cluster")
}

// TargetExternalID is the external id that EKS sends to the target role of an
// association that names none of its own (recorded 14).
func TargetExternalID(region, account, cluster string, of ServiceAccount) string {
	return region + "/" + account + "/" + cluster + "/" + of.String()
}
