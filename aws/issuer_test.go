package aws_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/aws"
)

const eksIssuer = "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"

// The keys are those of the IAM user guide, "Available keys for AWS OIDC
// federation" (2026), in its tables' own words; what is not listed there is no
// key. The audiences and subjects are from each issuer's documentation.
func TestIssuers(t *testing.T) {
	const all = "aud oaud sub amr email"
	tests := []struct {
		issuer   string
		kind     aws.IssuerKind
		keys     string // beside the default ones
		audience string
		subject  string // how it begins
	}{
		{eksIssuer, aws.EKS, "", "sts.amazonaws.com", "system:serviceaccount:"},
		{"https://oidc.eks.cn-north-1.amazonaws.com.cn/id/A", aws.EKS, "", "sts.amazonaws.com", "system:serviceaccount:"},
		{"https://oidc.eks.us-gov-west-1.amazonaws.com/id/A", aws.EKS, "", "sts.amazonaws.com", "system:serviceaccount:"},
		{"https://oidc-eks.eu-west-1.api.aws/id/A", aws.EKS, "", "sts.amazonaws.com", "system:serviceaccount:"},
		{"arn:aws-cn:iam::111122223333:oidc-provider/oidc.eks.cn-north-1.amazonaws.com.cn/id/A", aws.EKS, "", "sts.amazonaws.com", "system:"},
		{"https://oidc.eks.cn-north-1.amazonaws.com/id/A", "", "", "", ""}, // the domain of another partition
		{"https://oidc.eks.us-west-2.amazonaws.com.evil.example/id/A", "", "", "", ""},
		{"https://token.actions.githubusercontent.com", aws.GitHub, "actor actor_id job_workflow_ref repository repository_id repository_owner_id workflow ref environment enterprise_id",
			"sts.amazonaws.com", "repo:"},
		{"https://token.actions.githubusercontent.com/octo-enterprise", aws.GitHub, "", "sts.amazonaws.com", "repo:"},
		{"https://token.actions.octocorp.ghe.com", aws.GitHub, "", "sts.amazonaws.com", "repo:"},
		{"https://gitlab.com", aws.GitLab, "namespace_id project_id user_id user_login user_email user_access_level ref_protected pipeline_source runner_environment", "", "project_path:"},
		{"https://gitlab.com/self", "", "", "", ""},
		{"https://gitlab.example.com", "", "", "", ""},
		{"https://oidc.circleci.com/org/ORG", aws.CircleCI, "oidc.circleci.com/project-id", "ORG", "org/"},
		{"https://oidc.circleci.com/project/abc", "", "", "", ""},
		{"https://api.bitbucket.org/2.0/workspaces/ws/pipelines-config/identity/oidc", aws.Bitbucket, "", "", "{"},
		{"https://agent.buildkite.com", aws.Buildkite, "organization_slug organization_id pipeline_slug pipeline_id cluster_name cluster_id build_branch", "sts.amazonaws.com", "organization:"},
		{"https://vstoken.dev.azure.com/0a1b", aws.AzureDevOps, "", "api://AzureADTokenExchange", "sc://"},
		{"https://accounts.google.com", aws.Google, "google/organization_number", "", ""},
		{"cognito-identity.amazonaws.com", aws.Cognito, "", "", ""},
		{"www.amazon.com", aws.Amazon, "app_id user_id", "", ""},
		{"graph.facebook.com", aws.Facebook, "app_id id", "", ""},
		{"https://acme.app.spacelift.io", aws.Spacelift, "", "acme.app.spacelift.io", "space:"},
		{"https://oidc.vercel.com/acme", aws.Vercel, "", "https://vercel.com/acme", "owner:"},
		{"https://oidc.fly.io/acme", aws.Fly, "", "https://fly.io/acme", ""},
		{"https://app.terraform.io", aws.HCPTerraform, "", "aws.workload.identity", "organization:"},
		{"https://identity.us-ashburn-1.oraclecloud.com", aws.Oracle, "rpst_id", "", ""},
		{"https://login.microsoftonline.com/0a1b/v2.0", aws.Entra, "", "", ""},
		{"https://0a1b.tokens.sts.global.api.aws", aws.Outbound, "", "", ""},
		{"https://issuer.example.com", "", "", "", ""},
		{"", "", "", "", ""},
	}
	for _, tt := range tests {
		i := aws.IssuerOf(tt.issuer)
		want := strings.Fields(all + " " + tt.keys)
		if i.Kind != tt.kind || i.Audience != tt.audience || !strings.HasPrefix(i.Subject, tt.subject) || !slices.Equal(i.KeyNames(), want) {
			t.Errorf("%s: %+v", tt.issuer, i)
		}
		if len(i.OwnKeys()) != len(want)-5 || !i.HasKey("SUB") || i.HasKey("iss") || (i.Title == "") != (i.Kind == "") {
			t.Errorf("%s: %+v", tt.issuer, i)
		}
	}
}

