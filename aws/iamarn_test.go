package aws_test

import (
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/aws"
)

func TestRoleARNProblem(t *testing.T) {
	for arn, want := range map[string]string{
		" arn:aws:iam::111122223333:role/App":  "white space",
		`"arn:aws:iam::111122223333:role/App"`: "quotation marks",
		"App":                                  "write arn:aws:iam::ACCOUNT:role/ROLE",
		"":                                     "write arn:aws:iam::ACCOUNT:role/ROLE",
		"arn:aws:sts::111122223333:assumed-role/App/x": "a session of a role",
		"arn:amazon:iam::111122223333:role/App":        `"amazon" is not a partition`,
		"arn:aws:s3:::bucket":                          "the service is s3",
		"arn:aws:iam:us-west-2:111122223333:role/App":  "leave us-west-2 out",
		"arn:aws:iam::1111:role/App":                   `the account is "1111"`,
		"arn:aws:iam::111122223333:user/App":           `"user/App" is not a role`,
		"arn:aws:iam::111122223333:role/":              `"role/" is not a role`,
		"arn:aws:iam::111122223333:role/A pp":          "characters",
	} {
		if got := aws.RoleARNProblem(arn); !strings.Contains(got, want) || got == "" {
			t.Errorf("%s: %q, want %q", arn, got, want)
		}
	}
	for _, arn := range []string{"arn:aws:iam::111122223333:role/App", "arn:aws-cn:iam::111122223333:role/team/App_1.+=,@-"} {
		if got := aws.RoleARNProblem(arn); got != "" {
			t.Errorf("%s: %q", arn, got)
		}
	}
}

func TestRoleOfARN(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:iam::111122223333:role/team/App": "App", "arn:aws:iam::111122223333:role/App": "App",
		"arn:aws:sts::111122223333:role/App": "", "arn:aws:iam::111122223333:user/App": "",
	} {
		a, err := aws.ParseARN(arn)
		if err != nil {
			t.Fatal(err)
		}
		if name, ok := a.Role(); ok != (want != "") || ok && name != want {
			t.Errorf("%s: %q, %v", arn, name, ok)
		}
	}
}

func TestIAMARNs(t *testing.T) {
	for got, want := range map[string]string{
		aws.RoleARN("", "111122223333", "", "app"):                          "arn:aws:iam::111122223333:role/app",
		aws.RoleARN("aws-cn", "111122223333", "/team/a/", "app"):            "arn:aws-cn:iam::111122223333:role/team/a/app",
		aws.PolicyARN("aws-us-gov", "aws", "/service-role/", "P"):           "arn:aws-us-gov:iam::aws:policy/service-role/P",
		aws.SessionARN("aws-cn", "111122223333", "app", "s"):                "arn:aws-cn:sts::111122223333:assumed-role/app/s",
		aws.ProviderARN("", "111122223333", "https://issuer.example.com/a"): "arn:aws:iam::111122223333:oidc-provider/issuer.example.com/a",
		aws.ProviderARN("", "111122223333", "issuer.example.com"):           "arn:aws:iam::111122223333:oidc-provider/issuer.example.com",
		aws.EKSClusterARN("us-gov-west-1", "111122223333", "c"):             "arn:aws-us-gov:eks:us-gov-west-1:111122223333:cluster/c",
		aws.RegionalARN("kms", "cn-north-1", "111122223333", "key/k"):       "arn:aws-cn:kms:cn-north-1:111122223333:key/k",
		aws.WithoutPath("arn:aws-cn:iam::111122223333:role/team/a/app"):     "arn:aws-cn:iam::111122223333:role/app",
		aws.WithoutPath("arn:aws:iam::111122223333:user/team/role/app"):     "arn:aws:iam::111122223333:user/team/role/app",
		aws.NameIn("arn:aws:iam::aws:policy/service-role/P"):                "P",
		aws.NameIn("app"): "app",
	} {
		if got != want {
			t.Errorf("%s; want %s", got, want)
		}
	}
	right, had := aws.WithoutScheme("arn:aws:iam::111122223333:oidc-provider/https://issuer.example.com/a")
	if want := "arn:aws:iam::111122223333:oidc-provider/issuer.example.com/a"; right != want || !had {
		t.Errorf("%s, %v; want %s", right, had, want)
	}
}

func TestNamed(t *testing.T) {
	for _, c := range []struct{ arn, service, kind, want string }{
		{"arn:aws:iam::111122223333:role/team/app", "iam", "role", "team/app"},
		{"arn:aws:iam::111122223333:role/app", "sts", "role", ""},
		{"arn:aws:iam::111122223333:roles/app", "iam", "role", ""},
		{"arn:aws:iam::111122223333:root", "iam", "role", ""},
		{"arn:aws:sts::111122223333:assumed-role/app/s", "iam", "role", ""},
		{"arn:aws:sts::111122223333:assumed-role/app/s", "sts", "assumed-role", "app/s"},
		{"arn:aws:eks:us-west-2:111122223333:cluster/c", "eks", "cluster", "c"},
	} {
		arn, err := aws.ParseARN(c.arn)
		if got, ok := arn.Named(c.service, c.kind); err != nil || got != c.want || ok != (c.want != "") {
			t.Errorf("%s as %s of %s: %q, %v, %v; want %q", c.arn, c.kind, c.service, got, ok, err, c.want)
		}
	}
}
