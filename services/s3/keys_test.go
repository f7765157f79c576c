package s3_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/irsa-emu/irsa-emu/services/servicetest"
)

func policyOf(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func statement(effect, action, condition string) string {
	if condition != "" {
		condition = `,"Condition":{` + condition + `}`
	}
	return `{"Effect":"` + effect + `","Action":` + action + `,"Resource":"*"` + condition + `}`
}

// TestTagKeys: the examples of the S3 user guide, "Tagging and access control
// policies", and its note that overwriting and deleting do not go by an object's
// tags; what a copy of tags needs: nasa/cumulus-orca#530, ceph/ceph#47897.
func TestTagKeys(t *testing.T) {
	s := start(t, false)
	root := client(s.Root(servicetest.Account))
	b := bucket(t, root, "reports")
	ctx, key := t.Context(), aws.String("k")
	tagging := func(pairs ...string) *types.Tagging {
		out := &types.Tagging{TagSet: []types.Tag{}}
		for i := 0; i < len(pairs); i += 2 {
			out.TagSet = append(out.TagSet, types.Tag{Key: &pairs[i], Value: &pairs[i+1]})
		}
		return out
	}
	tag := func(pairs ...string) func(*sdk.Client) error {
		return func(c *sdk.Client) error {
			_, err := c.PutObjectTagging(ctx, &sdk.PutObjectTaggingInput{Bucket: &b, Key: key, Tagging: tagging(pairs...)})
			return err
		}
	}
	put := func(c *sdk.Client) error {
		_, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: &b, Key: key, Body: strings.NewReader("v"), Tagging: aws.String("env=dev")})
		return err
	}
	overwrite := func(c *sdk.Client) error {
		_, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: &b, Key: key, Body: strings.NewReader("v")})
		return err
	}
	remove := func(c *sdk.Client) error {
		_, err := c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &b, Key: key})
		return err
	}
	untag := func(c *sdk.Client) error {
		_, err := c.DeleteObjectTagging(ctx, &sdk.DeleteObjectTaggingInput{Bucket: &b, Key: key})
		return err
	}
	read := func(c *sdk.Client) error {
		_, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: &b, Key: key})
		return err
	}
	acl := func(c *sdk.Client) error {
		_, err := c.GetObjectAcl(ctx, &sdk.GetObjectAclInput{Bucket: &b, Key: key})
		return err
	}
	list := func(c *sdk.Client) error {
		_, err := c.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: &b})
		return err
	}
	duplicate := func(in sdk.CopyObjectInput) func(*sdk.Client) error {
		return func(c *sdk.Client) error {
			in.Bucket, in.Key, in.CopySource = &b, aws.String("copy"), aws.String("reports/k")
			_, err := c.CopyObject(ctx, &in)
			return err
		}
	}
	const all = `"s3:*"`
	locked := `"StringEquals":{"s3:ExistingObjectTag/lock":"yes"}`
	onlyKeys := `"ForAllValues:StringEquals":{"s3:RequestObjectTagKeys":["Owner","CreationDate"]}`
	dev, prod := `"StringEquals":{"s3:RequestObjectTag/env":"dev"}`, `"StringEquals":{"s3:RequestObjectTag/env":"prod"}`
	for _, tc := range []struct {
		name, policy string
		call         func(*sdk.Client) error
		missing      string // "" when AWS allows the call, else the action that it names
	}{
		{"tags of the body that a Deny names", policyOf(statement("Allow", all, ""), statement("Deny", all, prod)), tag("env", "prod"), "s3:PutObjectTagging"},
		{"tags of the body that it does not", policyOf(statement("Allow", all, ""), statement("Deny", all, prod)), tag("env", "dev"), ""},
		{"tags of the body that an Allow wants", policyOf(statement("Allow", all, dev)), tag("env", "dev"), ""},
		{"and others", policyOf(statement("Allow", all, dev)), tag("env", "prod"), "s3:PutObjectTagging"},
		{"and none", policyOf(statement("Allow", all, dev)), tag(), "s3:PutObjectTagging"},
		{"tags of an upload's header", policyOf(statement("Allow", all, dev)), put, ""},
		{"keys that are listed", policyOf(statement("Allow", all, onlyKeys)), tag("Owner", "a", "CreationDate", "b"), ""},
		{"a key that is not", policyOf(statement("Allow", all, onlyKeys)), tag("Owner", "a", "Other", "b"), "s3:PutObjectTagging"},
		{"a guard of reading", policyOf(statement("Allow", all, ""), statement("Deny", all, locked)), read, "s3:GetObject"},
		{"of its ACL", policyOf(statement("Allow", all, ""), statement("Deny", all, locked)), acl, "s3:GetObjectAcl"},
		{"of its tags", policyOf(statement("Allow", all, ""), statement("Deny", all, locked)), tag("lock", "no"), "s3:PutObjectTagging"},
		{"of their removal", policyOf(statement("Allow", all, ""), statement("Deny", all, locked)), untag, "s3:DeleteObjectTagging"},
		{"no guard of listing", policyOf(statement("Allow", all, ""), statement("Deny", all, locked)), list, ""},
		{"no guard of overwriting", policyOf(statement("Allow", all, ""), statement("Deny", all, locked)), overwrite, ""},
		{"no guard of deleting", policyOf(statement("Allow", all, ""), statement("Deny", all, locked)), remove, ""},
		{"no way to allow deleting", policyOf(statement("Allow", all, locked)), remove, "s3:DeleteObject"},
		{"a copy without rights on tags", policyOf(statement("Allow", `["s3:GetObject","s3:PutObject"]`, "")), duplicate(sdk.CopyObjectInput{}), "s3:GetObjectTagging"},
		{"with that of the source", policyOf(statement("Allow", `["s3:GetObject","s3:PutObject","s3:GetObjectTagging"]`, "")), duplicate(sdk.CopyObjectInput{}), "s3:PutObjectTagging"},
		{"with both", policyOf(statement("Allow", `["s3:GetObject","s3:PutObject","s3:GetObjectTagging","s3:PutObjectTagging"]`, "")), duplicate(sdk.CopyObjectInput{}), ""},
		{"asked for by name", policyOf(statement("Allow", `["s3:GetObject","s3:PutObject"]`, "")), duplicate(sdk.CopyObjectInput{TaggingDirective: "COPY"}), "s3:GetObjectTagging"},
		{"with other tags", policyOf(statement("Allow", `["s3:GetObject","s3:PutObject"]`, "")), duplicate(sdk.CopyObjectInput{TaggingDirective: "REPLACE", Tagging: aws.String("a=b")}), "s3:PutObjectTagging"},
		{"with other tags and the right to give them", policyOf(statement("Allow", `["s3:GetObject","s3:PutObject","s3:PutObjectTagging"]`, "")),
			duplicate(sdk.CopyObjectInput{TaggingDirective: "REPLACE", Tagging: aws.String("a=b")}), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			must[*sdk.PutObjectOutput](t)(root.PutObject(ctx, &sdk.PutObjectInput{Bucket: &b, Key: key, Body: strings.NewReader("v"), Tagging: aws.String("lock=yes")}))
			err := tc.call(client(s.Role(servicetest.Account, "reader", tc.policy)))
			if tc.missing == "" && err != nil || tc.missing != "" && (err == nil || !strings.Contains(err.Error(), reader+tc.missing+" on")) {
				t.Errorf("got %v, want it to name %q", err, tc.missing)
			}
		})
	}
	write(t, root, b, "k", "v")
	plain := client(s.Role(servicetest.Account, "reader", policyOf(statement("Allow", `["s3:GetObject","s3:PutObject"]`, ""))))
	if err := duplicate(sdk.CopyObjectInput{})(plain); err != nil {
		t.Errorf("a copy of what has no tags: %v", err)
	}
}

