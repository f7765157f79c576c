package s3

import (
	"maps"
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
	switch c.op.name {
	case "PutObject", "CopyObject", "PostObject", "CompleteMultipartUpload":
		keys.SetBool("s3:ObjectCreationOperation", true)
	case "CreateMultipartUpload", "UploadPart", "UploadPartCopy":
		keys.SetBool("s3:ObjectCreationOperation", false)
	}
	c.uploadKeys(keys)
	c.signatureKeys(keys)
	return keys
}

// uploadKeys: a part and the completion have the encryption that was asked for when
// the upload was begun (recorded 10): policies that want the header let them pass.
func (c *call) uploadKeys(keys policy.Context) {
	switch c.op.name {
	case "UploadPart", "UploadPartCopy", "CompleteMultipartUpload":
	default:
		return
	}
	u, err := c.upload(c.State)
	if err != nil {
		return // the operation refuses it
	}
	for header, value := range u.Asked {
		if _, given := keys.Get("s3:" + header); !given {
			keys.Set("s3:"+header, value)
		}
	}
}

// keepKeys takes those away that the action does not have (service authorization
// reference): the source of a copy knows nothing of what is asked for the target.
func keepKeys(action string, keys policy.Context) {
	maps.DeleteFunc(keys, func(key string, _ policy.Values) bool {
		return strings.HasPrefix(key, "s3:") && !asksAbout(action, key)
	})
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

// tagKeys sets the keys of tags that an action on an object, of the version that
// the keys name, has.
func (c *call) tagKeys(b *Bucket, action, key string, keys policy.Context) {
	if asksAbout(action, "s3:existingobjecttag/") {
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
	if !asksAbout(action, "s3:requestobjecttag/") {
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
