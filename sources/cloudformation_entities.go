package sources

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

func (c *template) entities() {
	for _, r := range c.resources {
		switch r.kind {
		case "AWS::IAM::OIDCProvider":
			c.provider(r)
		case "AWS::IAM::ManagedPolicy":
			c.managed(r)
		case "AWS::IAM::Role":
			c.role(r)
		case "AWS::IAM::Policy":
			c.inline(r, c.names(r, "Roles")...)
		case "AWS::IAM::RolePolicy":
			c.inline(r, c.names(r, "RoleName")...)
		case "AWS::EKS::Cluster":
			c.cluster(r)
		case "AWS::SecretsManager::Secret":
			c.secret(r)
		case "AWS::S3::Bucket":
			c.bucket(r)
		case "AWS::KMS::Key":
			c.kmsKey(r)
		case "AWS::IAM::User", "AWS::IAM::Group":
			c.b.note(c.at(r), "Resources."+r.id, "left out: irsa-emu takes roles, policies, providers, clusters, keys, secrets and buckets from a template")
		case "AWS::EKS::PodIdentityAssociation":
			c.podIdentity(r)
		case "AWS::EKS::Addon":
			c.addon(r)
		case "AWS::CloudFormation::Stack":
			c.b.note(c.at(r), "Resources."+r.id, "a nested stack; give its template too")
		case "AWS::CloudFormation::CustomResource":
			c.custom(r)
		default:
			if strings.HasPrefix(r.kind, "Custom::") {
				c.custom(r)
			}
		}
	}
}

func address(r *resource, property string) string {
	return "Resources." + r.id + ".Properties." + property
}

// property resolves a property; a value that is not known is noted and left out.
func (c *template) property(r *resource, name string) *yaml.Node {
	n := get(r.properties, name)
	if n == nil {
		return nil
	}
	c.problems = nil
	v, ok := c.value(n)
	for _, p := range c.problems {
		c.b.note(p.at, address(r, name), "%s; left out", p.text)
	}
	if !ok {
		return nil
	}
	return v
}

// known resolves a property without a note. One that is being resolved already
// needs itself: CloudFormation refuses such a template.
func (c *template) known(r *resource, name string) (*yaml.Node, bool) {
	if slices.Contains(r.resolving, name) {
		c.circular = true
		return nil, false
	}
	r.resolving = append(r.resolving, name)
	before := c.problems
	v, ok := c.value(get(r.properties, name))
	c.problems = before
	r.resolving = r.resolving[:len(r.resolving)-1]
	return v, ok
}

func (c *template) text(r *resource, name string) string { return text(c.property(r, name)) }

// nameProperty is the property that names a resource of a type.
var nameProperty = map[string]string{
	"AWS::IAM::Role": "RoleName", "AWS::IAM::ManagedPolicy": "ManagedPolicyName", "AWS::S3::Bucket": "BucketName",
	"AWS::SecretsManager::Secret": "Name", "AWS::EKS::Cluster": "Name", "AWS::KMS::Alias": "AliasName",
}

// nameOf is a resource's name. CloudFormation chooses one where the template
// does not; the logical id stands in for it.
func (c *template) nameOf(r *resource) string {
	property := nameProperty[r.kind]
	if v, ok := c.known(r, property); ok && text(v) != "" {
		return text(v)
	}
	if given, _ := c.given(r.id); given != "" && r.kind != "AWS::IAM::ManagedPolicy" && r.kind != "AWS::SecretsManager::Secret" {
		return given
	}
	if r.kind == cdkCluster {
		if v := c.lenientText(get(r.properties, "Config", "name")); v != "" && Unresolved(v) == "" {
			return v
		}
	}
	name := r.id
	if len(name) > 64 { // logical ids may be longer than what they stand in for
		sum := sha256.Sum256([]byte(name))
		name = name[:55] + "-" + hex.EncodeToString(sum[:4])
	}
	if r.kind == "AWS::S3::Bucket" {
		name = strings.ToLower(name)
	}
	if !r.named {
		r.named = true
		why := "chosen at the deployment"
		if get(r.properties, property) != nil {
			before := c.problems
			c.problems = nil
			c.value(get(r.properties, property))
			if len(c.problems) > 0 {
				why = c.problems[0].text
			}
			c.problems = before
		}
		c.b.note(c.at(r), address(r, property), "%s; %s stands in for it", why, name)
	}
	return name
}

// pathOf is the path of a role or policy.
func (c *template) pathOf(r *resource) string {
	v, _ := c.known(r, "Path")
	return text(v)
}