func TestEKSIssuer(t *testing.T) {
	for _, region := range []string{"us-west-2", "cn-north-1", "us-gov-east-1", "us-isob-east-1", "eusc-de-east-1"} {
		if in, id, ok := aws.EKSIssuerParts(aws.EKSIssuer(region, "A1")); !ok || in != region || id != "A1" {
			t.Error(region, in, id)
		}
	}
	for _, none := range []string{"", "https://", "https://oidc.eks.us-west-2.amazonaws.com", "https://oidc.eks.us-west-2.amazonaws.com/id/", "https://oidc.eks.us-west-2.amazonaws.com/id/A/B",
		"https://oidc-eks.us-west-2.amazonaws.com/id/A", "https://oidc.eks.us-west-2.api.aws/id/A", "https://eks.us-west-2.amazonaws.com/id/A", "https://oidc.eks.west.amazonaws.com/id/A"} {
		if region, id, ok := aws.EKSIssuerParts(none); ok {
			t.Error(none, region, id)
		}
	}
}

func TestIssuerURLs(t *testing.T) {
	for raw, want := range map[string]aws.URLFault{
		"https://h": aws.URLFine, "https://h:443/p/": aws.URLFine, "https://h/p?q": aws.URLWithQuery, "https://h/p?": aws.URLWithQuery, "https://h#": aws.URLWithQuery,
		"https://u@h?q": aws.URLWithUser, "https://": aws.URLWithoutHost, "https://:443": aws.URLWithoutHost, "http://h": aws.URLNotHTTPS, "HTTPS://h": aws.URLFine,
		"h/p": aws.URLWithoutScheme, "": aws.URLWithoutScheme, "https://h\x7f": aws.URLUnreadable,
	} {
		if got := aws.IssuerURLFault(raw); got != want || (aws.IssuerURLProblem(raw) == "") != (want == aws.URLFine) {
			t.Errorf("%q: %d, %q", raw, got, aws.IssuerURLProblem(raw))
		}
	}
	for raw, want := range map[string]string{"https://h:443/p": "h/p", "h:443": "h", "https://h:8443/": "h:8443/", "https://H/P/": "H/P/"} {
		if got := aws.ProviderURL(raw); got != want {
			t.Errorf("%q: %q", raw, got)
		}
	}
}

func FuzzIssuer(f *testing.F) {
	for _, s := range []string{eksIssuer, "https://oidc.circleci.com/org/O", "arn:aws:iam::1:oidc-provider/h/p", "https://:443/?#", "https://oidc-eks.eu-west-1.api.aws/id/A"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		i := aws.IssuerOf(s)
		if len(i.Keys) < 5 || !i.HasKey("aud") {
			t.Fatalf("%q: %+v", s, i)
		}
		if region, id, ok := aws.EKSIssuerParts(s); ok && (i.Kind != aws.EKS || region == "" || id == "") {
			t.Fatalf("%q: %q, %q, %+v", s, region, id, i)
		}
		if (aws.IssuerURLFault(s) == aws.URLFine) != (aws.IssuerURLProblem(s) == "") {
			t.Fatalf("%q: %s", s, aws.IssuerURLProblem(s))
		}
		// One scheme is stripped: of a host that is called "https:" no second one.
		if name := aws.ProviderURL(s); !strings.HasPrefix(name, "https://") && aws.ProviderURL("https://"+name) != aws.ProviderURL(name) {
			t.Fatalf("%q: %q", s, name)
		}
	})
}

// TestBuiltInProvider: who needs no provider (recorded 1e), to the letter.
func TestBuiltInProvider(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://accounts.google.com":                                 "accounts.google.com",
		"accounts.google.com":                                         "accounts.google.com",
		"https://cognito-identity.amazonaws.com":                      "cognito-identity.amazonaws.com",
		"https://cognito-identity-us-gov.amazonaws.com":               "cognito-identity-us-gov.amazonaws.com",
		"https://accounts.google.com/":                                "",
		"https://Accounts.google.com":                                 "",
		"http://accounts.google.com":                                  "",
		"https://accounts.google.com.example.com":                     "",
		"arn:aws:iam::111122223333:oidc-provider/accounts.google.com": "",
		"https://www.amazon.com":                                      "", // its tokens are opaque
		"https://graph.facebook.com":                                  "",
		"https://token.actions.githubusercontent.com":                 "",
	} {
		if host, ok := aws.BuiltInProvider(issuer); ok != (want != "") || ok && host != want {
			t.Errorf("%s: %q, %t", issuer, host, ok)
		}
	}
}
