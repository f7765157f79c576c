package s3_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/irsa-emu/irsa-emu/services/servicetest"
)

// TestETagUnderKey: an ETag is the MD5 of what is under S3's own keys only, and under
// a key of KMS another one each time (API reference, Object, ETag).
func TestETagUnderKey(t *testing.T) {
	s := start(t, false)
	root := client(s.Root(servicetest.Account))
	b := bucket(t, root, "reports")
	ctx, key, hello := t.Context(), aws.String("k"), `"5d41402abc4b2a76b9719d911017c592"`
	write(t, root, b, "source", "hello")
	plain := regexp.MustCompile(`^"[0-9a-f]{32}"$`)
	for _, algorithm := range []types.ServerSideEncryption{"AES256", "aws:kms", "aws:kms:dsse"} {
		seen := map[string]string{}
		check := func(what string, etag *string) {
			t.Helper()
			switch {
			case !plain.MatchString(*etag):
				t.Errorf("%s: %s: ETag %s", algorithm, what, *etag)
			case algorithm == "AES256" && *etag != hello:
				t.Errorf("%s: %s: ETag %s, want %s", algorithm, what, *etag, hello)
			case algorithm != "AES256" && (*etag == hello || seen[*etag] != ""):
				t.Errorf("%s: %s: ETag %s, which is the MD5, or that of %s", algorithm, what, *etag, seen[*etag])
			}
			seen[*etag] = what
		}
		put := func() *string {
			return must[*sdk.PutObjectOutput](t)(root.PutObject(ctx, &sdk.PutObjectInput{Bucket: &b, Key: key, Body: strings.NewReader("hello"), ServerSideEncryption: algorithm,
				ContentMD5: aws.String("XUFAKrxLKna5cZ2REBfFkg==")})).ETag
		}
		check("put", put())
		last := put()
		check("put again", last)
		head := must[*sdk.HeadObjectOutput](t)(root.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: &b, Key: key}))
		list := must[*sdk.ListObjectsV2Output](t)(root.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: &b, Prefix: key}))
		if *head.ETag != *last || *list.Contents[0].ETag != *last {
			t.Errorf("%s: put %s, head %s, list %s", algorithm, *last, *head.ETag, *list.Contents[0].ETag)
		}
		must[*sdk.GetObjectOutput](t)(root.GetObject(ctx, &sdk.GetObjectInput{Bucket: &b, Key: key, IfMatch: last}))
		check("copy", must[*sdk.CopyObjectOutput](t)(root.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: &b, Key: key, CopySource: aws.String("reports/source"), ServerSideEncryption: algorithm})).CopyObjectResult.ETag)
		u := must[*sdk.CreateMultipartUploadOutput](t)(root.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: &b, Key: key, ServerSideEncryption: algorithm}))
		part := must[*sdk.UploadPartOutput](t)(root.UploadPart(ctx, &sdk.UploadPartInput{Bucket: &b, Key: key, UploadId: u.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("hello")}))
		check("part", part.ETag)
		copied := must[*sdk.UploadPartCopyOutput](t)(root.UploadPartCopy(ctx, &sdk.UploadPartCopyInput{Bucket: &b, Key: key, UploadId: u.UploadId, PartNumber: aws.Int32(1), CopySource: aws.String("reports/source")}))
		check("copied part", copied.CopyPartResult.ETag)
		done := must[*sdk.CompleteMultipartUploadOutput](t)(root.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadInput{Bucket: &b, Key: key, UploadId: u.UploadId,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: copied.CopyPartResult.ETag}}}}))
		if !strings.HasSuffix(*done.ETag, `-1"`) {
			t.Errorf("%s: completed: ETag %s", algorithm, *done.ETag)
		}
	}
}

// TestETagOfDocument: a document that is put again is the same object, also under a key.
func TestETagOfDocument(t *testing.T) {
	s := start(t, false)
	const text = `apiVersion: irsa-emu.dev/v1
kind: State
accounts:
  "` + servicetest.Account + `":
    buckets:
      - name: keyed
        region: us-west-2
        versioning: Enabled
        encryption: {Rules: [{ApplyServerSideEncryptionByDefault: {SSEAlgorithm: aws:kms}}]}
        objects: {k: {content: hello}}
`
	var before string
	root := client(s.Root(servicetest.Account))
	for range 2 {
		if err := apply(t, s, text); err != nil {
			t.Fatal(err)
		}
		head := must[*sdk.HeadObjectOutput](t)(root.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: aws.String("keyed"), Key: aws.String("k")}))
		if *head.ETag == `"5d41402abc4b2a76b9719d911017c592"` || before != "" && before != *head.ETag+*head.VersionId {
			t.Errorf("ETag %s, version %s, before %s", *head.ETag, *head.VersionId, before)
		}
		before = *head.ETag + *head.VersionId
	}
	if out := exported(t, s); strings.Contains(out, "etag:") {
		t.Errorf("the ETag follows from the document, and is exported:\n%s", out)
	}
}

// TestConditionOnETag: who writes or deletes if the object has an ETag needs
// s3:GetObject (S3 user guide, "Enforce conditional writes on Amazon S3 buckets" and
// "Enforce conditional deletes on Amazon S3 buckets").
func TestConditionOnETag(t *testing.T) {
	s := start(t, false)
	root := client(s.Root(servicetest.Account))
	b := bucket(t, root, "reports")
	ctx, key := t.Context(), aws.String("k")
	etag := write(t, root, b, "k", "v").ETag
	writer := client(s.Role(servicetest.Account, "writer", policyOf(statement("Allow", `["s3:PutObject","s3:DeleteObject"]`, ""))))
	both := client(s.Role(servicetest.Account, "both", policyOf(statement("Allow", `["s3:PutObject","s3:DeleteObject","s3:GetObject"]`, `"Null":{"s3:if-match":"true"}`),
		statement("Allow", `["s3:PutObject","s3:DeleteObject"]`, `"Null":{"s3:if-match":"false"}`))))
	calls := map[string]func(c *sdk.Client, etag *string) error{
		"PutObject": func(c *sdk.Client, etag *string) error {
			_, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: &b, Key: key, Body: strings.NewReader("v"), IfMatch: etag})
			return err
		},
		"DeleteObject": func(c *sdk.Client, etag *string) error {
			_, err := c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &b, Key: key, IfMatch: etag})
			return err
		},
		"CompleteMultipartUpload": func(c *sdk.Client, etag *string) error {
			return inOnePart(ctx, c, sdk.CreateMultipartUploadInput{Bucket: &b, Key: key}, sdk.CompleteMultipartUploadInput{IfMatch: etag})
		},
	}
	for what, call := range calls {
		err := call(writer, etag)
		if err == nil || !strings.Contains(err.Error(), "operation error S3: "+what+",") || !strings.Contains(err.Error(), "s3:GetObject on") {
			t.Errorf("%s without s3:GetObject: %v", what, err)
		}
		if err := call(both, etag); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := call(writer, nil); err != nil {
			t.Errorf("%s without a condition: %v", what, err)
		}
		etag = write(t, root, b, "k", "v").ETag
	}
	out := must[*sdk.DeleteObjectsOutput](t)(writer.DeleteObjects(ctx, &sdk.DeleteObjectsInput{Bucket: &b, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: key, ETag: etag}}}}))
	if len(out.Errors) != 1 || !strings.Contains(*out.Errors[0].Message, "s3:GetObject on") {
		t.Errorf("DeleteObjects: %+v", out.Errors)
	}
	if _, err := writer.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &b, Key: key, IfMatch: aws.String("*")}); err != nil {
		t.Errorf("a delete if there is anything: %v", err)
	}
}
