package s3

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// Bucket is a bucket; names are unique over all accounts.
type Bucket struct {
	Account string        `json:"account"`
	Region  string        `json:"region"`
	Name    string        `json:"name"`
	Created time.Time     `json:"created"`
	Tags    []aws.Tag     `json:"tags,omitempty"`
	Policy  *iam.Document `json:"policy,omitempty"`
	// PolicyPrincipals are the roles and users that the policy means.
	PolicyPrincipals []iam.TrustPrincipal `json:"policyPrincipals,omitempty"`
	// PublicAccess is nil once the configuration was deleted.
	PublicAccess *PublicAccessBlock `json:"publicAccess,omitempty"`
	// Ownership is BucketOwnerEnforced, BucketOwnerPreferred, ObjectWriter or "" once it was deleted.
	Ownership string `json:"ownership,omitempty"`
	// Encryption is what objects have that do not say otherwise.
	Encryption Encryption `json:"encryption"`
	// EncryptionSet is whether Encryption was set, and not just AWS's default.
	EncryptionSet bool `json:"encryptionSet,omitempty"`
	// BlockedEncryption is SSE-C, NONE or "".
	BlockedEncryption string               `json:"blockedEncryption,omitempty"`
	CORS              []statefile.CORSRule `json:"cors,omitempty"`
	Lifecycle         *Lifecycle           `json:"lifecycle,omitempty"`
	// Versioning is "", Enabled or Suspended.
	Versioning string `json:"versioning,omitempty"`
}

// PublicAccessBlock is a bucket's Block Public Access. A new bucket has all four.
type PublicAccessBlock struct {
	BlockPublicAcls       bool `json:"blockPublicAcls"`
	IgnorePublicAcls      bool `json:"ignorePublicAcls"`
	BlockPublicPolicy     bool `json:"blockPublicPolicy"`
	RestrictPublicBuckets bool `json:"restrictPublicBuckets"`
}

// Encryption says how an object is kept. Nothing is encrypted here: clients are told
// what they asked for, and the key is asked for whenever it would be used.
type Encryption struct {
	Algorithm string `json:"algorithm"` // AES256, aws:kms or aws:kms:dsse
	// KeyID is a KMS key's ARN; of a bucket, and of an object that a State document
	// declared, it is as it was given: a key ID, an alias, or "" for AWS's own key.
	KeyID     string `json:"keyId,omitempty"`
	BucketKey bool   `json:"bucketKey,omitempty"`
	// Context is the client's part of the encryption context, as a JSON object.
	Context string `json:"context,omitempty"`
}

// Object is an object; its key is not escaped.
type Object struct {
	Bucket   string    `json:"bucket"`
	Key      string    `json:"key"`
	Content  []Piece   `json:"content,omitempty"`
	Size     int64     `json:"size"`
	ETag     string    `json:"etag"` // without quotes
	Modified time.Time `json:"modified"`
	// Headers are those that come back as they were given, by their canonical name: Content-Type, Cache-Control, ….
	Headers map[string]string `json:"headers,omitempty"`
	// Metadata is x-amz-meta-*, without the prefix and in lower case.
	Metadata     map[string]string `json:"metadata,omitempty"`
	StorageClass string            `json:"storageClass"`
	Encryption   Encryption        `json:"encryption"`
	Checksum     Checksum          `json:"checksum,omitzero"`
	// Upload and Parts are those of the multipart upload that made the object.
	Upload string     `json:"upload,omitempty"`
	Parts  []PartSize `json:"parts,omitempty"`
	Tags   []aws.Tag  `json:"tags,omitempty"`
	// VersionID is "" for the null version.
	VersionID string `json:"versionId,omitempty"`
	// Sequence grows with each version of the key.
	Sequence int64 `json:"sequence,omitempty"`
	// Marker is whether this is a delete marker, and no object.
	Marker bool `json:"marker,omitempty"`
}

// PartSize is one part of an object that was uploaded in parts.
type PartSize struct {
	Number   int    `json:"number"`
	Size     int64  `json:"size"`
	Checksum string `json:"checksum,omitempty"`
}

