package s3_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/irsa-emu/irsa-emu/services/kms"
	"github.com/irsa-emu/irsa-emu/services/servicetest"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

const (
	keyID  = "1234abcd-12ab-34cd-56ef-1234567890ab"
	keyARN = "arn:aws:kms:us-west-2:111122223333:key/" + keyID
)

// declareKeys puts KMS keys as a State document does.
func declareKeys(t *testing.T, s *servicetest.Server, keys ...statefile.KMSKey) {
	t.Helper()
	err := s.Store.Update(context.Background(), func(tx *state.Txn) error {
		return kms.Apply(tx, servicetest.Account, servicetest.Region, statefile.Account{KMSKeys: keys}, s.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// answered checks code and message of a refusal; "" wants none.
func answered(t *testing.T, what string, err error, want string) {
	t.Helper()
	var e smithy.APIError
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case want == "":
	case !errors.As(err, &e):
		t.Errorf("%s: %v, want %s", what, err, want)
	case !strings.HasPrefix(e.ErrorCode()+": "+e.ErrorMessage(), want):
		t.Errorf("%s:\ngot  %s: %s\nwant %s", what, e.ErrorCode(), e.ErrorMessage(), want)
	}
}

func lacks(action string) string {
	return "AccessDenied: User: arn:aws:sts::111122223333:assumed-role/app/test is not authorized to perform: kms:" + action + " on resource: " + keyARN +
		" because no identity-based policy allows the kms:" + action + " action"
}

// TestKeyOfObject: which calls ask for which right on the key (S3 user guide, "Using
// server-side encryption with AWS KMS keys" and "Uploading and copying objects using
// multipart upload").
func TestKeyOfObject(t *testing.T) {
	s := start(t, false)
	root := client(s.Root(servicetest.Account))
	declareKeys(t, s, statefile.KMSKey{ID: keyID, Aliases: []string{"alias/app"}})
	for _, name := range []string{"plain", "locked"} {
		bucket(t, root, name)
	}
	must[*sdk.PutBucketEncryptionOutput](t)(root.PutBucketEncryption(t.Context(), &sdk.PutBucketEncryptionInput{Bucket: aws.String("locked"),
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{
			{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: "aws:kms", KMSMasterKeyID: aws.String("alias/app")}}}}}))
	write(t, root, "locked", "k", "v")
	write(t, root, "plain", "k", "v")
	upload := must[*sdk.CreateMultipartUploadOutput](t)(root.CreateMultipartUpload(t.Context(), &sdk.CreateMultipartUploadInput{Bucket: aws.String("locked"), Key: aws.String("parts")}))
	part := must[*sdk.UploadPartOutput](t)(root.UploadPart(t.Context(), &sdk.UploadPartInput{Bucket: aws.String("locked"), Key: aws.String("parts"), UploadId: upload.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("v")}))

	put := func(in sdk.PutObjectInput) func(*sdk.Client) error {
		return func(c *sdk.Client) error {
			in.Key, in.Body = aws.String("new"), strings.NewReader("v")
			_, err := c.PutObject(t.Context(), &in)
			return err
		}
	}
	copied := func(source, target string) func(*sdk.Client) error {
		return func(c *sdk.Client) error {
			_, err := c.CopyObject(t.Context(), &sdk.CopyObjectInput{Bucket: &target, Key: aws.String("copy"), CopySource: aws.String(source + "/k")})
			return err
		}
	}
	cases := []struct {
		name  string
		call  func(*sdk.Client) error
		needs []string
	}{
		{"PutObject into the bucket", put(sdk.PutObjectInput{Bucket: aws.String("locked")}), []string{"GenerateDataKey"}},
		{"PutObject with the key", put(sdk.PutObjectInput{Bucket: aws.String("plain"), ServerSideEncryption: "aws:kms", SSEKMSKeyId: aws.String(keyARN)}), []string{"GenerateDataKey"}},
		{"PutObject in two layers", put(sdk.PutObjectInput{Bucket: aws.String("plain"), ServerSideEncryption: "aws:kms:dsse", SSEKMSKeyId: aws.String(keyID)}), []string{"GenerateDataKey"}},
		{"PutObject with AWS's key", put(sdk.PutObjectInput{Bucket: aws.String("locked"), ServerSideEncryption: "aws:kms"}), nil},
		{"PutObject without KMS", put(sdk.PutObjectInput{Bucket: aws.String("locked"), ServerSideEncryption: "AES256"}), nil},
		{"GetObject", func(c *sdk.Client) error {
			_, err := c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String("locked"), Key: aws.String("k")})
			return err
		}, []string{"Decrypt"}},
		{"HeadObject", func(c *sdk.Client) error {
			_, err := c.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: aws.String("locked"), Key: aws.String("k")})
			return err
		}, nil},
		{"ListObjectsV2", func(c *sdk.Client) error {
			_, err := c.ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: aws.String("locked")})
			return err
		}, nil},
		{"CopyObject out of the bucket", copied("locked", "plain"), []string{"Decrypt"}},
		{"CopyObject into the bucket", copied("plain", "locked"), []string{"GenerateDataKey"}},
		{"CopyObject within the bucket", copied("locked", "locked"), []string{"Decrypt", "GenerateDataKey"}},
		{"CreateMultipartUpload", func(c *sdk.Client) error {
			_, err := c.CreateMultipartUpload(t.Context(), &sdk.CreateMultipartUploadInput{Bucket: aws.String("locked"), Key: aws.String("parts")})
			return err
		}, []string{"GenerateDataKey"}},
		{"UploadPart", func(c *sdk.Client) error {
			_, err := c.UploadPart(t.Context(), &sdk.UploadPartInput{Bucket: aws.String("locked"), Key: aws.String("parts"), UploadId: upload.UploadId, PartNumber: aws.Int32(2), Body: strings.NewReader("v")})
			return err
		}, []string{"Decrypt"}},
		{"CompleteMultipartUpload", func(c *sdk.Client) error {
			_, err := c.CompleteMultipartUpload(t.Context(), &sdk.CompleteMultipartUploadInput{Bucket: aws.String("locked"), Key: aws.String("parts"), UploadId: upload.UploadId,
				MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag}}}})
			return err
		}, []string{"Decrypt"}},
		{"DeleteObject", func(c *sdk.Client) error {
			_, err := c.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: aws.String("locked"), Key: aws.String("k")})
			return err
		}, nil},
	}
	for _, tc := range cases {
		for i := range tc.needs { // each of them is missed, in the order in which they are asked for
			policies := []string{servicetest.Allow("*", "s3:*")}
			for j, action := range tc.needs {
				if j != i {
					policies = append(policies, servicetest.Allow(keyARN, "kms:"+action))
				}
			}
			answered(t, tc.name, tc.call(client(s.Role(servicetest.Account, "app", policies...))), lacks(tc.needs[i]))
		}
		policies := []string{servicetest.Allow("*", "s3:*")}
		for _, action := range tc.needs {
			policies = append(policies, servicetest.Allow(keyARN, "kms:"+action))
		}
		answered(t, tc.name, tc.call(client(s.Role(servicetest.Account, "app", policies...))), "")
	}
}

