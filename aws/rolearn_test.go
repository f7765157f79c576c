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
