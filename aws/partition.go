package aws

import "strings"

// Partition is a part of AWS with accounts, domains and ARNs of its own.
type Partition struct {
	// ID is the second part of its ARNs: "aws", "aws-cn", ….
	ID string
	// DNSSuffix is the domain of its endpoints; the endpoints that speak IPv6 too
	// have one of their own.
	DNSSuffix, DualStackDNSSuffix string
	// GlobalRegion is the region in which its global services are signed (IAM, the
	// global endpoint of the STS).
	GlobalRegion string

	regionPrefix string
}

// partitions in the order in which a region's prefix is looked up; the last has
// every other region. Source: partitions.json of AWS's SDKs (the same in
// botocore 1.43 and aws-sdk-go-v2), but for China's global region: its
// implicitGlobalRegion is cn-northwest-1, while IAM is signed for cn-north-1
// (endpoints.json).
var partitions = []Partition{
	{"aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn", "cn-north-1", "cn-"},
	{"aws-us-gov", "amazonaws.com", "api.aws", "us-gov-west-1", "us-gov-"},
	{"aws-iso", "c2s.ic.gov", "api.aws.ic.gov", "us-iso-east-1", "us-iso-"},
	{"aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud", "us-isob-east-1", "us-isob-"},
	{"aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", "eu-isoe-west-1", "eu-isoe-"},
	{"aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov", "us-isof-south-1", "us-isof-"},
	{"aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu", "eusc-de-east-1", "eusc-"},
	{DefaultPartition, "amazonaws.com", "api.aws", "us-east-1", ""},
}

// PartitionIDs are the names of all partitions, that of most accounts first.
func PartitionIDs() []string {
	ids := make([]string, 0, len(partitions))
	for i := range partitions {
		ids = append(ids, partitions[(i+len(partitions)-1)%len(partitions)].ID)
	}
	return ids
}

// PartitionOf is the partition of a region; a region that is none of another
// partition's, the empty one included, counts as one of "aws".
func PartitionOf(region string) Partition {
	for _, p := range partitions {
		if strings.HasPrefix(region, p.regionPrefix) {
			return p
		}
	}
	return Partition{} // the last prefix is empty
}

// PartitionByID finds a partition by its name.
func PartitionByID(id string) (Partition, bool) {
	for _, p := range partitions {
		if p.ID == id {
			return p, true
		}
	}
	return Partition{}, false
}

// OwnRegion is a region of the partition: the one that is wanted, if it is one of it,
// else that of its global services.
func (p Partition) OwnRegion(wanted string) string {
	if p.Has(wanted) {
		return wanted
	}
	return p.GlobalRegion
}

// RegionFor is a region in which what an ARN names is reached: the one that is
// wanted, unless the ARN is of another partition.
func RegionFor(arn, wanted string) string {
	parts, _ := SplitARN(arn)
	if partition, known := PartitionByID(parts[1]); known {
		return partition.OwnRegion(wanted)
	}
	return wanted
}

// Has says whether a region is one of the partition's.
func (p Partition) Has(region string) bool { return PartitionOf(region).ID == p.ID }
