package s3

import (
	"errors"
	"net/http"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
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
	case c.op.name == "CreateBucket" || c.op.name == "PutObjectTagging":
		return nil // the body names what conditions ask about
	}
	if err := c.authorize(c.bucket, c.action(), c.key, c.keys()); err != nil {
		return err
	}
	if err := c.authorizeMatch(c.key, c.HTTP.Header.Get("If-Match")); err != nil {
		return err
	}
	if c.op.name == "PutObject" || c.op.name == "CopyObject" || c.op.name == "CreateMultipartUpload" {
		return c.authorizeExtras()
	}
	return nil
}

// authorizeMatch: who writes or deletes on condition of an ETag learns whether the
// object has it, and needs s3:GetObject (S3 user guide, "Enforce conditional writes on
// Amazon S3 buckets" and "Enforce conditional deletes on Amazon S3 buckets").
func (c *call) authorizeMatch(key, etag string) error {
	switch c.op.name {
	case "PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject", "DeleteObjects":
		if etag != "" && etag != "*" {
			return c.authorize(c.bucket, "s3:GetObject", key, c.keys())
		}
	}
	return nil
}

// action is what policies call the operation, with s3:.
func (c *call) action() string {
	if c.op.versioned != "" && c.query.Has("versionId") {
		return "s3:" + c.op.versioned
	}
	return "s3:" + c.op.action
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
		c.tagKeys(b, action, key, keys)
	}
	if c.Decision.Resource == "" {
		c.Decision.Resource = resource
	}
	keys.Set("s3:ResourceAccount", b.Account)
	keepKeys(action, keys)
	access := api.Access{Action: action, Resource: resource, ResourceAccount: b.Account, ResourcePolicy: b.resourcePolicy(c.State), Keys: keys}
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

// authorizeNew is for a bucket that does not exist yet, or is another's: each of
// the actions, with what the body says. What comes with a new bucket needs its
// own permission (API reference, CreateBucket, "Permissions").
func (c *call) authorizeNew(in *createBucketConfiguration) error {
	resource := bucketARN(c.Region, c.name)
	c.Decision.Resource = resource
	actions := []string{"s3:CreateBucket"}
	h := c.HTTP.Header
	if acl := h.Get("X-Amz-Acl"); acl != "" && acl != "private" || hasGrants(h) {
		actions = append(actions, "s3:PutBucketAcl")
	}
	if h.Get("X-Amz-Object-Ownership") != "" {
		actions = append(actions, "s3:PutBucketOwnershipControls")
	}
	if len(in.Tags) > 0 {
		actions = append(actions, "s3:TagResource")
	}
	for _, action := range actions {
		keys := c.keys()
		if in.LocationConstraint != "" {
			keys.Set("s3:LocationConstraint", in.LocationConstraint)
		}
		services.RequestTagKeys(keys, in.Tags)
		if d := c.Authorize(api.Access{Action: action, Resource: resource, Keys: keys}); !d.Allowed {
			return c.denied(nil, d, action, resource)
		}
	}
	return nil
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

// unsigned adds to a refusal of an anonymous call what AWS keeps from the caller:
// that nothing was signed. Programs that find no credentials go on without, and
// what they print looks like a missing permission.
func (c *call) unsigned(err error) error {
	var refusal *api.Refusal
	if c.Principal != nil || !errors.As(err, &refusal) || refusal.Reason.Kind != decision.Policy {
		return err
	}
	return refusal.Because("the request is unsigned, so it is anonymous, and %s", refusal.Reason.Message).Advise(hint.Hint{
		Code: "unsigned", Message: "a program that finds no credentials goes on without",
		Fix: "if it should have some, see that it reads AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE and reaches the STS; one that knows AWS's host names alone does under irsa-emu exec --intercept",
	})
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

func hasGrants(h http.Header) bool {
	for name := range h {
		if strings.HasPrefix(name, "X-Amz-Grant-") {
			return true
		}
	}
	return false
}
