package s3

import (
	"strings"
	"testing"
)

// Every action that an operation asks for can be named in a bucket policy, and one
// that is as long as a policy may be costs no more than its length.
func TestPolicyActions(t *testing.T) {
	b := newBucket("111122223333", "us-west-2", "bucket")
	check := func(action, resource string) string {
		t.Helper()
		_, err := validatePolicy(b, []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"`+action+`","Resource":"`+resource+`"}]}`))
		if err == nil {
			return ""
		}
		return err.Error()
	}
	const (
		invalid = "Policy has invalid action"
		nowhere = "Action does not apply to any resource(s) in statement"
	)
	for _, op := range operations {
		for _, name := range []string{op.action, op.versioned} {
			if name == "" {
				continue
			}
			resource, other := b.ARN(), b.ARN()+"/k"
			if policyActions()["s3:"+strings.ToLower(name)].on == onObject {
				resource, other = other, resource
			}
			if err := check("s3:"+name, resource); err != "" && op.at != onService && op.name != "CreateBucket" {
				t.Errorf("%s of %s: %s", name, resource, err)
			}
			if err := check("s3:"+name, other); !strings.Contains(err, nowhere) {
				t.Errorf("%s of %s: %q", name, other, err)
			}
		}
	}
	for action, want := range map[string]string{
		"s3:CreateBucket": nowhere, "s3:ListAllMyBuckets": nowhere, "s3:Nothing": invalid, "sqs:SendMessage": invalid, "s3:*": "", "*": "", "S3:GETobject": "", "s3:Get?bject": "",
		"s3:" + strings.Repeat("*a", 9000) + "*": invalid, "s3:" + strings.Repeat("?", 18_000): invalid, "s3:" + strings.Repeat("*", 18_000): "",
	} {
		if err := check(action, b.ARN()+"/*"); want == "" && err != "" || !strings.Contains(err, want) {
			t.Errorf("%.40s: %q, want %q", action, err, want)
		}
	}
}
