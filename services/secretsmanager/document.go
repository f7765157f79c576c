package secretsmanager

import (
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

type tag = aws.Tag

// Apply puts the secrets of an account in a State document into the store;
// region is that of secrets which do not say theirs. A secret that is there
// already is replaced, but keeps its ARN unless the document gives a suffix.
func Apply(tx *state.Txn, account, region string, a statefile.Account, now time.Time, rand io.Reader) error {
	for i := range a.Secrets {
		secret, err := fromDocument(tx, account, region, &a.Secrets[i], now, rand)
		if err != nil {
			return a.Secrets[i].Locate(fmt.Errorf("secret %q of account %s: %w", a.Secrets[i].Name, account, err))
		}
		tx.Put(secret)
	}
	return nil
}

func fromDocument(tx *state.Txn, account, region string, d *statefile.Secret, now time.Time, rand io.Reader) (*Secret, error) {
	if d.Region != "" {
		region = d.Region
	}
	if !nameChars.MatchString(d.Name) || len(d.Name) > 512 {
		return nil, fmt.Errorf("a name has 1 to 512 letters, digits and -/_+=.@! alone")
	}
	s := &Secret{
		Account: account, Region: region, Name: d.Name, Suffix: d.Suffix, ByName: d.Suffix == "",
		Description: d.Description, KMSKeyID: d.KMSKeyID, Tags: services.TagsOf(d.Tags),
		Created: or(d.Created, now), Deleted: d.Deleted,
	}
	s.Changed = or(d.Changed, s.Created)
	if !d.Policy.IsZero() {
		parsed, err := policy.ValidateResource([]byte(d.Policy.Text()), aws.PartitionIn(s.ARN()))
		if err != nil {
			return nil, fmt.Errorf("its policy: %w", err)
		}
		document, principals, _ := iam.BindPrincipals(tx, parsed) // of a principal that is made later, the name counts
		s.Policy, s.PolicyPrincipals = &document, principals
	}
	if s.ByName {
		if old, ok := state.Get[*Secret](tx, s.StateKey()); ok {
			s.Suffix = old.Suffix
		} else {
			s.Suffix = suffixOf(s)
		}
	}
	if err := s.takeVersions(d, rand); err != nil {
		return nil, err
	}
	return s, nil
}

// takeVersions reads the value, or all versions.
func (s *Secret) takeVersions(d *statefile.Secret, rand io.Reader) error {
	if len(d.Versions) == 0 && (d.Value != nil || d.Binary != nil) {
		id, err := uuid.NewRandomFromReader(rand)
		if err != nil {
			return fmt.Errorf("making a version id: %w", err)
		}
		s.add(Version{ID: id.String(), String: textOf(d.Value), Binary: d.Binary, Created: s.Changed}, []string{current})
		return nil
	}
	for _, v := range d.Versions {
		if s.version(v.ID) >= 0 {
			return fmt.Errorf("version %q is there twice", v.ID)
		}
		for _, stage := range v.Stages {
			if s.staged(stage) >= 0 {
				return fmt.Errorf("two versions have the staging label %q", stage)
			}
		}
		s.Versions = append(s.Versions, Version{ID: v.ID, Stages: slices.Clone(v.Stages), String: textOf(v.Value), Binary: v.Binary, Created: or(v.Created, s.Created), Keys: v.KMSKeyIDs})
	}
	return nil
}

// suffixOf makes the suffix of a secret that a document declares by its name:
// always the same, so that its ARN survives a reload.
func suffixOf(s *Secret) string {
	sum := sha256.Sum256([]byte(s.StateKey()))
	text := make([]byte, 6)
	for i := range text {
		text[i] = alphanumeric[int(sum[i])%len(alphanumeric)]
	}
	return string(text)
}

// Export gives an account's secrets as a State document has them.
func Export(r state.Reader, account string) []statefile.Secret {
	var list []statefile.Secret
	for s := range state.All[*Secret](r, account+"/") {
		d := statefile.Secret{
			Name: s.Name, Region: s.Region, Description: s.Description, KMSKeyID: s.KMSKeyID,
			Created: s.Created, Changed: s.Changed, Deleted: s.Deleted, Tags: services.TagMap(s.Tags),
		}
		if !s.ByName {
			d.Suffix = s.Suffix
		}
		if s.Policy != nil {
			d.Policy = statefile.NewDocument(s.policyNow(r).Text)
		}
		for _, v := range s.Versions {
			version := statefile.SecretVersion{ID: v.ID, Stages: v.Stages, Value: documentText(v.String), Binary: v.Binary, Created: v.Created}
			if len(v.Keys) > 1 || len(v.Keys) == 1 && v.Keys[0] != s.KMSKeyID {
				version.KMSKeyIDs = v.Keys
			}
			d.Versions = append(d.Versions, version)
		}
		list = append(list, d)
	}
	return list
}

// Accounts adds the accounts that have secrets to the set.
func Accounts(r state.Reader, found map[string]bool) {
	for s := range state.All[*Secret](r, "") {
		found[s.Account] = true
	}
}

// Reset deletes all secrets of an account; of every account when it is empty.
func Reset(tx *state.Txn, account string) {
	if account != "" {
		account += "/"
	}
	state.DeleteAll[*Secret](tx, account)
}

func or(t, fallback time.Time) time.Time {
	if t.IsZero() {
		return fallback
	}
	return t
}

func textOf(t *statefile.Text) *string { return (*string)(t) }

func documentText(s *string) *statefile.Text { return (*statefile.Text)(s) }

// Apply merges the service's part of every account into the state; see [Apply].
func (s *Service) Apply(tx *state.Txn, doc *statefile.State, now time.Time) error {
	for _, account := range slices.Sorted(maps.Keys(doc.Accounts)) {
		if err := Apply(tx, account, s.region, doc.Accounts[account], now, s.rand); err != nil {
			return err
		}
	}
	return nil
}

// Export adds the service's part of every account to a document; see [Export].
func (s *Service) Export(r state.Reader, doc *statefile.State) {
	found := map[string]bool{}
	Accounts(r, found)
	for account := range found {
		out := doc.Accounts[account]
		out.Secrets = Export(r, account)
		doc.Accounts[account] = out
	}
}

// Reset deletes everything that the service keeps of an account; see [Reset].
func (s *Service) Reset(tx *state.Txn, account string) { Reset(tx, account) }
