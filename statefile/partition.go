package statefile

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Partition is the partition that an account is in: as it is written, else as its
// clusters' regions, the ARNs that its own policies name and the regions of what it
// holds say; "" if nothing does. An account is in one partition alone, and what it is
// given must fit it. Clusters that name no account are of defaultAccount.
func (s *State) Partition(account, defaultAccount string) string {
	a := s.Accounts[account]
	if a.Partition != "" {
		return a.Partition
	}
	for _, name := range slices.Sorted(maps.Keys(s.Clusters)) {
		c := s.Clusters[name]
		if c.Account != account && (c.Account != "" || account != defaultAccount) {
			continue
		}
		if region := c.region(); region != "" {
			return aws.PartitionOf(region).ID
		}
	}
	for i := range a.Roles {
		for _, arn := range append(slices.Clone(a.Roles[i].AttachedPolicies), a.Roles[i].PermissionsBoundary) {
			if parsed, err := aws.ParseARN(arn); err == nil {
				return parsed.Partition
			}
		}
		if partition := partitionIn(a.Roles[i].TrustPolicy.Text(), account); partition != "" {
			return partition
		}
	}
	for region := range a.regions() {
		return aws.PartitionOf(region).ID
	}
	return ""
}

// region is as it is written, else EKS's issuer's; "" when neither says.
func (c *Cluster) region() string {
	ofIssuer, _, _ := aws.EKSIssuerParts(c.Issuer)
	return cmp.Or(c.Region, ofIssuer)
}

// partitionIn is that of the account's first principal, OIDC provider or role that a
// policy names.
func partitionIn(text, account string) string {
	for {
		before, after, found := strings.Cut(text, ":iam::"+account+":")
		if !found {
			return ""
		}
		id := before[strings.LastIndexByte(before, ':')+1:]
		if strings.HasSuffix(before, "arn:"+id) && knownPartition(id) {
			return id
		}
		text = after
	}
}

// regions are those that the account's things are written to be in, and where the
// thing is: LIST[INDEX] of the account, and its place.
func (a *Account) regions() iter.Seq2[string, thing] {
	return func(yield func(string, thing) bool) {
		for _, s := range sections() {
			if !s.regions(a, yield) {
				return
			}
		}
	}
}

// thing is one of the things of an account's section.
type thing struct {
	path  string // LIST[INDEX]
	title string
	place Written
}

// Misplaced is the first thing of the account that cannot be in its partition, for its
// region is another's; nil when there is none.
func (a *Account) Misplaced(partition string) error {
	for region, at := range a.regions() {
		if aws.PartitionOf(region).ID != partition {
			return at.place.Locate(fmt.Errorf("%s: the %s: %s", at.path, at.title, misplaced(region, partition)))
		}
	}
	return nil
}

// Misplaced says that the cluster cannot be in its account's partition, for its region
// is another's; nil if it can.
func (c *Cluster) Misplaced(partition string) error {
	if region := c.region(); region != "" && aws.PartitionOf(region).ID != partition {
		return c.Locate(errors.New(misplaced(region, partition)))
	}
	return nil
}

// misplaced says of a region that it is not one of the account's partition.
func misplaced(region, partition string) string {
	own, _ := aws.PartitionByID(partition)
	its := aws.PartitionOf(region).ID
	return fmt.Sprintf("%s is a region of the partition %s, and the account is in %s; write one of %s, such as %s, or partition: %s in the account", region, its, partition, partition, own.GlobalRegion, its)
}
