package statefile

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Partition is the partition that an account is in: as it is written, else as its
// clusters' regions and the ARNs that its own policies name say; "" if nothing
// does. An account is in one partition alone, and what it is given must fit it.
// Clusters that name no account are of defaultAccount.
func (s *State) Partition(account, defaultAccount string) string {
	a := s.Accounts[account]
	if a.Partition != "" {
		return a.Partition
	}
	for _, c := range s.Clusters {
		if c.Account != account && (c.Account != "" || account != defaultAccount) {
			continue
		}
		if region, _, ok := aws.EKSIssuerParts(c.Issuer); ok && c.Region == "" {
			return aws.PartitionOf(region).ID
		}
		if c.Region != "" {
			return aws.PartitionOf(c.Region).ID
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
	return ""
}

// partitionIn is that of the account's first OIDC provider which a policy names.
func partitionIn(text, account string) string {
	before, _, found := strings.Cut(text, ":iam::"+account+":oidc-provider/")
	if !found {
		return ""
	}
	id := before[strings.LastIndexByte(before, ':')+1:]
	if !strings.HasSuffix(before, "arn:"+id) || !knownPartition(id) {
		return ""
	}
	return id
}
