package wire

import (
	"errors"
	"fmt"
	"strings"
)

// ARN is an Amazon Resource Name: arn:Partition:Service:Region:Account:Resource.
// Resource may itself hold colons and slashes.
type ARN struct {
	Partition, Service, Region, Account, Resource string
}

// maxARN is the longest ARN that any model of the served APIs takes.
const maxARN = 2048

var errNotARN = errors.New("an ARN has the form arn:partition:service:region:account:resource")

// ParseARN splits an ARN at its first five colons. Partition, service and
// resource must not be empty; what they name is not looked at.
func ParseARN(s string) (ARN, error) {
	if len(s) > maxARN*4 { // the limit counts characters
		return ARN{}, fmt.Errorf("an ARN of %d bytes is too long", len(s))
	}
	var a ARN
	rest, ok := strings.CutPrefix(s, "arn:")
	for _, part := range [...]*string{&a.Partition, &a.Service, &a.Region, &a.Account} {
		if ok {
			*part, rest, ok = strings.Cut(rest, ":")
		}
	}
	a.Resource = rest
	if !ok || a.Partition == "" || a.Service == "" || a.Resource == "" {
		return ARN{}, fmt.Errorf("%q: %w", s, errNotARN)
	}
	return a, nil
}

// String is the ARN as AWS prints it.
func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}

// MarshalText is String, so that an ARN may be a field of an answer.
func (a ARN) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText is ParseARN.
func (a *ARN) UnmarshalText(text []byte) error {
	parsed, err := ParseARN(string(text))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

// partitions in the order in which a region's prefix is looked up; the last is
// that of every other region. From the endpoint rules of AWS's SDKs.
var partitions = []struct{ name, regionPrefix, dnsSuffix, globalRegion string }{
	{"aws-cn", "cn-", "amazonaws.com.cn", "cn-north-1"},
	{"aws-us-gov", "us-gov-", "amazonaws.com", "us-gov-west-1"},
	{"aws-iso", "us-iso-", "c2s.ic.gov", "us-iso-east-1"},
	{"aws-iso-b", "us-isob-", "sc2s.sgov.gov", "us-isob-east-1"},
	{"aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "eu-isoe-west-1"},
	{"aws-iso-f", "us-isof-", "csp.hci.ic.gov", "us-isof-south-1"},
	{"aws-eusc", "eusc-", "amazonaws.eu", "eusc-de-east-1"},
	{"aws", "", "amazonaws.com", "us-east-1"},
}

// PartitionOf names the partition of a region: "aws", "aws-cn", "aws-us-gov", ….
func PartitionOf(region string) string {
	for _, p := range partitions {
		if strings.HasPrefix(region, p.regionPrefix) {
			return p.name
		}
	}
	return "aws"
}

// KnownPartition says whether AWS has a partition of that name.
func KnownPartition(name string) bool {
	for _, p := range partitions {
		if p.name == name {
			return true
		}
	}
	return false
}

// DNSSuffix is the domain that a partition's endpoints end in, "" for an
// unknown partition.
func DNSSuffix(partition string) string {
	for _, p := range partitions {
		if p.name == partition {
			return p.dnsSuffix
		}
	}
	return ""
}

// GlobalRegion is the region in which a partition's global services (IAM, the
// global STS endpoint) are signed, "" for an unknown partition.
func GlobalRegion(partition string) string {
	for _, p := range partitions {
		if p.name == partition {
			return p.globalRegion
		}
	}
	return ""
}
