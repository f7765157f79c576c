package sources

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

const afterApply = "known after apply"

func (t *terraform) entities() {
	t.named = map[*tfResource]bool{}
	for _, r := range t.resources {
		if r.data {
			t.existing(r)
			continue
		}
		switch r.kind {
		case "aws_iam_openid_connect_provider":
			t.provider(r)
		case "aws_iam_policy":
			t.managed(r)
		case "aws_iam_role":
			t.role(r)
		case "aws_iam_role_policy":
			t.inline(r)
		case "aws_iam_role_policy_attachment":
			t.attach(r, t.roleOf(r, "role"), "policy_arn")
		case "aws_iam_role_policy_attachments_exclusive":
			t.attachAll(r, "policy_arns", t.roleOf(r, "role_name"))
		case "aws_iam_policy_attachment":
			t.attachRoles(r)
		case "aws_eks_cluster":
			t.cluster(r)
		case "aws_secretsmanager_secret":
			t.secret(r)
		case "aws_s3_bucket":
			t.bucket(r)
		case "aws_kms_key", "aws_kms_external_key":
			t.kmsKey(r)
		case "github_actions_organization_oidc_subject_claim_customization_template", "github_actions_repository_oidc_subject_claim_customization_template":
			t.gitHubSubject(r)
		case "aws_iam_user", "aws_iam_group":
			t.b.note(t.at(r), r.address, "left out: irsa-emu takes roles, policies, providers, clusters, keys, secrets and buckets from Terraform")
		}
	}
}

// existing takes what a plan has read of the account: a provider, a cluster.
func (t *terraform) existing(r *tfResource) {
	switch {
	case r.kind == "aws_iam_openid_connect_provider" && r.text("url") != "":
		t.provider(r)
	case r.kind == "aws_eks_cluster" && r.text("name") != "" && get(r.values, "identity") != nil:
		t.cluster(r)
	}
}

func (t *terraform) at(r *tfResource) strictyaml.Position { return t.f.at(r.node) }

// placed is where an attribute was written, or the resource.
func (t *terraform) placed(r *tfResource, attribute string) strictyaml.Position {
	if n := get(r.values, attribute); n != nil {
		return t.f.at(n)
	}
	return t.at(r)
}

// accountOf is the account in a resource's ARN, or that of the plan.
func (t *terraform) accountOf(r *tfResource) string {
	if _, account, _ := partsOf(r.text("arn")); aws.IsAccount(account) {
		return account
	}
	return t.account
}

func (t *terraform) regionOf(r *tfResource) string {
	if region, _, _ := partsOf(r.text("arn")); region != "" {
		return region
	}
	if region := r.text("region"); region != "" {
		return region
	}
	return t.region
}

func tags(r *tfResource) map[string]string {
	if all := textMap(get(r.values, "tags_all")); all != nil {
		return all
	}
	return textMap(get(r.values, "tags"))
}

// nameOf is a resource's name, or one that stands in for what Terraform has yet
// to choose.
func (t *terraform) nameOf(r *tfResource, attribute string) string {
	if name := r.text(attribute); name != "" {
		return name
	}
	prefix := r.text(attribute + "_prefix")
	name := standIn(prefix, r)
	if !t.named[r] {
		t.named[r] = true
		t.b.note(t.at(r), r.address+"."+attribute, afterApply+"%s; %s stands in for it", refersTo(get(r.expressions, attribute)), name)
	}
	return name
}

// standIn is a name made from a resource's address.
func standIn(prefix string, r *tfResource) string {
	address := strings.ReplaceAll(r.address, r.kind+".", "")
	name := prefix + strings.Trim(notInNames.ReplaceAllString(strings.NewReplacer("module.", "", ".", "-").Replace(address), "-"), "-")
	if len(name) > 64 {
		sum := sha256.Sum256([]byte(r.address))
		name = name[:55] + "-" + hex.EncodeToString(sum[:4])
	}
	return name
}

// arnOf is a resource's ARN, as far as it follows from what is known.
func (t *terraform) arnOf(r *tfResource) string {
	if arn := r.text("arn"); arn != "" {
		return arn
	}
	account := t.accountOf(r)
	switch r.kind {
	case "aws_iam_role":
		return aws.RoleARN(t.partition.ID, account, r.text("path"), t.nameOf(r, "name"))
	case "aws_iam_policy":
		return aws.PolicyARN(t.partition.ID, account, r.text("path"), t.nameOf(r, "name"))
	case "aws_kms_key", "aws_kms_external_key":
		return t.keyARN(r)
	case "aws_iam_openid_connect_provider":
		if issuer := t.issuerOf(r); issuer != "" {
			return aws.ProviderARN(t.partition.ID, account, issuer)
		}
	}
	return ""
}

