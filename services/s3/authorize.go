package s3

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/wire"
)

// authorizeOperation holds the call against all policies, as far as its
// address tells what it does; what the body tells is for the operation itself.
func (c *call) authorizeOperation() error {
	switch {
	case c.op.name == "DeleteObjects":
		return nil // each key for itself
	case c.op.name == "PostObject":
		return nil // the form names the key, and who signed
	case c.op.name == "ListBuckets":
		return c.authorizeAny("s3:ListAllMyBuckets")
	case c.op.name == "CreateBucket":
		return c.authorizeNew()
	}
	action := "s3:" + c.op.action
	if c.op.versioned != "" && c.query.Has("versionId") {
		action = "s3:" + c.op.versioned
	}
	if err := c.authorize(c.bucket, action, c.key, c.keys()); err != nil {
		return err
	}
	if c.op.name == "PutObject" || c.op.name == "CopyObject" || c.op.name == "CreateMultipartUpload" {
		return c.authorizeExtras()
	}
	return nil
}

// authorizeUpload is for an upload whose address does not tell the key.
func (c *call) authorizeUpload() error {
	if err := c.authorize(c.bucket, "s3:PutObject", c.key, c.keys()); err != nil {
		return err
	}
	return c.authorizeExtras()
}

// authorizeExtras: what goes with an upload needs its own permission.
func (c *call) authorizeExtras() error {
	h := c.HTTP.Header
	if h.Get("X-Amz-Tagging") != "" {
		if err := c.authorize(c.bucket, "s3:PutObjectTagging", c.key, c.keys()); err != nil {
			return err
		}
	}
	if h.Get("X-Amz-Acl") != "" || hasGrants(h) {
		return c.authorize(c.bucket, "s3:PutObjectAcl", c.key, c.keys())
	}
	return nil
}

// authorize holds an action on a bucket, or on an object of it when the key is
// not empty, against all policies.
func (c *call) authorize(b *Bucket, action, key string, keys policy.Context) error {
	d, resource := c.decide(b, action, key, keys)
	if d.Allowed {
		return nil
	}
	return c.denied(b, d, action, resource)
}

func (c *call) decide(b *Bucket, action, key string, keys policy.Context) (d policy.Decision, resource string) {
	resource = b.ARN()
	if key != "" {
		resource += "/" + key
		if o, ok := current(c.State, b.Name, key); ok {
			for _, t := range o.Tags {
				keys.Set("s3:ExistingObjectTag/"+t.Key, t.Value)
			}
		}
	}
	if c.Decision.Resource == "" {
		c.Decision.Resource = resource
	}
	keys.Set("s3:ResourceAccount", b.Account)
	access := api.Access{Action: action, Resource: resource, ResourceAccount: b.Account, ResourcePolicy: b.resourcePolicy(), Keys: keys}
	p := c.Principal
	if restricted := b.PublicAccess != nil && b.PublicAccess.RestrictPublicBuckets; restricted && b.public() && (p == nil || p.Account != b.Account) {
		// A public policy counts for the bucket's own account only.
		access.ResourcePolicy = nil
	}
	d = c.Authorize(access)
	if !d.Allowed && p != nil && p.Type == api.RootUser && p.Account == b.Account && strings.HasSuffix(action, "BucketPolicy") {
		// The root user can always undo a policy that locks everybody out (API reference).
		d.Allowed = true
	}
	return d, resource
}

// denied words the refusal. Only callers of the bucket's own account are told
// what was missing, with the resource in quotes: seen on AWS.
func (c *call) denied(b *Bucket, d policy.Decision, action, resource string) error {
	message := "Access Denied"
	if c.Principal != nil && (b == nil || c.Principal.Account == b.Account) {
		if resource != "" {
			resource = `"` + resource + `"`
		}
		message = api.DenialText(c.Principal, d, action, resource)
	}
	return api.Denied(d, wire.Errorf(http.StatusForbidden, "AccessDenied", "%s", message))
}

// authorizeAny is for actions on no bucket.
func (c *call) authorizeAny(action string) error {
	d := c.Authorize(api.Access{Action: action, Resource: "*", Keys: c.keys()})
	if d.Allowed {
		return nil
	}
	return c.denied(nil, d, action, "")
}

// authorizeNew is for a bucket that does not exist yet, or is another's.
func (c *call) authorizeNew() error {
	resource := bucketARN(c.Region, c.name)
	c.Decision.Resource = resource
	d := c.Authorize(api.Access{Action: "s3:CreateBucket", Resource: resource, Keys: c.keys()})
	if d.Allowed {
		return nil
	}
	return c.denied(nil, d, "s3:CreateBucket", resource)
}

// missing answers a read of a key that does not exist: 404 only to callers who
// may list the bucket; to others 403, so that they do not learn which keys exist.
func (c *call) missing(b *Bucket, key string) error {
	if err := c.authorize(b, "s3:ListBucket", "", c.keys()); err != nil {
		return err
	}
	return noSuchKey(key)
}

// accessDenied is a refusal that no policy made.
func accessDenied(reason string) error {
	f := fail(http.StatusForbidden, "AccessDenied", "Access Denied")
	f.Reason.Kind, f.Reason.Message = decision.Policy, reason
	return f
}

// checkOwner refuses a bucket whose owner is not the one that the client
// expects. Recorded on AWS.
func (c *call) checkOwner() error {
	want := c.HTTP.Header.Get("X-Amz-Expected-Bucket-Owner")
	switch {
	case want == "":
	case !aws.IsAccount(want):
		return fail(http.StatusBadRequest, "InvalidBucketOwnerAWSAccountID", "The value of the expected bucket owner parameter must be an AWS Account ID... ["+want+"]")
	case c.bucket != nil && c.bucket.Account != want:
		return accessDenied("the bucket belongs to account " + c.bucket.Account + ", not to " + want)
	}
	return nil
}

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
	if tags, err := url.ParseQuery(r.Header.Get("X-Amz-Tagging")); err == nil && len(tags) > 0 {
		var names []string
		for name, values := range tags {
			keys.Set("s3:RequestObjectTag/"+name, values[0])
			names = append(names, name)
		}
		keys.SetMulti("s3:RequestObjectTagKeys", names)
	}
	c.signatureKeys(keys)
	return keys
}

// signatureKeys say how the request was signed.
func (c *call) signatureKeys(keys policy.Context) {
	if tls := c.HTTP.TLS; tls != nil {
		keys.Set("s3:TlsVersion", strconv.FormatFloat(1+float64(tls.Version-0x0301)/10, 'f', 1, 64))
	}
	if c.Principal == nil {
		return
	}
	date := c.HTTP.Header.Get("X-Amz-Date")
	if c.query.Has("X-Amz-Signature") {
		keys.Set("s3:authType", "REST-QUERY-STRING")
		date = c.query.Get("X-Amz-Date")
	} else {
		keys.Set("s3:authType", "REST-HEADER")
	}
	keys.Set("s3:signatureversion", "AWS4-HMAC-SHA256")
	if at, err := time.Parse("20060102T150405Z", date); err == nil {
		keys.Set("s3:signatureAge", strconv.FormatInt(max(c.Now.Sub(at).Milliseconds(), 0), 10))
	}
}

func hasGrants(h http.Header) bool {
	for name := range h {
		if strings.HasPrefix(name, "X-Amz-Grant-") {
			return true
		}
	}
	return false
}
