package aws

import (
	"slices"
	"strings"
)

// IssuerKind names a kind of issuer that people federate with AWS.
type IssuerKind string

// The kinds; "" is any other issuer, such as a cluster's that is none of EKS's.
const (
	EKS IssuerKind = "eks"
	// Kubernetes is a cluster that is none of EKS's: no URL shows it, so who knows
	// of the cluster says so.
	Kubernetes   IssuerKind = "kubernetes"
	GitHub       IssuerKind = "github"
	GitLab       IssuerKind = "gitlab"
	CircleCI     IssuerKind = "circleci"
	Bitbucket    IssuerKind = "bitbucket"
	Buildkite    IssuerKind = "buildkite"
	AzureDevOps  IssuerKind = "azure-devops"
	Google       IssuerKind = "google"
	Cognito      IssuerKind = "cognito"
	Amazon       IssuerKind = "amazon"
	Facebook     IssuerKind = "facebook"
	Spacelift    IssuerKind = "spacelift"
	Vercel       IssuerKind = "vercel"
	Fly          IssuerKind = "fly"
	HCPTerraform IssuerKind = "hcp-terraform"
	Oracle       IssuerKind = "oracle"
	Entra        IssuerKind = "entra"
	// Outbound is AWS's own issuer, of sts:GetWebIdentityToken.
	Outbound IssuerKind = "aws-outbound"
)

// Issuer is what AWS and its users know of the tokens of one issuer.
type Issuer struct {
	Kind IssuerKind
	// Title is its name for people.
	Title string
	// Keys are the condition keys that the STS makes of its tokens.
	Keys []IssuerKey
	// Audience is that of its tokens for AWS; "" where it is the customer's own,
	// or nothing is known of the issuer.
	Audience string
	// Subject is the shape of its subjects, what is to be replaced in capitals;
	// "" where nothing is known.
	Subject string
	// BuiltIn issuers need no provider: the Federated principal is their host. See
	// [BuiltInProvider].
	BuiltIn bool
}

// IssuerKey is a condition key of an issuer's tokens: what follows the issuer and
// the colon, and the claim that it is made of. Optional claims are not in every
// token of the issuer.
type IssuerKey struct {
	Name, Claim string
	Optional    bool
}

// defaultKeys are made of any issuer's tokens; aud is azp where that is set, and
// oaud is then aud. Source of these and of all keys below: IAM user guide,
// "Available keys for AWS OIDC federation" (2026).
var defaultKeys = []IssuerKey{
	{Name: "aud", Claim: "aud"}, {Name: "oaud", Claim: "aud", Optional: true}, {Name: "sub", Claim: "sub"},
	{Name: "amr", Claim: "amr", Optional: true}, {Name: "email", Claim: "email", Optional: true},
}

// keys are condition keys with the names of their claims; a ? at the end marks an
// optional one.
func keys(names ...string) []IssuerKey {
	list := make([]IssuerKey, len(names))
	for i, name := range names {
		name, optional := strings.CutSuffix(name, "?")
		list[i] = IssuerKey{Name: name, Claim: name, Optional: optional}
	}
	return list
}

// Hosts of issuers that have rules of their own. OutboundHost is what the host of AWS's
// own tokens ends in, after a UUID (recorded 13).
const (
	GitHubIssuer = "token.actions.githubusercontent.com"
	// Those of the built-in providers, of which the partition aws has one each.
	GoogleIssuer   = "accounts.google.com"
	CognitoIssuer  = "cognito-identity.amazonaws.com"
	AmazonIssuer   = "www.amazon.com"
	FacebookIssuer = "graph.facebook.com"

	OutboundHost = ".tokens.sts.global.api.aws"
)