func (t *terraform) provider(r *tfResource) {
	issuer := t.issuerOf(r)
	if issuer == "" {
		t.b.note(t.at(r), r.address+".url", afterApply+"%s; the provider is left out", refersTo(get(r.expressions, "url")))
		return
	}
	if r.text("url") == "" {
		t.b.note(t.at(r), r.address+".url", afterApply+"%s; %s stands in for it", refersTo(get(r.expressions, "url")), issuer)
	}
	p := statefile.OIDCProvider{URL: issuer, ClientIDs: texts(get(r.values, "client_id_list")), Thumbprints: texts(get(r.values, "thumbprint_list")), Tags: tags(r)}
	if _, unknown := r.known("client_id_list"); unknown {
		t.b.note(t.at(r), r.address+".client_id_list", afterApply+"; the provider has no client ids here")
	}
	t.b.provider(t.accountOf(r), p, t.at(r))
}

// policyText reads a policy that an attribute holds, or that the policy
// document which it refers to will hold. What is wrong is noted.
func (t *terraform) policyText(r *tfResource, attribute string, p Policy) (statefile.Document, bool) {
	p.Account = t.accountOf(r)
	p.Guessed = t.guessed && p.Account == t.account
	p.Address = r.address + "." + attribute
	n, unknown := r.known(attribute)
	if n != nil {
		var ok bool
		if p.Text, p.at, ok = t.b.document(t.f, n, p.Address); !ok || len(p.Text) == 0 {
			return statefile.Document{}, false
		}
		return t.b.documented(p), true
	}
	expression := get(r.expressions, attribute)
	if !unknown && expression == nil {
		return statefile.Document{}, false
	}
	data := t.one(r, attribute, "aws_iam_policy_document")
	if data == nil {
		t.b.unchecked(t.at(r), p.Address, afterApply+"%s; left out. Write the policy as data.aws_iam_policy_document, or give the state after the apply", refersTo(expression))
		t.b.unreadPolicy(&p)
		return statefile.Document{}, false
	}
	d := t.render(data)
	if len(d.unknown) > 0 {
		t.b.unchecked(t.at(data), p.Address, "%s: "+afterApply+": %s; left out", data.address, strings.Join(d.unknown, "; "))
		t.b.unreadPolicy(&p)
		return statefile.Document{}, false
	}
	p.Address += " (" + data.address + ")"
	p.Text, p.at = d.text, d.at
	return t.b.documented(p), true
}

func (t *terraform) managed(r *tfResource) {
	name := t.nameOf(r, "name")
	d, ok := t.policyText(r, "policy", Policy{Type: policy.IdentityPolicy, Owner: name})
	if !ok {
		t.b.leavePolicy(t.arnOf(r))
		return
	}
	t.b.policy(t.accountOf(r), statefile.Policy{Name: name, Path: r.text("path"), Description: described(r), Document: d, Tags: tags(r)}, t.at(r))
}

func (t *terraform) role(r *tfResource) {
	name, account := t.nameOf(r, "name"), t.accountOf(r)
	trust, ok := t.policyText(r, "assume_role_policy", Policy{Type: policy.TrustPolicy, Owner: name})
	if !ok {
		t.b.leave(t.at(r), r.address+".assume_role_policy", account, r.text("path"), name)
		return
	}
	role := statefile.Role{
		Name: name, Path: r.text("path"), ID: "", Description: described(r), TrustPolicy: trust,
		MaxSessionDuration: number(get(r.values, "max_session_duration")), Tags: tags(r),
	}
	if _, unknown := r.known("permissions_boundary"); unknown {
		if p := t.one(r, "permissions_boundary", "aws_iam_policy"); p != nil {
			role.PermissionsBoundary = t.arnOf(p)
		} else {
			t.b.note(t.at(r), r.address+".permissions_boundary", afterApply+"%s; left out, so the role may do more here than on AWS", refersTo(get(r.expressions, "permissions_boundary")))
			t.b.unbounded(account, name, r.address+".permissions_boundary")
		}
	} else {
		role.PermissionsBoundary = r.text("permissions_boundary")
	}
	t.b.role(account, role, t.at(r))
	if r.text("name") == "" {
		t.b.standsIn(t.arnOf(r), r.address)
	}
	for _, in := range items(get(r.values, "inline_policy")) {
		inlineName := text(get(in, "name"))
		if inlineName == "" {
			continue
		}
		address := r.address + ".inline_policy[" + inlineName + "]"
		body, at, ok := t.b.document(t.f, get(in, "policy"), address)
		if !ok {
			t.b.unchecked(t.at(r), address, afterApply+"; left out")
			t.b.unread(account, name, address)
			continue
		}
		d := t.b.documented(Policy{Address: address, Type: policy.IdentityPolicy, Account: account, Owner: name, Inline: true, Text: body, at: at})
		t.b.inline = append(t.b.inline, inlinePolicy{account, name, inlineName, d, t.b.noter(t.at(r), r.address)})
	}
	t.attachAll(r, "managed_policy_arns", roleRef{account, name})
}

