package sources

import (
	"crypto/sha256"
	"strings"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// kmsKey takes a key of KMS with its aliases and its policy.
func (t *terraform) kmsKey(r *tfResource) {
	arn := t.keyARN(r)
	k := statefile.KMSKey{
		ID: aws.NameIn(arn), Region: t.regionOf(r), Description: r.text("description"), MultiRegion: isTrue(get(r.values, "multi_region")),
		Rotation: isTrue(get(r.values, "enable_key_rotation")), Tags: tags(r),
	}
	if r.text("is_enabled") == "false" || r.text("enabled") == "false" {
		k.State = "Disabled"
	}
	of := func(other *tfResource, attribute string) bool {
		id := other.text(attribute)
		return id != "" && aws.NameIn(id) == k.ID || id == "" && t.one(other, attribute, r.kind) == r
	}
	for _, a := range t.all("aws_kms_alias") {
		if of(a, "target_key_id") {
			name := t.nameOf(a, "name")
			if !strings.HasPrefix(name, "alias/") {
				name = "alias/" + name
			}
			k.Aliases = append(k.Aliases, name)
		}
	}
	// An unset policy is "known after apply" too: the attribute is computed.
	if get(r.values, "policy") != nil || get(r.expressions, "policy") != nil {
		k.Policy, _ = t.policyText(r, "policy", Policy{Type: policy.ResourcePolicy, Owner: k.ID})
	}
	for _, p := range t.all("aws_kms_key_policy") {
		if of(p, "key_id") {
			k.Policy, _ = t.policyText(p, "policy", Policy{Type: policy.ResourcePolicy, Owner: k.ID})
		}
	}
	t.b.kmsKey(t.accountOf(r), k, t.at(r))
}

// keyARN is a key's ARN, or one that stands in for what KMS has yet to choose.
func (t *terraform) keyARN(r *tfResource) string {
	if arn := r.text("arn"); arn != "" {
		return arn
	}
	id := r.text("key_id")
	if id == "" {
		id = madeKeyID(r.address)
		if !t.named[r] {
			t.named[r] = true
			t.b.note(t.at(r), r.address+".key_id", afterApply+"; %s stands in for it", id)
		}
	}
	return aws.RegionalARN("kms", t.regionOf(r), t.accountOf(r), "key/"+id)
}

// keyOf is the key that an attribute names: as it is written, or the ARN of the
// resource that the expression refers to.
func (t *terraform) keyOf(r *tfResource, written string, expression *yaml.Node, attribute string) string {
	if written != "" || expression == nil {
		return written
	}
	found, rest := t.follow(r.module, r.index, expression)
	for len(found) == 1 && len(rest) == 0 && found[0].kind == "aws_kms_alias" {
		alias := found[0]
		if id := alias.text("target_key_id"); id != "" {
			return id
		}
		found, rest = t.follow(alias.module, alias.index, get(alias.expressions, "target_key_id"))
	}
	if len(found) == 1 && len(rest) == 0 && keyKinds[found[0].kind] {
		return t.keyARN(found[0])
	}
	if len(found)+len(rest) > 0 {
		t.b.note(t.at(r), r.address+"."+attribute, afterApply+"%s; AWS's own key stands in for it", refersTo(expression))
	}
	return ""
}

// keyKinds are the resources that make keys.
var keyKinds = map[string]bool{"aws_kms_key": true, "aws_kms_external_key": true}

// madeKeyID is a key ID of our own, always the same for a name.
func madeKeyID(name string) string {
	sum := sha256.Sum256([]byte(name))
	var id uuid.UUID
	copy(id[:], sum[:])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id.String()
}

// kmsKey takes a key of KMS with its aliases and its policy.
func (c *template) kmsKey(r *resource) {
	k := statefile.KMSKey{
		ID: c.keyID(r), Region: c.region, Description: c.text(r, "Description"), MultiRegion: isTrue(c.property(r, "MultiRegion")),
		Rotation: isTrue(c.property(r, "EnableKeyRotation")), Tags: tagList(c.property(r, "Tags")),
	}
	if c.text(r, "Enabled") == "false" {
		k.State = "Disabled"
	}
	for _, a := range c.resources {
		if a.kind != "AWS::KMS::Alias" {
			continue
		}
		if target, ok := c.known(a, "TargetKeyId"); ok && aws.NameIn(text(target)) == k.ID {
			k.Aliases = append(k.Aliases, c.nameOf(a))
		}
	}
	if n := get(r.properties, "KeyPolicy"); n != nil {
		k.Policy, _ = c.document(r, n, Policy{Address: address(r, "KeyPolicy"), Type: policy.ResourcePolicy, Owner: k.ID})
	}
	c.b.kmsKey(c.account, k, c.at(r))
}

// keyID stands for what KMS has yet to choose.
func (c *template) keyID(r *resource) string { return madeKeyID(r.id) }
