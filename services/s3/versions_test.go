package s3_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/irsa-emu/irsa-emu/services/servicetest"
)

func setVersioning(t *testing.T, c *sdk.Client, bucket string, status types.BucketVersioningStatus) {
	t.Helper()
	must[*sdk.PutBucketVersioningOutput](t)(c.PutBucketVersioning(t.Context(), &sdk.PutBucketVersioningInput{Bucket: &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: status}}))
}

// versions are those of a key as a listing has them: ids, a star for the newest, a minus for markers.
func versions(t *testing.T, c *sdk.Client, bucket, prefix string) (list []string) {
	t.Helper()
	var marker, id *string
	for {
		page := must[*sdk.ListObjectVersionsOutput](t)(c.ListObjectVersions(t.Context(), &sdk.ListObjectVersionsInput{
			Bucket: &bucket, Prefix: &prefix, MaxKeys: aws.Int32(2), KeyMarker: marker, VersionIdMarker: id}))
		var some []string
		for _, v := range page.Versions {
			some = append(some, *v.Key+" "+*v.VersionId+map[bool]string{true: "*"}[*v.IsLatest])
		}
		for _, v := range page.DeleteMarkers {
			some = append(some, *v.Key+" "+*v.VersionId+"-"+map[bool]string{true: "*"}[*v.IsLatest])
		}
		list = append(list, some...)
		if !*page.IsTruncated {
			slices.Sort(list)
			return list
		}
		marker, id = page.NextKeyMarker, page.NextVersionIdMarker
	}
}

func wantVersions(t *testing.T, c *sdk.Client, bucket, prefix string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := versions(t, c, bucket, prefix); !slices.Equal(got, want) {
		t.Errorf("versions\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestVersions: answers and texts were recorded on AWS (test_delete_object_versioned,
// test_bucket_versioning_crud, test_put_object_on_suspended_bucket, test_delete_object_on_suspended_bucket).
func TestVersions(t *testing.T) {
	t.Parallel()
	s := start(t, false)
	c := client(s.Root(servicetest.Account))
	b := bucket(t, c, "reports")
	ctx, key := t.Context(), aws.String("k")
	read := func(id *string) (string, error) {
		out, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: &b, Key: key, VersionId: id})
		if err != nil {
			return "", err
		}
		defer out.Body.Close()
		content := new(strings.Builder)
		_, err = fmt.Fprint(content, string(must[[]byte](t)(readAll(out.Body))))
		return content.String(), err
	}
	remove := func(id *string) *sdk.DeleteObjectOutput {
		t.Helper()
		return must[*sdk.DeleteObjectOutput](t)(c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &b, Key: key, VersionId: id}))
	}
	write(t, c, b, "k", "before")
	setVersioning(t, c, b, "Enabled")
	first := write(t, c, b, "k", strings.Repeat("1", 20_000)).VersionId
	second := write(t, c, b, "k", "second").VersionId
	other := write(t, c, b, "k2", "other").VersionId
	if len(*first) != 32 || *first == *second {
		t.Errorf("version ids %s and %s", *first, *second)
	}
	for id, want := range map[*string]string{nil: "second", second: "second", first: strings.Repeat("1", 20_000), aws.String("null"): "before"} {
		if got, err := read(id); err != nil || got != want {
			t.Errorf("version %v: %.20q, %v", id, got, err)
		}
	}
	marker := remove(nil)
	if !*marker.DeleteMarker || len(*marker.VersionId) != 32 {
		t.Errorf("a delete marker: %+v", marker)
	}
	_, err := read(nil)
	refused(t, err, 404, "NoSuchKey", "The specified key does not exist.")
	_, err = read(marker.VersionId)
	refused(t, err, 405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
	_, err = c.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: &b, Key: aws.String("c"), CopySource: aws.String(b + "/k?versionId=" + *marker.VersionId)})
	refused(t, err, 400, "InvalidRequest", "The source of a copy request may not specifically refer to a delete marker by version id.")
	wantVersions(t, c, b, "k", "k "+*marker.VersionId+"-*", "k "+*second, "k "+*first, "k null", "k2 "+*other+"*")

	if gone := remove(marker.VersionId); !*gone.DeleteMarker || *gone.VersionId != *marker.VersionId {
		t.Errorf("a deleted delete marker: %+v", gone)
	}
	remove(second)
	if got, err := read(nil); err != nil || got != strings.Repeat("1", 20_000) {
		t.Errorf("the newest that is left: %.20q, %v", got, err)
	}
	remove(second) // once more is as well
	_, err = read(second)
	refused(t, err, 404, "NoSuchVersion", "The specified version does not exist.")
	_, err = c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &b, Key: key, VersionId: aws.String((*first)[:28] + "ABCD")})
	refused(t, err, 400, "InvalidArgument", "Invalid version id specified")
	wantVersions(t, c, b, "k", "k "+*first+"*", "k null", "k2 "+*other+"*")

	setVersioning(t, c, b, "Suspended")
	for range 2 { // the null version is replaced, the others stay
		if id := write(t, c, b, "k", "suspended").VersionId; id != nil {
			t.Errorf("a write to a suspended bucket has the version %s", *id)
		}
	}
	wantVersions(t, c, b, "k", "k null*", "k "+*first, "k2 "+*other+"*")
	if gone := remove(nil); !*gone.DeleteMarker || *gone.VersionId != "null" {
		t.Errorf("a delete marker of a suspended bucket: %+v", gone)
	}
	wantVersions(t, c, b, "k", "k null-*", "k "+*first, "k2 "+*other+"*")
	_, err = c.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: &b})
	refused(t, err, 409, "BucketNotEmpty", "The bucket you tried to delete is not empty. You must delete all versions in the bucket.")
	out := must[*sdk.DeleteObjectsOutput](t)(c.DeleteObjects(ctx, &sdk.DeleteObjectsInput{Bucket: &b, Delete: &types.Delete{Objects: []types.ObjectIdentifier{
		{Key: key, VersionId: aws.String("null")}, {Key: key, VersionId: first}, {Key: aws.String("k2"), VersionId: other}, {Key: key, VersionId: second},
	}}}))
	if len(out.Deleted) != 3 || len(out.Errors) != 1 || *out.Errors[0].Code != "NoSuchVersion" {
		t.Errorf("deleted %d, errors %+v", len(out.Deleted), out.Errors)
	}
	must[*sdk.DeleteBucketOutput](t)(c.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: &b}))
	wantBlobs(t, s, 0)
}