// Upload is a multipart upload that was begun.
type Upload struct {
	ID string `json:"id"`
	// Object is what it will be, but for content and checksum.
	Object
	// Asked are the headers of an encryption that the upload was begun with, in small letters.
	Asked map[string]string `json:"asked,omitempty"`
	// Algorithm and Type are of the checksum that was announced; "" for none.
	Algorithm string    `json:"algorithm,omitempty"`
	Type      string    `json:"type,omitempty"`
	Initiated time.Time `json:"initiated"`
	// Before tells what the key had when the upload was begun; "" for nothing.
	Before string `json:"before,omitempty"`
}

// Part is an uploaded part.
type Part struct {
	Bucket   string    `json:"bucket"`
	Upload   string    `json:"upload"`
	Number   int       `json:"number"`
	Content  []Piece   `json:"content,omitempty"`
	Size     int64     `json:"size"`
	ETag     string    `json:"etag"`
	Checksum Checksum  `json:"checksum,omitzero"`
	Modified time.Time `json:"modified"`
}

// StateKey is the bucket's name.
func (b *Bucket) StateKey() string { return b.Name }

// StateKey is BUCKET/KEY: objects are in the order of S3's listings.
func (o *Object) StateKey() string { return objectKey(o.Bucket, o.Key) }

// StateKey is BUCKET/ID.
func (u *Upload) StateKey() string { return uploadKey(u.Bucket, u.ID) }

// StateKey is BUCKET/UPLOAD/NUMBER, with five digits.
func (p *Part) StateKey() string { return partKey(p.Bucket, p.Upload, p.Number) }

// Check implements [state.Checked].
func (b *Bucket) Check() error {
	if b.Policy != nil && b.Policy.Text == "" {
		return errors.New("policy is empty")
	}
	return state.Lacking("account", b.Account, "region", b.Region)
}

// Check implements [state.Checked].
func (o *Object) Check() error { return checkContent(o.Content, o.Size) }

// Check implements [state.Checked].
func (p *Part) Check() error { return checkContent(p.Content, p.Size) }

// checkContent says whether the pieces are what their entity says they are.
func checkContent(pieces []Piece, size int64) error {
	var sum int64
	for i, p := range pieces {
		if p.Size < 0 || p.Blob == "" && p.Size != int64(len(p.Data)) {
			return fmt.Errorf("content[%d]: size is %d, of %d bytes", i, p.Size, len(p.Data))
		}
		sum += p.Size
	}
	if sum != size {
		return fmt.Errorf("content has %d bytes, and size is %d", sum, size)
	}
	return nil
}

func objectKey(bucket, key string) string { return bucket + "/" + key }
func uploadKey(bucket, id string) string  { return bucket + "/" + id }
func partKey(bucket, upload string, number int) string {
	return fmt.Sprintf("%s/%s/%05d", bucket, upload, number)
}

// Kinds are the tables that this service keeps in the store.
func Kinds() []state.Kind {
	return []state.Kind{
		{Name: "s3-bucket", Type: (*Bucket)(nil)},
		{Name: "s3-object", Type: (*Object)(nil)},
		{Name: "s3-version", Type: (*Version)(nil)},
		{Name: "s3-upload", Type: (*Upload)(nil)},
		{Name: "s3-part", Type: (*Part)(nil)},
		{Name: "s3-blob", Type: (*Blob)(nil)},
	}
}

// ARN is arn:aws:s3:::NAME.
func (b *Bucket) ARN() string { return bucketARN(b.Region, b.Name) }

func bucketARN(region, name string) string {
	return aws.PartitionARN(aws.PartitionOf(region).ID, "s3", "", name)
}

// policyNow is the policy with the principals that it means, as they are now.
func (b *Bucket) policyNow(r state.Reader) iam.Document {
	return iam.InForce(r, *b.Policy, b.PolicyPrincipals)
}

// resourcePolicy is the policy in the form that it is evaluated in.
func (b *Bucket) resourcePolicy(r state.Reader) *policy.Named {
	if b.Policy == nil {
		return nil
	}
	return &policy.Named{Name: b.ARN(), Type: policy.ResourcePolicy, Document: b.policyNow(r).Parsed()}
}

// public says whether the bucket's policy is public in AWS's sense.
func (b *Bucket) public() bool { return b.Policy != nil && services.PublicBucket(b.Policy.Parsed()) }

// canonicalID is the 64 digits by which S3 knows an account.
func canonicalID(account string) string {
	sum := sha256.Sum256([]byte("canonical user of " + account))
	return hex.EncodeToString(sum[:])
}