// TestEncryptionContext: what key policies can ask about.
func TestEncryptionContext(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte(`{"team":"payments"}`))
	cases := []struct {
		name, condition string
		in              sdk.PutObjectInput
		allowed         bool
	}{
		{"via S3", `"StringEquals":{"kms:ViaService":"s3.us-west-2.amazonaws.com"}`, sdk.PutObjectInput{}, true},
		{"via Secrets Manager", `"StringEquals":{"kms:ViaService":"secretsmanager.us-west-2.amazonaws.com"}`, sdk.PutObjectInput{}, false},
		{"the object", `"StringEquals":{"kms:EncryptionContext:aws:s3:arn":"arn:aws:s3:::box/k"}`, sdk.PutObjectInput{}, true},
		{"not the bucket", `"StringEquals":{"kms:EncryptionContext:aws:s3:arn":"arn:aws:s3:::box"}`, sdk.PutObjectInput{}, false},
		{"the bucket, with its key", `"StringEquals":{"kms:EncryptionContext:aws:s3:arn":"arn:aws:s3:::box"}`, sdk.PutObjectInput{BucketKeyEnabled: aws.Bool(true)}, true},
		{"the object in two layers", `"StringEquals":{"kms:EncryptionContext:aws:s3:arn":"arn:aws:s3:::box/k"}`, sdk.PutObjectInput{ServerSideEncryption: "aws:kms:dsse", BucketKeyEnabled: aws.Bool(true)}, true},
		{"the client's own", `"StringEquals":{"kms:EncryptionContext:team":"payments"}`, sdk.PutObjectInput{SSEKMSEncryptionContext: &encoded}, true},
		{"no context of the client's", `"StringEquals":{"kms:EncryptionContext:team":"payments"}`, sdk.PutObjectInput{}, false},
		{"the caller's account", `"StringEquals":{"kms:CallerAccount":"111122223333"}`, sdk.PutObjectInput{}, true},
	}
	for _, tc := range cases {
		s := start(t, false)
		bucket(t, client(s.Root(servicetest.Account)), "box")
		declareKeys(t, s, statefile.KMSKey{ID: keyID, Policy: statefile.NewDocument(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*","Condition":{` + tc.condition + `}}]}`)})
		c := client(s.Role(servicetest.Account, "app", servicetest.Allow("*", "s3:*", "kms:*")))
		in := tc.in
		in.Bucket, in.Key, in.Body, in.SSEKMSKeyId = aws.String("box"), aws.String("k"), strings.NewReader("v"), aws.String(keyARN)
		if in.ServerSideEncryption == "" {
			in.ServerSideEncryption = "aws:kms"
		}
		_, err := c.PutObject(t.Context(), &in)
		want := ""
		if !tc.allowed {
			want = strings.Replace(lacks("GenerateDataKey"), "identity-based", "resource-based", 1)
		}
		answered(t, tc.name, err, want)
		if tc.allowed { // what was written with a context is read with it
			_, err := c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: in.Bucket, Key: in.Key})
			answered(t, tc.name+", read", err, "")
		}
	}
}

