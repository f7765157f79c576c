package kms

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// defaultRotation is the days between two automatic rotations (API reference,
// EnableKeyRotation).
const defaultRotation = 365

// Apply puts the keys of an account in a State document into the store; region is
// that of keys which do not say theirs. A key that is there already is replaced,
// with its aliases.
func Apply(tx *state.Txn, account, region string, a statefile.Account, now time.Time) error {
	owners := map[string]string{}
	for i := range a.KMSKeys {
		k := &a.KMSKeys[i]
		for _, alias := range k.Aliases {
			place := cmp.Or(k.Region, region) + "/" + alias
			if other, taken := owners[place]; taken {
				return k.Locate(fmt.Errorf("KMS keys %q and %q of account %s both have the alias %s; keep it at one", other, k.ID, account, alias))
			}
			owners[place] = k.ID
		}
	}
	for i := range a.KMSKeys {
		if err := apply(tx, account, region, &a.KMSKeys[i], now); err != nil {
			return a.KMSKeys[i].Locate(fmt.Errorf("KMS key %q of account %s: %w", a.KMSKeys[i].ID, account, err))
		}
	}
	return nil
}

func apply(tx *state.Txn, account, region string, d *statefile.KMSKey, now time.Time) error {
	if d.Region != "" {
		region = d.Region
	}
	k := &Key{
		Account: account, Region: region, ID: d.ID, Description: d.Description, Policy: defaultPolicy(iam.RootARN(tx, account)),
		State: cmp.Or(d.State, enabled), Deletion: d.DeletionDate,
		MultiRegion: d.MultiRegion, Created: d.Created, Tags: services.TagsOf(d.Tags),
	}
	if k.ID == "" {
		k.ID = madeID(account, region, d.Aliases[0])
	}
	if k.Created.IsZero() {
		k.Created = now
	}
	if k.State == pendingDeletion && k.Deletion.IsZero() {
		k.Deletion = now.AddDate(0, 0, defaultWindow)
	}
	if d.Rotation {
		k.RotationDays = defaultRotation
	}
	if !d.Policy.IsZero() {
		parsed, err := policy.ValidateResource([]byte(d.Policy.Text()), aws.PartitionIn(k.ARN()))
		if err != nil {
			return fmt.Errorf("its policy: %w", err)
		}
		k.Policy, k.PolicyPrincipals, _ = iam.BindPrincipals(tx, parsed) // of a principal that is made later, the name counts
	}
	tx.Put(k)
	for a := range state.LookupAll[*Alias](tx, byKey, k.StateKey()) {
		tx.Delete(a)
	}
	for _, name := range d.Aliases {
		tx.Put(&Alias{Account: account, Region: region, Name: name, KeyID: k.ID, Created: k.Created, Updated: k.Created})
	}
	return nil
}

// Export gives an account's keys as a State document has them.
func Export(r state.Reader, account string) []statefile.KMSKey {
	var list []statefile.KMSKey
	for k := range state.All[*Key](r, account+"/") {
		d := statefile.KMSKey{
			ID: k.ID, Region: k.Region, Aliases: k.aliases(r), Description: k.Description, Policy: statefile.NewDocument(k.policyNow(r).Text),
			DeletionDate: k.Deletion, MultiRegion: k.MultiRegion, Rotation: k.RotationDays > 0, Created: k.Created, Tags: services.TagMap(k.Tags),
		}
		if k.State != enabled {
			d.State = k.State
		}
		list = append(list, d)
	}
	return list
}

// Apply merges the service's part of every account into the state; see [Apply].
func (s *Service) Apply(tx *state.Txn, doc *statefile.State, now time.Time) error {
	for _, account := range slices.Sorted(maps.Keys(doc.Accounts)) {
		if err := Apply(tx, account, s.region, doc.Accounts[account], now); err != nil {
			return err
		}
	}
	return nil
}

// Export adds the service's part of every account to a document; see [Export].
func (s *Service) Export(r state.Reader, doc *statefile.State) {
	found := map[string]bool{}
	for k := range state.All[*Key](r, "") {
		found[k.Account] = true
	}
	for account := range found {
		out := doc.Accounts[account]
		out.KMSKeys = Export(r, account)
		doc.Accounts[account] = out
	}
}

// Reset deletes all keys of an account; "": of every account.
func (s *Service) Reset(tx *state.Txn, account string) {
	if account != "" {
		account += "/"
	}
	state.DeleteAll[*Key](tx, account)
	state.DeleteAll[*Alias](tx, account)
}
