package s3_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/services/s3"
	"github.com/irsa-emu/irsa-emu/services/servicetest"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

type awsSigned = v4.PresignedHTTPRequest

func presign(c *sdk.Client, bucket, key string) (*awsSigned, error) {
	return sdk.NewPresignClient(c).PresignGetObject(context.Background(), &sdk.GetObjectInput{Bucket: &bucket, Key: &key, ResponseContentDisposition: aws.String("attachment")})
}

// TestCreateBucket: recorded on AWS (test_different_location_constraint,
// test_create_bucket_with_existing_name, test_create_bucket_head_bucket).
func TestCreateBucket(t *testing.T) {
	s := start(t, false)
	ctx := t.Context()
	in := func(region string) *sdk.Client {
		return sdk.NewFromConfig(s.Root(servicetest.Account), func(o *sdk.Options) { o.UsePathStyle, o.Region, o.Retryer = true, region, aws.NopRetryer{} })
	}
	create := func(c *sdk.Client, name, constraint string) (*sdk.CreateBucketOutput, error) {
		in := &sdk.CreateBucketInput{Bucket: &name}
		if constraint != "" {
			in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(constraint)}
		}
		return c.CreateBucket(ctx, in)
	}
	east, west := in("us-east-1"), in("us-west-2")
	made := must[*sdk.CreateBucketOutput](t)(create(east, "bucket-1", ""))
	if *made.Location != "/bucket-1" || *made.BucketArn != "arn:aws:s3:::bucket-1" {
		t.Errorf("made %+v", made)
	}
	must[*sdk.CreateBucketOutput](t)(create(east, "bucket-1", "")) // well in us-east-1 only
	if made := must[*sdk.CreateBucketOutput](t)(create(east, "bucket-2", "eu-west-1")); *made.Location != "http://bucket-2.s3.amazonaws.com/" {
		t.Errorf("Location %s", *made.Location)
	}
	if made := must[*sdk.CreateBucketOutput](t)(create(in("cn-north-1"), "bucket-cn", "cn-north-1")); *made.Location != "http://bucket-cn.s3.cn-north-1.amazonaws.com.cn/" {
		t.Errorf("Location %s", *made.Location)
	}
	_, err := create(west, "bucket-3", "")
	refused(t, err, 400, "IllegalLocationConstraintException", "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.")
	_, err = create(west, "bucket-3", "eu-west-1")
	refused(t, err, 400, "IllegalLocationConstraintException", "The eu-west-1 location constraint is incompatible for the region specific endpoint this request was sent to.")
	_, err = create(east, "bucket-3", "us-east-1")
	refused(t, err, 400, "InvalidLocationConstraint", "The specified location-constraint is not valid")
	_, err = create(in("eu-west-1"), "bucket-2", "eu-west-1")
	refused(t, err, 409, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.")
	_, err = create(client(s.Root(servicetest.Other)), "bucket-1", servicetest.Region)
	refused(t, err, 409, "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.")
	_, err = create(west, "Upper_Case", "us-west-2")
	refused(t, err, 400, "InvalidBucketName", "The specified bucket is not valid.")

	if got := must[*sdk.GetBucketLocationOutput](t)(east.GetBucketLocation(ctx, &sdk.GetBucketLocationInput{Bucket: aws.String("bucket-1")})); got.LocationConstraint != "" {
		t.Errorf("location %q", got.LocationConstraint)
	}
	if got := must[*sdk.GetBucketLocationOutput](t)(east.GetBucketLocation(ctx, &sdk.GetBucketLocationInput{Bucket: aws.String("bucket-2")})); got.LocationConstraint != "eu-west-1" {
		t.Errorf("location %q", got.LocationConstraint)
	}
	head := must[*sdk.HeadBucketOutput](t)(in("eu-west-1").HeadBucket(ctx, &sdk.HeadBucketInput{Bucket: aws.String("bucket-2")}))
	if *head.BucketRegion != "eu-west-1" || *head.BucketArn != "arn:aws:s3:::bucket-2" || *head.AccessPointAlias {
		t.Errorf("head %+v", head)
	}
	_, err = east.HeadBucket(ctx, &sdk.HeadBucketInput{Bucket: aws.String("does-not-exist")})
	refused(t, err, 404, "NotFound", "")
	_, err = east.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: aws.String("does-not-exist")})
	refused(t, err, 404, "NoSuchBucket", "The specified bucket does not exist")
	write(t, east, "bucket-1", "k", "v")
	_, err = east.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: aws.String("bucket-1")})
	refused(t, err, 409, "BucketNotEmpty", "The bucket you tried to delete is not empty")
}

