package sources

import (
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
	s := statefile.Secret{Name: name, Region: t.regionOf(r), Description: r.text("description"), KMSKeyID: t.keyOf(r, r.text("kms_key_id"), get(r.expressions, "kms_key_id"), "kms_key_id"), Tags: tags(r)}
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