// TestExistingTagOfVersion: the tags are those of the version that is read.
func TestExistingTagOfVersion(t *testing.T) {
	s := start(t, false)
	root := client(s.Root(servicetest.Account))
	b := bucket(t, root, "reports")
	ctx, key := t.Context(), aws.String("k")
	must[*sdk.PutBucketVersioningOutput](t)(root.PutBucketVersioning(ctx, &sdk.PutBucketVersioningInput{Bucket: &b, VersioningConfiguration: &types.VersioningConfiguration{Status: "Enabled"}}))
	old := must[*sdk.PutObjectOutput](t)(root.PutObject(ctx, &sdk.PutObjectInput{Bucket: &b, Key: key, Body: strings.NewReader("old"), Tagging: aws.String("open=yes")}))
	newest := write(t, root, b, "k", "new")
	c := client(s.Role(servicetest.Account, "reader", policyOf(statement("Allow", `["s3:GetObject*","s3:PutObject*"]`, ""),
		statement("Deny", `"s3:GetObject*"`, `"StringNotEquals":{"s3:ExistingObjectTag/open":"yes"}`))))
	for id, allowed := range map[string]bool{*old.VersionId: true, *newest.VersionId: false} {
		_, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: &b, Key: key, VersionId: &id})
		if (err == nil) != allowed {
			t.Errorf("version %s: %v", id, err)
		}
		_, err = c.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: &b, Key: aws.String("copy"), CopySource: aws.String("reports/k?versionId=" + id)})
		if (err == nil) != allowed {
			t.Errorf("copy of version %s: %v", id, err)
		}
	}
}

