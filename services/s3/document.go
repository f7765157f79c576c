package s3

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

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
			return fmt.Errorf("bucket %q of account %s: %w", a.Buckets[i].Name, account, err)
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
		copied := *old
		b = &copied
	}
	if !d.Created.IsZero() {
		b.Created = d.Created
	}
	b.Tags = services.TagsOf(d.Tags)
	switch d.Versioning {
	case versioned, suspended:
		b.Versioning = d.Versioning
	case "":
	default:
		return fmt.Errorf("versioning: %q; write %s or %s", d.Versioning, versioned, suspended)
	}
	b.Policy, b.PolicyPrincipals = nil, nil
	if !d.Policy.IsZero() {
		parsed, err := validatePolicy(b, []byte(d.Policy.Text()))
		if err != nil {
			return fmt.Errorf("its policy: %w", err)
		}
		document, principals, _ := iam.BindPrincipals(tx, parsed) // of a principal that is made later, the name counts
		b.Policy, b.PolicyPrincipals = &document, principals
		if b.public() {
			// On AWS such a policy can only be there once this was switched off.
			b.PublicAccess = nil
		}
	}
	tx.Put(b)
	for key, o := range d.Objects {
		if err := s.applyObject(tx, b, key, &o, now); err != nil {
			return fmt.Errorf("object %q: %w", key, err)
		}
	}
	return nil
}

func (s *Service) applyObject(tx *state.Txn, b *Bucket, key string, d *statefile.Object, now time.Time) error {
	if err := checkKey(key); err != nil || key == "" {
		return fmt.Errorf("the key is not valid: it has 1 to %d bytes of UTF-8", maxKeyLength)
	}
	if d.Reference != nil {
		if old, ok := current(tx, b.Name, key); !ok || old.ETag != d.Reference.ETag || old.Size != d.Reference.Size {
			return fmt.Errorf("its content of %d bytes is not in the document, only a reference to it, and there is no such object (write content or binary; "+
				"irsa-emu state export and import carry all content)", d.Reference.Size)
		}
		return nil
	}
	data := d.Binary
	if d.Content != nil {
		data = []byte(*d.Content)
	}
	o := &Object{
		Bucket: b.Name, Key: key, Size: int64(len(data)), Modified: now, Metadata: d.Metadata,
		Headers: map[string]string{"Content-Type": defaultContentType}, StorageClass: "STANDARD", Encryption: b.Encryption,
	}
	if !d.Modified.IsZero() {
		o.Modified = d.Modified
	}
	if d.ContentType != "" {
		o.Headers["Content-Type"] = d.ContentType
	}
	etag := md5New()
	etag.Write(data)
	sum := newHash(defaultAlgorithm)
	sum.Write(data)
	o.ETag = hexSum(etag)
	o.Checksum = Checksum{defaultAlgorithm, base64.StdEncoding.EncodeToString(sum.Sum(nil)), fullObject}
	if old, ok := current(tx, b.Name, key); ok && b.Versioning != "" && old.ETag == o.ETag && old.Size == o.Size {
		return nil // not a version more each time that the document is applied
	}
	var err error
	if o.VersionID, err = s.versionID(); err != nil {
		return err
	}
	// A run of the transaction makes its own blobs: they go with it.
	if o.Content, _, err = s.contents.keep(context.Background(), bytes.NewReader(data)); err != nil {
		return err
	}
	tx.After(func(err error) { _ = s.contents.settle(context.Background(), o.Content, err) })
	s.contents.put(tx, b, o)
	return nil
}

// A document that is exported has the content of objects up to exportMax bytes,
// and up to exportTotal of all; of the rest it has references.
const (
	exportMax   = 1 << 20
	exportTotal = 16 << 20
)

// exportAccount gives an account's buckets as a State document has them; room
// is how many bytes of content there may still be.
func (s *Service) exportAccount(r state.Reader, account string, room *int64) []statefile.Bucket {
	var buckets []statefile.Bucket
	for b := range state.All[*Bucket](r, "") {
		if b.Account != account {
			continue
		}
		d := statefile.Bucket{Name: b.Name, Region: b.Region, Created: b.Created, Tags: services.TagMap(b.Tags), Versioning: b.Versioning}
		if b.Policy != nil {
			d.Policy = statefile.NewDocument(b.policyNow(r).Text)
		}
		for o := range state.All[*Object](r, objectKey(b.Name, "")) {
			if o.Marker {
				continue
			}
			if d.Objects == nil {
				d.Objects = map[string]statefile.Object{}
			}
			d.Objects[o.Key] = s.exportObject(o, room)
		}
		buckets = append(buckets, d)
	}
	return buckets
}

func (s *Service) exportObject(o *Object, room *int64) statefile.Object {
	d := statefile.Object{Modified: o.Modified}
	if len(o.Metadata) > 0 {
		d.Metadata = o.Metadata
	}
	if t := o.Headers["Content-Type"]; t != defaultContentType {
		d.ContentType = t
	}
	reference := &statefile.ObjectReference{Size: o.Size, ETag: o.ETag}
	if o.Size > exportMax || o.Size > *room {
		d.Reference = reference
		return d
	}
	*room -= o.Size
	content := s.contents.open(context.Background(), o.Content, 0)
	defer content.Close()
	data, err := io.ReadAll(content)
	switch {
	case err != nil:
		s.log.Warn("s3: an object was exported without its content", "bucket", o.Bucket, "key", o.Key, "err", err)
		d.Reference = reference
	case len(data) == 0:
	case printable(data):
		text := statefile.Text(data)
		d.Content = &text
	default:
		d.Binary = data
	}
	return d
}

// Accounts adds the accounts that have buckets to the set.
func Accounts(r state.Reader, found map[string]bool) {
	for b := range state.All[*Bucket](r, "") {
		found[b.Account] = true
	}
}

// printable says whether bytes can stand in a document as text and come back
// the same.
func printable(data []byte) bool {
	if !utf8.Valid(data) {
		return false
	}
	for _, r := range string(data) {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == 0xfeff || r == utf8.RuneError {
			return false
		}
	}
	return true
}

// Apply merges the service's part of every account into the state.
func (s *Service) Apply(tx *state.Txn, doc *statefile.State, now time.Time) error {
	for account, in := range doc.Accounts {
		if err := s.applyAccount(tx, account, in, now); err != nil {
			return err
		}
	}
	return nil
}

// Export adds the service's part of every account to a document. Large contents
// are references in it, and older versions of objects are not in it.
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