// TestVersionRights: what is done to a version has actions of its own.
func TestVersionRights(t *testing.T) {
	s := start(t, false)
	root := client(s.Root(servicetest.Account))
	b := bucket(t, root, "reports")
	setVersioning(t, root, b, "Enabled")
	id := write(t, root, b, "k", "content").VersionId
	plain := client(s.Role(servicetest.Account, "plain", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:DeleteObject","s3:ListBucket"],"Resource":"*"}]}`))
	versioned := client(s.Role(servicetest.Account, "versioned", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*Version","s3:ListBucketVersions"],"Resource":"*"}]}`))
	ctx := t.Context()
	for name, call := range map[string]func(c *sdk.Client, id *string) error{
		"GetObject": func(c *sdk.Client, id *string) error {
			_, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: &b, Key: aws.String("k"), VersionId: id})
			return err
		},
		"DeleteObject": func(c *sdk.Client, id *string) error {
			_, err := c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &b, Key: aws.String("absent"), VersionId: id})
			return err
		},
	} {
		if err := call(plain, nil); err != nil {
			t.Errorf("%s without a version: %v", name, err)
		}
		refused(t, call(plain, id), 403, "AccessDenied", "")
		if err := call(versioned, id); err != nil {
			t.Errorf("%s of a version: %v", name, err)
		}
		refused(t, call(versioned, nil), 403, "AccessDenied", "")
	}
	_, err := plain.ListObjectVersions(ctx, &sdk.ListObjectVersionsInput{Bucket: &b})
	refused(t, err, 403, "AccessDenied", "")
}

// TestCompletionConditions: recorded on AWS (test_multipart_if_match_with_put, test_multipart_if_none_match_with_delete, …_with_delete).
func TestCompletionConditions(t *testing.T) {
	c := client(start(t, false).Root(servicetest.Account))
	b := bucket(t, c, "reports")
	ctx, key := t.Context(), aws.String("k")
	begin := func() (complete func(match, none *string) error) {
		up := must[*sdk.CreateMultipartUploadOutput](t)(c.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: &b, Key: key}))
		part := must[*sdk.UploadPartOutput](t)(c.UploadPart(ctx, &sdk.UploadPartInput{Bucket: &b, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("part")}))
		return func(match, none *string) error {
			_, err := c.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadInput{Bucket: &b, Key: key, UploadId: up.UploadId, IfMatch: match, IfNoneMatch: none,
				MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag}}}})
			return err
		}
	}
	const conflict = "The conditional request cannot succeed due to a conflicting operation against this resource."
	const failed = "At least one of the pre-conditions you specified did not hold"
	any := aws.String("*")
	old := write(t, c, b, "k", "old").ETag
	complete := begin()
	refused(t, complete(nil, any), 412, "PreconditionFailed", failed)
	fresh := write(t, c, b, "k", "new").ETag
	refused(t, complete(old, nil), 412, "PreconditionFailed", failed)
	refused(t, complete(fresh, nil), 409, "ConditionalRequestConflict", conflict)
	if err := begin()(fresh, nil); err != nil {
		t.Errorf("begun anew: %v", err)
	}
	complete = begin()
	must[*sdk.DeleteObjectOutput](t)(c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &b, Key: key}))
	refused(t, complete(fresh, nil), 404, "NoSuchKey", "The specified key does not exist.")
	refused(t, complete(nil, any), 409, "ConditionalRequestConflict", conflict)
	if err := begin()(nil, any); err != nil {
		t.Errorf("begun anew: %v", err)
	}
}
