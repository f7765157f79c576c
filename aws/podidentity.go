package aws

// PodIdentityService is EKS Pod Identity: the service principal that assumes the
// roles of associations, and the audience of its pods' tokens.
const PodIdentityService = "pods.eks.amazonaws.com"

// PodIdentityTags are the keys of the session tags that EKS Pod Identity sets, in
// its order; all of them are transitive (recorded 14).
func PodIdentityTags() []string {
	return []string{"eks-cluster-arn", "eks-cluster-name", "kubernetes-namespace", "kubernetes-service-account", "kubernetes-pod-name", "kubernetes-pod-uid"}
}
