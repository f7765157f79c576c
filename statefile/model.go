package statefile

import (
	"fmt"
	"time"

	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// APIVersion and Kind head every State document.
const (
	APIVersion = "irsa-emu.dev/v1"
	Kind       = "State"
)

// State is everything that an emulator can be given.
type State struct {
	Clusters map[string]Cluster `json:"clusters,omitempty" jsonschema_description:"EKS clusters by name. Each has an issuer of the emulator's own unless issuers lists its URL with a jwks."`
	Issuers  []Issuer           `json:"issuers,omitempty" jsonschema_description:"OIDC issuers: those whose keys are published here, and those of the emulator's own whose keys are kept."`
	Accounts map[string]Account `json:"accounts,omitempty" jsonschema_description:"AWS accounts by their twelve digits (in quotes)."`
}

// Cluster is an EKS cluster as DescribeCluster shows it.
type Cluster struct {
	Issuer  string            `json:"issuer" jsonschema_description:"Issuer URL of the cluster's service account tokens, https://…"`
	Region  string            `json:"region,omitempty" jsonschema_description:"AWS region; the emulator's own when left out."`
	Account string            `json:"account,omitempty" jsonschema_description:"Twelve digits; the emulator's default account when left out."`
	Version string            `json:"version,omitempty" jsonschema_description:"Kubernetes version, such as 1.34."`
	Created time.Time         `json:"created,omitzero" jsonschema_description:"RFC 3339; the moment of loading when left out."`
	Tags    map[string]string `json:"tags,omitempty"`
	// Endpoint and CertificateAuthority are those of an API server that is really there.
	Endpoint             string `json:"endpoint,omitempty" jsonschema_description:"URL of the API server, for aws eks update-kubeconfig; one like EKS's, which leads nowhere, when left out."`
	CertificateAuthority string `json:"certificateAuthority,omitempty" jsonschema_description:"PEM certificate that the API server is trusted by; made when left out."`
	// PodIdentityAssociations are those of EKS Pod Identity.
	PodIdentityAssociations []PodIdentityAssociation `json:"podIdentityAssociations,omitempty" jsonschema_description:"Which role the pods of a service account get through EKS Pod Identity."`
	AccessEntries           []AccessEntry            `json:"accessEntries,omitempty" jsonschema_description:"Who of IAM may call the API server, as whom."`
	Addons                  []Addon                  `json:"addons,omitempty" jsonschema_description:"Add-ons, which are shown; nothing is installed."`
	Role                    string                   `json:"role,omitempty" jsonschema_description:"ARN of the cluster's own role; made up when left out."`
	Config                  JSON                     `json:"config,omitzero" jsonschema_description:"Members of the cluster's description as CreateCluster takes them: resourcesVpcConfig, accessConfig and the like."`
	Written
}

// PodIdentityAssociation gives the pods of a service account a role through EKS
// Pod Identity.
type PodIdentityAssociation struct {
	ServiceAccount     string            `json:"serviceAccount" jsonschema_description:"NAMESPACE/NAME; it need not exist."`
	Role               string            `json:"role" jsonschema_description:"ARN of a role of the cluster's account, which trusts pods.eks.amazonaws.com with sts:AssumeRole and sts:TagSession."`
	TargetRole         string            `json:"targetRole,omitempty" jsonschema_description:"ARN of a role of any account that the first role assumes."`
	ExternalID         string            `json:"externalId,omitempty" jsonschema_description:"What EKS sends to the target role; REGION/ACCOUNT/CLUSTER/NAMESPACE/NAME when left out."`
	DisableSessionTags bool              `json:"disableSessionTags,omitempty" jsonschema_description:"Whether sessions have no tags of the pod."`
	Policy             Document          `json:"policy,omitzero" jsonschema_description:"Session policy, with disableSessionTags alone: IAM JSON, inline or {file: policy.json}."`
	ID                 string            `json:"id,omitempty" jsonschema_description:"a-…; made when left out."`
	Created            time.Time         `json:"created,omitzero"`
	Modified           time.Time         `json:"modified,omitzero"`
	Tags               map[string]string `json:"tags,omitempty"`
	Owner              string            `json:"owner,omitempty" jsonschema_description:"ARN of the add-on that it lives and dies with."`
}

// Issuer is an OIDC issuer. With JWKS it belongs to someone else and the
// emulator only knows its public keys. Without, it is the emulator's own and
// signs tokens with SigningKeys, or with a new key when there are none.
type Issuer struct {
	URL  string `json:"url" jsonschema_description:"Issuer URL, exactly as in the iss claim."`
	JWKS JSON   `json:"jwks,omitzero" jsonschema_description:"Public keys of an issuer that the emulator does not own: a JSON Web Key Set, inline or {file: jwks.json}. It is never fetched."`
	Alg  string `json:"alg,omitempty" jsonschema:"enum=RS256,enum=ES256" jsonschema_description:"Algorithm of new signing keys of an own issuer; RS256 when left out."`
	// SigningKeys are private keys as PKCS #8 PEM; the first one signs, all are published.
	// An export holds them so that tokens stay valid after a reload: treat it as a secret.
	SigningKeys []Text `json:"signingKeys,omitempty" jsonschema_description:"Private keys of an own issuer as PKCS #8 PEM, inline or {file: key.pem}; the first one signs, all are published."`
}

// Account is what one AWS account holds.
type Account struct {
	// Partition is "" for that of the region where the emulator is.
	Partition        string            `json:"partition,omitempty" jsonschema:"enum=aws,enum=aws-cn,enum=aws-us-gov,enum=aws-iso,enum=aws-iso-b,enum=aws-iso-e,enum=aws-iso-f,enum=aws-eusc" jsonschema_description:"The partition of the account's ARNs; when left out, that of its clusters' regions and of the ARNs that its policies name, else of the emulator's region."`
	OIDCProviders    []OIDCProvider    `json:"oidcProviders,omitempty"`
	Policies         []Policy          `json:"policies,omitempty" jsonschema_description:"Customer managed policies."`
	Roles            []Role            `json:"roles,omitempty"`
	Groups           []Group           `json:"groups,omitempty"`
	Users            []User            `json:"users,omitempty"`
	InstanceProfiles []InstanceProfile `json:"instanceProfiles,omitempty"`
	KMSKeys          []KMSKey          `json:"kmsKeys,omitempty" jsonschema_description:"Keys of AWS KMS with their policies. An account that lists none has every key that is named, with AWS's default key policy; one that lists some, the keys that what is stored is under."`
	Secrets          []Secret          `json:"secrets,omitempty" jsonschema_description:"Secrets Manager secrets."`
	Buckets          []Bucket          `json:"buckets,omitempty" jsonschema_description:"S3 buckets."`
	// OutboundFederation is AWS as the issuer: sts:GetWebIdentityToken.
	OutboundFederation *OutboundFederation `json:"outboundFederation,omitempty" jsonschema_description:"The account's issuer of web identity tokens (sts:GetWebIdentityToken); off when left out."`
	Organization       *Organization       `json:"organization,omitempty" jsonschema_description:"The AWS Organization that the account is in, for aws:PrincipalOrgID, aws:ResourceOrgID and their like."`
	// Declared are the lists of declared sections, by their names; see [Section.Items].
	Declared map[string]any `json:"-"`
}

// Organization is the AWS Organization of an account, as condition keys tell it.
type Organization struct {
	ID   string `json:"id" jsonschema_description:"o-a1b2c3d4e5"`
	Path string `json:"path,omitempty" jsonschema_description:"Where the account is in it, for aws:PrincipalOrgPaths: o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/"`
}

// OutboundFederation is the switch of an account's own issuer.
type OutboundFederation struct {
	Enabled bool   `json:"enabled" jsonschema_description:"Whether GetWebIdentityToken makes tokens."`
	Issuer  string `json:"issuer,omitempty" jsonschema_description:"https://UUID.tokens.sts.global.api.aws; made when left out."`
}

// Written is where an entity was written, for messages; an export has none.
type Written struct {
	Place strictyaml.Position `json:"-"`
}

// WrittenAt makes it [strictyaml.Placed].
func (w *Written) WrittenAt(p strictyaml.Position) { w.Place = p }

func (w Written) written() Written { return w }

// Locate puts the place, if it is known, before an error in the entity.
func (w Written) Locate(err error) error {
	if w.Place == (strictyaml.Position{}) {
		return err
	}
	return fmt.Errorf("%s: %w", w.Place, err)
}

// OIDCProvider is an IAM OpenID Connect provider.
type OIDCProvider struct {
	URL         string            `json:"url" jsonschema_description:"Issuer URL with https://, exactly as in the iss claim but for a port of 443."`
	ClientIDs   []string          `json:"clientIDs,omitempty" jsonschema_description:"Audiences, such as sts.amazonaws.com."`
	Thumbprints []string          `json:"thumbprints,omitempty" jsonschema_description:"SHA-1 certificate thumbprints, 40 hex digits each."`
	Created     time.Time         `json:"created,omitzero"`
	Tags        map[string]string `json:"tags,omitempty"`
	Written
}

// Policy is a customer managed policy: Document alone, or all its Versions.
type Policy struct {
	Name        string            `json:"name"`
	Path        string            `json:"path,omitempty" jsonschema_description:"/ when left out."`
	ID          string            `json:"id,omitempty" jsonschema_description:"ANPA…; made when left out."`
	Description *string           `json:"description,omitempty"`
	Document    Document          `json:"document,omitzero" jsonschema_description:"The policy, as version v1: IAM JSON, inline or {file: policy.json}."`
	Versions    []PolicyVersion   `json:"versions,omitempty" jsonschema_description:"All versions, oldest first, in place of document."`
	Created     time.Time         `json:"created,omitzero"`
	Updated     time.Time         `json:"updated,omitzero"`
	Tags        map[string]string `json:"tags,omitempty"`
	Written
}

// PolicyVersion is one version of a managed policy.
type PolicyVersion struct {
	ID       string    `json:"id" jsonschema_description:"v1, v2, …; numbers ascend and are never used again."`
	Default  bool      `json:"default,omitempty" jsonschema_description:"The version in force; exactly one."`
	Document Document  `json:"document" jsonschema_description:"IAM JSON, inline or {file: policy.json}."`
	Created  time.Time `json:"created,omitzero"`
}

// Role is an IAM role.
type Role struct {
	Name                string              `json:"name"`
	Path                string              `json:"path,omitempty" jsonschema_description:"/ when left out."`
	ID                  string              `json:"id,omitempty" jsonschema_description:"AROA…; made when left out."`
	Description         *string             `json:"description,omitempty"`
	TrustPolicy         Document            `json:"trustPolicy" jsonschema_description:"Who may assume the role: IAM JSON, inline or {file: trust-policy.json}."`
	InlinePolicies      map[string]Document `json:"inlinePolicies,omitempty" jsonschema_description:"Inline policies by name."`
	AttachedPolicies    []string            `json:"attachedPolicies,omitempty" jsonschema_description:"ARNs of managed policies."`
	MaxSessionDuration  int                 `json:"maxSessionDuration,omitempty" jsonschema:"minimum=3600,maximum=43200" jsonschema_description:"Seconds; 3600 when left out."`
	PermissionsBoundary string              `json:"permissionsBoundary,omitempty" jsonschema_description:"ARN of a managed policy."`
	Created             time.Time           `json:"created,omitzero"`
	Tags                map[string]string   `json:"tags,omitempty"`
	Written
}

// Group is an IAM group; users name the groups they are in.
type Group struct {
	Name             string              `json:"name"`
	Path             string              `json:"path,omitempty" jsonschema_description:"/ when left out."`
	ID               string              `json:"id,omitempty" jsonschema_description:"AGPA…; made when left out."`
	InlinePolicies   map[string]Document `json:"inlinePolicies,omitempty" jsonschema_description:"Inline policies by name."`
	AttachedPolicies []string            `json:"attachedPolicies,omitempty" jsonschema_description:"ARNs of managed policies."`
	Created          time.Time           `json:"created,omitzero"`
	Written
}

// User is an IAM user.
type User struct {
	Name                string              `json:"name"`
	Path                string              `json:"path,omitempty" jsonschema_description:"/ when left out."`
	ID                  string              `json:"id,omitempty" jsonschema_description:"AIDA…; made when left out."`
	Groups              []string            `json:"groups,omitempty" jsonschema_description:"Names of groups."`
	InlinePolicies      map[string]Document `json:"inlinePolicies,omitempty" jsonschema_description:"Inline policies by name."`
	AttachedPolicies    []string            `json:"attachedPolicies,omitempty" jsonschema_description:"ARNs of managed policies."`
	PermissionsBoundary string              `json:"permissionsBoundary,omitempty" jsonschema_description:"ARN of a managed policy."`
	AccessKeys          []AccessKey         `json:"accessKeys,omitempty"`
	Created             time.Time           `json:"created,omitzero"`
	Tags                map[string]string   `json:"tags,omitempty"`
	Written
}

// AccessKey is a user's long-term key.
type AccessKey struct {
	ID       string    `json:"id" jsonschema_description:"AKIA… and sixteen more characters."`
	Secret   string    `json:"secret"`
	Inactive bool      `json:"inactive,omitempty"`
	Created  time.Time `json:"created,omitzero"`
}

// InstanceProfile holds at most one role.
type InstanceProfile struct {
	Name    string            `json:"name"`
	Path    string            `json:"path,omitempty" jsonschema_description:"/ when left out."`
	ID      string            `json:"id,omitempty" jsonschema_description:"AIPA…; made when left out."`
	Role    string            `json:"role,omitempty" jsonschema_description:"Name of the role."`
	Created time.Time         `json:"created,omitzero"`
	Tags    map[string]string `json:"tags,omitempty"`
	Written
}
