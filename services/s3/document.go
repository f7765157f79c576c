package s3

import (
	"encoding/base64"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// Apply puts the buckets of an account in a State document, and their objects,
// into the store; region is that of buckets which do not say theirs. A bucket
// that is there already keeps the objects that the document does not name.
func Apply(tx *state.Txn, account, region string, a statefile.Account, now time.Time) error {
	for i := range a.Buckets {
		if err := applyBucket(tx, account, region, &a.Buckets[i], now); err != nil {
			return fmt.Errorf("bucket %q of account %s: %w", a.Buckets[i].Name, account, err)
		}
	}
	return nil
}

func applyBucket(tx *state.Txn, account, region string, d *statefile.Bucket, now time.Time) error {
	if !validName(d.Name) {
		return fmt.Errorf("the name is not valid: it has 3 to 63 small letters, digits, hyphens and dots")
	}
	if d.Region != "" {
		region = d.Region
	}
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
	b.Policy = nil
	if !d.Policy.IsZero() {
		parsed, err := validatePolicy(b, d.Policy.Raw)
		if err != nil {
			return fmt.Errorf("its policy: %w", err)
		}
		document := iam.NewDocument(parsed)
		b.Policy = &document
		if b.public() {
			// On AWS such a policy can only be there once this was switched off.
			b.PublicAccess = nil
		}
	}
	tx.Put(b)
	for key, o := range d.Objects {
		if err := applyObject(tx, b, key, &o, now); err != nil {
			return fmt.Errorf("object %q: %w", key, err)
		}
	}
	return nil
}

func applyObject(tx *state.Txn, b *Bucket, key string, d *statefile.Object, now time.Time) error {
	if err := checkKey(key); err != nil || key == "" {
		return fmt.Errorf("the key is not valid: it has 1 to %d bytes of UTF-8", maxKeyLength)
	}
	data := d.Binary
	if d.Content != nil {
		data = []byte(*d.Content)
	}
	if old, ok := state.Get[*Object](tx, objectKey(b.Name, key)); ok {
		dropIn(tx, old.Content)
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
	for len(data) > 0 {
		n := min(len(data), blobSize)
		piece := Piece{Data: data[:n], Size: int64(n)}
		if o.Size > inlineMax {
			blob := &Blob{ID: blobID(o, len(o.Content)), Data: data[:n]}
			tx.Put(blob)
			piece = Piece{Blob: blob.ID, Size: int64(n)}
		}
		o.Content = append(o.Content, piece)
		data = data[n:]
	}
	tx.Put(o)
	return nil
}

// blobID is the same whenever a document is applied: a transaction may run twice.
func blobID(o *Object, number int) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, fmt.Appendf(nil, "%s %d %s", o.StateKey(), number, o.ETag)).String()
}

// Export gives an account's buckets as a State document has them.
func Export(r state.Reader, account string) []statefile.Bucket {
	var buckets []statefile.Bucket
	for b := range state.All[*Bucket](r, "") {
		if b.Account != account {
			continue
		}
		d := statefile.Bucket{Name: b.Name, Region: b.Region, Created: b.Created, Tags: services.TagMap(b.Tags)}
		if b.Policy != nil {
			d.Policy = statefile.NewDocument(b.Policy.Text)
		}
		for o := range state.All[*Object](r, objectKey(b.Name, "")) {
			if d.Objects == nil {
				d.Objects = map[string]statefile.Object{}
			}
			d.Objects[o.Key] = exportObject(r, o)
		}
		buckets = append(buckets, d)
	}
	return buckets
}

func exportObject(r state.Reader, o *Object) statefile.Object {
	d := statefile.Object{Modified: o.Modified}
	if len(o.Metadata) > 0 {
		d.Metadata = o.Metadata
	}
	if t := o.Headers["Content-Type"]; t != defaultContentType {
		d.ContentType = t
	}
	data, err := io.ReadAll(reader(r, o.Content, 0))
	if err != nil || len(data) == 0 {
		return d
	}
	if printable(data) {
		text := statefile.Text(data)
		d.Content = &text
		return d
	}
	d.Binary = data
	return d
}

// Accounts adds the accounts that have buckets to the set.
func Accounts(r state.Reader, found map[string]bool) {
	for b := range state.All[*Bucket](r, "") {
		found[b.Account] = true
	}
}

// Reset deletes all buckets of an account with everything in them; those of
// every account when it is empty.
func Reset(tx *state.Txn, account string) {
	if account == "" {
		state.DeleteAll[*Bucket](tx, "")
		state.DeleteAll[*Object](tx, "")
		state.DeleteAll[*Upload](tx, "")
		state.DeleteAll[*Part](tx, "")
		state.DeleteAll[*Blob](tx, "")
		return
	}
	for b := range state.All[*Bucket](tx, "") {
		if b.Account != account {
			continue
		}
		for o := range state.All[*Object](tx, objectKey(b.Name, "")) {
			dropIn(tx, o.Content)
		}
		for p := range state.All[*Part](tx, b.Name+"/") {
			dropIn(tx, p.Content)
		}
		state.DeleteAll[*Object](tx, objectKey(b.Name, ""))
		state.DeleteAll[*Upload](tx, uploadKey(b.Name, ""))
		state.DeleteAll[*Part](tx, b.Name+"/")
		tx.Delete(b)
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

// Apply merges the service's part of every account into the state; see [Apply].
func (s *Service) Apply(tx *state.Txn, doc *statefile.State, now time.Time) error {
	for account, in := range doc.Accounts {
		if err := Apply(tx, account, s.region, in, now); err != nil {
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
		out.Buckets = Export(r, account)
		doc.Accounts[account] = out
	}
}

// Reset deletes everything that the service keeps of an account; see [Reset].
func (s *Service) Reset(tx *state.Txn, account string) { Reset(tx, account) }
