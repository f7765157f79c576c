package statefile

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// IAM's own constraints (API reference of CreateRole, CreatePolicy,
// CreateOpenIDConnectProvider, CreateAccessKey) and S3's bucket naming rules.
var (
	iamNamePattern   = lazyregexp.New(`^[\w+=,.@-]+$`)
	pathPattern      = lazyregexp.New(`^/([\x21-\x7e]+/)?$`)
	policyARNPattern = lazyregexp.New(`^arn:[\w-]+:iam::(\d{12}|aws):policy/[\w+=,.@/-]+$`)
	versionPattern   = lazyregexp.New(`^v[1-9]\d*$`)
	keyIDPattern     = lazyregexp.New(`^\w{16,}$`)
)

// validator holds a decoded state against what AWS would accept, and records
// what it would not at the place where it was written.
type validator struct {
	d *strictyaml.Decoder
	// partition is that of the account at hand; "" when the document does not say.
	partition string
}

func (v *validator) errorf(path, format string, args ...any) { v.d.PathErrorf(path, format, args...) }

func validate(d *strictyaml.Decoder, path string, s *State) {
	v := &validator{d: d}
	for name, c := range s.Clusters {
		at := strictyaml.Join(strictyaml.Join(path, "clusters"), name)
		v.issuerURL(at+".issuer", c.Issuer)
		v.optional(at+".account", c.Account, aws.IsAccount, `twelve digits in quotes, such as "111122223333"`)
		v.region(at, c.Region)
		v.partition = s.Partition(c.Account, "")
		v.inPartition(at, c.region())
		v.cluster(at, &c)
	}
	at := strictyaml.Join(path, "issuers")
	noneTwice(v, at, s.Issuers, Issuer.identity, "issuer")
	for i := range s.Issuers {
		v.issuer(strictyaml.Index(at, i), &s.Issuers[i])
	}
	for id := range s.Accounts {
		at := strictyaml.Join(strictyaml.Join(path, "accounts"), id)
		if !aws.IsAccount(id) {
			v.errorf(at, `%q is not an account; write twelve digits in quotes, such as "111122223333"`, id)
		}
		a := s.Accounts[id]
		v.partition = s.Partition(id, "")
		v.account(at, &a)
		for region, thing := range a.regions() {
			v.inPartition(at+"."+thing.path, region)
		}
	}
}

func (v *validator) account(at string, a *Account) {
	v.optional(at+".partition", a.Partition, knownPartition, "one of "+strings.Join(aws.PartitionIDs(), ", "))
	noneTwice(v, at+".oidcProviders", a.OIDCProviders, OIDCProvider.identity, "OIDC provider")
	for i := range a.OIDCProviders {
		v.provider(strictyaml.Index(at+".oidcProviders", i), &a.OIDCProviders[i])
	}
	noneTwice(v, at+".policies", a.Policies, Policy.identity, "policy")
	for i := range a.Policies {
		v.policy(strictyaml.Index(at+".policies", i), &a.Policies[i])
	}
	noneTwice(v, at+".roles", a.Roles, Role.identity, "role")
	for i := range a.Roles {
		v.role(strictyaml.Index(at+".roles", i), &a.Roles[i])
	}
	noneTwice(v, at+".groups", a.Groups, Group.identity, "group")
	for i, g := range a.Groups {
		at := strictyaml.Index(at+".groups", i)
		v.name(at, g.Name, g.Path, 128)
		v.permissions(at, g.InlinePolicies, g.AttachedPolicies, "")
	}
	noneTwice(v, at+".users", a.Users, User.identity, "user")
	for i := range a.Users {
		v.user(strictyaml.Index(at+".users", i), &a.Users[i])
	}
	noneTwice(v, at+".instanceProfiles", a.InstanceProfiles, InstanceProfile.identity, "instance profile")
	for i, p := range a.InstanceProfiles {
		v.name(strictyaml.Index(at+".instanceProfiles", i), p.Name, p.Path, 128)
	}
	for _, s := range sections() {
		s.check(v, at, a)
	}
	if o := a.Organization; o != nil {
		v.optional(at+".organization.id", o.ID, organizationID.MatchString, "an id such as o-a1b2c3d4e5")
		if o.Path != "" && (!strings.HasPrefix(o.Path, o.ID+"/") || !strings.HasSuffix(o.Path, "/")) {
			v.errorf(at+".organization.path", "%q; write a path such as %s/r-ab12/ou-ab12-11111111/", o.Path, o.ID)
		}
	}
	if o := a.OutboundFederation; o != nil {
		v.optional(at+".outboundFederation.issuer", o.Issuer, isOutboundIssuer, "https://UUID"+aws.OutboundHost+", or leave it out")
	}
}

