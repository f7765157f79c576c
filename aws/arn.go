package aws

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
	parts, ok := SplitARN(s)
	if !ok || parts[1] == "" || parts[2] == "" || parts[5] == "" {
		return ARN{}, fmt.Errorf("%q: %w", s, errNotARN)
	}
	return ARN{Partition: parts[1], Service: parts[2], Region: parts[3], Account: parts[4], Resource: parts[5]}, nil
}

// SplitARN cuts a text at its first five colons; the sixth part keeps its own.
// ok says that the first part is "arn". Unlike ParseARN it takes empty parts, as
// the ARN operators of policies do.
func SplitARN(s string) (parts [6]string, ok bool) {
	for i := range 5 {
		before, after, found := strings.Cut(s, ":")
		if !found {
			return parts, false
		}
		parts[i], s = before, after
	}
	parts[5] = s
	return parts, parts[0] == "arn"
}

// AccountIn is the account in an ARN; "" when it has none, as a bucket's, and of what
// is not an ARN.
func AccountIn(arn string) string {
	parts, _ := SplitARN(arn)
	return parts[4]
}

// PartitionIn is the partition of an ARN; "" of anything else.
func PartitionIn(arn string) string {
	if parts, ok := SplitARN(arn); ok {
		return parts[1]
	}
	return ""
}

// SamePartition says that what two ARNs name knows of each other: no partition has
// principals, credentials or roles of another (recorded 2, 7). What is not an ARN is
// of any.
func SamePartition(a, b string) bool {
	one, isOne := SplitARN(a)
	other, isOther := SplitARN(b)
	return !isOne || !isOther || one[1] == other[1]
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

// RegionalARN is the ARN of something of a region, whose partition the region's is.
func RegionalARN(service, region, account, resource string) string {
	return ARN{Partition: PartitionOf(region).ID, Service: service, Region: region, Account: account, Resource: resource}.String()
}

// PartitionARN is the ARN of something that is in no region, as all of IAM and the
// sessions of the STS. An empty partition is "aws".
func PartitionARN(partition, service, account, resource string) string {
	if partition == "" {
		partition = DefaultPartition
	}
	return "arn:" + partition + ":" + service + "::" + account + ":" + resource
}