// roleRef names a role; the zero value none.
type roleRef struct{ account, name string }

// roleOf is the role that an attribute names, by its name or by a reference.
func (t *terraform) roleOf(r *tfResource, attribute string) roleRef {
	if name := r.text(attribute); name != "" {
		return roleRef{t.accountOf(r), name}
	}
	if role := t.one(r, attribute, "aws_iam_role"); role != nil {
		return roleRef{t.accountOf(role), t.nameOf(role, "name")}
	}
	t.b.note(t.at(r), r.address+"."+attribute, afterApply+"%s; left out", refersTo(get(r.expressions, attribute)))
	return roleRef{}
}

func (t *terraform) inline(r *tfResource) {
	role := t.roleOf(r, "role")
	if role.name == "" {
		return
	}
	name := t.nameOf(r, "name")
	d, ok := t.policyText(r, "policy", Policy{Type: policy.IdentityPolicy, Owner: role.name, Inline: true})
	if ok {
		t.b.inline = append(t.b.inline, inlinePolicy{role.account, role.name, name, d, t.b.noter(t.at(r), r.address)})
	}
}

// attach attaches the policy that an attribute names.
func (t *terraform) attach(r *tfResource, role roleRef, attribute string) {
	if role.name == "" {
		return
	}
	arn := r.text(attribute)
	if arn == "" {
		p := t.one(r, attribute, "aws_iam_policy")
		if p == nil {
			t.b.note(t.at(r), r.address+"."+attribute, afterApply+"%s; left out", refersTo(get(r.expressions, attribute)))
			t.b.unread(role.account, role.name, r.address+"."+attribute)
			return
		}
		arn = t.arnOf(p)
	}
	t.b.attach = append(t.b.attach, attachment{role.account, role.name, arn, t.b.noter(t.placed(r, attribute), r.address)})
}

// attachAll attaches a list of policies.
func (t *terraform) attachAll(r *tfResource, attribute string, role roleRef) {
	expression := get(r.expressions, attribute)
	n, _ := r.known(attribute)
	if role.name == "" || n == nil && expression == nil {
		return
	}
	unknown := 0
	for _, arn := range list(n) {
		if isNull(arn) {
			unknown++
			continue
		}
		t.b.attach = append(t.b.attach, attachment{role.account, role.name, text(arn), t.b.noter(t.f.at(arn), r.address+"."+attribute)})
	}
	if n != nil && unknown == 0 {
		return
	}
	found, rest := t.follow(r.module, r.index, expression)
	for _, p := range found {
		if p.kind != "aws_iam_policy" {
			rest = append(rest, p.address)
			continue
		}
		if p.text("arn") == "" {
			t.b.attach = append(t.b.attach, attachment{role.account, role.name, t.arnOf(p), t.b.noter(t.at(r), r.address+"."+attribute)})
		}
	}
	if len(rest) > 0 || len(found) < unknown {
		t.b.note(t.at(r), r.address+"."+attribute, afterApply+"%s; some policies are not attached here", refersTo(expression))
		t.b.unread(role.account, role.name, r.address+"."+attribute)
	}
}

// attachRoles takes aws_iam_policy_attachment, which names many roles.
func (t *terraform) attachRoles(r *tfResource) {
	n, _ := r.known("roles")
	expression := get(r.expressions, "roles")
	unknown := 0
	for _, role := range list(n) {
		if isNull(role) {
			unknown++
			continue
		}
		t.attach(r, roleRef{t.accountOf(r), text(role)}, "policy_arn")
	}
	if unknown > 0 || n == nil && expression != nil {
		found, rest := t.follow(r.module, r.index, expression)
		resolved := 0
		for _, role := range found {
			if role.kind == "aws_iam_role" && role.text("name") == "" {
				resolved++
				t.attach(r, roleRef{t.accountOf(role), t.nameOf(role, "name")}, "policy_arn")
			}
		}
		if len(rest) > 0 || resolved < unknown {
			t.b.note(t.at(r), r.address+".roles", afterApply+"%s; some roles are left out", refersTo(expression))
		}
	}
	if len(list(get(r.values, "users")))+len(list(get(r.values, "groups"))) > 0 {
		t.b.note(t.at(r), r.address, "its users and groups are left out")
	}
}

// described is a resource's description; a state holds "" where there is none.
func described(r *tfResource) *string {
	if d := pointer(get(r.values, "description")); d != nil && *d != "" {
		return d
	}
	return nil
}
