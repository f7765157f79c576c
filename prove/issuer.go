package prove

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Kind is a kind of issuer: what its tokens can say.
type Kind = aws.IssuerKind

// Kinds whose tokens are known so well that subjects and claims have a shape.
const (
	EKS          = aws.EKS
	Kubernetes   = aws.Kubernetes
	GitHub       = aws.GitHub
	GitLab       = aws.GitLab
	HCPTerraform = aws.HCPTerraform
	Buildkite    = aws.Buildkite
	CircleCI     = aws.CircleCI
	Google       = aws.Google
	// Unknown issuers make any token that the STS would take.
	Unknown Kind = "unknown"
)

// KindOf is an issuer's kind by its URL, with or without its scheme.
func KindOf(issuer string) Kind {
	if kind := aws.IssuerOf(issuer).Kind; kind == Google || subjects[kind] != nil {
		return kind
	}
	return Unknown
}

// setsAWSClaims says whether an issuer's tokens can carry AWS's own claims:
// session tags, source identity, roles. Those of clusters, GitHub, GitLab, HCP
// Terraform, CircleCI and Google cannot; Buildkite's agent can be asked for tags.
func setsAWSClaims(k Kind) bool { return k == Unknown || k == Buildkite }

// Provider is an OIDC provider of IAM.
type Provider struct {
	ARN    string
	Issuer string // URL without scheme
	Kind   Kind
	// ClientIDs are the audiences that STS takes; nil when they are not known.
	ClientIDs []string
	// Assumed says that the client ids are the usual ones, and not read anywhere.
	Assumed bool
	// Templates are those of GitHub's customised subjects that are known to be in use,
	// beside the default one.
	Templates []Template
	// Pin narrows the provider's tokens to some; see [Pin].
	Pin *Pin
	// Missing says that the account is known and has no such provider.
	Missing bool
}

// NewProvider is a provider by its ARN, or by the bare host that a few have.
func NewProvider(arn string) *Provider {
	issuer := aws.IssuerName(arn)
	return &Provider{ARN: arn, Issuer: issuer, Kind: KindOf(issuer)}
}

// Usual gives a provider whose client ids are not known those that all of its
// kind have: an EKS cluster's pods ask for sts.amazonaws.com.
func (p *Provider) Usual() *Provider {
	if p.ClientIDs == nil && (p.Kind == EKS || p.Kind == Kubernetes) {
		p.ClientIDs, p.Assumed = []string{aws.DefaultAudience}, true
	}
	return p
}

// prefix is what the provider's condition keys begin with, in lower case.
func (p *Provider) prefix() string { return strings.ToLower(p.Issuer) + ":" }

// Account is the account that the provider belongs to; "" for a bare host.
func (p *Provider) Account() string { return aws.AccountIn(p.ARN) }

// subjects are the shapes of the subjects of the known kinds, and claims those of
// their other claims, by name; what is not listed is any text.
var (
	subjects = map[Kind]*shape{
		EKS: &kubernetesSubject, Kubernetes: &kubernetesSubject, GitHub: &gitHubSubject, GitLab: &gitLabSubject,
		HCPTerraform: &hcpTerraformSubject, Buildkite: &buildkiteSubject, CircleCI: &circleCISubject,
	}
	gitLabRunners = oneOf("gitlab-hosted", "self-hosted")
	projectID     = shape{words: uuid}
	claims        = map[Kind]map[string]*shape{
		GitHub:   {"actor_id": &number, "repository_id": &number, "repository_owner_id": &number, "ref": &gitHubRef},
		GitLab:   {"namespace_id": &number, "project_id": &number, "user_id": &number, "ref_protected": &trueOrFalse, "runner_environment": &gitLabRunners},
		CircleCI: {"oidc.circleci.com/project-id": &projectID},
		Google:   {"google/organization_number": &number},
	}
)

// keys are the provider's condition keys and what they can be. Every claim that
// is not among them becomes no key (condition keys of OIDC federation, IAM user
// guide, 2026).
func (p *Provider) keys() map[string]domain {
	audience := shape{words: plus{class(anyChar)}}
	if p.ClientIDs != nil {
		audience = oneOf(p.ClientIDs...)
	}
	keys := map[string]domain{"aud": {values: audience, claim: "aud"}}
	if subject := subjects[p.Kind]; subject != nil {
		keys["sub"] = domain{values: *subject, claim: "sub"}
		if p.Kind == GitHub {
			keys["sub"] = domain{values: p.gitHubSubjects(), claim: "sub"}
		}
	} else {
		keys["sub"] = domain{values: anyText, claim: "sub"}
		keys["amr"] = domain{absent: true, values: anyText, many: multi, claim: "amr"}
		keys["email"] = domain{absent: true, values: anyText, claim: "email"}
		// With azp, aud is that and oaud is any list of audiences.
		keys["oaud"] = domain{values: anyText, many: either, claim: "oaud"}
	}
	for _, key := range aws.IssuerOf(p.Issuer).OwnKeys() {
		values := anyText
		if known := claims[p.Kind][key.Name]; known != nil {
			values = *known
		}
		keys[key.Name] = domain{absent: key.Optional, values: values, claim: key.Claim}
	}
	out := map[string]domain{}
	for name, d := range keys {
		out[p.prefix()+name] = d
	}
	return out
}
