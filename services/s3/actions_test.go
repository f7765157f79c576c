package s3

import (
	"strings"
	"testing"
)

// TestConditionsOfActions: S3 takes a condition key in a bucket policy only if each
// action of the statement has it (recorded 10).
func TestConditionsOfActions(t *testing.T) {
	b := newBucket("111122223333", "us-west-2", "bucket")
	const (
		apart   = "Conditions do not apply to combination of actions and resources in statement"
		unknown = "Policy has an invalid condition key"
	)
	for _, tc := range []struct{ actions, resources, conditions, want string }{
		{`"s3:ListBucket"`, b.ARN(), `"StringLike":{"s3:prefix":"a/*"}`, ""},
		{`["s3:ListBucket","s3:ListBucketVersions"]`, b.ARN(), `"StringLike":{"S3:Prefix":"a/*"}`, ""},
		{`["s3:ListBucket","s3:ListBucketMultipartUploads"]`, b.ARN(), `"StringLike":{"s3:prefix":"a/*"}`, apart},
		{`["s3:ListBucket","s3:GetBucketLocation"]`, b.ARN(), `"NumericLessThan":{"s3:max-keys":"10"}`, apart},
		{`"s3:GetObject"`, b.ARN() + "/*", `"StringLike":{"s3:prefix":"a/*"}`, apart},
		{`"s3:*"`, b.ARN() + "/*", `"StringLike":{"s3:prefix":"a/*"}`, apart},
		{`"s3:*"`, b.ARN() + "*", `"StringLike":{"s3:prefix":"a/*"}`, ""},
		{`"s3:PutObject*"`, b.ARN() + "/*", `"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}`, ""},
		{`["s3:PutObject","s3:PutObjectAcl"]`, b.ARN() + "/*", `"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}`, ""},
		{`["s3:PutObject","s3:GetObject"]`, b.ARN() + "/*", `"StringEquals":{"s3:x-amz-acl":"private"}`, apart},
		{`["s3:GetObject","s3:PutObject"]`, b.ARN() + "/*", `"StringLike":{"s3:x-amz-copy-source":"src/*"}`, apart},
		{`["s3:GetObjectVersion","s3:PutObject"]`, b.ARN() + "/*", `"Null":{"s3:x-amz-server-side-encryption":"true"}`, apart},
		{`["s3:GetObject","s3:GetObjectTagging","s3:PutObjectTagging"]`, b.ARN() + "/*", `"StringEquals":{"s3:ExistingObjectTag/a":"b"}`, ""},
		{`"s3:DeleteObject"`, b.ARN() + "/*", `"StringEquals":{"s3:ExistingObjectTag/a":"b"}`, apart},
		{`"s3:PutObject"`, b.ARN() + "/*", `"StringEquals":{"s3:ExistingObjectTag/a":"b"}`, apart},
		{`"s3:GetObjectRetention"`, b.ARN() + "/*", `"StringEquals":{"s3:ExistingObjectTag/a":"b"}`, apart},
		{`["s3:PutObjectAcl","s3:PutObjectTagging"]`, b.ARN() + "/*", `"StringEquals":{"s3:RequestObjectTag/a":"b"}`, apart},
		{`["s3:PutObject","s3:PutObjectTagging"]`, b.ARN() + "/*", `"ForAllValues:StringEquals":{"s3:RequestObjectTagKeys":["a"]}`, ""},
		{`"s3:PutObject"`, b.ARN() + "/*", `"Null":{"s3:if-none-match":"true"},"Bool":{"s3:ObjectCreationOperation":"true"}`, ""},
		{`["s3:GetObject","s3:ListBucket"]`, b.ARN() + `","` + b.ARN() + "/*", `"NumericLessThan":{"s3:TlsVersion":"1.2"}`, ""},
		{`["s3:GetObject","s3:ListBucket"]`, b.ARN() + `","` + b.ARN() + "/*", `"StringEquals":{"s3:DataAccessPointAccount":"111122223333"}`, ""},
		{`["s3:GetObject","s3:ListBucket"]`, b.ARN() + `","` + b.ARN() + "/*", `"StringEquals":{"s3:BucketTag/team":"a"}`, ""},
		{`"s3:GetObject"`, b.ARN() + "/*", `"StringEquals":{"aws:PrincipalTag/team":"a","cognito-identity.amazonaws.com:sub":"x"}`, ""},
		{`"s3:GetObject"`, b.ARN() + "/*", `"StringEquals":{"s3:prefixx":"a"}`, unknown},
		{`"s3:GetObject"`, b.ARN() + "/*", `"StringEquals":{"s3:ExistingObjectTag":"a"}`, unknown},
	} {
		_, err := validatePolicy(b, []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":`+tc.actions+
			`,"Resource":["`+tc.resources+`"],"Condition":{`+tc.conditions+`}}]}`))
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s of %s if %s:\ngot  %v\nwant %s", tc.actions, tc.resources, tc.conditions, err, tc.want)
		}
	}
}
