package emulator

import (
	"context"
	"fmt"
	"maps"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// settle puts the accounts that say nothing else into the partition of the region.
func (d *documents) settle(ctx context.Context) error {
	partition := aws.PartitionOf(d.region).ID
	if iam.Partition(d.store.Snapshot(), "") == partition {
		return nil // nothing is written where nothing changes
	}
	if err := d.store.Update(ctx, func(tx *state.Txn) error { iam.SetPartition(tx, partition); return nil }); err != nil {
		return fmt.Errorf("storing the partition: %w", err)
	}
	return nil
}

// inPartitions is a document whose accounts are all in a partition, and whose
// clusters and what else is in a region are in one of it: the emulator's, or the
// first of another partition.
func (d *documents) inPartitions(r state.Reader, doc statefile.State) statefile.State {
	out := doc
	out.Accounts, out.Clusters = maps.Clone(doc.Accounts), maps.Clone(doc.Clusters)
	for id, a := range out.Accounts {
		if a.Partition == "" && !iam.Holds(r, id) {
			a.Partition = doc.Partition(id, d.account)
		}
		out.Accounts[id] = a.InRegion(d.regionIn(r, id, a.Partition))
	}
	for name, c := range out.Clusters {
		if c.Region == "" {
			account := c.Account
			if account == "" {
				account = d.account
			}
			if region, _, ok := aws.EKSIssuerParts(c.Issuer); ok {
				c.Region = region
			} else {
				c.Region = d.regionIn(r, account, out.Accounts[account].Partition)
			}
			out.Clusters[name] = c
		}
	}
	return out
}

// regionIn is the region of an account's things that name none. The partition is
// that which the account gets, "" for the one that it has.
func (d *documents) regionIn(r state.Reader, account, id string) string {
	if id == "" {
		id = iam.Partition(r, account)
	}
	partition, known := aws.PartitionByID(id)
	if !known {
		return d.region
	}
	return partition.OwnRegion(d.region)
}
