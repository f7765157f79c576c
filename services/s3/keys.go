package s3

import (
	"slices"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

// keyHeaders are the headers that policies can ask about, under s3: and their name.
var keyHeaders = []string{
	"x-amz-acl", "x-amz-grant-read", "x-amz-grant-write", "x-amz-grant-read-acp", "x-amz-grant-write-acp", "x-amz-grant-full-control",
	"x-amz-content-sha256", "x-amz-copy-source", "x-amz-metadata-directive", "x-amz-storage-class", "x-amz-server-side-encryption",
	"x-amz-server-side-encryption-aws-kms-key-id", "x-amz-server-side-encryption-customer-algorithm",
	"x-amz-website-redirect-location", "x-amz-object-ownership", "if-match", "if-none-match",
}

// keys are S3's own condition keys that the request tells.
func (c *call) keys() policy.Context {
	keys := policy.Context{}
	r := c.HTTP
	for _, name := range keyHeaders {
		if value := r.Header.Get(name); value != "" {
			keys.Set("s3:"+name, value)
		}
	}
	if source := r.Header.Get("X-Amz-Copy-Source"); source != "" {
		keys.Set("s3:x-amz-copy-source", strings.TrimPrefix(source, "/"))
	}
	if c.op.at == onBucket {
		for param, key := range map[string]string{"prefix": "s3:prefix", "delimiter": "s3:delimiter", "max-keys": "s3:max-keys"} {
			if c.query.Has(param) {
				keys.Set(key, c.query.Get(param))
			}
		}
	}
	if c.query.Has("versionId") {
		keys.Set("s3:versionid", c.query.Get("versionId"))
	}
	c.signatureKeys(keys)
	return keys
}

// signatureKeys say how the request was signed (S3 API reference, "Amazon S3
// Signature Version 4 Authentication Specific Policy Keys").
func (c *call) signatureKeys(keys policy.Context) {
	if tls := c.HTTP.TLS; tls != nil {
		keys.Set("s3:TlsVersion", strconv.FormatFloat(1+float64(tls.Version-0x0301)/10, 'f', 1, 64))
	}
	if c.Principal == nil || c.signature == nil {
		return
	}
	switch {
	case c.op.name == "PostObject":
		keys.Set("s3:authType", "POST")
	case c.signature.Presigned:
		keys.Set("s3:authType", "REST-QUERY-STRING")
	default:
		keys.Set("s3:authType", "REST-HEADER")
	}
	keys.Set("s3:signatureversion", c.signature.Algorithm())
	age := int64(0) // always of Version 2
	if c.signature.Algorithm() != "AWS" {
		age = max(c.Now.Sub(c.signature.Time).Milliseconds(), 0)
	}
	keys.Set("s3:signatureAge", strconv.FormatInt(age, 10))
}

// The actions on objects for which policies can ask about tags: those that the
// object has, and those that the request gives (service authorization reference;
// S3 user guide, "Tagging and access control policies": who may overwrite or
// delete an object cannot depend on the tags that it has).
var (
	askExistingTags = []string{
		"GetObject", "GetObjectVersion", "GetObjectAttributes", "GetObjectVersionAttributes", "GetObjectAcl", "GetObjectVersionAcl",
		"GetObjectTagging", "GetObjectVersionTagging", "PutObjectAcl", "PutObjectVersionAcl",
		"PutObjectTagging", "PutObjectVersionTagging", "DeleteObjectTagging", "DeleteObjectVersionTagging",
	}
	askRequestTags = []string{"PutObject", "PutObjectTagging", "PutObjectVersionTagging"}
)

// tagKeys sets the keys of tags that an action on an object, of the version that
// the keys name, has.
func (c *call) tagKeys(b *Bucket, action, key string, keys policy.Context) {
	action = strings.TrimPrefix(action, "s3:")
	if slices.Contains(askExistingTags, action) {
		o, ok := current(c.State, b.Name, key)
		if id, given := keys.Get("s3:versionid"); given {
			o, _, ok = version(c.State, b.Name, key, id.List[0])
		}
		if ok {
			for _, t := range o.Tags {
				keys.Set("s3:ExistingObjectTag/"+t.Key, t.Value)
			}
		}
	}
	if !slices.Contains(askRequestTags, action) {
		return
	}
	tags := c.tags
	if tags == nil {
		tags, _ = headerTags(c.HTTP.Header) // the upload refuses what cannot be read
	}
	var names []string
	for _, t := range tags {
		keys.Set("s3:RequestObjectTag/"+t.Key, t.Value)
		names = append(names, t.Key)
	}
	if len(names) > 0 {
		keys.SetMulti("s3:RequestObjectTagKeys", names)
	}
}
