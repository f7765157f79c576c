package sources

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/statefile"
)

func (t *terraform) cluster(r *tfResource) {
	name := r.text("name")
	if name == "" {
		t.b.note(t.at(r), r.address+".name", afterApply+"; the cluster is left out")
		return
	}
	issuer := t.clusterIssuer(r)
	if get(r.values, "identity") == nil {
		t.b.note(t.at(r), r.address+".identity", afterApply+"; %s stands in for its issuer", issuer)
	}
	t.b.cluster(name, statefile.Cluster{Issuer: issuer, Region: t.regionOf(r), Account: t.accountOf(r), Version: r.text("version"), Tags: tags(r)})
}

func (t *terraform) secret(r *tfResource) {
	name := t.nameOf(r, "name")
	s := statefile.Secret{Name: name, Region: t.regionOf(r), Description: r.text("description"), KMSKeyID: r.text("kms_key_id"), Tags: tags(r)}
	if arn := r.text("arn"); len(arn) > 7 && arn[len(arn)-7] == '-' {
		s.Suffix = arn[len(arn)-6:]
	}
	of := func(other *tfResource, attribute string) bool {
		id := other.text(attribute)
		return id != "" && (id == r.text("arn") || id == r.text("id") || id == name) || id == "" && t.one(other, attribute, r.kind) == r
	}
	for _, v := range t.all("aws_secretsmanager_secret_version") {
		if !of(v, "secret_id") {
			continue
		}
		if value := pointer(get(v.values, "secret_string")); value != nil {
			held := statefile.Text(*value)
			s.Value = &held
		} else if _, unknown := v.known("secret_string"); unknown || get(v.expressions, "secret_string") != nil {
			t.b.note(t.at(v), v.address+".secret_string", afterApply+"; the secret has no value here")
		}
	}
	// An unset policy is "known after apply" too: the attribute is computed.
	if get(r.values, "policy") != nil || get(r.expressions, "policy") != nil {
		s.Policy, _ = t.policyText(r, "policy", Policy{Type: policy.ResourcePolicy, Owner: name})
	}
	for _, p := range t.all("aws_secretsmanager_secret_policy") {
		if of(p, "secret_arn") {
			s.Policy, _ = t.policyText(p, "policy", Policy{Type: policy.ResourcePolicy, Owner: name})
		}
	}
	t.b.secret(t.accountOf(r), s, t.at(r))
}

func (t *terraform) bucket(r *tfResource) {
	name := r.text("bucket")
	if name == "" {
		name = strings.ToLower(strings.NewReplacer("_", "-", "@", "-", "=", "-", ",", "-", "+", "-").Replace(t.nameOf(r, "bucket")))
	}
	b := statefile.Bucket{Name: name, Region: t.regionOf(r), Tags: tags(r)}
	of := func(other *tfResource) bool {
		id := other.text("bucket")
		return id == name || id == "" && t.one(other, "bucket", r.kind) == r
	}
	for _, p := range t.all("aws_s3_bucket_policy") {
		if of(p) {
			b.Policy, _ = t.policyText(p, "policy", Policy{Type: policy.ResourcePolicy, Owner: name})
		}
	}
	for _, o := range t.all("aws_s3_object") {
		if !of(o) || o.text("key") == "" {
			continue
		}
		object := statefile.Object{ContentType: o.text("content_type"), Metadata: textMap(get(o.values, "metadata"))}
		content := pointer(get(o.values, "content"))
		if content == nil {
			t.b.note(t.at(o), o.address, "its content is not in the plan; the object is empty here")
		} else {
			held := statefile.Text(*content)
			object.Content = &held
		}
		if b.Objects == nil {
			b.Objects = map[string]statefile.Object{}
		}
		b.Objects[o.text("key")] = object
	}
	t.b.bucket(t.accountOf(r), b, t.at(r))
}
