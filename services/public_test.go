package services

import (
	"strconv"
	"testing"

	_ "github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/policy"
)

// Sources: [UG] S3 user guide, "Blocking public access to your Amazon S3 storage:
// The meaning of public", with its examples of aws:SourceVpc and of access points
// and its note on ranges of addresses; [API] S3 API,
// PublicAccessBlockConfiguration of the SDK for .NET v3, the list of fixed values.
func TestPublic(t *testing.T) {
	for _, c := range []struct {
		name, principal, condition string
		public                     bool
	}{
		{"[UG] everyone", `"*"`, ``, true},
		{"[UG] everyone of AWS", `{"AWS":"*"}`, ``, true},
		{"[UG] everyone beside an account", `{"AWS":["111122223333","*"]}`, ``, true},
		{"[UG] an account", `{"AWS":"444455556666"}`, ``, false},
		{"[UG] a role", `{"AWS":"arn:aws:iam::444455556666:role/r"}`, ``, false},
		{"[UG] a service", `{"Service":"cloudtrail.amazonaws.com"}`, ``, false},
		{"[UG] any VPC of a pattern", `"*"`, `{"StringLike":{"aws:SourceVpc":"vpc-*"}}`, true},
		{"[UG] one VPC", `"*"`, `{"StringEquals":{"aws:SourceVpc":"vpc-91237329"}}`, false},
		{"[API] one VPC endpoint", `"*"`, `{"StringEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}`, false},
		{"[API] one of two VPC endpoints", `"*"`, `{"StringEquals":{"aws:SourceVpce":["vpce-1a2b3c4d","vpce-2b3c4d5e"]}}`, false},
		{"[API] the source's account", `"*"`, `{"StringEquals":{"aws:SourceAccount":"111122223333"}}`, false},
		{"[API] the source's owner", `"*"`, `{"StringEquals":{"aws:SourceOwner":"111122223333"}}`, false},
		{"[API] a topic", `"*"`, `{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:us-east-1:111122223333:topic"}}`, false},
		{"[API] a bucket, whose ARN has no account", `"*"`, `{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::source"}}`, false},
		{"[API] any bucket", `"*"`, `{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::*"}}`, true},
		{"[API] one user id", `"*"`, `{"StringEquals":{"aws:userid":"AIDACKCEVSQ6C2EXAMPLE"}}`, false},
		{"[API] any user id", `"*"`, `{"StringLike":{"aws:userid":"*"}}`, true},
		{"[API] one KMS key", `"*"`, `{"StringEquals":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:us-east-1:111122223333:key/k"}}`, false},
		{"[UG] an organisation", `"*"`, `{"StringEquals":{"aws:PrincipalOrgID":"o-abcdef1234"}}`, false},
		{"[UG] any organisation", `"*"`, `{"StringLike":{"aws:PrincipalOrgID":"o-*"}}`, true},
		{"[UG] a policy variable", `"*"`, `{"StringEquals":{"aws:PrincipalOrgID":"${aws:ResourceOrgID}"}}`, true},
		{"[UG] access points of an account", `"*"`, `{"StringLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:123456789012:accesspoint/*"}}`, false},
		{"[UG] access points of any account", `"*"`, `{"StringLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:*:accesspoint/*"}}`, true},
		{"[UG] the access point's account", `"*"`, `{"StringEquals":{"s3:DataAccessPointAccount":"123456789012"}}`, false},
		{"[UG] a block of addresses", `"*"`, `{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, false},
		{"[UG] the widest block of addresses", `"*"`, `{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, false},
		{"[UG] a block that is too wide", `"*"`, `{"IpAddress":{"aws:SourceIp":"0.0.0.0/1"}}`, true},
		{"[UG] a narrow block and all addresses", `"*"`, `{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","0.0.0.0/0"]}}`, true},
		{"[UG] a block of version 6", `"*"`, `{"IpAddress":{"aws:SourceIp":"2001:db8::/32"}}`, false},
		{"[UG] a block of version 6 that is too wide", `"*"`, `{"IpAddress":{"aws:SourceIp":"2001::/16"}}`, true},
		{"[UG] all but a block", `"*"`, `{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, true},
		{"[UG] all but a VPC", `"*"`, `{"StringNotEquals":{"aws:SourceVpc":"vpc-91237329"}}`, true},
		{"[UG] a VPC, or none", `"*"`, `{"StringEqualsIfExists":{"aws:SourceVpc":"vpc-91237329"}}`, true},
		{"[UG] all of no accounts", `"*"`, `{"ForAllValues:StringEquals":{"aws:SourceAccount":"111122223333"}}`, true},
		{"a header that anybody sends", `"*"`, `{"StringLike":{"aws:UserAgent":"secret"}}`, true},
		{"a page that anybody names", `"*"`, `{"StringLike":{"aws:Referer":"https://example.com/*"}}`, true},
		{"over TLS", `"*"`, `{"Bool":{"aws:SecureTransport":"true"}}`, true},
		{"at a time", `"*"`, `{"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}`, true},
		{"tagged objects", `"*"`, `{"StringEquals":{"s3:ExistingObjectTag/public":"yes"}}`, true},
		{"any principal by its ARN", `"*"`, `{"StringLike":{"aws:PrincipalArn":"*"}}`, true},
		{"a role by its ARN", `"*"`, `{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::444455556666:role/r"}}`, false},
		{"[UG] roles of a pattern in one account, which is no fixed value", `"*"`, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::444455556666:role/*"}}`, true},
		{"[UG] topics of a pattern in one account", `"*"`, `{"ArnLike":{"aws:SourceArn":"arn:aws:sns:us-east-1:111122223333:*"}}`, true},
		{"an account's callers", `"*"`, `{"StringEquals":{"aws:PrincipalAccount":"444455556666"}}`, false},
		{"over TLS and from a VPC", `"*"`, `{"Bool":{"aws:SecureTransport":"true"},"StringEquals":{"aws:SourceVpc":"vpc-91237329"}}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			condition := ""
			if c.condition != "" {
				condition = `,"Condition":` + c.condition
			}
			text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + c.principal + `,"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"` + condition + `}]}`
			d, err := policy.ValidateResource([]byte(text), "")
			if err != nil {
				t.Fatal(err)
			}
			if got := PublicBucket(d); got != c.public {
				t.Errorf("public %v, want %v: %s", got, c.public, text)
			}
		})
	}
}

// TestVerdicts: a policy is judged once, and not many are remembered.
func TestVerdicts(t *testing.T) {
	var m memo
	asked := 0
	ask := func(text string) bool { return m.of(text, func() bool { asked++; return text == "public" }) }
	for range 3 {
		if !ask("public") || ask("limited") {
			t.Fatal("a wrong verdict")
		}
	}
	if asked != 2 {
		t.Errorf("judged %d times, want 2", asked)
	}
	for i := range 3 * maxVerdicts {
		ask(strconv.Itoa(i))
	}
	if len(m.known) > maxVerdicts {
		t.Errorf("%d are remembered", len(m.known))
	}
}
