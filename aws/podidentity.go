package aws

import "fmt"

// PodIdentityService is EKS Pod Identity: the service principal that assumes the
// roles of associations, and the audience of its pods' tokens.
const PodIdentityService = "pods.eks.amazonaws.com"

// Where a node's agent answers the SDKs of its pods, which take no other address but
// loopback's, and the file of the token that the pods send it.
const (
	PodIdentityIPv4      = "169.254.170.23"
	PodIdentityIPv6      = "fd00:ec2::23"
	PodIdentityPath      = "/v1/credentials"
	PodIdentityURI       = "http://" + PodIdentityIPv4 + PodIdentityPath
	PodIdentityTokenFile = "eks-pod-identity-token"
	// PodIdentityAddon is the add-on of EKS that runs it, and its DaemonSet.
	PodIdentityAddon = "eks-pod-identity-agent"
)

// PodIdentityTags are the keys of the session tags that EKS Pod Identity sets, in
// its order; all of them are transitive (recorded 14).
func PodIdentityTags() []string {
	return []string{"eks-cluster-arn", "eks-cluster-name", "kubernetes-namespace", "kubernetes-service-account", "kubernetes-pod-name", "kubernetes-pod-uid"}
}

// PodTags are the session tags of a pod, in the order of [PodIdentityTags]; what is not
// known is "".
func PodTags(clusterARN, cluster string, of ServiceAccount, pod, uid string) []Tag {
	var tags []Tag
	values := [...]string{clusterARN, cluster, of.Namespace, of.Name, pod, uid}
	for i, key := range PodIdentityTags() {
		tags = append(tags, Tag{Key: key, Value: values[i]})
	}
	return tags
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

// PodSessionPrefix begins the names of the sessions of EKS Pod Identity, which go on
// with ten characters of the pod's name, - and a UUID (recorded 14).
func PodSessionPrefix(cluster string) string { return fmt.Sprintf("eks-%.10s-", cluster) }
