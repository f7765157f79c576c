package statefile

import (
	"time"

	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

var bucketSection = &Section[Bucket]{
	Name: "buckets", Title: "bucket", Identity: func(b Bucket) string { return b.Name },
	Region: func(b *Bucket) *string { return &b.Region }, Check: checkBucket,
	field: func(a *Account) *[]Bucket { return &a.Buckets },
}

// Bucket is an S3 bucket with its objects.
type Bucket struct {
	Name    string            `json:"name"`
	Region  string            `json:"region,omitempty" jsonschema_description:"AWS region; the emulator's own when left out."`
	Policy  Document          `json:"policy,omitzero" jsonschema_description:"Bucket policy: IAM JSON, inline or {file: policy.json}."`
	Objects map[string]Object `json:"objects,omitempty" jsonschema_description:"Objects by key."`
	Created time.Time         `json:"created,omitzero"`
	Tags    map[string]string `json:"tags,omitempty"`
	// Versioning is Enabled, Suspended or empty.
	Versioning        string                   `json:"versioning,omitempty" jsonschema:"enum=Enabled,enum=Suspended" jsonschema_description:"Enabled or Suspended; objects have no versions when left out."`
	PublicAccessBlock *PublicAccessBlock       `json:"publicAccessBlock,omitempty" jsonschema_description:"Block Public Access, as aws s3api put-public-access-block takes it. When left out, everything is blocked, as of a new bucket, unless the policy is public; {} is that of a bucket whose configuration was deleted."`
	ObjectOwnership   string                   `json:"objectOwnership,omitempty" jsonschema:"enum=BucketOwnerEnforced,enum=BucketOwnerPreferred,enum=ObjectWriter,enum=None" jsonschema_description:"BucketOwnerEnforced when left out; None is that of a bucket whose ownership controls were deleted."`
	CORS              *CORSConfiguration       `json:"cors,omitempty" jsonschema_description:"As aws s3api put-bucket-cors takes it."`
	Lifecycle         *LifecycleConfiguration  `json:"lifecycle,omitempty" jsonschema_description:"As aws s3api put-bucket-lifecycle-configuration takes it. It is kept and given back; nothing expires."`
	Encryption        *EncryptionConfiguration `json:"encryption,omitempty" jsonschema_description:"As aws s3api put-bucket-encryption takes it; AES256 when left out."`
	Written
}

// ObjectReference stands for content that a document does not have.
type ObjectReference struct {
	Size int64  `json:"size" jsonschema_description:"Bytes."`
	ETag string `json:"etag" jsonschema_description:"Without quotes."`
}

// Object is an S3 object, or one version of it, or all its Versions.
type Object struct {
	Content     *Text             `json:"content,omitempty" jsonschema_description:"The bytes as text, inline or {file: report.txt}; empty when left out."`
	Binary      []byte            `json:"binary,omitempty" jsonschema_description:"The bytes in base64, in place of content."`
	Reference   *ObjectReference  `json:"reference,omitempty" jsonschema_description:"In place of large content in documents that the emulator gives: the object must be there already."`
	ContentType string            `json:"contentType,omitempty"`
	Headers     map[string]string `json:"headers,omitempty" jsonschema_description:"Further headers that come with the object: Cache-Control, Content-Disposition, Content-Encoding, Content-Language, Expires, X-Amz-Website-Redirect-Location."`
	Metadata    map[string]string `json:"metadata,omitempty" jsonschema_description:"x-amz-meta-* headers, without that prefix."`
	Tags        map[string]string `json:"tags,omitempty"`
	Modified    time.Time         `json:"modified,omitzero"`
	// StorageClass is STANDARD when empty.
	StorageClass string            `json:"storageClass,omitempty" jsonschema_description:"STANDARD when left out."`
	Encryption   *ObjectEncryption `json:"encryption,omitempty" jsonschema_description:"The bucket's when left out."`
	// ETag, Checksum and Parts are those of objects that were uploaded in parts or with a checksum of the client's choice.
	ETag     string          `json:"etag,omitempty" jsonschema_description:"Without quotes; the content's MD5 when left out."`
	Checksum *ObjectChecksum `json:"checksum,omitempty" jsonschema_description:"The content's CRC64NVME when left out."`
	Parts    []ObjectPart    `json:"parts,omitempty" jsonschema_description:"The parts in which it was uploaded."`
	// VersionID is of a bucket with versions; "null" is the one that was written without.
	VersionID    string   `json:"versionId,omitempty" jsonschema_description:"Made when left out, in a bucket with versions."`
	DeleteMarker bool     `json:"deleteMarker,omitempty" jsonschema_description:"Whether this version is a delete marker."`
	Versions     []Object `json:"versions,omitempty" jsonschema_description:"All versions of the key, oldest first, in place of everything else; the bucket has versioning."`
}

// ObjectEncryption says how an object is kept, as aws s3api put-object takes it.
type ObjectEncryption struct {
	ServerSideEncryption string `json:"ServerSideEncryption" jsonschema:"enum=AES256,enum=aws:kms,enum=aws:kms:dsse"`
	SSEKMSKeyID          string `json:"SSEKMSKeyId,omitempty"`
	BucketKeyEnabled     bool   `json:"BucketKeyEnabled,omitempty"`
	// SSEKMSEncryptionContext is not in base64 here.
	SSEKMSEncryptionContext string `json:"SSEKMSEncryptionContext,omitempty" jsonschema_description:"The client's part of the encryption context, as a JSON object of strings."`
}

// ObjectChecksum is a checksum as clients see it, in base64.
type ObjectChecksum struct {
	Algorithm string `json:"algorithm" jsonschema:"enum=CRC32,enum=CRC32C,enum=CRC64NVME,enum=SHA1,enum=SHA256"`
	// Type and Value are written where Value is not just the content's.
	Type  string `json:"type,omitempty" jsonschema:"enum=FULL_OBJECT,enum=COMPOSITE" jsonschema_description:"FULL_OBJECT when left out."`
	Value string `json:"value,omitempty" jsonschema_description:"Of the content when left out."`
}

// ObjectPart is one part of an object that was uploaded in parts.
type ObjectPart struct {
	Number   int    `json:"number"`
	Size     int64  `json:"size"`
	Checksum string `json:"checksum,omitempty"`
}

var bucketPattern = lazyregexp.New(`^[a-z0-9][a-z0-9.-]+[a-z0-9]$`)

func isBucketName(s string) bool { return len(s) <= 63 && bucketPattern.MatchString(s) }

func checkBucket(c *Check, at string, b *Bucket) {
	v := c.v
	v.optional(at+".name", b.Name, isBucketName, "3 to 63 lower-case letters, digits, dots and hyphens")
	for key, o := range b.Objects {
		at := strictyaml.Join(at+".objects", key)
		if n := len(key); n < 1 || n > 1024 {
			v.errorf(at, "a key of %d bytes; S3 takes 1 to 1024", n)
		}
		checkObject(v, at, b, &o)
	}
	v.resourcePolicy(at+".policy", b.Policy)
	checkConfigurations(c, at, b)
}

func checkObject(v *validator, at string, b *Bucket, o *Object) {
	if count(o.Content != nil, o.Binary != nil, o.Reference != nil, o.DeleteMarker, len(o.Versions) > 0) > 1 {
		v.errorf(at, "write one of content, binary, reference, deleteMarker and versions")
	}
	if b.Versioning == "" && (o.VersionID != "" && o.VersionID != "null" || o.DeleteMarker || len(o.Versions) > 0) {
		v.errorf(at, "a version in a bucket without versioning; write versioning: Enabled for the bucket")
	}
	seen := map[string]bool{}
	for i, version := range o.Versions {
		at := strictyaml.Index(at+".versions", i)
		if len(version.Versions) > 0 {
			v.errorf(at+".versions", "versions of a version; write them one after the other")
			continue
		}
		if id := version.VersionID; id != "" && seen[id] {
			v.errorf(at+".versionId", "%q is there twice", id)
		} else {
			seen[id] = true
		}
		checkObject(v, at, b, &version)
	}
}
