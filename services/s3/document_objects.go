package s3

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // ETags are MD5
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// applyObject puts what a document has of a key into the store: an object, which
// is written as an upload would be, or all versions of the key, which take the
// place of those that are there.
func (s *Service) applyObject(tx *state.Txn, b *Bucket, key string, d *statefile.Object, now time.Time) error {
	if err := checkKey(key); err != nil || key == "" {
		return fmt.Errorf("the key is not valid: it has 1 to %d bytes of UTF-8", maxKeyLength)
	}
	switch {
	case len(d.Versions) > 0:
		return s.applyVersions(tx, b, key, d.Versions, now)
	case d.VersionID != "" && b.Versioning != "":
		return s.applyVersions(tx, b, key, []statefile.Object{*d}, now)
	}
	if d.Reference != nil {
		if old, ok := current(tx, b.Name, key); !ok || !refersTo(d.Reference, old) {
			return noContentFor(d.Reference)
		}
		return nil
	}
	o, data, err := objectFrom(b, key, d, now)
	if err != nil {
		return err
	}
	if old, ok := current(tx, b.Name, key); ok && b.Versioning != "" && old.ETag == o.ETag && old.Size == o.Size {
		return nil // not a version more each time that the document is applied
	}
	if o.VersionID, err = s.versionID(); err != nil {
		return err
	}
	if err := s.keepIn(tx, o, data); err != nil {
		return err
	}
	s.contents.put(tx, b, o)
	return nil
}

func refersTo(r *statefile.ObjectReference, o *Object) bool {
	return o.ETag == r.ETag && o.Size == r.Size
}

func noContentFor(r *statefile.ObjectReference) error {
	return fmt.Errorf("its content of %d bytes is not in the document, only a reference to it, and there is no such object (write content or binary; "+
		"irsa-emu state export and import carry all content)", r.Size)
}

// applyVersions replaces all versions of a key. Those that stay keep their content.
func (s *Service) applyVersions(tx *state.Txn, b *Bucket, key string, versions []statefile.Object, now time.Time) error {
	if b.Versioning == "" {
		return fmt.Errorf("there are versions of it, and the bucket has no versioning: write versioning: %s for the bucket", versioned)
	}
	before := map[string]*Object{}
	if o, ok := latest(tx, b.Name, key); ok {
		before[o.id()] = o
		tx.Delete(o)
	}
	for v := range olderVersions(tx, b.Name, key) {
		before[v.id()] = &v.Object
		tx.Delete(v)
	}
	for i := range versions {
		o, err := s.versionFrom(tx, b, key, &versions[i], before, now)
		if err != nil {
			return fmt.Errorf("version %d: %w", i+1, err)
		}
		o.Sequence = int64(i + 1)
		if i < len(versions)-1 {
			tx.Put(&Version{*o})
		} else {
			tx.Put(o)
		}
	}
	for _, o := range before {
		s.contents.disown(tx, o.Content)
	}
	return nil
}

// versionFrom is a version with its content: that of the version of before with
// the same id, if it is the same, which is then taken out of before.
func (s *Service) versionFrom(tx *state.Txn, b *Bucket, key string, d *statefile.Object, before map[string]*Object, now time.Time) (*Object, error) {
	o, data, err := objectFrom(b, key, d, now)
	if err != nil {
		return nil, err
	}
	switch d.VersionID {
	case "":
		if o.VersionID, err = s.versionID(); err != nil {
			return nil, err
		}
	case nullVersion:
		o.VersionID = ""
	}
	old, there := before[o.id()]
	switch {
	case d.DeleteMarker:
		return o, nil
	case d.Reference != nil && (!there || !refersTo(d.Reference, old)):
		return nil, noContentFor(d.Reference)
	case d.Reference != nil:
		delete(before, o.id())
		kept := *old
		return &kept, nil
	case there && !old.Marker && old.ETag == o.ETag && old.Size == o.Size:
		delete(before, o.id())
		o.Content = old.Content
		return o, nil
	}
	return o, s.keepIn(tx, o, data)
}