// TestSignatureKeys: S3 API reference, "Amazon S3 Signature Version 4
// authentication specific policy keys"; the condition on AWS is its way to forbid
// Version 2.
func TestSignatureKeys(t *testing.T) {
	s := start(t, false)
	root := client(s.Root(servicetest.Account))
	b := bucket(t, root, "reports")
	write(t, root, b, "k", "v")
	version2 := func() string {
		expires := strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)
		mac := hmac.New(sha1.New, []byte("test-secret"))
		io.WriteString(mac, "GET\n\n\n"+expires+"\n/reports/k")
		return s.URL + "/reports/k?AWSAccessKeyId=AKIAREADER" + servicetest.Account + "&Expires=" + expires + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	for _, tc := range []struct {
		name, condition        string
		header, presigned, two bool // whether a Deny with the condition meets it
	}{
		{"the header", `"StringEquals":{"s3:authType":"REST-HEADER"}`, true, false, false},
		{"the query", `"StringEquals":{"s3:authType":"REST-QUERY-STRING"}`, false, true, true},
		{"anything but the header", `"StringNotEquals":{"s3:authType":"REST-HEADER"}`, false, true, true},
		{"Version 2", `"StringEquals":{"s3:signatureversion":"AWS"}`, false, false, true},
		{"Version 4", `"StringEquals":{"s3:signatureversion":"AWS4-HMAC-SHA256"}`, true, true, false},
		{"old signatures", `"NumericGreaterThan":{"s3:signatureAge":"600000"}`, false, false, false},
		{"young signatures", `"NumericLessThan":{"s3:signatureAge":"600000"}`, true, true, true}, // 0 of Version 2
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := client(s.Role(servicetest.Account, "reader", policyOf(statement("Allow", `"s3:*"`, ""), statement("Deny", `"s3:*"`, tc.condition))))
			_, err := c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: &b, Key: aws.String("k")})
			if (err != nil) != tc.header {
				t.Errorf("signed in the header: %v", err)
			}
			signed := must[*awsSigned](t)(presign(c, b, "k"))
			for at, refused := range map[string]bool{signed.URL: tc.presigned, version2(): tc.two} {
				answer := must[*http.Response](t)(s.Client().Get(at))
				answer.Body.Close()
				if want := map[bool]int{true: 403, false: 200}[refused]; answer.StatusCode != want {
					t.Errorf("%s: %d, want %d", at, answer.StatusCode, want)
				}
			}
		})
	}
}

