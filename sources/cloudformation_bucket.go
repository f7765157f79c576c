package sources

import (
	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/statefile"
)

func (c *template) bucket(r *resource) {
	b := statefile.Bucket{Name: c.nameOf(r), Region: c.region, Tags: tagList(c.property(r, "Tags"))}
	for _, p := range c.resources {
		if name, ok := c.known(p, "Bucket"); p.kind == "AWS::S3::BucketPolicy" && ok && text(name) == b.Name {
			b.Policy, _ = c.document(p, get(p.properties, "PolicyDocument"), Policy{Address: address(p, "PolicyDocument"), Type: policy.ResourcePolicy, Owner: b.Name})
		}
	}
	b.Versioning = text(get(c.property(r, "VersioningConfiguration"), "Status"))
	b.CORS = cfnCORS(c.property(r, "CorsConfiguration"))
	b.Lifecycle = cfnLifecycle(c.property(r, "LifecycleConfiguration"))
	if n := c.property(r, "PublicAccessBlockConfiguration"); n != nil {
		is := func(name string) *bool {
			on := isTrue(get(n, name))
			return &on
		}
		b.PublicAccessBlock = &statefile.PublicAccessBlock{
			BlockPublicAcls: is("BlockPublicAcls"), IgnorePublicAcls: is("IgnorePublicAcls"),
			BlockPublicPolicy: is("BlockPublicPolicy"), RestrictPublicBuckets: is("RestrictPublicBuckets"),
		}
	}
	b.ObjectOwnership = text(get(firstOf(c.property(r, "OwnershipControls"), "Rules"), "ObjectOwnership"))
	rule := firstOf(c.property(r, "BucketEncryption"), "ServerSideEncryptionConfiguration")
	if algorithm := text(get(rule, "ServerSideEncryptionByDefault", "SSEAlgorithm")); algorithm != "" {
		b.Encryption = encryptionConfiguration(algorithm, text(get(rule, "ServerSideEncryptionByDefault", "KMSMasterKeyID")), isTrue(get(rule, "BucketKeyEnabled")))
	}
	c.b.bucket(c.account, b, c.at(r))
}

func cfnCORS(n *yaml.Node) *statefile.CORSConfiguration {
	c := &statefile.CORSConfiguration{}
	for _, rule := range items(get(n, "CorsRules")) {
		c.CORSRules = append(c.CORSRules, statefile.CORSRule{
			ID: text(get(rule, "Id")), AllowedHeaders: texts(get(rule, "AllowedHeaders")), AllowedMethods: texts(get(rule, "AllowedMethods")),
			AllowedOrigins: texts(get(rule, "AllowedOrigins")), ExposeHeaders: texts(get(rule, "ExposedHeaders")), MaxAgeSeconds: integer(get(rule, "MaxAge")),
		})
	}
	if len(c.CORSRules) == 0 {
		return nil
	}
	return c
}

// integer is a number, or nil where there is none.
func integer(n *yaml.Node) *int {
	if text(n) == "" {
		return nil
	}
	i := number(n)
	return &i
}

// cfnLifecycle: CloudFormation's rules have their own names for what S3's have.
func cfnLifecycle(n *yaml.Node) *statefile.LifecycleConfiguration {
	l := &statefile.LifecycleConfiguration{TransitionDefaultMinimumObjectSize: text(get(n, "TransitionDefaultMinimumObjectSize"))}
	for _, rule := range items(get(n, "Rules")) {
		l.Rules = append(l.Rules, cfnRule(rule))
	}
	if len(l.Rules) == 0 {
		return nil
	}
	return l
}

func cfnRule(n *yaml.Node) statefile.LifecycleRule {
	rule := statefile.LifecycleRule{ID: text(get(n, "Id")), Status: text(get(n, "Status")), Filter: cfnFilter(n)}
	if days := integer(get(n, "AbortIncompleteMultipartUpload", "DaysAfterInitiation")); days != nil {
		rule.AbortIncompleteMultipartUpload = &statefile.LifecycleAction{DaysAfterInitiation: days}
	}
	expiration := statefile.LifecycleAction{Date: text(get(n, "ExpirationDate")), Days: integer(get(n, "ExpirationInDays"))}
	if marker := get(n, "ExpiredObjectDeleteMarker"); marker != nil {
		on := isTrue(marker)
		expiration.ExpiredObjectDeleteMarker = &on
	}
	if expiration != (statefile.LifecycleAction{}) {
		rule.Expiration = &expiration
	}
	old := get(n, "NoncurrentVersionExpiration")
	if days := integer(get(old, "NoncurrentDays")); days != nil {
		rule.NoncurrentVersionExpiration = &statefile.LifecycleAction{NoncurrentDays: days, NewerNoncurrentVersions: integer(get(old, "NewerNoncurrentVersions"))}
	} else if days := integer(get(n, "NoncurrentVersionExpirationInDays")); days != nil {
		rule.NoncurrentVersionExpiration = &statefile.LifecycleAction{NoncurrentDays: days}
	}
	for _, to := range append(items(get(n, "Transitions")), list(get(n, "Transition"))...) {
		rule.Transitions = append(rule.Transitions, statefile.LifecycleAction{
			Date: text(get(to, "TransitionDate")), Days: integer(get(to, "TransitionInDays")), StorageClass: text(get(to, "StorageClass"))})
	}
	for _, to := range append(items(get(n, "NoncurrentVersionTransitions")), list(get(n, "NoncurrentVersionTransition"))...) {
		rule.NoncurrentVersionTransitions = append(rule.NoncurrentVersionTransitions, statefile.LifecycleAction{
			NoncurrentDays: integer(get(to, "TransitionInDays")), NewerNoncurrentVersions: integer(get(to, "NewerNoncurrentVersions")), StorageClass: text(get(to, "StorageClass"))})
	}
	return rule
}

// cfnFilter makes one filter of the conditions that a rule has beside each other.
func cfnFilter(n *yaml.Node) *statefile.LifecycleFilter {
	all := statefile.LifecycleAnd{Prefix: pointer(get(n, "Prefix")), ObjectSizeGreaterThan: size(get(n, "ObjectSizeGreaterThan")), ObjectSizeLessThan: size(get(n, "ObjectSizeLessThan"))}
	for _, tag := range items(get(n, "TagFilters")) {
		all.Tags = append(all.Tags, statefile.BucketTag{Key: text(get(tag, "Key")), Value: text(get(tag, "Value"))})
	}
	conditions := len(all.Tags)
	for _, is := range []bool{all.Prefix != nil, all.ObjectSizeGreaterThan != nil, all.ObjectSizeLessThan != nil} {
		if is {
			conditions++
		}
	}
	switch {
	case conditions > 1:
		return &statefile.LifecycleFilter{And: &all}
	case len(all.Tags) == 1:
		return &statefile.LifecycleFilter{Tag: &all.Tags[0]}
	}
	return &statefile.LifecycleFilter{Prefix: all.Prefix, ObjectSizeGreaterThan: all.ObjectSizeGreaterThan, ObjectSizeLessThan: all.ObjectSizeLessThan}
}