// TestFreshBucket reads what Terraform's aws_s3_bucket reads of a bucket that
// was just made. The answers were recorded on AWS.
func TestFreshBucket(t *testing.T) {
	c := client(start(t, false).Root(servicetest.Account))
	b := bucket(t, c, "reports")
	ctx := t.Context()
	encryption := must[*sdk.GetBucketEncryptionOutput](t)(c.GetBucketEncryption(ctx, &sdk.GetBucketEncryptionInput{Bucket: &b})).ServerSideEncryptionConfiguration
	if len(encryption.Rules) != 1 || encryption.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm != "AES256" || *encryption.Rules[0].BucketKeyEnabled {
		t.Errorf("encryption %+v", encryption)
	}
	public := must[*sdk.GetPublicAccessBlockOutput](t)(c.GetPublicAccessBlock(ctx, &sdk.GetPublicAccessBlockInput{Bucket: &b})).PublicAccessBlockConfiguration
	if !*public.BlockPublicAcls || !*public.BlockPublicPolicy || !*public.IgnorePublicAcls || !*public.RestrictPublicBuckets {
		t.Errorf("public access block %+v", public)
	}
	if got := must[*sdk.GetBucketOwnershipControlsOutput](t)(c.GetBucketOwnershipControls(ctx, &sdk.GetBucketOwnershipControlsInput{Bucket: &b})); got.OwnershipControls.Rules[0].ObjectOwnership != "BucketOwnerEnforced" {
		t.Errorf("ownership %+v", got)
	}
	if got := must[*sdk.GetBucketVersioningOutput](t)(c.GetBucketVersioning(ctx, &sdk.GetBucketVersioningInput{Bucket: &b})); got.Status != "" || got.MFADelete != "" {
		t.Errorf("versioning %+v", got)
	}
	acl := must[*sdk.GetBucketAclOutput](t)(c.GetBucketAcl(ctx, &sdk.GetBucketAclInput{Bucket: &b}))
	if len(acl.Grants) != 1 || acl.Grants[0].Permission != "FULL_CONTROL" || *acl.Grants[0].Grantee.ID != *acl.Owner.ID || acl.Grants[0].Grantee.Type != "CanonicalUser" {
		t.Errorf("acl %+v", acl)
	}
	if got := must[*sdk.GetBucketRequestPaymentOutput](t)(c.GetBucketRequestPayment(ctx, &sdk.GetBucketRequestPaymentInput{Bucket: &b})); got.Payer != "BucketOwner" {
		t.Errorf("payer %+v", got)
	}
	must[*sdk.GetBucketAccelerateConfigurationOutput](t)(c.GetBucketAccelerateConfiguration(ctx, &sdk.GetBucketAccelerateConfigurationInput{Bucket: &b}))
	must[*sdk.GetBucketLoggingOutput](t)(c.GetBucketLogging(ctx, &sdk.GetBucketLoggingInput{Bucket: &b}))
	must[*sdk.GetBucketNotificationConfigurationOutput](t)(c.GetBucketNotificationConfiguration(ctx, &sdk.GetBucketNotificationConfigurationInput{Bucket: &b}))
	for _, tc := range []struct {
		call          func() error
		code, message string
	}{
		{func() error { _, err := c.GetBucketCors(ctx, &sdk.GetBucketCorsInput{Bucket: &b}); return err }, "NoSuchCORSConfiguration", "The CORS configuration does not exist"},
		{func() error {
			_, err := c.GetBucketLifecycleConfiguration(ctx, &sdk.GetBucketLifecycleConfigurationInput{Bucket: &b})
			return err
		}, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"},
		{func() error {
			_, err := c.GetObjectLockConfiguration(ctx, &sdk.GetObjectLockConfigurationInput{Bucket: &b})
			return err
		}, "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"},
		{func() error { _, err := c.GetBucketPolicy(ctx, &sdk.GetBucketPolicyInput{Bucket: &b}); return err }, "NoSuchBucketPolicy", "The bucket policy does not exist"},
		{func() error {
			_, err := c.GetBucketReplication(ctx, &sdk.GetBucketReplicationInput{Bucket: &b})
			return err
		}, "ReplicationConfigurationNotFoundError", "The replication configuration was not found"},
		{func() error { _, err := c.GetBucketTagging(ctx, &sdk.GetBucketTaggingInput{Bucket: &b}); return err }, "NoSuchTagSet", "The TagSet does not exist"},
		{func() error { _, err := c.GetBucketWebsite(ctx, &sdk.GetBucketWebsiteInput{Bucket: &b}); return err }, "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"},
	} {
		refused(t, tc.call(), 404, tc.code, tc.message)
	}
	_, err := c.PutBucketWebsite(ctx, &sdk.PutBucketWebsiteInput{Bucket: &b, WebsiteConfiguration: &types.WebsiteConfiguration{IndexDocument: &types.IndexDocument{Suffix: aws.String("i")}}})
	refused(t, err, 501, "NotImplemented", "irsa-emu does not implement s3:PutBucketWebsite.")
}

// TestSettings: what can be set. The texts were recorded on AWS.
func TestSettings(t *testing.T) {
	c := client(start(t, false).Root(servicetest.Account))
	b := bucket(t, c, "reports")
	ctx := t.Context()
	must[*sdk.PutBucketTaggingOutput](t)(c.PutBucketTagging(ctx, &sdk.PutBucketTaggingInput{Bucket: &b, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("team"), Value: aws.String("x y")}}}}))
	if got := must[*sdk.GetBucketTaggingOutput](t)(c.GetBucketTagging(ctx, &sdk.GetBucketTaggingInput{Bucket: &b})); len(got.TagSet) != 1 || *got.TagSet[0].Value != "x y" {
		t.Errorf("tags %+v", got)
	}
	for _, tc := range []struct{ key, value, code, message string }{
		{"Key1,Key2", "v", "InvalidTag", "The TagKey you have provided is invalid"},
		{"Key1", "Val1,Val2", "InvalidTag", "The TagValue you have provided is invalid"},
		{"aws:prefixed", "v", "InvalidTag", "System tags cannot be added/updated by requester"},
	} {
		_, err := c.PutBucketTagging(ctx, &sdk.PutBucketTaggingInput{Bucket: &b, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: &tc.key, Value: &tc.value}}}})
		refused(t, err, 400, tc.code, tc.message)
	}
	must[*sdk.DeleteBucketTaggingOutput](t)(c.DeleteBucketTagging(ctx, &sdk.DeleteBucketTaggingInput{Bucket: &b}))
	_, err := c.GetBucketTagging(ctx, &sdk.GetBucketTaggingInput{Bucket: &b})
	refused(t, err, 404, "NoSuchTagSet", "The TagSet does not exist")

	must[*sdk.PutBucketEncryptionOutput](t)(c.PutBucketEncryption(ctx, &sdk.PutBucketEncryptionInput{Bucket: &b, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{
		{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: "aws:kms", KMSMasterKeyID: aws.String(keyARN)}, BucketKeyEnabled: aws.Bool(true)}}}}))
	if put := write(t, c, b, "k", "v"); put.ServerSideEncryption != "aws:kms" || *put.SSEKMSKeyId != keyARN || !*put.BucketKeyEnabled {
		t.Errorf("put %+v", put)
	}
	_, err = c.PutBucketAcl(ctx, &sdk.PutBucketAclInput{Bucket: &b, ACL: types.BucketCannedACLPublicRead})
	refused(t, err, 400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
	must[*sdk.CopyObjectOutput](t)(c.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: &b, Key: aws.String("k"), CopySource: aws.String("reports/k")})) // in place: recorded on AWS (test_copy_in_place_with_bucket_encryption)
	must[*sdk.DeleteBucketOwnershipControlsOutput](t)(c.DeleteBucketOwnershipControls(ctx, &sdk.DeleteBucketOwnershipControlsInput{Bucket: &b}))
	_, err = c.GetBucketOwnershipControls(ctx, &sdk.GetBucketOwnershipControlsInput{Bucket: &b})
	refused(t, err, 404, "OwnershipControlsNotFoundError", "The bucket ownership controls were not found")
	_, err = c.PutBucketAcl(ctx, &sdk.PutBucketAclInput{Bucket: &b, ACL: types.BucketCannedACLPublicRead})
	refused(t, err, 501, "NotImplemented", "irsa-emu does not implement s3:PutBucketAcl with an ACL that gives rights to others.")

	tags := &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("")}}}
	must[*sdk.PutObjectTaggingOutput](t)(c.PutObjectTagging(ctx, &sdk.PutObjectTaggingInput{Bucket: &b, Key: aws.String("k"), Tagging: tags}))
	if got := must[*sdk.GetObjectTaggingOutput](t)(c.GetObjectTagging(ctx, &sdk.GetObjectTaggingInput{Bucket: &b, Key: aws.String("k")})); len(got.TagSet) != 1 || *got.TagSet[0].Key != "a" {
		t.Errorf("tags %+v", got)
	}
	must[*sdk.DeleteObjectTaggingOutput](t)(c.DeleteObjectTagging(ctx, &sdk.DeleteObjectTaggingInput{Bucket: &b, Key: aws.String("k")}))
	_, err = c.PutObject(ctx, &sdk.PutObjectInput{Bucket: &b, Key: aws.String("k"), Body: strings.NewReader("v"), Tagging: aws.String("key1=val1&key1=val2")})
	refused(t, err, 400, "InvalidArgument", "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
	_, err = c.PutObject(ctx, &sdk.PutObjectInput{Bucket: &b, Key: aws.String(strings.Repeat("k", 1025)), Body: strings.NewReader("v")})
	refused(t, err, 400, "KeyTooLongError", "Your key is too long")
	_, err = c.PutObject(ctx, &sdk.PutObjectInput{Bucket: &b, Key: aws.String("k"), Body: strings.NewReader("v"), StorageClass: "OUTPOSTS"})
	refused(t, err, 400, "InvalidStorageClass", "The storage class you specified is not valid")
}

