package statefile

import (
	"regexp"
	"time"

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
	Versioning string `json:"versioning,omitempty" jsonschema_description:"Enabled or Suspended; objects have no versions when left out."`
}

// ObjectReference stands for content that a document does not have.
type ObjectReference struct {
	Size int64  `json:"size" jsonschema_description:"Bytes."`
	ETag string `json:"etag" jsonschema_description:"Without quotes."`
}

// Object is an S3 object.
type Object struct {
	Content     *Text             `json:"content,omitempty" jsonschema_description:"The bytes as text, inline or {file: report.txt}; empty when left out."`
	Binary      []byte            `json:"binary,omitempty" jsonschema_description:"The bytes in base64, in place of content."`
	Reference   *ObjectReference  `json:"reference,omitempty" jsonschema_description:"In place of large content in documents that the emulator gives: the object must be there already."`
	ContentType string            `json:"contentType,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty" jsonschema_description:"x-amz-meta-* headers, without that prefix."`
	Modified    time.Time         `json:"modified,omitzero"`
}

var bucketPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func checkBucket(c *Check, at string, b *Bucket) {
	v := c.v
	v.optional(at+".name", b.Name, bucketPattern.MatchString, "3 to 63 lower-case letters, digits, dots and hyphens")
	for key, o := range b.Objects {
		at := strictyaml.Join(at+".objects", key)
		if n := len(key); n < 1 || n > 1024 {
			v.errorf(at, "a key of %d bytes; S3 takes 1 to 1024", n)
		}
		if o.Content != nil && o.Binary != nil {
			v.errorf(at, "write one of content and binary")
		}
	}
	v.resourcePolicy(at+".policy", b.Policy)
}