// refOf is what Ref gives for a resource; "" when it is not known.
func (c *template) refOf(r *resource) string {
	switch r.kind {
	case "AWS::IAM::Role", "AWS::S3::Bucket", "AWS::EKS::Cluster", "AWS::KMS::Alias", cdkCluster:
		return c.nameOf(r)
	case "AWS::KMS::Key":
		return c.keyID(r)
	case "AWS::IAM::ManagedPolicy":
		return c.attributeOf(r, "PolicyArn")
	case "AWS::IAM::OIDCProvider", cdkProvider:
		return c.attributeOf(r, "Arn")
	case "AWS::SecretsManager::Secret":
		return c.attributeOf(r, "Id")
	}
	return ""
}

// attributeOf is what Fn::GetAtt gives; "" when it is not known.
func (c *template) attributeOf(r *resource, name string) string {
	switch r.kind + "." + name {
	case "AWS::IAM::Role.Arn":
		return aws.RoleARN(c.partition.ID, c.account, c.pathOf(r), c.nameOf(r))
	case "AWS::IAM::ManagedPolicy.PolicyArn":
		return aws.PolicyARN(c.partition.ID, c.account, c.pathOf(r), c.nameOf(r))
	case "AWS::EKS::Cluster.OpenIdConnectIssuerUrl", cdkCluster + ".OpenIdConnectIssuerUrl":
		return c.standInIssuer(r)
	case cdkCluster + ".OpenIdConnectIssuer":
		return strings.TrimPrefix(c.standInIssuer(r), "https://")
	case "AWS::IAM::OIDCProvider.Arn", cdkProvider + ".Arn", cdkProvider + ".Ref":
		if issuer, ok := c.known(r, "Url"); ok && text(issuer) != "" {
			return aws.ProviderARN(c.partition.ID, c.account, text(issuer))
		}
	case "AWS::SecretsManager::Secret.Id":
		return aws.RegionalARN("secretsmanager", c.region, c.account, "secret:"+c.nameOf(r)+"-"+suffix(r.id))
	case "AWS::KMS::Key.KeyId":
		return c.keyID(r)
	case "AWS::KMS::Key.Arn":
		return aws.RegionalARN("kms", c.region, c.account, "key/"+c.keyID(r))
	case "AWS::S3::Bucket.Arn":
		return aws.PartitionARN(c.partition.ID, "s3", "", c.nameOf(r))
	case "AWS::EKS::Cluster.Arn", cdkCluster + ".Arn":
		return aws.EKSClusterARN(c.region, c.account, c.nameOf(r))
	}
	return ""
}

// suffix is the six characters that the ARN of a secret ends in. AWS's are
// random; ours are the same wherever the template refers to the secret.
func suffix(id string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	sum := sha256.Sum256([]byte(id))
	out := make([]byte, 6)
	for i := range out {
		out[i] = letters[int(sum[i])%len(letters)]
	}
	return string(out)
}

// document resolves and records a policy.
func (c *template) document(r *resource, n *yaml.Node, p Policy) (statefile.Document, bool) {
	if n == nil {
		return statefile.Document{}, false
	}
	c.problems = nil
	v, ok := c.value(n)
	for _, problem := range c.problems {
		c.b.unchecked(problem.at, p.Address, "%s; left out", problem.text)
	}
	p.Account = c.account
	if !ok || v == nil {
		c.b.unreadResource(&p)
		return statefile.Document{}, false
	}
	p.Guessed, p.written = !c.b.owned, &written{file: c.f, node: n}
	if p.Text, p.at, ok = c.b.document(c.f, v, p.Address); !ok {
		return statefile.Document{}, false
	}
	return c.b.documented(p), true
}

func (c *template) provider(r *resource) {
	issuer := c.text(r, "Url")
	if issuer == "" {
		c.b.note(c.at(r), "Resources."+r.id, "left out: its Url is not known")
		return
	}
	c.b.provider(c.account, statefile.OIDCProvider{
		URL: issuer, ClientIDs: append(texts(c.property(r, "ClientIdList")), texts(c.property(r, "ClientIDList"))...), Thumbprints: texts(c.property(r, "ThumbprintList")), Tags: tagList(c.property(r, "Tags")),
	}, c.at(r))
}

func (c *template) managed(r *resource) {
	name := c.nameOf(r)
	arn := c.attributeOf(r, "PolicyArn")
	d, ok := c.document(r, get(r.properties, "PolicyDocument"), Policy{Address: address(r, "PolicyDocument"), Type: policy.IdentityPolicy, Owner: name})
	if !ok {
		c.b.leavePolicy(arn)
		return
	}
	c.b.policy(c.account, statefile.Policy{Name: name, Path: c.text(r, "Path"), Description: pointer(c.property(r, "Description")), Document: d}, c.at(r))
	for _, role := range c.names(r, "Roles") {
		c.b.attach = append(c.b.attach, attachment{c.account, role, arn, c.b.noter(c.at(r), address(r, "Roles"))})
	}
}

