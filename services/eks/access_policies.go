package eks

import (
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// accessPolicies are EKS's own policies for API servers, as ListAccessPolicies has
// them: by name, letter for letter (recorded 16). What they give is for the cluster to
// say (package authenticator).
var accessPolicies = []string{
	"AIDevOpsAgentAccessPolicy", "AWSBatchClusterPolicy", "AmazonAIOpsAssistantPolicy", "AmazonARCRegionSwitchScalingPolicy",
	"AmazonEKSACKPolicy", "AmazonEKSAdminPolicy", "AmazonEKSAdminViewPolicy", "AmazonEKSArgoCDClusterPolicy", "AmazonEKSArgoCDPolicy",
	"AmazonEKSAutoNodePolicy", "AmazonEKSBlockStorageClusterPolicy", "AmazonEKSBlockStoragePolicy", "AmazonEKSClusterAdminPolicy",
	"AmazonEKSComputeClusterPolicy", "AmazonEKSComputePolicy", "AmazonEKSEditPolicy", "AmazonEKSEventPolicy", "AmazonEKSHybridPolicy",
	"AmazonEKSKROPolicy", "AmazonEKSLoadBalancingClusterPolicy", "AmazonEKSLoadBalancingPolicy", "AmazonEKSNetworkingClusterPolicy",
	"AmazonEKSNetworkingPolicy", "AmazonEKSPodIdentityPolicy", "AmazonEKSSecretAdminPolicy", "AmazonEKSSecretReaderPolicy",
	"AmazonEKSViewPolicy", "AmazonEMRJobPolicy", "AmazonSagemakerHyperpodClusterPolicy", "AmazonSagemakerHyperpodControllerPolicy",
	"AmazonSagemakerHyperpodSpacePolicy", "AmazonSagemakerHyperpodSpaceTemplatePolicy", "AmazonSagemakerHyperpodSystemNamespacePolicy",
	"AmazonSagemakerHyperpodUserClusterPolicy",
}

func (s *Service) listAccessPolicies(c *call) (any, error) {
	if err := authorize(c.Request, "eks:ListAccessPolicies", "*", c.Principal.Account, policy.Context{}); err != nil {
		return nil, err
	}
	policies := make([]object, len(accessPolicies))
	for i, name := range accessPolicies {
		policies[i] = object{"name": name, "arn": aws.PartitionARN(aws.PartitionOf(c.Region).ID, "eks", "aws", "cluster-access-policy/"+name)}
	}
	return paginate(c, "accessPolicies", policies)
}
