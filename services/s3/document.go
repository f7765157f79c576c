package s3

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// applyAccount puts the buckets of an account in a State document, and their
// objects, into the store. A bucket that is there already keeps the objects that
// the document does not name.
func (s *Service) applyAccount(tx *state.Txn, account string, a statefile.Account, now time.Time) error {
	for i := range a.Buckets {
		if err := s.applyBucket(tx, account, &a.Buckets[i], now); err != nil {
			return a.Buckets[i].Locate(fmt.Errorf("bucket %q of account %s: %w", a.Buckets[i].Name, account, err))
		}
	}
	return nil
}

func (s *Service) applyBucket(tx *state.Txn, account string, d *statefile.Bucket, now time.Time) error {
	if !validName(d.Name) {
		return fmt.Errorf("the name is not valid: it has 3 to 63 small letters, digits, hyphens and dots")
	}
	region := cmp.Or(d.Region, s.region)
	b := newBucket(account, region, d.Name)
	b.Created = now
	if old, ok := state.Get[*Bucket](tx, d.Name); ok {
		if old.Account != account {
			return fmt.Errorf("the name belongs to account %s", old.Account)
		}
		b.Region, b.Created, b.Versioning = old.Region, old.Created, old.Versioning // which nobody can take back
	}
	if !d.Created.IsZero() {
		b.Created = d.Created
	}
	b.Tags = services.TagsOf(d.Tags)
	b.Versioning = cmp.Or(d.Versioning, b.Versioning)
	if err := s.applyPolicy(tx, b, d); err != nil {
		if at := d.Policy; at.Line > 0 {
			return fmt.Errorf("its policy, %s:%d:%d: %w", at.File, at.Line, at.Column, err)
		}
		return fmt.Errorf("its policy: %w", err)
	}
	if err := s.applyConfigurations(b, d); err != nil {
		return err
	}
	tx.Put(b)
	for key, o := range d.Objects {
		if err := s.applyObject(tx, b, key, &o, now); err != nil {
			return fmt.Errorf("object %q: %w", key, err)
		}
	}
	return nil
}

func (s *Service) applyPolicy(tx *state.Txn, b *Bucket, d *statefile.Bucket) error {
	if d.Policy.IsZero() {
		return nil
	}
	parsed, err := validatePolicy(b, []byte(d.Policy.Text()))
	var f *api.Refusal
	if errors.As(err, &f) && f.Reason.Message != "" {
		return fmt.Errorf("%w: %s", err, f.Reason.Message) // S3's words do not say which statement it is
	}
	if err != nil {
		return err
	}
	document, principals, _ := iam.BindPrincipals(tx, parsed) // of a principal that is made later, the name counts
	b.Policy, b.PolicyPrincipals = &document, principals
	if b.public() {
		// On AWS such a policy can only be there once this was switched off.
		b.PublicAccess = nil
	}
	return nil
}

// applyConfigurations sets what the document says; of the rest a bucket has what
// new ones have.
func (s *Service) applyConfigurations(b *Bucket, d *statefile.Bucket) (err error) {
	if p := d.PublicAccessBlock; p != nil {
		is := func(set *bool) bool { return set != nil && *set }
		b.PublicAccess = &PublicAccessBlock{is(p.BlockPublicAcls), is(p.IgnorePublicAcls), is(p.BlockPublicPolicy), is(p.RestrictPublicBuckets)}
		if *p == (statefile.PublicAccessBlock{}) {
			b.PublicAccess = nil
		}
	}
	switch d.ObjectOwnership {
	case "":
	case statefile.NoOwnership:
		b.Ownership = ""
	default:
		b.Ownership = d.ObjectOwnership
	}
	if d.CORS != nil {
		if err := checkCORS(d.CORS.CORSRules); err != nil {
			return fmt.Errorf("its CORS configuration: %w", err)
		}
		b.CORS = d.CORS.CORSRules
	}
	if d.Lifecycle != nil {
		b.Lifecycle = &Lifecycle{Rules: slices.Clone(d.Lifecycle.Rules), MinimumSize: d.Lifecycle.TransitionDefaultMinimumObjectSize}
		if err := s.completeLifecycle(b.Lifecycle); err != nil {
			return fmt.Errorf("its lifecycle configuration: %w", err)
		}
	}
	if d.Encryption != nil {
		if err := b.setEncryption(d.Encryption.Rules); err != nil {
			return fmt.Errorf("its encryption configuration: %w", err)
		}
	}
	return nil
}