// TestAddressing: a bucket in the host, under all names that lead here.
func TestAddressing(t *testing.T) {
	s := start(t, false)
	root := s.Root(servicetest.Account)
	c := client(root)
	b := bucket(t, c, "reports")
	write(t, c, b, "a/b", "v")
	dial := &http.Client{Transport: rewrite{strings.TrimPrefix(s.URL, "http://")}}
	for _, endpoint := range []string{"http://localhost:4772", "http://s3.us-west-2.amazonaws.com", "http://s3.amazonaws.com", "http://emulator.test:4772"} {
		for _, pathStyle := range []bool{false, true} {
			c := sdk.NewFromConfig(root, func(o *sdk.Options) {
				o.BaseEndpoint, o.UsePathStyle, o.HTTPClient, o.Retryer = &endpoint, pathStyle, dial, aws.NopRetryer{}
			})
			if got := read(t, c, b, "a/b"); got != "v" {
				t.Errorf("%s, path style %v: %q", endpoint, pathStyle, got)
			}
			out, err := c.ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: &b})
			if err != nil || len(out.Contents) != 1 || *out.Name != b {
				t.Errorf("%s, path style %v: %v %v", endpoint, pathStyle, out, err)
			}
			name := "made-" + map[bool]string{true: "path-", false: "host-"}[pathStyle] + strings.NewReplacer("http://", "", ".", "", ":4772", "").Replace(endpoint)
			must[*sdk.CreateBucketOutput](t)(c.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: servicetest.Region}}))
			must[*sdk.HeadBucketOutput](t)(c.HeadBucket(t.Context(), &sdk.HeadBucketInput{Bucket: &name}))
		}
	}
}