// issuers are recognised by host, in which a star stands for anything, and by what
// the path begins with; "" takes none, "*" any and none.
// Audiences and subjects: the issuers' own documentation.
var issuers = []struct {
	host, path string
	Issuer
}{
	{GitHubIssuer, "*", Issuer{Kind: GitHub, Title: "GitHub Actions", Audience: DefaultAudience,
		Subject: "repo:ORGANISATION/REPOSITORY:ref:refs/heads/BRANCH",
		Keys: keys("actor", "actor_id", "job_workflow_ref", "repository", "repository_id", "repository_owner_id", "workflow", "ref",
			"environment?", "enterprise_id?")}},
	{"token.actions.*.ghe.com", "*", Issuer{Kind: GitHub, Title: "GitHub Enterprise Cloud with data residency", Audience: DefaultAudience,
		Subject: "repo:ORGANISATION/REPOSITORY:ref:refs/heads/BRANCH"}},
	{"gitlab.com", "", Issuer{Kind: GitLab, Title: "GitLab CI/CD", // not self-managed instances
		Subject: "project_path:GROUP/PROJECT:ref_type:branch:ref:BRANCH",
		Keys: keys("namespace_id", "project_id", "user_id", "user_login", "user_email", "user_access_level?", "ref_protected",
			"pipeline_source", "runner_environment")}},
	{"oidc.circleci.com", "org/", Issuer{Kind: CircleCI, Title: "CircleCI", Subject: "org/ORGANISATION/project/PROJECT/user/USER",
		Keys: keys("oidc.circleci.com/project-id")}},
	{"api.bitbucket.org", "2.0/workspaces/", Issuer{Kind: Bitbucket, Title: "Bitbucket Pipelines", Subject: "{REPOSITORY}:{STEP}"}},
	{"agent.buildkite.com", "", Issuer{Kind: Buildkite, Title: "Buildkite", Audience: DefaultAudience,
		Subject: "organization:ORGANISATION:pipeline:PIPELINE:ref:refs/heads/BRANCH:commit:COMMIT:step:STEP",
		Keys:    keys("organization_slug", "organization_id", "pipeline_slug", "pipeline_id", "cluster_name?", "cluster_id?", "build_branch?")}},
	{"vstoken.dev.azure.com", "*", Issuer{Kind: AzureDevOps, Title: "Azure DevOps", Audience: "api://AzureADTokenExchange",
		Subject: "sc://ORGANISATION/PROJECT/SERVICE-CONNECTION"}},
	{GoogleIssuer, "", Issuer{Kind: Google, Title: "Google", Subject: "ACCOUNT-NUMBER", BuiltIn: true,
		Keys: []IssuerKey{{Name: "google/organization_number", Claim: "google.organization_number", Optional: true}}}},
	{CognitoIssuer, "", Issuer{Kind: Cognito, Title: "Amazon Cognito", Subject: "REGION:IDENTITY", BuiltIn: true}},
	// GovCloud: its user guide, "Amazon Cognito", for the west; templates of AWS's solutions for the east.
	{"cognito-identity-us-gov.amazonaws.com", "", Issuer{Kind: Cognito, Title: "Amazon Cognito", Subject: "REGION:IDENTITY", BuiltIn: true}},
	{"cognito-identity.us-gov-east-1.amazonaws.com", "", Issuer{Kind: Cognito, Title: "Amazon Cognito", Subject: "REGION:IDENTITY", BuiltIn: true}},
	{AmazonIssuer, "", Issuer{Kind: Amazon, Title: "Login with Amazon", BuiltIn: true, Keys: keys("app_id?", "user_id?")}},
	{FacebookIssuer, "", Issuer{Kind: Facebook, Title: "Facebook", BuiltIn: true, Keys: keys("app_id?", "id?")}},
	{"*.app.spacelift.io", "", Issuer{Kind: Spacelift, Title: "Spacelift", Subject: "space:SPACE:stack:STACK:run_type:TYPE:scope:write"}},
	{"oidc.vercel.com", "*", Issuer{Kind: Vercel, Title: "Vercel", Subject: "owner:TEAM:project:PROJECT:environment:production"}},
	{"oidc.fly.io", "*", Issuer{Kind: Fly, Title: "Fly.io", Subject: "ORGANISATION:APP:MACHINE"}},
	{"app.terraform.io", "", Issuer{Kind: HCPTerraform, Title: "HCP Terraform", Audience: "aws.workload.identity",
		Subject: "organization:ORGANISATION:project:PROJECT:workspace:WORKSPACE:run_phase:apply"}},
	{"*.oraclecloud.com", "*", Issuer{Kind: Oracle, Title: "Oracle Cloud", Keys: keys("rpst_id?")}},
	{"sts.windows.net", "*", Issuer{Kind: Entra, Title: "Microsoft Entra"}},
	{"login.microsoftonline.com", "*", Issuer{Kind: Entra, Title: "Microsoft Entra"}},
	{"*" + OutboundHost, "", Issuer{Kind: Outbound, Title: "AWS's outbound federation", Subject: "ARN"}},
}