// objectFrom is what a document says of an object, without its content and with
// the version id that the document gives it.
func objectFrom(b *Bucket, key string, d *statefile.Object, now time.Time) (o *Object, data []byte, err error) {
	data = d.Binary
	if d.Content != nil {
		data = []byte(*d.Content)
	}
	o = &Object{Bucket: b.Name, Key: key, Modified: now, VersionID: d.VersionID, Marker: d.DeleteMarker}
	if !d.Modified.IsZero() {
		o.Modified = d.Modified
	}
	if o.Marker {
		return o, nil, nil
	}
	o.Size, o.Metadata, o.StorageClass, o.Encryption = int64(len(data)), d.Metadata, cmp.Or(d.StorageClass, "STANDARD"), b.Encryption
	if !slices.Contains(storageClasses, o.StorageClass) {
		return nil, nil, fmt.Errorf("storageClass: there is no %q", o.StorageClass)
	}
	if e := d.Encryption; e != nil {
		if !slices.Contains(statefile.SSEAlgorithms, e.ServerSideEncryption) {
			return nil, nil, fmt.Errorf("encryption: there is no %q; there are %v", e.ServerSideEncryption, statefile.SSEAlgorithms)
		}
		if text := e.SSEKMSEncryptionContext; text != "" && json.Unmarshal([]byte(text), new(map[string]string)) != nil {
			return nil, nil, fmt.Errorf("encryption: SSEKMSEncryptionContext: %q is no JSON object of strings", text)
		}
		o.Encryption = Encryption{Algorithm: e.ServerSideEncryption, KeyID: e.SSEKMSKeyID, BucketKey: e.BucketKeyEnabled, Context: e.SSEKMSEncryptionContext}
	}
	if o.Tags, err = checkTags(services.TagsOf(d.Tags), false); err != nil {
		return nil, nil, fmt.Errorf("its tags: %w", err)
	}
	o.Headers = map[string]string{"Content-Type": cmp.Or(d.ContentType, defaultContentType)}
	for name, value := range d.Headers {
		if !slices.Contains(keptHeaders, name) || name == "Content-Type" {
			return nil, nil, fmt.Errorf("headers: %q is none that objects keep beside contentType; they are %v", name, keptHeaders)
		}
		o.Headers[name] = value
	}
	for _, p := range d.Parts {
		o.Parts = append(o.Parts, PartSize{Number: p.Number, Size: p.Size, Checksum: p.Checksum})
	}
	o.ETag = cmp.Or(d.ETag, o.declaredETag(data))
	o.Checksum, err = checksumFrom(d.Checksum, data)
	return o, data, err
}

// declaredETag is the ETag of an object for which a document gives none. Also under
// a key of KMS it is the same each time, as the document is.
func (o *Object) declaredETag(data []byte) string {
	sum := md5.Sum(data) //nolint:gosec // ETags are MD5
	if o.Encryption.kms() {
		return saltedETag([]byte(o.StateKey()), sum[:])
	}
	return hex.EncodeToString(sum[:])
}

func checksumFrom(d *statefile.ObjectChecksum, data []byte) (Checksum, error) {
	c := Checksum{Algorithm: defaultAlgorithm, Type: fullObject}
	if d != nil {
		c = Checksum{Algorithm: d.Algorithm, Value: d.Value, Type: cmp.Or(d.Type, fullObject)}
	}
	sum := newHash(c.Algorithm)
	if sum == nil {
		return c, fmt.Errorf("checksum: there is no algorithm %q; there are %v", c.Algorithm, algorithms)
	}
	if c.Value == "" {
		sum.Write(data)
		c.Value = base64.StdEncoding.EncodeToString(sum.Sum(nil))
	}
	return c, nil
}