// TestParameterPermissions: API reference, CreateBucket, "Permissions"; the
// constraint is the S3 user guide's example of creating buckets in one region.
func TestParameterPermissions(t *testing.T) {
	s := start(t, false)
	ctx := t.Context()
	const create, ownership, tagging = `"s3:CreateBucket"`, `"s3:PutBucketOwnershipControls"`, `"s3:TagResource"`
	here := `"StringEquals":{"s3:LocationConstraint":"us-west-2"}`
	tags := []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}}
	for i, tc := range []struct {
		name, policy, missing string
		in                    sdk.CreateBucketInput
	}{
		{"plain", policyOf(statement("Allow", create, "")), "", sdk.CreateBucketInput{}},
		{"private", policyOf(statement("Allow", create, "")), "", sdk.CreateBucketInput{ACL: "private"}},
		{"public", policyOf(statement("Allow", create, "")), "s3:PutBucketAcl", sdk.CreateBucketInput{ACL: "public-read"}},
		{"ownership", policyOf(statement("Allow", create, "")), "s3:PutBucketOwnershipControls", sdk.CreateBucketInput{ObjectOwnership: "ObjectWriter"}},
		{"ownership, allowed", policyOf(statement("Allow", create, ""), statement("Allow", ownership, "")), "", sdk.CreateBucketInput{ObjectOwnership: "ObjectWriter"}},
		{"tags", policyOf(statement("Allow", create, "")), "s3:TagResource", sdk.CreateBucketInput{CreateBucketConfiguration: &types.CreateBucketConfiguration{Tags: tags}}},
		{"tags, allowed", policyOf(statement("Allow", create, ""), statement("Allow", tagging, "")), "", sdk.CreateBucketInput{CreateBucketConfiguration: &types.CreateBucketConfiguration{Tags: tags}}},
		{"the region", policyOf(statement("Allow", create, here)), "", sdk.CreateBucketInput{}},
		{"another region", policyOf(statement("Allow", create, strings.ReplaceAll(here, "us-west-2", "eu-west-1"))), "s3:CreateBucket", sdk.CreateBucketInput{}},
		{"every region but this", policyOf(statement("Allow", create, ""), statement("Deny", create, here)), "s3:CreateBucket", sdk.CreateBucketInput{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.in.Bucket = aws.String("bucket-" + strconv.Itoa(i))
			if tc.in.CreateBucketConfiguration == nil {
				tc.in.CreateBucketConfiguration = &types.CreateBucketConfiguration{}
			}
			tc.in.CreateBucketConfiguration.LocationConstraint = servicetest.Region
			_, err := client(s.Role(servicetest.Account, "reader", tc.policy)).CreateBucket(ctx, &tc.in)
			if tc.missing == "" && err != nil || tc.missing != "" && (err == nil || !strings.Contains(err.Error(), reader+tc.missing+" on")) {
				t.Errorf("got %v, want it to name %q", err, tc.missing)
			}
		})
	}
}

// TestPrivateACL: where ACLs are off, private is refused and the bucket owner's
// full control taken (S3 user guide, "Controlling ownership of objects";
// distribution/distribution#4820); a bucket may be made private, and no other way.
func TestPrivateACL(t *testing.T) {
	c := client(start(t, false).Root(servicetest.Account))
	b := bucket(t, c, "reports")
	ctx, key := t.Context(), aws.String("k")
	put := func(acl types.ObjectCannedACL) error {
		_, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: &b, Key: key, Body: strings.NewReader("v"), ACL: acl})
		return err
	}
	write(t, c, b, "k", "v")
	calls := map[string]func() error{
		"PutObject": func() error { return put("private") },
		"PutObjectAcl": func() error {
			_, err := c.PutObjectAcl(ctx, &sdk.PutObjectAclInput{Bucket: &b, Key: key, ACL: "private"})
			return err
		},
		"PutBucketAcl": func() error {
			_, err := c.PutBucketAcl(ctx, &sdk.PutBucketAclInput{Bucket: &b, ACL: "private"})
			return err
		},
		"CopyObject": func() error {
			_, err := c.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: &b, Key: aws.String("copy"), CopySource: aws.String("reports/k"), ACL: "private"})
			return err
		},
		"CreateMultipartUpload": func() error {
			_, err := c.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: &b, Key: key, ACL: "private"})
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			refused(t, call(), 400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
		})
	}
	if err := put("bucket-owner-full-control"); err != nil {
		t.Errorf("the owner's full control: %v", err)
	}
	_, err := c.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: aws.String("public-reports"), ACL: "public-read",
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: servicetest.Region}})
	refused(t, err, 400, "InvalidBucketAclWithObjectOwnership", "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
	must[*sdk.DeleteBucketOwnershipControlsOutput](t)(c.DeleteBucketOwnershipControls(ctx, &sdk.DeleteBucketOwnershipControlsInput{Bucket: &b}))
	for name, call := range calls {
		if err := call(); err != nil {
			t.Errorf("%s where ACLs are on: %v", name, err)
		}
	}
}

