package s3_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/services/servicetest"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// apply gives the server what a document says, as it is read from YAML.
func apply(t *testing.T, s *servicetest.Server, text string) error {
	t.Helper()
	doc, err := statefile.Parse("state.yaml", []byte(text), nil)
	if err != nil {
		return err
	}
	return s.Store.Update(t.Context(), func(tx *state.Txn) error {
		return s.Service().(api.StateKeeper).Apply(tx, &doc, s.Now())
	})
}

// exported is the server's state as YAML.
func exported(t *testing.T, s *servicetest.Server) string {
	t.Helper()
	doc := statefile.State{Accounts: map[string]statefile.Account{}}
	s.Service().(api.StateKeeper).Export(s.Store.Snapshot(), &doc)
	return string(must[[]byte](t)(statefile.Marshal(doc)))
}

// everything that a bucket can have, by the API.
func fill(t *testing.T, s *servicetest.Server) {
	t.Helper()
	c, ctx := client(s.Root(servicetest.Account)), t.Context()
	b, plain := bucket(t, c, "reports"), bucket(t, c, "plain")
	write(t, c, b, "before", "null version")
	setVersioning(t, c, b, "Enabled")
	write(t, c, b, "before", "second")
	write(t, c, b, "large", strings.Repeat("x", 40_000))
	write(t, c, b, "once", "x")
	must[*sdk.DeleteObjectOutput](t)(c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &b, Key: aws.String("before")}))
	must[*sdk.PutObjectOutput](t)(c.PutObject(ctx, &sdk.PutObjectInput{Bucket: &b, Key: aws.String("all"), Body: bytes.NewReader([]byte{0, 1, 0xff}), ContentType: aws.String("text/x"),
		CacheControl: aws.String("no-store"), ContentLanguage: aws.String("de"), Tagging: aws.String("a=1&b="), StorageClass: types.StorageClassStandardIa,
		Metadata: map[string]string{"team": "payments"}, ServerSideEncryption: types.ServerSideEncryptionAwsKms, SSEKMSKeyId: aws.String("arn:aws:kms:us-west-2:111122223333:key/k"),
		BucketKeyEnabled: aws.Bool(true), ChecksumAlgorithm: types.ChecksumAlgorithmSha256}))
	up := must[*sdk.CreateMultipartUploadOutput](t)(c.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: &plain, Key: aws.String("parts"), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32}))
	part := must[*sdk.UploadPartOutput](t)(c.UploadPart(ctx, &sdk.UploadPartInput{Bucket: &plain, Key: aws.String("parts"), UploadId: up.UploadId, PartNumber: aws.Int32(3), Body: strings.NewReader("part"), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32}))
	must[*sdk.CompleteMultipartUploadOutput](t)(c.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadInput{Bucket: &plain, Key: aws.String("parts"), UploadId: up.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: aws.Int32(3), ChecksumCRC32: part.ChecksumCRC32}}}}))
	setVersioning(t, c, b, "Suspended")

	must[*sdk.PutBucketCorsOutput](t)(c.PutBucketCors(ctx, &sdk.PutBucketCorsInput{Bucket: &b, CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{
		{ID: aws.String("one"), AllowedMethods: []string{"GET", "PUT"}, AllowedOrigins: []string{"https://*.example.com"}, AllowedHeaders: []string{"*"}, ExposeHeaders: []string{"ETag"}, MaxAgeSeconds: aws.Int32(0)},
		{AllowedMethods: []string{"HEAD"}, AllowedOrigins: []string{"*"}}}}}))
	must[*sdk.PutBucketLifecycleConfigurationOutput](t)(c.PutBucketLifecycleConfiguration(ctx, &sdk.PutBucketLifecycleConfigurationInput{Bucket: &b,
		TransitionDefaultMinimumObjectSize: types.TransitionDefaultMinimumObjectSizeVariesByStorageClass,
		LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{
			{ID: aws.String("old"), Status: "Enabled", Filter: &types.LifecycleRuleFilter{And: &types.LifecycleRuleAndOperator{Prefix: aws.String("logs/"), ObjectSizeGreaterThan: aws.Int64(5), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}},
				Expiration: &types.LifecycleExpiration{Days: aws.Int32(30)}, Transitions: []types.Transition{{Days: aws.Int32(10), StorageClass: "GLACIER"}},
				NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(3), NewerNoncurrentVersions: aws.Int32(2)}},
			{ID: aws.String("parts"), Status: "Disabled", Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")}, AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)}}}}}))
	must[*sdk.PutBucketEncryptionOutput](t)(c.PutBucketEncryption(ctx, &sdk.PutBucketEncryptionInput{Bucket: &plain, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
		Rules: []types.ServerSideEncryptionRule{{BucketKeyEnabled: aws.Bool(true), ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: "aws:kms", KMSMasterKeyID: aws.String("arn:aws:kms:us-west-2:111122223333:key/k")}}}}}))
	must[*sdk.PutPublicAccessBlockOutput](t)(c.PutPublicAccessBlock(ctx, &sdk.PutPublicAccessBlockInput{Bucket: &b, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)}}))
	must[*sdk.PutBucketPolicyOutput](t)(c.PutBucketPolicy(ctx, &sdk.PutBucketPolicyInput{Bucket: &b, Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}]}`)}))
	must[*sdk.PutBucketOwnershipControlsOutput](t)(c.PutBucketOwnershipControls(ctx, &sdk.PutBucketOwnershipControlsInput{Bucket: &b, OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: "ObjectWriter"}}}}))
	must[*sdk.DeletePublicAccessBlockOutput](t)(c.DeletePublicAccessBlock(ctx, &sdk.DeletePublicAccessBlockInput{Bucket: &plain}))
	must[*sdk.DeleteBucketOwnershipControlsOutput](t)(c.DeleteBucketOwnershipControls(ctx, &sdk.DeleteBucketOwnershipControlsInput{Bucket: &plain}))
	must[*sdk.PutBucketTaggingOutput](t)(c.PutBucketTagging(ctx, &sdk.PutBucketTaggingInput{Bucket: &b, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("env"), Value: aws.String("prod")}}}}))
}

// answers is what clients are told of everything in a server, without what
// differs from call to call.
func answers(t *testing.T, s *servicetest.Server) map[string]string {
	t.Helper()
	c, ctx := client(s.Root(servicetest.Account)), t.Context()
	all := map[string]string{}
	note := func(name string, out any, err error) {
		t.Helper()
		text := must[[]byte](t)(json.Marshal(out))
		var members map[string]any
		if json.Unmarshal(text, &members) == nil {
			delete(members, "ResultMetadata")
			text = must[[]byte](t)(json.Marshal(members))
		}
		if all[name] = string(text); err != nil {
			_, reason, _ := strings.Cut(err.Error(), "api error")
			all[name] = reason
		}
	}
	for _, name := range []string{"reports", "plain"} {
		cors, err := c.GetBucketCors(ctx, &sdk.GetBucketCorsInput{Bucket: &name})
		note(name+" cors", cors, err)
		lifecycle, err := c.GetBucketLifecycleConfiguration(ctx, &sdk.GetBucketLifecycleConfigurationInput{Bucket: &name})
		note(name+" lifecycle", lifecycle, err)
		access, err := c.GetPublicAccessBlock(ctx, &sdk.GetPublicAccessBlockInput{Bucket: &name})
		note(name+" public access", access, err)
		ownership, err := c.GetBucketOwnershipControls(ctx, &sdk.GetBucketOwnershipControlsInput{Bucket: &name})
		note(name+" ownership", ownership, err)
		encryption, err := c.GetBucketEncryption(ctx, &sdk.GetBucketEncryptionInput{Bucket: &name})
		note(name+" encryption", encryption, err)
		versioning, err := c.GetBucketVersioning(ctx, &sdk.GetBucketVersioningInput{Bucket: &name})
		note(name+" versioning", versioning, err)
		policy, err := c.GetBucketPolicy(ctx, &sdk.GetBucketPolicyInput{Bucket: &name})
		note(name+" policy", policy, err)
		listed := must[*sdk.ListObjectVersionsOutput](t)(c.ListObjectVersions(ctx, &sdk.ListObjectVersionsInput{Bucket: &name}))
		note(name+" versions", listed, nil)
		for _, v := range listed.Versions {
			id := v.VersionId
			head := must[*sdk.HeadObjectOutput](t)(c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: &name, Key: v.Key, VersionId: id, ChecksumMode: types.ChecksumModeEnabled}))
			note(name+"/"+*v.Key+" "+*id, head, nil)
			out := must[*sdk.GetObjectOutput](t)(c.GetObject(ctx, &sdk.GetObjectInput{Bucket: &name, Key: v.Key, VersionId: id}))
			note(name+"/"+*v.Key+" "+*id+" content", string(must[[]byte](t)(readAll(out.Body))), nil)
			tags := must[*sdk.GetObjectTaggingOutput](t)(c.GetObjectTagging(ctx, &sdk.GetObjectTaggingInput{Bucket: &name, Key: v.Key, VersionId: id}))
			note(name+"/"+*v.Key+" "+*id+" tags", tags.TagSet, nil)
		}
	}
	return all
}

// TestDocumentIsLossless: what the API made comes back from a document as it was,
// whether the document is given to another server or to the same one again.
func TestDocumentIsLossless(t *testing.T) {
	first, second := start(t, false), start(t, false)
	fill(t, first)
	text, want := exported(t, first), answers(t, first)
	if err := apply(t, second, text); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, exported(t, second)); diff != "" {
		t.Errorf("the document that another server gives (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, answers(t, second)); diff != "" {
		t.Errorf("what another server answers (-want +got):\n%s", diff)
	}
	for range 2 {
		if err := apply(t, first, text); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, answers(t, first)); diff != "" {
		t.Errorf("what the server itself answers (-want +got):\n%s", diff)
	}
}

// Versions of a document take the place of those that are there; ids may be
// anything, and are made where there is none.
func TestDocumentVersions(t *testing.T) {
	s := start(t, false)
	head := "apiVersion: irsa-emu.dev/v1\nkind: State\naccounts:\n  \"" + servicetest.Account + "\":\n    buckets:\n      - name: reports\n        versioning: Enabled\n        objects:\n"
	if err := apply(t, s, head+`          k: {versions: [{versionId: one, content: "1"}, {content: "2"}, {deleteMarker: true}, {versionId: "null", content: "4"}]}`); err != nil {
		t.Fatal(err)
	}
	c := client(s.Root(servicetest.Account))
	b := "reports"
	get := func(id *string) (string, error) {
		out, err := c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: &b, Key: aws.String("k"), VersionId: id})
		if err != nil {
			return "", err
		}
		return string(must[[]byte](t)(readAll(out.Body))), nil
	}
	for id, want := range map[string]string{"one": "1", "null": "4"} {
		if got, err := get(&id); got != want {
			t.Errorf("version %s: %q, %v", id, got, err)
		}
	}
	if got, err := get(nil); got != "4" {
		t.Errorf("the newest: %q, %v", got, err)
	}
	if n := len(versions(t, c, b, "k")); n != 4 {
		t.Errorf("%d versions", n)
	}
	if err := apply(t, s, head+`          k: {versions: [{versionId: one, reference: {size: 1, etag: c4ca4238a0b923820dcc509a6f75849b}}, {deleteMarker: true}]}`); err != nil {
		t.Fatal(err)
	}
	if n := len(versions(t, c, b, "k")); n != 2 {
		t.Errorf("%d versions", n)
	}
	_, err := get(nil)
	refused(t, err, 404, "NoSuchKey", "")
	if got, err := get(aws.String("one")); got != "1" {
		t.Errorf("what a reference keeps: %q, %v", got, err)
	}
	for text, want := range map[string]string{
		`          k: {versions: [{versionId: one, reference: {size: 2, etag: x}}]}`: "only a reference to it",
		`          k: {versions: [{versionId: a}, {versionId: a}]}`:                  `state.yaml:9:54: accounts.111122223333.buckets[0].objects.k.versions[1].versionId: "a" is there twice`,
		`          k: {content: a, deleteMarker: true}`:                              "write one of content, binary, reference, deleteMarker and versions",
		`          k: {storageClass: COLD}`:                                          `storageClass: there is no "COLD"`,
		`          k: {headers: {X-Other: a}}`:                                       `headers: "X-Other" is none that objects keep`,
		`          k: {checksum: {algorithm: MD5}}`:                                  `checksum: there is no algorithm "MD5"`,
		`          k: {encryption: {ServerSideEncryption: DES}}`:                     `encryption: there is no "DES"`,
	} {
		if err := apply(t, s, head+text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
	if n := len(versions(t, c, b, "k")); n != 2 {
		t.Errorf("%d versions after documents that were refused", n)
	}
}

// What a bucket's configurations must be, and what they must not.
func TestDocumentConfigurations(t *testing.T) {
	s := start(t, false)
	head := "apiVersion: irsa-emu.dev/v1\nkind: State\naccounts:\n  \"" + servicetest.Account + "\":\n    buckets:\n      - name: reports\n"
	for text, want := range map[string]string{
		"versioning: On":           `state.yaml:7:21: accounts.111122223333.buckets[0].versioning: "On"; write one of Enabled, Suspended`,
		"objectOwnership: Owner":   "write one of BucketOwnerEnforced",
		"cors: {CORSRules: []}":    "no rule; write one, or leave cors out",
		"cors: {Rules: []}":        `unknown field "Rules"`,
		"lifecycle: {Rules: []}":   "no rule; write one, or leave lifecycle out",
		"encryption: {Rules: []}":  "0 rules; write one",
		"publicAccessBlock: {x: }": `unknown field "x"`,
		"cors: {CORSRules: [{AllowedMethods: [FETCH], AllowedOrigins: ['*']}]}":                                                                                                                    `state.yaml:7:46: accounts.111122223333.buckets[0].cors.CORSRules[0].AllowedMethods[0]: "FETCH"; write one of GET`,
		"cors: {CORSRules: [{AllowedMethods: [GET], AllowedOrigins: ['*.*']}]}":                                                                                                                    `cors.CORSRules[0].AllowedOrigins[0]: AllowedOrigin "*.*" can not have more than one wildcard`,
		"lifecycle: {Rules: [{Status: Enabled, Filter: {}}]}":                                                                                                                                      "lifecycle.Rules[0]: At least one action",
		"encryption: {Rules: [{ApplyServerSideEncryptionByDefault: {SSEAlgorithm: DES}}]}":                                                                                                         `SSEAlgorithm: "DES"; write one of AES256, aws:kms, aws:kms:dsse`,
		"encryption: {Rules: [{ApplyServerSideEncryptionByDefault: {SSEAlgorithm: AES256}, BlockedEncryptionTypes: {EncryptionType: [X]}}]}":                                                       `BlockedEncryptionTypes.EncryptionType: ["X"]; write one of SSE-C, NONE`,
		"encryption: {Rules: [{ApplyServerSideEncryptionByDefault: {SSEAlgorithm: AES256, KMSMasterKeyID: k}}]}":                                                                                   "KMSMasterKeyID: AES256 has no key of KMS",
		"lifecycle: {Rules: [{Status: Enable, Filter: {}, Expiration: {Days: 1}}]}":                                                                                                                `state.yaml:7:38: accounts.111122223333.buckets[0].lifecycle.Rules[0].Status: "Enable"; write one of Enabled, Disabled`,
		`policy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: "*", Action: "s3:GetObject", Resource: "arn:aws:s3:::reports/*", Condition: {StringLike: {"s3:prefix": "a/*"}}}]}`: "its policy, state.yaml:7:17: MalformedPolicy: Conditions do not apply to combination of actions and resources in statement: s3:GetObject has no condition key s3:prefix",
		"objects: {k: {versions: [{content: a}]}}":                                                                                                                                                 "a version in a bucket without versioning; write versioning: Enabled for the bucket",
		"lifecycle: {Rules: [{Status: Enabled, Filter: {}, Expiration: {Days: 1}}], TransitionDefaultMinimumObjectSize: everything}":                                                               `TransitionDefaultMinimumObjectSize: "everything"; write one of all_storage_classes_128K`,
		"lifecycle: {Rules: [{ID: a, Status: Enabled, Filter: {}, Expiration: {Days: 1}}, {ID: a, Status: Enabled, Prefix: x, Expiration: {Days: 1}}]}":                                            `lifecycle.Rules[1].ID: another rule is called "a"`,
	} {
		if err := apply(t, s, head+"        "+text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}