// names are the texts of a property that is a name or a list of names. One that
// is not known does not take the others with it.
func (c *template) names(r *resource, name string) []string {
	n := get(r.properties, name)
	if n == nil {
		return nil
	}
	if called, _ := function(n); called != "" || n.Kind != yaml.SequenceNode {
		return texts(c.property(r, name))
	}
	var out []string
	for _, item := range n.Content {
		c.problems = nil
		v, ok := c.value(item)
		for _, p := range c.problems {
			c.b.note(p.at, address(r, name), "%s; left out", p.text)
		}
		if ok {
			out = append(out, texts(v)...)
		}
	}
	return out
}

func (c *template) role(r *resource) {
	name := c.nameOf(r)
	trust, ok := c.document(r, get(r.properties, "AssumeRolePolicyDocument"), Policy{Address: address(r, "AssumeRolePolicyDocument"), Type: policy.TrustPolicy, Owner: name})
	if !ok {
		c.b.leave(c.at(r), address(r, "AssumeRolePolicyDocument"), c.account, c.text(r, "Path"), name)
		return
	}
	role := statefile.Role{
		Name: name, Path: c.text(r, "Path"), Description: pointer(c.property(r, "Description")), TrustPolicy: trust,
		MaxSessionDuration: number(c.property(r, "MaxSessionDuration")), PermissionsBoundary: c.text(r, "PermissionsBoundary"), Tags: tagList(c.property(r, "Tags")),
	}
	c.b.role(c.account, role, c.at(r))
	if r.named {
		c.b.standsIn(c.attributeOf(r, "Arn"), r.id)
	}
	for _, arn := range c.names(r, "ManagedPolicyArns") {
		c.b.attach = append(c.b.attach, attachment{c.account, name, arn, c.b.noter(c.f.at(get(r.properties, "ManagedPolicyArns")), address(r, "ManagedPolicyArns"))})
	}
	for i, p := range items(get(r.properties, "Policies")) {
		at := strictyaml.Index(address(r, "Policies"), i)
		c.problems = nil
		policyName, known := c.value(get(p, "PolicyName"))
		if !known || text(policyName) == "" {
			c.b.note(c.f.at(p), at+".PolicyName", "not known; left out")
			c.b.unread(c.account, name, at)
			continue
		}
		d, ok := c.document(r, get(p, "PolicyDocument"), Policy{Address: at + ".PolicyDocument", Type: policy.IdentityPolicy, Owner: name, Inline: true})
		if ok {
			c.b.inline = append(c.b.inline, inlinePolicy{c.account, name, text(policyName), d, c.b.noter(c.f.at(p), at)})
		} else {
			c.b.unread(c.account, name, at+".PolicyDocument")
		}
	}
}

// inline puts a policy resource into roles.
func (c *template) inline(r *resource, roles ...string) {
	name := c.text(r, "PolicyName")
	if name == "" {
		name = r.id
	}
	if len(roles) == 0 {
		return
	}
	d, ok := c.document(r, get(r.properties, "PolicyDocument"), Policy{Address: address(r, "PolicyDocument"), Type: policy.IdentityPolicy, Owner: strings.Join(roles, ", "), Inline: true})
	for _, role := range roles {
		if ok {
			c.b.inline = append(c.b.inline, inlinePolicy{c.account, role, name, d, c.b.noter(c.at(r), "Resources."+r.id)})
		} else {
			c.b.unread(c.account, role, address(r, "PolicyDocument"))
		}
	}
}

func (c *template) cluster(r *resource) {
	name, issuer := c.nameOf(r), c.standInIssuer(r)
	c.b.namedCluster(c.at(r), name, true)
	c.b.cluster(name, statefile.Cluster{Issuer: issuer, Region: c.region, Account: c.account, Version: c.text(r, "Version"), Tags: tagList(c.property(r, "Tags"))})
}

func (c *template) secret(r *resource) {
	s := statefile.Secret{
		Name: c.nameOf(r), Region: c.region, Suffix: suffix(r.id), Description: c.text(r, "Description"), KMSKeyID: c.text(r, "KmsKeyId"), Tags: tagList(c.property(r, "Tags")),
	}
	if v := c.property(r, "SecretString"); v != nil {
		if held, ok := c.jsonOf(v); ok {
			value := statefile.Text(held)
			s.Value = &value
		}
	} else if n := get(r.properties, "GenerateSecretString"); n != nil {
		c.b.note(c.f.at(n), address(r, "GenerateSecretString"), "made at the deployment; the secret has no value here")
	}
	for _, p := range c.resources {
		if id, ok := c.known(p, "SecretId"); p.kind == "AWS::SecretsManager::ResourcePolicy" && ok && (text(id) == c.refOf(r) || text(id) == s.Name) {
			s.Policy, _ = c.document(p, get(p.properties, "ResourcePolicy"), Policy{Address: address(p, "ResourcePolicy"), Type: policy.ResourcePolicy, Owner: s.Name})
		}
	}
	c.b.secret(c.account, s, c.at(r))
}
