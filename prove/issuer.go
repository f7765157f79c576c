package prove

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Kind is a kind of issuer: what its tokens can say.
type Kind string

// Kinds.
const (
	EKS          Kind = "eks"
	Kubernetes   Kind = "kubernetes"
	GitHub       Kind = "github"
	GitLab       Kind = "gitlab"
	HCPTerraform Kind = "hcp-terraform"
	Buildkite    Kind = "buildkite"
	CircleCI     Kind = "circleci"
	Google       Kind = "google"
	Unknown      Kind = "unknown" // any token that STS would take
)

// KindOf tells an issuer's kind by its URL, with or without its scheme. A
// cluster's issuer that is not EKS's is not told from any other: whoever knows
// that it is one says so.
func KindOf(issuer string) Kind {
	switch kind := Kind(aws.IssuerOf(issuer).Kind); kind {
	case EKS, GitHub, GitLab, HCPTerraform, Buildkite, CircleCI, Google:
		return kind
	}
	return Unknown
}

// setsAWSClaims says whether the issuer's tokens can carry AWS's own claims:
// session tags, source identity, roles. Those of clusters, GitHub, GitLab, HCP
// Terraform, CircleCI and Google cannot; Buildkite's agent can be asked for tags.
func (k Kind) setsAWSClaims() bool { return k == Unknown || k == Buildkite }

// Provider is an OIDC provider of IAM.
type Provider struct {
	ARN    string
	Issuer string // URL without scheme
	Kind   Kind
	// ClientIDs are the audiences that STS takes; nil when they are not known.
	ClientIDs []string
	// Assumed says that the client ids are the usual ones, and not read anywhere.
	Assumed bool
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
func (p *Provider) Account() string {
	parts, _ := aws.SplitARN(p.ARN)
	return parts[4]
}

// keys are the provider's condition keys and what they can be. Every claim that
// is not among them becomes no key (condition keys of OIDC federation, IAM user
// guide, 2026).
func (p *Provider) keys() map[string]domain {
	audience := shape{words: plus{class(anyChar)}}
	if p.ClientIDs != nil {
		audience = oneOf(p.ClientIDs...)
	}
	keys := map[string]domain{"aud": {values: audience, claim: "aud"}}
	claim := func(s shape, names ...string) {
		for _, name := range names {
			keys[name] = domain{values: s, claim: name}
		}
	}
	optional := func(s shape, names ...string) {
		for _, name := range names {
			keys[name] = domain{absent: true, values: s, claim: name}
		}
	}
	switch p.Kind {
	case EKS, Kubernetes:
		claim(kubernetesSubject, "sub")
	case GitHub:
		claim(gitHubSubject, "sub")
		claim(number, "actor_id", "repository_id", "repository_owner_id")
		claim(anyText, "actor", "job_workflow_ref", "repository", "workflow")
		claim(gitHubRef, "ref")
		optional(anyText, "environment", "enterprise_id")
	case GitLab:
		claim(gitLabSubject, "sub")
		claim(number, "namespace_id", "project_id", "user_id")
		claim(anyText, "user_login", "user_email", "pipeline_source")
		optional(anyText, "user_access_level")
		claim(trueOrFalse, "ref_protected")
		claim(oneOf("gitlab-hosted", "self-hosted"), "runner_environment")
	case HCPTerraform:
		claim(hcpTerraformSubject, "sub")
	case Buildkite:
		claim(buildkiteSubject, "sub")
		claim(anyText, "organization_slug", "organization_id", "pipeline_slug", "pipeline_id")
		optional(anyText, "cluster_name", "cluster_id", "build_branch")
	case CircleCI:
		claim(circleCISubject, "sub")
		claim(shape{words: uuid}, "oidc.circleci.com/project-id")
	default:
		claim(anyText, "sub")
		keys["amr"] = domain{absent: true, values: anyText, many: multi, claim: "amr"}
		optional(anyText, "email")
		if p.Kind == Google {
			optional(number, "google/organization_number")
		}
		if aws.IssuerOf(p.Issuer).Kind == aws.Oracle {
			optional(anyText, "rpst_id")
		}
		// With azp, aud is that and oaud is any list of audiences.
		keys["oaud"] = domain{values: anyText, many: either, claim: "oaud"}
	}
	out := map[string]domain{}
	for name, d := range keys {
		out[p.prefix()+name] = d
	}
	return out
}