// TestKeysOfUpload: the two policies of the S3 user guide that go by how an upload is
// made, and a multipart upload under each: "Enforce conditional writes on Amazon S3
// buckets", and encryption, which the parts do not name again (recorded 10).
func TestKeysOfUpload(t *testing.T) {
	s := start(t, false)
	root := client(s.Root(servicetest.Account))
	b := bucket(t, root, "reports")
	ctx := t.Context()
	upload := func(c *sdk.Client, create sdk.CreateMultipartUploadInput, none *string) error {
		create.Bucket, create.Key = &b, aws.String("k")
		return inOnePart(ctx, c, create, sdk.CompleteMultipartUploadInput{IfNoneMatch: none})
	}
	put := func(c *sdk.Client, in sdk.PutObjectInput) error {
		in.Bucket, in.Key, in.Body = &b, aws.String("put"), strings.NewReader("v")
		_, err := c.PutObject(ctx, &in)
		return err
	}
	conditional := client(s.Role(servicetest.Account, "conditional", policyOf(statement("Allow", `"s3:PutObject"`, ""),
		statement("Deny", `"s3:PutObject"`, `"Null":{"s3:if-none-match":"true"},"Bool":{"s3:ObjectCreationOperation":"true"}`))))
	encrypted := client(s.Role(servicetest.Account, "encrypted", policyOf(statement("Allow", `["s3:PutObject","kms:*"]`, ""),
		statement("Deny", `"s3:PutObject"`, `"StringNotEquals":{"s3:x-amz-server-side-encryption":"aws:kms"}`),
		statement("Deny", `"s3:PutObject"`, `"Null":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"true"}`))))
	keyed := sdk.CreateMultipartUploadInput{ServerSideEncryption: "aws:kms", SSEKMSKeyId: aws.String(keyARN)}
	for _, tc := range []struct {
		name    string
		err     error
		refused bool
	}{
		{"completed if nothing is there", upload(conditional, sdk.CreateMultipartUploadInput{}, aws.String("*")), false},
		{"completed whatever is there", upload(conditional, sdk.CreateMultipartUploadInput{}, nil), true},
		{"put if nothing is there", put(conditional, sdk.PutObjectInput{IfNoneMatch: aws.String("*")}), false},
		{"put whatever is there", put(conditional, sdk.PutObjectInput{}), true},
		{"in parts under the key", upload(encrypted, keyed, nil), false},
		{"in parts under the account's key of AWS", upload(encrypted, sdk.CreateMultipartUploadInput{ServerSideEncryption: "aws:kms"}, nil), true},
		{"in parts", upload(encrypted, sdk.CreateMultipartUploadInput{}, nil), true},
		{"put under the key", put(encrypted, sdk.PutObjectInput{ServerSideEncryption: "aws:kms", SSEKMSKeyId: aws.String(keyARN)}), false},
	} {
		if (tc.err != nil) != tc.refused {
			t.Errorf("%s: %v, want refused %v", tc.name, tc.err, tc.refused)
		}
	}
}
