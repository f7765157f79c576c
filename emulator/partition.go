package emulator

import (
	"cmp"
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
// first of another partition. What is written to be in a region of another partition
// than its account is refused.
func (d *documents) inPartitions(r state.Reader, doc statefile.State) (statefile.State, error) {
	out := doc
	out.Accounts, out.Clusters = map[string]statefile.Account{}, maps.Clone(doc.Clusters)
	for _, c := range doc.Clusters {
		out.Accounts[cmp.Or(c.Account, d.account)] = statefile.Account{} // which may hold clusters alone
	}
	maps.Copy(out.Accounts, doc.Accounts)
	for id, a := range out.Accounts {
		if a.Partition == "" && !iam.Holds(r, id) {
			a.Partition = doc.Partition(id, d.account)
		}
		if err := a.Misplaced(d.partition(r, id, a.Partition)); err != nil {
			return doc, fmt.Errorf("account %s: %w", id, err)
		}
		out.Accounts[id] = a.InRegion(d.regionIn(r, id, a.Partition))
	}
	for name, c := range out.Clusters {
		account := cmp.Or(c.Account, d.account)
		its := out.Accounts[account].Partition
		if err := c.Misplaced(d.partition(r, account, its)); err != nil {
			return doc, fmt.Errorf("cluster %s: %w", name, err)
		}
		if c.Region == "" {
			if region, _, ok := aws.EKSIssuerParts(c.Issuer); ok {
				c.Region = region
			} else {
				c.Region = d.regionIn(r, account, its)
			}
			out.Clusters[name] = c
		}
	}
	return out, nil
}

// partition is an account's: the one that a document gives it, "" for the one that it has.
func (d *documents) partition(r state.Reader, account, given string) string {
	return cmp.Or(given, iam.Partition(r, account))
}

// regionIn is the region of an account's things that name none.
func (d *documents) regionIn(r state.Reader, account, given string) string {
	partition, known := aws.PartitionByID(d.partition(r, account, given))
	if !known {
		return d.region
	}
	return partition.OwnRegion(d.region)
}
