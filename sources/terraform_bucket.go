package sources

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// bucket takes aws_s3_bucket with the resources that configure it. What old
// versions of the provider have inside the bucket counts where there is no
// resource of its own.
func (t *terraform) bucket(r *tfResource) {
	name := r.text("bucket")
	if name == "" {
		name = strings.ToLower(strings.NewReplacer("_", "-", "@", "-", "=", "-", ",", "-", "+", "-").Replace(t.nameOf(r, "bucket")))
	}
	b := statefile.Bucket{Name: name, Region: t.regionOf(r), Tags: tags(r)}
	if isTrue(get(first(r, "versioning"), "enabled")) {
		b.Versioning = "Enabled"
	}
	if rules := items(get(r.values, "cors_rule")); len(rules) > 0 {
		b.CORS = tfCORS(rules)
	}
	for _, other := range t.resources {
		if other.data || !strings.HasPrefix(other.kind, "aws_s3_") || other == r {
			continue
		}
		if id := other.text("bucket"); id == name || id == "" && t.one(other, "bucket", r.kind) == r {
			t.bucketPart(&b, other)
		}
	}
	if n := items(get(r.values, "lifecycle_rule")); len(n) > 0 && b.Lifecycle == nil {
		t.b.note(t.at(r), r.address+".lifecycle_rule", "left out; aws_s3_bucket_lifecycle_configuration is read")
	}
	t.b.bucket(t.accountOf(r), b, t.at(r))
}

// first is the first block of a name; nil where there is none.
func first(r *tfResource, name string) *yaml.Node { return firstOf(r.values, name) }

func firstOf(n *yaml.Node, name string) *yaml.Node {
	if all := items(get(n, name)); len(all) > 0 {
		return all[0]
	}
	return nil
}

// bucketPart adds what another resource says of a bucket.
func (t *terraform) bucketPart(b *statefile.Bucket, r *tfResource) {
	switch r.kind {
	case "aws_s3_bucket_policy":
		b.Policy, _ = t.policyText(r, "policy", Policy{Type: policy.ResourcePolicy, Owner: b.Name})
	case "aws_s3_object", "aws_s3_bucket_object":
		t.bucketObject(b, r)
	case "aws_s3_bucket_versioning":
		if status := text(get(first(r, "versioning_configuration"), "status")); status != "Disabled" { // that of a bucket that never had it
			b.Versioning = status
		}
	case "aws_s3_bucket_cors_configuration":
		b.CORS = tfCORS(items(get(r.values, "cors_rule")))
	case "aws_s3_bucket_lifecycle_configuration":
		b.Lifecycle = tfLifecycle(r)
	case "aws_s3_bucket_public_access_block":
		is := func(attribute string) *bool {
			on := isTrue(get(r.values, attribute))
			return &on
		}
		b.PublicAccessBlock = &statefile.PublicAccessBlock{
			BlockPublicAcls: is("block_public_acls"), IgnorePublicAcls: is("ignore_public_acls"),
			BlockPublicPolicy: is("block_public_policy"), RestrictPublicBuckets: is("restrict_public_buckets"),
		}
	case "aws_s3_bucket_ownership_controls":
		b.ObjectOwnership = text(get(first(r, "rule"), "object_ownership"))
	case "aws_s3_bucket_server_side_encryption_configuration":
		rule := first(r, "rule")
		by := firstOf(rule, "apply_server_side_encryption_by_default")
		if algorithm := text(get(by, "sse_algorithm")); algorithm != "" {
			expression := get(firstOf(firstOf(r.expressions, "rule"), "apply_server_side_encryption_by_default"), "kms_master_key_id")
			key := t.keyOf(r, text(get(by, "kms_master_key_id")), expression, "rule.kms_master_key_id")
			b.Encryption = encryptionConfiguration(algorithm, key, isTrue(get(rule, "bucket_key_enabled")))
		}
	}
}

func encryptionConfiguration(algorithm, key string, bucketKey bool) *statefile.EncryptionConfiguration {
	return &statefile.EncryptionConfiguration{Rules: []statefile.EncryptionRule{{
		Default: statefile.EncryptionDefault{SSEAlgorithm: algorithm, KMSMasterKeyID: key}, BucketKey: bucketKey,
	}}}
}

func (t *terraform) bucketObject(b *statefile.Bucket, r *tfResource) {
	key := r.text("key")
	if key == "" {
		return
	}
	object := statefile.Object{
		ContentType: r.text("content_type"), Metadata: textMap(get(r.values, "metadata")), Tags: tags(r), StorageClass: r.text("storage_class"),
	}
	for attribute, header := range map[string]string{
		"cache_control": "Cache-Control", "content_disposition": "Content-Disposition", "content_encoding": "Content-Encoding", "content_language": "Content-Language",
		"website_redirect": "X-Amz-Website-Redirect-Location",
	} {
		if value := r.text(attribute); value != "" {
			if object.Headers == nil {
				object.Headers = map[string]string{}
			}
			object.Headers[header] = value
		}
	}
	if content := pointer(get(r.values, "content")); content != nil {
		held := statefile.Text(*content)
		object.Content = &held
	} else {
		t.b.note(t.at(r), r.address, "its content is not in the plan; the object is empty here")
	}
	if b.Objects == nil {
		b.Objects = map[string]statefile.Object{}
	}
	b.Objects[key] = object
}