// exportAccount gives an account's buckets as a State document has them; room
// is how many bytes of content there may still be.
func (s *Service) exportAccount(r state.Reader, account string, room *int64) []statefile.Bucket {
	var buckets []statefile.Bucket
	for b := range state.All[*Bucket](r, "") {
		if b.Account != account {
			continue
		}
		d := b.exported()
		if b.Policy != nil {
			d.Policy = statefile.NewDocument(b.policyNow(r).Text)
		}
		for o := range state.All[*Object](r, objectKey(b.Name, "")) {
			if d.Objects == nil {
				d.Objects = map[string]statefile.Object{}
			}
			d.Objects[o.Key] = s.exportKey(r, b, o, room)
		}
		buckets = append(buckets, d)
	}
	return buckets
}

// exported is the bucket without its policy and what is in it. What a new bucket
// has is left out.
func (b *Bucket) exported() statefile.Bucket {
	d := statefile.Bucket{Name: b.Name, Region: b.Region, Created: b.Created, Tags: services.TagMap(b.Tags), Versioning: b.Versioning}
	fresh := newBucket(b.Account, b.Region, b.Name)
	switch p := b.PublicAccess; {
	case p == nil:
		d.PublicAccessBlock = &statefile.PublicAccessBlock{}
	case *p != *fresh.PublicAccess || b.public():
		d.PublicAccessBlock = &statefile.PublicAccessBlock{
			BlockPublicAcls: &p.BlockPublicAcls, IgnorePublicAcls: &p.IgnorePublicAcls,
			BlockPublicPolicy: &p.BlockPublicPolicy, RestrictPublicBuckets: &p.RestrictPublicBuckets,
		}
	}
	if b.Ownership != fresh.Ownership {
		d.ObjectOwnership = cmp.Or(b.Ownership, statefile.NoOwnership)
	}
	if len(b.CORS) > 0 {
		d.CORS = &statefile.CORSConfiguration{CORSRules: b.CORS}
	}
	if l := b.Lifecycle; l != nil {
		d.Lifecycle = &statefile.LifecycleConfiguration{Rules: l.Rules, TransitionDefaultMinimumObjectSize: l.MinimumSize}
	}
	if b.EncryptionSet {
		d.Encryption = &statefile.EncryptionConfiguration{Rules: []statefile.EncryptionRule{b.encryptionRule()}}
	}
	return d
}

// Accounts adds the accounts that have buckets to the set.
func Accounts(r state.Reader, found map[string]bool) {
	for b := range state.All[*Bucket](r, "") {
		found[b.Account] = true
	}
}

// Apply merges the service's part of every account into the state.
func (s *Service) Apply(tx *state.Txn, doc *statefile.State, now time.Time) error {
	for _, account := range slices.Sorted(maps.Keys(doc.Accounts)) {
		if err := s.applyAccount(tx, account, doc.Accounts[account], now); err != nil {
			return err
		}
	}
	return nil
}

// Export adds the service's part of every account to a document. Large contents
// are references in it.
func (s *Service) Export(r state.Reader, doc *statefile.State) {
	found := map[string]bool{}
	Accounts(r, found)
	room := int64(exportTotal)
	for _, account := range slices.Sorted(maps.Keys(found)) {
		out := doc.Accounts[account]
		out.Buckets = s.exportAccount(r, account, &room)
		doc.Accounts[account] = out
	}
}

// Reset deletes all buckets of an account with everything in them; those of
// every account when it is empty.
func (s *Service) Reset(tx *state.Txn, account string) {
	for b := range state.All[*Bucket](tx, "") {
		if account == "" || b.Account == account {
			s.contents.dropBucket(tx, b.Name)
			tx.Delete(b)
		}
	}
}