// TestKeysOfOthers: keys that are not there, cannot be used, or are another account's
// (recorded 11a).
func TestKeysOfOthers(t *testing.T) {
	s := start(t, false)
	root := client(s.Root(servicetest.Account))
	bucket(t, root, "box")
	const going = "11111111-2222-4333-8444-555555555555"
	declareKeys(t, s, statefile.KMSKey{ID: keyID, State: "Disabled"}, statefile.KMSKey{ID: going, State: "PendingDeletion"})
	for id, want := range map[string]string{
		"fake-key-id":                          "KMS.NotFoundException: Invalid keyId 'fake-key-id'",
		"alias/nowhere":                        "KMS.NotFoundException: Alias arn:aws:kms:us-west-2:111122223333:alias/nowhere is not found.",
		"134f2428-cec1-4b25-a1ae-9048164dba47": "KMS.NotFoundException: Key 'arn:aws:kms:us-west-2:111122223333:key/134f2428-cec1-4b25-a1ae-9048164dba47' does not exist",
		strings.Replace(keyARN, "us-west-2", "eu-west-1", 1): "KMS.NotFoundException: Invalid arn eu-west-1",
		keyID: "KMS.DisabledException: " + keyARN + " is disabled.",
		going: "KMS.KMSInvalidStateException: arn:aws:kms:us-west-2:111122223333:key/" + going + " is pending deletion.",
		strings.Replace(keyARN, "111122223333", "444455556666", 1): "AccessDenied: User: arn:aws:iam::111122223333:root is not authorized to perform: kms:GenerateDataKey on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access",
	} {
		_, err := root.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String("box"), Key: aws.String("k"), ServerSideEncryption: "aws:kms", SSEKMSKeyId: &id})
		answered(t, id, err, want)
	}
	_, err := root.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String("box"), Key: aws.String("k"), SSEKMSKeyId: aws.String(keyARN)})
	answered(t, "a key without aws:kms", err, "InvalidArgument: Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms")
	_, err = root.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String("box"), Key: aws.String("k"), ServerSideEncryption: "aws:kms", SSEKMSEncryptionContext: aws.String("e30K!")})
	answered(t, "a bad context", err, "InvalidArgument: The header 'x-amz-server-side-encryption-context' shall be Base64-encoded")
}