func knownPartition(id string) bool {
	_, known := aws.PartitionByID(id)
	return known
}

var organizationID = lazyregexp.New(`^o-[a-z0-9]{10,32}$`)

var dnsLabel = lazyregexp.New(`^[a-z0-9-]+$`)

func isOutboundIssuer(issuer string) bool {
	host, secure := strings.CutPrefix(issuer, "https://")
	label, outbound := strings.CutSuffix(host, aws.OutboundHost)
	return secure && outbound && len(label) <= 63 && dnsLabel.MatchString(label)
}

// noneTwice refuses what a list names twice. An item without a name has been
// reported by the decoder.
func noneTwice[T any](v *validator, at string, list []T, identity func(T) string, what string) {
	first := map[string]int{}
	for i := range list {
		id := identity(list[i])
		if j, twice := first[id]; twice {
			v.errorf(strictyaml.Index(at, i), "the same %s as %s; keep one of them", what, strictyaml.Index(at, j))
			continue
		}
		if strings.Trim(id, "/") != "" {
			first[id] = i
		}
	}
}

func (v *validator) optional(at, value string, valid func(string) bool, instead string) {
	if value != "" && !valid(value) {
		v.errorf(at, "%q; write %s", value, instead)
	}
}

func (v *validator) region(at, region string) {
	v.optional(at+".region", region, aws.IsRegion, "a region, such as us-west-2")
}

// inPartition checks that a thing's region is one of its account's partition, where
// both are known.
func (v *validator) inPartition(at, region string) {
	if aws.IsRegion(region) && knownPartition(v.partition) && aws.PartitionOf(region).ID != v.partition {
		v.errorf(at+".region", "%s", misplaced(region, v.partition))
	}
}

// issuerURL checks what IAM checks of a provider's URL (recorded: a URL with
// query or fragment is refused, http too).
func (v *validator) issuerURL(at, raw string) {
	if raw == "" {
		return // missing, or of the wrong type
	}
	if problem := aws.IssuerURLProblem(raw); problem != "" {
		v.errorf(at, "%q %s", raw, problem)
	}
}

func (v *validator) issuer(at string, i *Issuer) {
	v.issuerURL(at+".url", i.URL)
	if i.Alg != "" && i.Alg != "RS256" && i.Alg != "ES256" {
		v.errorf(at+".alg", "%q; write RS256 or ES256", i.Alg)
	}
	if !i.JWKS.IsZero() {
		if i.Alg != "" || len(i.SigningKeys) > 0 {
			v.errorf(at, "jwks together with alg or signingKeys; jwks is for an issuer of somebody else's, the others for the emulator's own")
		}
		var set struct {
			Keys []json.RawMessage `json:"keys"`
		}
		if err := json.Unmarshal(i.JWKS, &set); err != nil || set.Keys == nil {
			v.errorf(at+".jwks", `not a JSON Web Key Set; write {"keys": [...]}, as the issuer's jwks_uri serves it`)
		}
	}
	for k, key := range i.SigningKeys {
		if err := checkSigningKey(string(key)); err != nil {
			v.errorf(strictyaml.Index(at+".signingKeys", k), "%v", err)
		}
	}
}

func (v *validator) provider(at string, p *OIDCProvider) {
	v.issuerURL(at+".url", p.URL)
	if n := len(p.ClientIDs); n > 100 {
		v.errorf(at+".clientIDs", "%d client ids; IAM takes 100", n)
	}
	for i, id := range p.ClientIDs {
		if len(id) < 1 || len(id) > 255 {
			v.errorf(strictyaml.Index(at+".clientIDs", i), "%d characters; IAM takes 1 to 255", len(id))
		}
	}
	if n := len(p.Thumbprints); n > 5 {
		v.errorf(at+".thumbprints", "%d thumbprints; IAM takes 5", n)
	}
	for i, t := range p.Thumbprints {
		if len(t) != 40 {
			v.errorf(strictyaml.Index(at+".thumbprints", i), "%d characters; write the 40 hex digits of the certificate's SHA-1", len(t))
		}
	}
}

