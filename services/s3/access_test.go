package s3_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/services/servicetest"
)

const reader = "User: arn:aws:sts::111122223333:assumed-role/reader/test is not authorized to perform: "

// TestDenied: the resource stands in quotes, callers of other accounts are told nothing.
func TestDenied(t *testing.T) {
	s := start(t, false)
	root := client(s.Root(servicetest.Account))
	b := bucket(t, root, "reports")
	write(t, root, b, "k", "v")
	ctx := t.Context()
	c := client(s.Role(servicetest.Account, "reader", servicetest.Allow("arn:aws:s3:::reports/public/*", "s3:GetObject")))
	get := func(c *sdk.Client, key string) error {
		_, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: &b, Key: &key})
		return err
	}
	refused(t, get(c, "k"), 403, "AccessDenied", reader+`s3:GetObject on resource: "arn:aws:s3:::reports/k" because no identity-based policy allows the s3:GetObject action`)
	if d := s.Last(); d.Outcome != decision.Refused || d.Action != "GetObject" || d.Resource != "arn:aws:s3:::reports/k" {
		t.Errorf("decision %+v", d)
	}
	// A key that does not exist looks like one that is forbidden to callers who may not list.
	refused(t, get(c, "public/none"), 403, "AccessDenied", reader+`s3:ListBucket on resource: "arn:aws:s3:::reports" because no identity-based policy allows the s3:ListBucket action`)
	lister := client(s.Role(servicetest.Account, "lister", servicetest.Allow("*", "s3:GetObject", "s3:ListBucket")))
	refused(t, get(lister, "public/none"), 404, "NoSuchKey", "The specified key does not exist.")
	_, err := c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: &b, Key: aws.String("k")})
	refused(t, err, 403, "Forbidden", "")
	_, err = c.ListBuckets(ctx, &sdk.ListBucketsInput{})
	refused(t, err, 403, "AccessDenied", reader+"s3:ListAllMyBuckets because no identity-based policy allows the s3:ListAllMyBuckets action")
	_, err = c.PutObject(ctx, &sdk.PutObjectInput{Bucket: &b, Key: aws.String("public/x"), Body: strings.NewReader("x")})
	refused(t, err, 403, "AccessDenied", reader+`s3:PutObject on resource: "arn:aws:s3:::reports/public/x" because no identity-based policy allows the s3:PutObject action`)
	stranger := client(s.Role(servicetest.Other, "stranger", servicetest.Allow("*", "s3:*")))
	refused(t, get(stranger, "k"), 403, "AccessDenied", "Access Denied")
	// An upload with tags needs the permission to tag.
	writer := client(s.Role(servicetest.Account, "writer", servicetest.Allow("*", "s3:PutObject")))
	write(t, writer, b, "w", "v")
	_, err = writer.PutObject(ctx, &sdk.PutObjectInput{Bucket: &b, Key: aws.String("w"), Body: strings.NewReader("x"), Tagging: aws.String("a=b")})
	if err == nil || !strings.Contains(err.Error(), "s3:PutObjectTagging") {
		t.Errorf("got %v", err)
	}
	// A copy needs the source.
	_, err = writer.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: &b, Key: aws.String("copy"), CopySource: aws.String("reports/k")})
	if err == nil || !strings.Contains(err.Error(), `s3:GetObject on resource: "arn:aws:s3:::reports/k"`) {
		t.Errorf("got %v", err)
	}
}