// rewrite sends every request to one address, whatever its host.
type rewrite struct{ to string }

func (r rewrite) RoundTrip(req *http.Request) (*http.Response, error) {
	host := req.URL.Host
	req = req.Clone(req.Context())
	req.URL.Host = r.to
	req.Host = host
	return http.DefaultTransport.RoundTrip(req)
}

// TestDocument: what is exported and applied again is exported the same.
func TestDocument(t *testing.T) {
	s := start(t, false)
	apply := func(s *servicetest.Server, buckets ...statefile.Bucket) error {
		return s.Store.Update(t.Context(), func(tx *state.Txn) error {
			return s.Service().(api.StateKeeper).Apply(tx, &statefile.State{Accounts: map[string]statefile.Account{servicetest.Account: {Buckets: buckets}}}, s.Now())
		})
	}
	export := func(s *servicetest.Server) []statefile.Bucket {
		doc := statefile.State{Accounts: map[string]statefile.Account{}}
		s.Service().(api.StateKeeper).Export(s.Store.Snapshot(), &doc)
		return doc.Accounts[servicetest.Account].Buckets
	}
	hello := statefile.Text("hello")
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}]}`
	err := apply(s, statefile.Bucket{Name: "reports", Policy: statefile.NewDocument(policy), Tags: map[string]string{"a": "b"}, Objects: map[string]statefile.Object{
		"2026/a.txt": {Content: &hello}, "bin": {Binary: make([]byte, 20<<10), ContentType: "image/png", Metadata: map[string]string{"k": "v"}}, "empty": {},
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := client(s.Root(servicetest.Account))
	if got := read(t, c, "reports", "2026/a.txt"); got != "hello" {
		t.Errorf("read %q", got)
	}
	if got := read(t, c, "reports", "bin"); got != string(make([]byte, 20<<10)) {
		t.Errorf("read %d bytes", len(got))
	}
	answer := must[*http.Response](t)(s.Client().Get(s.URL + "/reports/2026/a.txt"))
	body := must[[]byte](t)(io.ReadAll(answer.Body))
	answer.Body.Close()
	if string(body) != "hello" || answer.Header.Get("Etag") != `"5d41402abc4b2a76b9719d911017c592"` {
		t.Errorf("anonymous: %s %s", answer.Status, body)
	}
	first := export(s)
	other := start(t, false)
	if err := apply(other, first...); err != nil {
		t.Fatal(err)
	}
	if err := apply(other, first...); err != nil { // once more changes nothing
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, export(other)); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
	if err := apply(s, statefile.Bucket{Name: "Not Valid"}); err == nil {
		t.Error("a bad name was applied")
	}
	found := map[string]bool{}
	s3.Accounts(s.Store.Snapshot(), found)
	if !found[servicetest.Account] || len(found) != 1 {
		t.Errorf("accounts %v", found)
	}
	if err := s.Store.Update(t.Context(), func(tx *state.Txn) error { s.Service().(api.StateKeeper).Reset(tx, ""); return nil }); err != nil {
		t.Fatal(err)
	}
	if left := export(s); len(left) != 0 {
		t.Errorf("left after a reset: %+v", left)
	}
}

func TestLimits(t *testing.T) {
	c := client(start(t, false).Root(servicetest.Account))
	b := bucket(t, c, "reports")
	body := strings.NewReader(strings.Repeat("x", 8<<20+1))
	_, err := c.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: &b, Key: aws.String("k"), Body: body})
	refused(t, err, 400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
}