// keepIn stores an object's content. A run of the transaction makes its own blobs:
// they go with it.
func (s *Service) keepIn(tx *state.Txn, o *Object, data []byte) (err error) {
	if o.Content, _, err = s.contents.keep(context.Background(), bytes.NewReader(data)); err != nil {
		return err
	}
	content := o.Content
	tx.After(func(err error) { _ = s.contents.settle(context.Background(), content, err) })
	return nil
}

// A document that is exported has the content of objects up to exportMax bytes,
// and up to exportTotal of all; of the rest it has references.
const (
	exportMax   = 1 << 20
	exportTotal = 8 << 20
)

// exportKey gives what a key has: its object, or all its versions.
func (s *Service) exportKey(r state.Reader, b *Bucket, newest *Object, room *int64) statefile.Object {
	versions := []*Object{newest}
	for v := range olderVersions(r, b.Name, newest.Key) {
		versions = append(versions, &v.Object)
	}
	var all []statefile.Object
	for _, o := range slices.Backward(versions) {
		d := s.exportObject(b, o, room)
		if b.Versioning != "" {
			d.VersionID = o.id()
		}
		all = append(all, d)
	}
	if len(all) == 1 && !newest.Marker {
		return all[0]
	}
	return statefile.Object{Versions: all}
}

func (s *Service) exportObject(b *Bucket, o *Object, room *int64) statefile.Object {
	d := statefile.Object{Modified: o.Modified, DeleteMarker: o.Marker}
	if o.Marker {
		return d
	}
	o.exportAttributes(b, &d)
	if o.Size > exportMax || o.Size > *room {
		d.Reference = o.reference()
		return d
	}
	*room -= o.Size
	content := s.contents.open(context.Background(), o.Content, 0)
	defer content.Close()
	data, err := io.ReadAll(content)
	switch {
	case err != nil:
		s.log.Warn("s3: an object was exported without its content", "bucket", o.Bucket, "key", o.Key, "err", err)
		d.Reference = o.reference()
		return d
	case len(data) == 0:
	case printable(data):
		text := statefile.Text(data)
		d.Content = &text
	default:
		d.Binary = data
	}
	if o.ETag != o.declaredETag(data) {
		d.ETag = o.ETag
	}
	if c := o.Checksum; c.Algorithm != "" && (c.Algorithm != defaultAlgorithm || c.Type != fullObject) {
		d.Checksum = &statefile.ObjectChecksum{Algorithm: c.Algorithm}
		if again, err := checksumFrom(d.Checksum, data); err != nil || again != c {
			d.Checksum.Type, d.Checksum.Value = c.Type, c.Value
		}
	}
	return d
}

func (o *Object) reference() *statefile.ObjectReference {
	return &statefile.ObjectReference{Size: o.Size, ETag: o.ETag}
}

// exportAttributes gives what is known of an object beside its content and what
// follows from that; what objects have anyway is left out.
func (o *Object) exportAttributes(b *Bucket, d *statefile.Object) {
	if len(o.Metadata) > 0 {
		d.Metadata = o.Metadata
	}
	d.Tags = services.TagMap(o.Tags)
	if o.StorageClass != "STANDARD" {
		d.StorageClass = o.StorageClass
	}
	if o.Encryption != b.Encryption {
		d.Encryption = &statefile.ObjectEncryption{ServerSideEncryption: o.Encryption.Algorithm, SSEKMSKeyID: o.Encryption.KeyID, BucketKeyEnabled: o.Encryption.BucketKey, SSEKMSEncryptionContext: o.Encryption.Context}
	}
	for name, value := range o.Headers {
		switch {
		case name == "Content-Type" && value != defaultContentType:
			d.ContentType = value
		case name != "Content-Type":
			if d.Headers == nil {
				d.Headers = map[string]string{}
			}
			d.Headers[name] = value
		}
	}
	for _, p := range o.Parts {
		d.Parts = append(d.Parts, statefile.ObjectPart{Number: p.Number, Size: p.Size, Checksum: p.Checksum})
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
