package s3

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// The settings of a bucket. What can be set is kept and takes effect; what
// cannot is answered as AWS answers for a bucket that never had it.

// fresh answers with a document that is the same for every bucket.
func fresh(root, content string) func(*Service, *call) error {
	return func(_ *Service, c *call) error {
		c.writeRaw(root, content)
		return nil
	}
}

// absent answers that the bucket has no such configuration.
func absent(code, message string) func(*Service, *call) error {
	return func(_ *Service, c *call) error {
		return fail(http.StatusNotFound, code, message, "BucketName", c.name)
	}
}

// nothingToDelete deletes a configuration that no bucket has.
func (s *Service) nothingToDelete(c *call) error { return c.noContent() }

func (s *Service) getLocation(c *call) error {
	region := c.bucket.Region
	if region == usEast1 {
		region = "" // from the time when there was but one
	}
	c.writeRaw("LocationConstraint", region)
	return nil
}

type publicAccessBlock struct {
	XMLName               xml.Name `xml:"PublicAccessBlockConfiguration"`
	BlockPublicAcls       bool
	IgnorePublicAcls      bool
	BlockPublicPolicy     bool
	RestrictPublicBuckets bool
}

func (s *Service) getPublicAccessBlock(c *call) error {
	p := c.bucket.PublicAccess
	if p == nil {
		return fail(http.StatusNotFound, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", "BucketName", c.name)
	}
	return c.writeXML("PublicAccessBlockConfiguration", publicAccessBlock{
		BlockPublicAcls: p.BlockPublicAcls, IgnorePublicAcls: p.IgnorePublicAcls,
		BlockPublicPolicy: p.BlockPublicPolicy, RestrictPublicBuckets: p.RestrictPublicBuckets,
	})
}

func (s *Service) putPublicAccessBlock(c *call) error {
	var in publicAccessBlock
	if err := c.readXML(&in); err != nil {
		return err
	}
	err := s.changeBucket(c, func(b *Bucket) {
		b.PublicAccess = &PublicAccessBlock{in.BlockPublicAcls, in.IgnorePublicAcls, in.BlockPublicPolicy, in.RestrictPublicBuckets}
	})
	if err != nil {
		return err
	}
	return c.ok()
}

func (s *Service) deletePublicAccessBlock(c *call) error {
	if err := s.changeBucket(c, func(b *Bucket) { b.PublicAccess = nil }); err != nil {
		return err
	}
	return c.noContent()
}

var ownerships = []string{"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"}

type ownershipControls struct {
	XMLName xml.Name `xml:"OwnershipControls"`
	Rules   []struct {
		ObjectOwnership string
	} `xml:"Rule"`
}

func (s *Service) getOwnership(c *call) error {
	if c.bucket.Ownership == "" {
		return fail(http.StatusNotFound, "OwnershipControlsNotFoundError", "The bucket ownership controls were not found", "BucketName", c.name)
	}
	c.writeRaw("OwnershipControls", "<Rule><ObjectOwnership>"+c.bucket.Ownership+"</ObjectOwnership></Rule>")
	return nil
}

func (s *Service) putOwnership(c *call) error {
	var in ownershipControls
	if err := c.readXML(&in); err != nil {
		return err
	}
	if len(in.Rules) != 1 || !slices.Contains(ownerships, in.Rules[0].ObjectOwnership) {
		return malformedXML()
	}
	if err := s.changeBucket(c, func(b *Bucket) { b.Ownership = in.Rules[0].ObjectOwnership }); err != nil {
		return err
	}
	return c.ok()
}

func (s *Service) deleteOwnership(c *call) error {
	if err := s.changeBucket(c, func(b *Bucket) { b.Ownership = "" }); err != nil {
		return err
	}
	return c.noContent()
}

type encryptionConfiguration struct {
	XMLName xml.Name                   `xml:"ServerSideEncryptionConfiguration"`
	Rules   []statefile.EncryptionRule `xml:"Rule"`
}

func (s *Service) getEncryption(c *call) error {
	return c.writeXML("ServerSideEncryptionConfiguration", encryptionConfiguration{Rules: []statefile.EncryptionRule{c.bucket.encryptionRule()}})
}

func (b *Bucket) encryptionRule() statefile.EncryptionRule {
	e := b.Encryption
	rule := statefile.EncryptionRule{Default: statefile.EncryptionDefault{SSEAlgorithm: e.Algorithm, KMSMasterKeyID: e.KeyID}, BucketKey: e.BucketKey}
	if b.BlockedEncryption != "" {
		rule.Blocked = &statefile.BlockedTypes{EncryptionType: []string{b.BlockedEncryption}}
	}
	return rule
}

// setEncryption takes a bucket's encryption configuration. What it blocks is kept:
// objects under a client's own key are not taken anyway.
func (b *Bucket) setEncryption(rules []statefile.EncryptionRule) error {
	if len(rules) != 1 {
		return malformedXML()
	}
	rule := &rules[0]
	if err := refused(rule.Mistake()); err != nil {
		return err
	}
	b.Encryption = Encryption{Algorithm: rule.Default.SSEAlgorithm, KeyID: rule.Default.KMSMasterKeyID, BucketKey: rule.BucketKey}
	b.EncryptionSet, b.BlockedEncryption = true, ""
	if blocked := rule.Blocked; blocked != nil {
		b.BlockedEncryption = blocked.EncryptionType[0]
	}
	return nil
}

func (s *Service) putEncryption(c *call) error {
	var in encryptionConfiguration
	if err := c.readXML(&in); err != nil {
		return err
	}
	if err := new(Bucket).setEncryption(in.Rules); err != nil {
		return err
	}
	if err := s.changeBucket(c, func(b *Bucket) { _ = b.setEncryption(in.Rules) }); err != nil { // it was taken above
		return err
	}
	return c.ok()
}

// deleteEncryption brings back the default: no bucket is without encryption.
func (s *Service) deleteEncryption(c *call) error {
	if err := s.changeBucket(c, func(b *Bucket) {
		b.Encryption, b.EncryptionSet, b.BlockedEncryption = Encryption{Algorithm: statefile.AES256}, false, ""
	}); err != nil {
		return err
	}
	return c.noContent()
}

// getACL answers for buckets and objects alike: only the owner has rights,
// since ACLs are off.
func (s *Service) getACL(c *call) error {
	if c.key != "" {
		if _, err := c.object(); err != nil {
			return err
		}
	}
	id := canonicalID(c.bucket.Account)
	c.writeRaw("AccessControlPolicy", "<Owner><ID>"+id+"</ID></Owner><AccessControlList><Grant>"+
		`<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>`+id+"</ID></Grantee>"+
		"<Permission>FULL_CONTROL</Permission></Grant></AccessControlList>")
	return nil
}

// putACL takes what changes nothing and refuses the rest as a bucket does whose
// owner is enforced.
func (s *Service) putACL(c *call) error {
	if c.key != "" {
		if _, err := c.object(); err != nil {
			return err
		}
	}
	plain := plainACL(c.HTTP.Header, c.bucket.Ownership)
	if plain && c.HTTP.Header.Get("X-Amz-Acl") == "" {
		var err error
		if plain, err = c.ownersACL(); err != nil {
			return err
		}
	}
	if !plain {
		return c.aclNotSupported(c.bucket.Ownership)
	}
	return c.ok()
}

// ownersACL says whether the ACL in the body is what every bucket and object
// has: full control of the owner. Where ACLs are off, that one is taken: "the
// bucket-owner-full-control canned ACL or an equivalent form of this ACL
// expressed in XML" (S3 user guide, "Controlling ownership of objects").
func (c *call) ownersACL() (bool, error) {
	var in struct {
		XMLName xml.Name `xml:"AccessControlPolicy"`
		Grants  []struct {
			Grantee    struct{ ID string }
			Permission string
		} `xml:"AccessControlList>Grant"`
	}
	if err := c.readXML(&in); err != nil {
		return false, err
	}
	return len(in.Grants) == 1 && in.Grants[0].Permission == "FULL_CONTROL" && in.Grants[0].Grantee.ID == canonicalID(c.bucket.Account), nil
}

// plainACL says whether a request's ACL gives rights to nobody but the owner, and
// is taken by a bucket of that ownership: where ACLs are off, private is not (S3
// user guide, "Controlling ownership of objects"; distribution/distribution#4820,
// hashicorp/terraform-provider-aws#34079).
func plainACL(h http.Header, ownership string) bool {
	acl := strings.ToLower(h.Get("X-Amz-Acl"))
	private := acl == "private" && ownership != ownerships[0]
	return (acl == "" || private || acl == "bucket-owner-full-control") && !hasGrants(h)
}

// aclNotSupported is AWS's refusal where the bucket's owner owns all objects,
// as is the default, and the emulator's own where ACLs would count.
func (c *call) aclNotSupported(ownership string) error {
	if ownership == ownerships[0] {
		return fail(http.StatusBadRequest, "AccessControlListNotSupported", "The bucket does not allow ACLs")
	}
	return api.Unsupported("s3", c.op.name+" with an ACL that gives rights to others")
}