// IssuerOf says what is known of an issuer: its URL, its name without scheme or the
// ARN of its provider. Every issuer has the default keys, and most have no others.
func IssuerOf(s string) Issuer {
	name := strings.TrimRight(IssuerName(s), "/")
	if _, _, ok := EKSIssuerParts(name); ok {
		return Issuer{Kind: EKS, Title: "Amazon EKS", Audience: DefaultAudience, Subject: "system:serviceaccount:NAMESPACE:NAME", Keys: defaultKeys}
	}
	host, path, _ := strings.Cut(name, "/")
	host = strings.ToLower(host)
	for _, known := range issuers {
		if !matchHost(known.host, host) || path != known.path && known.path != "*" && (known.path == "" || !strings.HasPrefix(path, known.path)) {
			continue
		}
		issuer := known.Issuer
		if issuer.Kind == GitHub && path != "" {
			// An enterprise's own issuer: its name is another one than GitHub's.
			issuer.Keys = nil
		}
		issuer.Keys = slices.Concat(defaultKeys, issuer.Keys)
		return issuer.withOwnAudience(host, path)
	}
	return Issuer{Keys: defaultKeys}
}

// BuiltInProvider is the Federated principal that stands for the OpenID Connect
// tokens of an issuer which AWS knows by itself, where no account needs to have a
// provider: the issuer's host. Google's tokens were seen with and without https://
// in iss. The tokens of Amazon's and Facebook's logins are no OpenID Connect tokens.
func BuiltInProvider(issuer string) (host string, ok bool) {
	if _, is := OIDCProvider(issuer); is {
		return "", false // an account's own provider for the same issuer
	}
	host = strings.TrimPrefix(issuer, "https://")
	known := IssuerOf(host)
	// To the letter: principals and issuers are compared so.
	return host, known.BuiltIn && (known.Kind == Google || known.Kind == Cognito) && host == strings.ToLower(host) && !strings.Contains(host, "/")
}

// matchHost compares a host with a pattern that may have one star.
func matchHost(pattern, host string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return host == pattern
	}
	return len(host) > len(before)+len(after) && strings.HasPrefix(host, before) && strings.HasSuffix(host, after)
}

// withOwnAudience fills in the audience that follows from the issuer's URL.
func (i Issuer) withOwnAudience(host, path string) Issuer {
	switch i.Kind {
	case CircleCI:
		i.Audience = strings.TrimPrefix(path, "org/")
	case Spacelift:
		i.Audience = host
	case Vercel:
		if path != "" {
			i.Audience = "https://vercel.com/" + path
		}
	case Fly:
		if path != "" {
			i.Audience = "https://fly.io/" + path
		}
	}
	return i
}

// OfClusters says whether service accounts of Kubernetes may have tokens of the
// issuer: it is EKS's, or one that nothing is known of.
func (i Issuer) OfClusters() bool { return i.Kind == EKS || i.Kind == "" }

// KeyNames are the names of the issuer's condition keys.
func (i Issuer) KeyNames() []string {
	names := make([]string, len(i.Keys))
	for n, key := range i.Keys {
		names[n] = key.Name
	}
	return names
}

// IssuerKeyNames are the names of the condition keys of all issuers, sorted.
func IssuerKeyNames() []string {
	names := Issuer{Keys: defaultKeys}.KeyNames()
	for _, known := range issuers {
		names = append(names, known.KeyNames()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// OwnKeys are the condition keys that other issuers do not have.
func (i Issuer) OwnKeys() []IssuerKey { return i.Keys[len(defaultKeys):] }

// HasKey says whether the STS makes a condition key of that name, the case of
// which does not count.
func (i Issuer) HasKey(name string) bool {
	return slices.ContainsFunc(i.Keys, func(k IssuerKey) bool { return strings.EqualFold(k.Name, name) })
}