// name checks an IAM name and path; longest is the entity's own limit.
func (v *validator) name(at, name, path string, longest int) {
	v.optional(at+".name", name, iamNamePattern.MatchString, "letters, digits and _+=,.@- only")
	if len(name) > longest {
		v.errorf(at+".name", "%d characters; IAM takes %d", len(name), longest)
	}
	v.optional(at+".path", path, pathPattern.MatchString, "a path that begins and ends with /, such as /apps/")
}

func (v *validator) policyARN(at, arn string) {
	if !policyARNPattern.MatchString(arn) {
		v.errorf(at, "%q is not a managed policy's ARN; write arn:aws:iam::111122223333:policy/NAME", arn)
	}
}

func (v *validator) permissions(at string, inline map[string]Document, attached []string, boundary string) {
	for name, document := range inline {
		at := strictyaml.Join(at+".inlinePolicies", name)
		v.optional(at, name, iamNamePattern.MatchString, "a policy name of letters, digits and _+=,.@- only")
		v.inlinePolicy(at, &document)
		inline[name] = document
	}
	for i, arn := range attached {
		v.policyARN(strictyaml.Index(at+".attachedPolicies", i), arn)
	}
	if boundary != "" {
		v.policyARN(at+".permissionsBoundary", boundary)
	}
}

func (v *validator) role(at string, r *Role) {
	v.name(at, r.Name, r.Path, 64)
	v.trustPolicy(at+".trustPolicy", &r.TrustPolicy)
	v.permissions(at, r.InlinePolicies, r.AttachedPolicies, r.PermissionsBoundary)
	if s := r.MaxSessionDuration; s != 0 && (s < aws.DefaultRoleSession || s > aws.LongestRoleSession) {
		v.errorf(at+".maxSessionDuration", "%d seconds; write %d to %d", s, aws.DefaultRoleSession, aws.LongestRoleSession)
	}
}

// written is whether a field was written; it is when it holds something.
func (v *validator) written(path string, holds bool) bool { return holds || v.d.Written(path) }

func (v *validator) policy(at string, p *Policy) {
	v.name(at, p.Name, p.Path, 128)
	if v.written(at+".document", !p.Document.IsZero()) == v.written(at+".versions", len(p.Versions) > 0) {
		v.errorf(at, "write document, or versions, and not both")
	}
	v.identityPolicy(at+".document", p.Document)
	last, defaults := 0, 0
	for i, version := range p.Versions {
		at := strictyaml.Index(at+".versions", i)
		number := 0
		if versionPattern.MatchString(version.ID) {
			number, _ = strconv.Atoi(version.ID[1:])
		}
		if number <= last {
			v.errorf(at, "%q; write v and a number above the one before, such as v%d", version.ID, last+1)
		}
		last = max(last, number)
		if version.Default {
			defaults++
		}
		v.identityPolicy(at+".document", version.Document)
	}
	if len(p.Versions) > 0 && defaults != 1 {
		v.errorf(at+".versions", "%d default versions; write default: true at exactly one", defaults)
	}
	if n := len(p.Versions); n > 5 {
		v.errorf(at+".versions", "%d versions; IAM keeps 5", n)
	}
}

func (v *validator) user(at string, u *User) {
	v.name(at, u.Name, u.Path, 64)
	v.permissions(at, u.InlinePolicies, u.AttachedPolicies, u.PermissionsBoundary)
	if n := len(u.AccessKeys); n > 2 {
		v.errorf(at+".accessKeys", "%d keys; IAM takes 2 for a user", n)
	}
	for i, k := range u.AccessKeys {
		at := strictyaml.Index(at+".accessKeys", i)
		if aws.IsAccount(k.ID) || k.ID == "test" || strings.HasPrefix(k.ID, aws.SessionAccessKeyPrefix) {
			v.errorf(at+".id", "%q is an administrator's or a session's; write one that begins with AKIA", k.ID)
			continue
		}
		v.optional(at+".id", k.ID, keyIDPattern.MatchString, "an access key id, such as AKIAIOSFODNN7EXAMPLE")
	}
}

func count(set ...bool) (n int) {
	for _, s := range set {
		if s {
			n++
		}
	}
	return n
}