func TestConditionKeys(t *testing.T) {
	s := start(t, false)
	root := client(s.Root(servicetest.Account))
	b := bucket(t, root, "reports")
	must[*sdk.PutObjectOutput](t)(root.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: &b, Key: aws.String("tagged"), Body: strings.NewReader("v"), Tagging: aws.String("class=public")}))
	write(t, root, b, "plain", "v")
	list := func(prefix string) func(*sdk.Client) error {
		return func(c *sdk.Client) error {
			_, err := c.ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: &b, Prefix: &prefix})
			return err
		}
	}
	get := func(key string) func(*sdk.Client) error {
		return func(c *sdk.Client) error {
			_, err := c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: &b, Key: &key})
			return err
		}
	}
	put := func(in sdk.PutObjectInput) func(*sdk.Client) error {
		return func(c *sdk.Client) error {
			in.Bucket, in.Key, in.Body = &b, aws.String("new"), strings.NewReader("v")
			_, err := c.PutObject(t.Context(), &in)
			return err
		}
	}
	for _, tc := range []struct {
		name, condition string
		call            func(*sdk.Client) error
		allowed         bool
	}{
		{"prefix", `"StringLike":{"s3:prefix":["home/*",""]}`, list("home/me"), true},
		{"another prefix", `"StringLike":{"s3:prefix":["home/*"]}`, list("etc/"), false},
		{"object tag", `"StringEquals":{"s3:ExistingObjectTag/class":"public"}`, get("tagged"), true},
		{"no object tag", `"StringEquals":{"s3:ExistingObjectTag/class":"public"}`, get("plain"), false},
		{"encryption", `"StringEquals":{"s3:x-amz-server-side-encryption":"aws:kms"}`, put(sdk.PutObjectInput{ServerSideEncryption: types.ServerSideEncryptionAwsKms}), true},
		{"no encryption", `"StringEquals":{"s3:x-amz-server-side-encryption":"aws:kms"}`, put(sdk.PutObjectInput{}), false},
		{"only new objects", `"Null":{"s3:if-none-match":"false"}`, put(sdk.PutObjectInput{IfNoneMatch: aws.String("*")}), true},
		{"signed in the header", `"StringEquals":{"s3:authType":"REST-HEADER","s3:signatureversion":"AWS4-HMAC-SHA256"}`, get("plain"), true},
		{"the owner's account", `"StringEquals":{"s3:ResourceAccount":"444455556666"}`, get("plain"), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := client(s.Role(servicetest.Account, "reader", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{`+tc.condition+`}}]}`))
			if strings.HasPrefix(tc.name, "only new") {
				must[*sdk.DeleteObjectOutput](t)(root.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: &b, Key: aws.String("new")}))
			}
			if err := tc.call(c); (err == nil) != tc.allowed {
				t.Errorf("allowed %v, want %v: %v", err == nil, tc.allowed, err)
			}
		})
	}
}

// TestBucketPolicy: another account, everybody, and nobody.
func TestBucketPolicy(t *testing.T) {
	s := start(t, false)
	root := client(s.Root(servicetest.Account))
	b := bucket(t, root, "reports")
	write(t, root, b, "k", "v")
	ctx := t.Context()
	put := func(principal string) error {
		_, err := root.PutBucketPolicy(ctx, &sdk.PutBucketPolicyInput{Bucket: &b, Policy: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}]}`)})
		return err
	}
	anonymous := func(want int) {
		t.Helper()
		answer := must[*http.Response](t)(s.Client().Get(s.URL + "/reports/k"))
		body := must[[]byte](t)(io.ReadAll(answer.Body))
		answer.Body.Close()
		if answer.StatusCode != want || want == 200 && string(body) != "v" || want == 403 && !strings.Contains(string(body), "<Code>AccessDenied</Code><Message>Access Denied</Message>") {
			t.Errorf("anonymous: %d %s", answer.StatusCode, body)
		}
		if d := s.Last(); want == 403 && (!strings.HasPrefix(d.Reason.Message, "the request is unsigned, so it is anonymous, and ") || d.Reason.Code != "unsigned" || strings.Contains(string(body), "unsigned")) {
			t.Errorf("what is unsigned is refused for %+v", d.Reason)
		}
	}
	guest := client(s.Role(servicetest.Other, "guest", servicetest.Allow("*", "s3:GetObject")))
	bare := client(s.Role(servicetest.Other, "bare"))
	get := func(c *sdk.Client) error {
		_, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: &b, Key: aws.String("k")})
		return err
	}
	anonymous(403)
	refused(t, get(guest), 403, "AccessDenied", "Access Denied")
	if err := put(`{"AWS":"444455556666"}`); err != nil {
		t.Fatal(err)
	}
	if err := get(guest); err != nil {
		t.Errorf("another account that both sides allow: %v", err)
	}
	refused(t, get(bare), 403, "AccessDenied", "Access Denied")
	anonymous(403)

	// A new bucket blocks public policies.
	refused(t, put(`"*"`), 403, "AccessDenied", `User: arn:aws:iam::111122223333:root is not authorized to perform: s3:PutBucketPolicy on resource: "arn:aws:s3:::reports" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.`)
	conditional := func() error {
		_, err := root.PutBucketPolicy(ctx, &sdk.PutBucketPolicyInput{Bucket: &b, Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",
			"Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`)})
		return err
	}
	if err := conditional(); err == nil || !strings.Contains(err.Error(), "BlockPublicPolicy") { // which limits nobody
		t.Errorf("a condition on how everybody calls: %v", err)
	}
	must[*sdk.DeletePublicAccessBlockOutput](t)(root.DeletePublicAccessBlock(ctx, &sdk.DeletePublicAccessBlockInput{Bucket: &b}))
	if err := put(`"*"`); err != nil {
		t.Fatal(err)
	}
	anonymous(200)
	if err := conditional(); err != nil {
		t.Fatal(err)
	}
	anonymous(200)
	if status := must[*sdk.GetBucketPolicyStatusOutput](t)(root.GetBucketPolicyStatus(ctx, &sdk.GetBucketPolicyStatusInput{Bucket: &b})); !*status.PolicyStatus.IsPublic {
		t.Error("the policy is not called public")
	}
	must[*sdk.PutPublicAccessBlockOutput](t)(root.PutPublicAccessBlock(ctx, &sdk.PutPublicAccessBlockInput{Bucket: &b, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{RestrictPublicBuckets: aws.Bool(true)}}))
	anonymous(403)

	// The root user undoes a policy that locks everybody out; others cannot.
	must[*sdk.DeleteBucketPolicyOutput](t)(root.DeleteBucketPolicy(ctx, &sdk.DeleteBucketPolicyInput{Bucket: &b}))
	must[*sdk.PutBucketPolicyOutput](t)(root.PutBucketPolicy(ctx, &sdk.PutBucketPolicyInput{Bucket: &b, Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::reports","arn:aws:s3:::reports/*"]}]}`)}))
	admin := client(s.Role(servicetest.Account, "reader", servicetest.Allow("*", "s3:*")))
	refused(t, get(admin), 403, "AccessDenied", reader+`s3:GetObject on resource: "arn:aws:s3:::reports/k" with an explicit deny in a resource-based policy`)
	must[*sdk.DeleteBucketPolicyOutput](t)(root.DeleteBucketPolicy(ctx, &sdk.DeleteBucketPolicyInput{Bucket: &b}))
	if err := get(admin); err != nil {
		t.Error(err)
	}
}

// TestBucketPolicyErrors: recorded on AWS (test_bucket_policy_exc), but the last,
// which is what people report.
func TestBucketPolicyErrors(t *testing.T) {
	c := client(start(t, false).Root(servicetest.Account))
	b := bucket(t, c, "reports")
	for text, message := range map[string]string{
		"not json": "Policies must be valid JSON and the first byte must be '{'",
		"{}":       "Missing required field Statement",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::other/*"}]}`: "Policy has invalid resource",
	} {
		_, err := c.PutBucketPolicy(t.Context(), &sdk.PutBucketPolicyInput{Bucket: &b, Policy: &text})
		refused(t, err, 400, "MalformedPolicy", message)
	}
	_, err := c.GetBucketPolicy(t.Context(), &sdk.GetBucketPolicyInput{Bucket: &b})
	refused(t, err, 404, "NoSuchBucketPolicy", "The bucket policy does not exist")
	_, err = c.GetBucketPolicy(t.Context(), &sdk.GetBucketPolicyInput{Bucket: &b, ExpectedBucketOwner: aws.String("000000000002")})
	refused(t, err, 403, "AccessDenied", "Access Denied")
	_, err = c.GetBucketPolicy(t.Context(), &sdk.GetBucketPolicyInput{Bucket: &b, ExpectedBucketOwner: aws.String("abcd")})
	refused(t, err, 400, "InvalidBucketOwnerAWSAccountID", "The value of the expected bucket owner parameter must be an AWS Account ID... [abcd]")
}

func TestPresigned(t *testing.T) {
	s := start(t, false)
	c := client(s.Root(servicetest.Account))
	b := bucket(t, c, "reports")
	write(t, c, b, "a b", "v")
	signed := must[*awsSigned](t)(presign(c, b, "a b"))
	answer := must[*http.Response](t)(s.Client().Get(signed.URL))
	defer answer.Body.Close()
	if body := must[[]byte](t)(io.ReadAll(answer.Body)); string(body) != "v" || answer.Header.Get("Content-Disposition") != "attachment" {
		t.Errorf("%s: %s", answer.Status, body)
	}
	anonymous := must[*http.Response](t)(s.Client().Get(s.URL + "/reports?list-type=2"))
	anonymous.Body.Close()
	if anonymous.StatusCode != http.StatusForbidden {
		t.Errorf("anonymous listing: %s", anonymous.Status)
	}
}