// TestManagedKeyOfObjects: AWS's own key is for everybody of the account, and for
// nobody else; KMS takes no unsigned reads.
func TestManagedKeyOfObjects(t *testing.T) {
	s := start(t, false)
	root := client(s.Root(servicetest.Account))
	bucket(t, root, "box")
	put := must[*sdk.PutObjectOutput](t)(root.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String("box"), Key: aws.String("k"), Body: strings.NewReader("v"), ServerSideEncryption: "aws:kms"}))
	if key := aws.ToString(put.SSEKMSKeyId); !strings.HasPrefix(key, "arn:aws:kms:us-west-2:111122223333:key/") {
		t.Errorf("the key is %q, want an ARN", key)
	}
	must[*sdk.DeletePublicAccessBlockOutput](t)(root.DeletePublicAccessBlock(t.Context(), &sdk.DeletePublicAccessBlockInput{Bucket: aws.String("box")}))
	must[*sdk.PutBucketPolicyOutput](t)(root.PutBucketPolicy(t.Context(), &sdk.PutBucketPolicyInput{Bucket: aws.String("box"), Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::box/*"}]}`)}))
	get := func(c *sdk.Client) error {
		_, err := c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String("box"), Key: aws.String("k")})
		return err
	}
	answered(t, "of the account", get(client(s.Role(servicetest.Account, "app"))), "")
	denyKMS := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"kms:*","Resource":"*"}]}`
	answered(t, "with a deny", get(client(s.Role(servicetest.Account, "app", denyKMS))), "AccessDenied: User: arn:aws:sts::111122223333:assumed-role/app/test is not authorized to perform: kms:Decrypt on resource: "+*put.SSEKMSKeyId+" with an explicit deny in an identity-based policy")
	answered(t, "of another account", get(client(s.Role(servicetest.Other, "app", servicetest.Allow("*", "s3:*", "kms:*")))),
		"AccessDenied: User: arn:aws:sts::444455556666:assumed-role/app/test is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext because the resource does not exist in this Region")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/box/k", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("unsigned: %d, want 400", resp.StatusCode)
	}
}

// TestClientKeys: nothing pretends that there are keys of the client's, and what a
// bucket blocks is given back.
func TestClientKeys(t *testing.T) {
	s := start(t, true)
	c := sdk.NewFromConfig(s.Root(servicetest.Account), func(o *sdk.Options) {
		o.UsePathStyle, o.HTTPClient, o.Retryer = true, s.Client(), aws.NopRetryer{}
	})
	bucket(t, c, "box")
	write(t, c, "box", "k", "v")
	key, algorithm := aws.String(strings.Repeat("k", 32)), aws.String("AES256")
	_, err := c.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String("box"), Key: aws.String("new"), SSECustomerKey: key, SSECustomerAlgorithm: algorithm})
	answered(t, "PutObject", err, "NotImplemented: ")
	_, err = c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String("box"), Key: aws.String("k"), SSECustomerKey: key, SSECustomerAlgorithm: algorithm})
	answered(t, "GetObject", err, "InvalidRequest: The encryption parameters are not applicable to this object.")
	_, err = c.CopyObject(t.Context(), &sdk.CopyObjectInput{Bucket: aws.String("box"), Key: aws.String("copy"), CopySource: aws.String("box/k"), CopySourceSSECustomerKey: key, CopySourceSSECustomerAlgorithm: algorithm})
	answered(t, "CopyObject", err, "InvalidRequest: The encryption parameters are not applicable to this object.")
	rules := &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
		ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: "AES256"},
		BlockedEncryptionTypes:             &types.BlockedEncryptionTypes{EncryptionType: []types.EncryptionType{"SSE-C"}}}}}
	must[*sdk.PutBucketEncryptionOutput](t)(c.PutBucketEncryption(t.Context(), &sdk.PutBucketEncryptionInput{Bucket: aws.String("box"), ServerSideEncryptionConfiguration: rules}))
	got := must[*sdk.GetBucketEncryptionOutput](t)(c.GetBucketEncryption(t.Context(), &sdk.GetBucketEncryptionInput{Bucket: aws.String("box")}))
	if blocked := got.ServerSideEncryptionConfiguration.Rules[0].BlockedEncryptionTypes; blocked == nil || len(blocked.EncryptionType) != 1 || blocked.EncryptionType[0] != "SSE-C" {
		t.Errorf("blocked: %+v", blocked)
	}
}
