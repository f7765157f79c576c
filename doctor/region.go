package doctor

import "github.com/irsa-emu/irsa-emu/aws"

// region is the pod's, else the cluster's, else the role's partition's.
func (x *examination) region() string {
	if pod := x.thisPod(); pod != nil {
		for _, c := range containersOf(pod) {
			if region := envOf(c, aws.EnvRegion); region != "" {
				return region
			}
		}
	}
	if region, _, ok := aws.EKSIssuerParts(x.issuer); ok {
		return region
	}
	if partition, ok := aws.PartitionByID(x.role.partition); ok {
		return partition.GlobalRegion
	}
	return aws.DefaultRegion
}