func tfCORS(rules []*yaml.Node) *statefile.CORSConfiguration {
	c := &statefile.CORSConfiguration{}
	for _, n := range rules {
		c.CORSRules = append(c.CORSRules, statefile.CORSRule{
			ID: text(get(n, "id")), AllowedHeaders: texts(get(n, "allowed_headers")), AllowedMethods: texts(get(n, "allowed_methods")),
			AllowedOrigins: texts(get(n, "allowed_origins")), ExposeHeaders: texts(get(n, "expose_headers")), MaxAgeSeconds: positive(get(n, "max_age_seconds")),
		})
	}
	if len(c.CORSRules) == 0 {
		return nil
	}
	return c
}

// positive is a number, or nil where there is none or nought, which is how the
// provider keeps what was not set.
func positive(n *yaml.Node) *int {
	if i := number(n); i != 0 {
		return &i
	}
	return nil
}

func tfLifecycle(r *tfResource) *statefile.LifecycleConfiguration {
	l := &statefile.LifecycleConfiguration{TransitionDefaultMinimumObjectSize: r.text("transition_default_minimum_object_size")}
	for _, n := range items(get(r.values, "rule")) {
		rule := statefile.LifecycleRule{
			ID: text(get(n, "id")), Status: text(get(n, "status")), Filter: tfFilter(n),
			Expiration: tfAction(firstOf(n, "expiration")), AbortIncompleteMultipartUpload: tfAction(firstOf(n, "abort_incomplete_multipart_upload")),
			NoncurrentVersionExpiration: tfAction(firstOf(n, "noncurrent_version_expiration")),
		}
		for _, a := range items(get(n, "transition")) {
			rule.Transitions = append(rule.Transitions, *tfAction(a))
		}
		for _, a := range items(get(n, "noncurrent_version_transition")) {
			rule.NoncurrentVersionTransitions = append(rule.NoncurrentVersionTransitions, *tfAction(a))
		}
		if rule.Filter == nil {
			prefix := text(get(n, "prefix")) // the form that rules had before filters
			rule.Prefix = &prefix
		}
		l.Rules = append(l.Rules, rule)
	}
	if len(l.Rules) == 0 {
		return nil
	}
	return l
}

func tfAction(n *yaml.Node) *statefile.LifecycleAction {
	if n == nil {
		return nil
	}
	a := &statefile.LifecycleAction{
		Date: text(get(n, "date")), Days: positive(get(n, "days")), DaysAfterInitiation: positive(get(n, "days_after_initiation")),
		NoncurrentDays: positive(get(n, "noncurrent_days")), NewerNoncurrentVersions: positive(get(n, "newer_noncurrent_versions")), StorageClass: text(get(n, "storage_class")),
	}
	if isTrue(get(n, "expired_object_delete_marker")) {
		on := true
		a.ExpiredObjectDeleteMarker = &on
	}
	if a.StorageClass != "" && a.Date == "" && a.NoncurrentDays == nil && a.Days == nil {
		now := 0 // a transition of the day itself
		a.Days = &now
	}
	return a
}

// tfFilter is a rule's filter; nil for a rule without, or of a plain prefix.
func tfFilter(rule *yaml.Node) *statefile.LifecycleFilter {
	n := firstOf(rule, "filter")
	if n == nil {
		if text(get(rule, "prefix")) != "" {
			return nil
		}
		return &statefile.LifecycleFilter{}
	}
	f := &statefile.LifecycleFilter{ObjectSizeGreaterThan: size(get(n, "object_size_greater_than")), ObjectSizeLessThan: size(get(n, "object_size_less_than"))}
	if prefix := text(get(n, "prefix")); prefix != "" {
		f.Prefix = &prefix
	}
	if tag := firstOf(n, "tag"); tag != nil {
		f.Tag = &statefile.BucketTag{Key: text(get(tag, "key")), Value: text(get(tag, "value"))}
	}
	if and := firstOf(n, "and"); and != nil {
		f.And = &statefile.LifecycleAnd{ObjectSizeGreaterThan: size(get(and, "object_size_greater_than")), ObjectSizeLessThan: size(get(and, "object_size_less_than")), Tags: bucketTags(get(and, "tags"))}
		if prefix := text(get(and, "prefix")); prefix != "" {
			f.And.Prefix = &prefix
		}
	}
	return f
}

func size(n *yaml.Node) *int64 {
	if i := positive(n); i != nil {
		bytes := int64(*i)
		return &bytes
	}
	return nil
}

// bucketTags reads an object of texts, in the order of their keys.
func bucketTags(n *yaml.Node) []statefile.BucketTag {
	var out []statefile.BucketTag
	all := textMap(n)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		out = append(out, statefile.BucketTag{Key: key, Value: all[key]})
	}
	return out
}
