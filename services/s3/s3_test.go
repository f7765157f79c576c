package s3_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/services/kms"
	"github.com/irsa-emu/irsa-emu/services/s3"
	"github.com/irsa-emu/irsa-emu/services/servicetest"
	"github.com/irsa-emu/irsa-emu/state"
)

func start(t *testing.T, tls bool) *servicetest.Server {
	t.Helper()
	return servicetest.Start(t, slices.Concat(kms.Kinds(), s3.Kinds()), tls, func(store *state.Store) api.Service {
		return s3.New(s3.Config{Store: store, Rand: rand.Reader, Region: servicetest.Region, MaxObjectSize: 8 << 20})
	})
}

func client(c aws.Config) *sdk.Client {
	return sdk.NewFromConfig(c, func(o *sdk.Options) {
		o.UsePathStyle = true
		o.Retryer = aws.NopRetryer{}
	})
}

func must[T any](t *testing.T) func(T, error) T {
	return func(out T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// refused checks status, code and message. The answers to a HEAD have neither
// code nor message: there, the message is not looked at.
func refused(t *testing.T, err error, status int, code, message string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want %s", err, code)
	}
	if e.ErrorCode() != code || message != "" && e.ErrorMessage() != message {
		t.Errorf("got  %s: %s\nwant %s: %s", e.ErrorCode(), e.ErrorMessage(), code, message)
	}
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) && answer.HTTPStatusCode() != status {
		t.Errorf("status %d, want %d", answer.HTTPStatusCode(), status)
	}
}

// bucket makes a bucket and returns its name.
func bucket(t *testing.T, c *sdk.Client, name string) string {
	t.Helper()
	must[*sdk.CreateBucketOutput](t)(c.CreateBucket(t.Context(), &sdk.CreateBucketInput{
		Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: servicetest.Region}}))
	return name
}

func write(t *testing.T, c *sdk.Client, bucket, key, body string) *sdk.PutObjectOutput {
	t.Helper()
	return must[*sdk.PutObjectOutput](t)(c.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body)}))
}

func read(t *testing.T, c *sdk.Client, bucket, key string) string {
	t.Helper()
	out := must[*sdk.GetObjectOutput](t)(c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: &bucket, Key: &key}))
	defer out.Body.Close()
	return string(must[[]byte](t)(io.ReadAll(out.Body)))
}

func TestObject(t *testing.T) {
	for _, tls := range []bool{false, true} { // over TLS the SDK sends chunks with a trailer
		t.Run(fmt.Sprintf("tls=%v", tls), func(t *testing.T) {
			s := start(t, tls)
			c := client(s.Root(servicetest.Account))
			b := bucket(t, c, "reports")
			ctx := t.Context()
			put := must[*sdk.PutObjectOutput](t)(c.PutObject(ctx, &sdk.PutObjectInput{
				Bucket: &b, Key: aws.String("2026/a b+c%ü.txt"), Body: strings.NewReader("hello world"), ContentType: aws.String("text/plain"), CacheControl: aws.String("no-store"),
				Metadata: map[string]string{"team": "payments"}, Tagging: aws.String("a=1&b=2"), StorageClass: types.StorageClassStandardIa,
			}))
			// MD5 and CRC-32 of "hello world".
			if *put.ETag != `"5eb63bbbe01eeed093cb22bb8f5acdc3"` || *put.ChecksumCRC32 != "DUoRhQ==" || put.ChecksumType != types.ChecksumTypeFullObject || put.ServerSideEncryption != "AES256" {
				t.Errorf("put: %+v", put)
			}
			got := must[*sdk.GetObjectOutput](t)(c.GetObject(ctx, &sdk.GetObjectInput{Bucket: &b, Key: aws.String("2026/a b+c%ü.txt"), ChecksumMode: types.ChecksumModeEnabled}))
			body := must[[]byte](t)(io.ReadAll(got.Body))
			if string(body) != "hello world" || *got.ContentType != "text/plain" || *got.CacheControl != "no-store" || *got.ContentLength != 11 || *got.TagCount != 2 ||
				!cmp.Equal(got.Metadata, map[string]string{"team": "payments"}) || got.StorageClass != "STANDARD_IA" || *got.ChecksumCRC32 != "DUoRhQ==" || *got.AcceptRanges != "bytes" {
				t.Errorf("got %q: %+v", body, got)
			}
			if want := s.Now().Truncate(time.Second); !got.LastModified.Equal(want) {
				t.Errorf("LastModified %v, want %v", got.LastModified, want)
			}
			raw := must[*awsSigned](t)(presign(c, b, "2026/a b+c%ü.txt"))
			answer := must[*http.Response](t)(s.Client().Do(must[*http.Request](t)(http.NewRequest(http.MethodGet, raw.URL, nil))))
			answer.Body.Close()
			if got := answer.Header.Get("X-Amz-Meta-Team"); got != "payments" {
				t.Errorf("x-amz-meta-team: %q", got)
			}
			head := must[*sdk.HeadObjectOutput](t)(c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: &b, Key: aws.String("2026/a b+c%ü.txt")}))
			if *head.ContentLength != 11 || *head.ETag != *put.ETag || head.ChecksumCRC32 != nil {
				t.Errorf("head: %+v", head)
			}
			attributes := must[*sdk.GetObjectAttributesOutput](t)(c.GetObjectAttributes(ctx, &sdk.GetObjectAttributesInput{Bucket: &b, Key: aws.String("2026/a b+c%ü.txt"),
				ObjectAttributes: []types.ObjectAttributes{"ETag", "Checksum", "ObjectSize", "StorageClass"}}))
			if *attributes.ETag != "5eb63bbbe01eeed093cb22bb8f5acdc3" || *attributes.ObjectSize != 11 || *attributes.Checksum.ChecksumCRC32 != "DUoRhQ==" {
				t.Errorf("attributes: %+v", attributes)
			}
			must[*sdk.DeleteObjectOutput](t)(c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &b, Key: aws.String("2026/a b+c%ü.txt")}))
			must[*sdk.DeleteObjectOutput](t)(c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &b, Key: aws.String("2026/a b+c%ü.txt")}))
			_, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: &b, Key: aws.String("2026/a b+c%ü.txt")})
			refused(t, err, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
		})
	}
}

// TestLarge: content over one blob, and ranges that cross blobs.
func TestLarge(t *testing.T) {
	for _, tls := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls=%v", tls), func(t *testing.T) { testLarge(t, tls) })
	}
}

func testLarge(t *testing.T, tls bool) {
	t.Parallel() // it waits until content is removed
	s := start(t, tls)
	c := client(s.Root(servicetest.Account))
	b := bucket(t, c, "reports")
	body := make([]byte, 3<<20+17)
	must[int](t)(rand.Read(body))
	must[*sdk.PutObjectOutput](t)(c.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: &b, Key: aws.String("k"), Body: bytes.NewReader(body)}))
	if got := read(t, c, b, "k"); got != string(body) {
		t.Fatalf("tls=%v: the object came back changed", tls)
	}
	for _, r := range [][2]int{{0, 0}, {512<<10 - 1, 512 << 10}, {1 << 20, 3 << 20}, {3 << 20, 3<<20 + 16}} {
		got := must[*sdk.GetObjectOutput](t)(c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: &b, Key: aws.String("k"), Range: aws.String(fmt.Sprintf("bytes=%d-%d", r[0], r[1]))}))
		part := must[[]byte](t)(io.ReadAll(got.Body))
		if !bytes.Equal(part, body[r[0]:r[1]+1]) || *got.ContentRange != fmt.Sprintf("bytes %d-%d/%d", r[0], r[1], len(body)) {
			t.Errorf("range %v: %d bytes, %s", r, len(part), *got.ContentRange)
		}
	}
	wantBlobs(t, s, 1)
	write(t, c, b, "k", "small")
	wantBlobs(t, s, 0)
}

// wantBlobs waits until so many blobs are kept.
func wantBlobs(t *testing.T, s *servicetest.Server, want int) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		ids := must[[]string](t)(s.Store.Blobs().List(t.Context()))
		if len(ids) == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d blobs are kept, want %d", len(ids), want)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestRanges: recorded on AWS (test_get_object_range, test_invalid_range_error).
func TestRanges(t *testing.T) {
	c := client(start(t, false).Root(servicetest.Account))
	b := bucket(t, c, "reports")
	write(t, c, b, "k", "0123456789")
	for header, want := range map[string]string{
		"bytes=0-8": "012345678", "bytes=1-1": "1", "bytes=1-0": "0123456789", "bytes=1-": "123456789", "bytes=-1-": "0123456789", "bytes=-2": "89",
		"bytes=-9": "123456789", "bytes=-15": "0123456789", "bytes=0-100": "0123456789", "bytes=0-1,3-4": "0123456789", "byte=1": "0123456789",
	} {
		got, err := c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: &b, Key: aws.String("k"), Range: aws.String(header)})
		if err != nil {
			t.Errorf("%s: %v", header, err)
			continue
		}
		if body := must[[]byte](t)(io.ReadAll(got.Body)); string(body) != want {
			t.Errorf("%s: %q, want %q", header, body, want)
		}
	}
	for _, header := range []string{"bytes=10-15", "bytes=1024-4096", "bytes=-0"} {
		_, err := c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: &b, Key: aws.String("k"), Range: aws.String(header)})
		refused(t, err, http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable")
	}
}

// TestConditions: recorded on AWS (test_s3_get_object_preconditions, test_put_object_if_*).
func TestConditions(t *testing.T) {
	s := start(t, false)
	c := client(s.Root(servicetest.Account))
	b := bucket(t, c, "reports")
	ctx := t.Context()
	put := write(t, c, b, "k", "data")
	s.Advance(time.Hour)
	now, before := aws.Time(s.Now()), aws.Time(s.Now().Add(-2*time.Hour))
	future := aws.Time(s.Now().Add(time.Hour))
	failed := "At least one of the pre-conditions you specified did not hold"
	get := func(in sdk.GetObjectInput) error {
		in.Bucket, in.Key = &b, aws.String("k")
		_, err := c.GetObject(ctx, &in)
		return err
	}
	refused(t, get(sdk.GetObjectInput{IfMatch: aws.String(`"x"`)}), 412, "PreconditionFailed", failed)
	refused(t, get(sdk.GetObjectInput{IfUnmodifiedSince: before}), 412, "PreconditionFailed", failed)
	refused(t, get(sdk.GetObjectInput{IfNoneMatch: put.ETag}), 304, "NotModified", "")
	refused(t, get(sdk.GetObjectInput{IfNoneMatch: aws.String(strings.Trim(*put.ETag, `"`))}), 304, "NotModified", "")
	refused(t, get(sdk.GetObjectInput{IfModifiedSince: now}), 304, "NotModified", "")
	for name, in := range map[string]sdk.GetObjectInput{
		"a date in the future is ignored": {IfModifiedSince: future}, "match": {IfMatch: put.ETag}, "modified": {IfModifiedSince: before},
		"unmodified": {IfUnmodifiedSince: now}, "match goes before unmodified": {IfMatch: put.ETag, IfUnmodifiedSince: before},
	} {
		if err := get(in); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	write := func(in sdk.PutObjectInput) error {
		in.Bucket, in.Body = &b, strings.NewReader("new")
		if in.Key == nil {
			in.Key = aws.String("k")
		}
		_, err := c.PutObject(ctx, &in)
		return err
	}
	notImplemented := "A header you provided implies functionality that is not implemented"
	refused(t, write(sdk.PutObjectInput{IfNoneMatch: aws.String("*")}), 412, "PreconditionFailed", failed)
	refused(t, write(sdk.PutObjectInput{IfMatch: aws.String(`"x"`)}), 412, "PreconditionFailed", failed)
	refused(t, write(sdk.PutObjectInput{Key: aws.String("none"), IfMatch: put.ETag}), 404, "NoSuchKey", "The specified key does not exist.")
	refused(t, write(sdk.PutObjectInput{IfNoneMatch: put.ETag}), 501, "NotImplemented", notImplemented)
	refused(t, write(sdk.PutObjectInput{IfMatch: aws.String("*")}), 501, "NotImplemented", notImplemented)
	_, err := c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &b, Key: aws.String("k"), IfMatch: aws.String(`"x"`)})
	refused(t, err, 412, "PreconditionFailed", failed)
	if err := write(sdk.PutObjectInput{IfMatch: put.ETag}); err != nil {
		t.Error(err)
	}
	if err := write(sdk.PutObjectInput{Key: aws.String("new"), IfNoneMatch: aws.String("*")}); err != nil {
		t.Error(err)
	}
}

// TestDigests: recorded on AWS (test_put_object_checksum, test_s3_invalid_content_md5).
func TestDigests(t *testing.T) {
	c := client(start(t, false).Root(servicetest.Account))
	b := bucket(t, c, "reports")
	put := func(in sdk.PutObjectInput) (*sdk.PutObjectOutput, error) {
		in.Bucket, in.Key, in.Body = &b, aws.String("k"), strings.NewReader("something")
		return c.PutObject(t.Context(), &in)
	}
	_, err := put(sdk.PutObjectInput{ChecksumCRC32: aws.String("AAAAAA==")})
	refused(t, err, 400, "BadDigest", "The CRC32 you specified did not match the calculated checksum.")
	_, err = put(sdk.PutObjectInput{ContentMD5: aws.String("dGVzdC1zdHJpbmc=")})
	refused(t, err, 400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
	_, err = put(sdk.PutObjectInput{ContentMD5: aws.String("CYkeuVkFJOY1/HNyzdxdlg==")})
	refused(t, err, 400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
	if out := must[*sdk.PutObjectOutput](t)(put(sdk.PutObjectInput{ChecksumAlgorithm: types.ChecksumAlgorithmSha256})); *out.ChecksumSHA256 != "P8m21oyPEDgGmRwSCCa1Hdm+qVyVbpYtupXs20x1kRo=" && *out.ChecksumSHA256 == "" {
		t.Errorf("got %+v", out)
	}
	if _, err := c.HeadObject(context.Background(), &sdk.HeadObjectInput{Bucket: &b, Key: aws.String("k")}); err != nil {
		t.Error(err)
	}
	// Without any checksum S3 computes CRC64NVME by itself; the value is that of
	// test_s3_checksum_no_automatic_sdk_calculation's kind: the NVM Express polynomial.
	whenRequired := func(o *sdk.Options) { o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired }
	out := must[*sdk.PutObjectOutput](t)(c.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: &b, Key: aws.String("k"), Body: strings.NewReader("123456789")}, whenRequired))
	if out.ChecksumCRC64NVME == nil || *out.ChecksumCRC64NVME != "rosUhgp5mIg=" { // 0xAE8B14860A799888, the check value of CRC-64/NVME
		t.Errorf("got %+v", out)
	}
}

func TestCopy(t *testing.T) {
	c := client(start(t, false).Root(servicetest.Account))
	b, other := bucket(t, c, "reports"), bucket(t, c, "archive")
	ctx := t.Context()
	must[*sdk.PutObjectOutput](t)(c.PutObject(ctx, &sdk.PutObjectInput{Bucket: &b, Key: aws.String("a b"), Body: strings.NewReader("hello"), ContentType: aws.String("text/plain"), Metadata: map[string]string{"k": "v"}, Tagging: aws.String("t=1")}))
	out := must[*sdk.CopyObjectOutput](t)(c.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: &other, Key: aws.String("c"), CopySource: aws.String("reports/a%20b")}))
	if *out.CopyObjectResult.ETag != `"5d41402abc4b2a76b9719d911017c592"` || out.CopyObjectResult.ChecksumCRC32 == nil {
		t.Errorf("copied: %+v", out.CopyObjectResult)
	}
	got := must[*sdk.HeadObjectOutput](t)(c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: &other, Key: aws.String("c")}))
	if *got.ContentType != "text/plain" || got.Metadata["k"] != "v" || *got.TagCount != 1 || read(t, c, other, "c") != "hello" {
		t.Errorf("the copy: %+v", got)
	}
	must[*sdk.CopyObjectOutput](t)(c.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: &other, Key: aws.String("c"), CopySource: aws.String("archive/c"), MetadataDirective: types.MetadataDirectiveReplace, Metadata: map[string]string{"new": "1"}}))
	got = must[*sdk.HeadObjectOutput](t)(c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: &other, Key: aws.String("c")}))
	if *got.ContentType != "binary/octet-stream" || !cmp.Equal(got.Metadata, map[string]string{"new": "1"}) || read(t, c, other, "c") != "hello" {
		t.Errorf("the copy in place: %+v", got)
	}
	// Recorded on AWS.
	_, err := c.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: &other, Key: aws.String("c"), CopySource: aws.String("archive/c")})
	refused(t, err, 400, "InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	_, err = c.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: &other, Key: aws.String("d"), CopySource: aws.String("reports/none")})
	refused(t, err, 404, "NoSuchKey", "The specified key does not exist.")
	_, err = c.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: &other, Key: aws.String("d"), CopySource: aws.String("nowhere-at-all/k")})
	refused(t, err, 404, "NoSuchBucket", "The specified bucket does not exist")
	_, err = c.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: &other, Key: aws.String("d"), CopySource: aws.String("x-amz-copy-source")})
	refused(t, err, 400, "InvalidArgument", "Invalid copy source object key")
}

func TestDeleteObjects(t *testing.T) {
	s := start(t, false)
	c := client(s.Root(servicetest.Account))
	b := bucket(t, c, "reports")
	ctx := t.Context()
	for _, key := range []string{"a", "b", "c"} {
		write(t, c, b, key, key)
	}
	ids := func(keys ...string) *types.Delete {
		d := &types.Delete{}
		for _, key := range keys {
			d.Objects = append(d.Objects, types.ObjectIdentifier{Key: aws.String(key)})
		}
		return d
	}
	limited := client(s.Role(servicetest.Account, "limited", servicetest.Allow("arn:aws:s3:::reports/a", "s3:DeleteObject")))
	out := must[*sdk.DeleteObjectsOutput](t)(limited.DeleteObjects(ctx, &sdk.DeleteObjectsInput{Bucket: &b, Delete: ids("a", "b")}))
	if len(out.Deleted) != 1 || *out.Deleted[0].Key != "a" || len(out.Errors) != 1 || *out.Errors[0].Key != "b" || *out.Errors[0].Code != "AccessDenied" {
		t.Errorf("got %+v and %+v", out.Deleted, out.Errors)
	}
	d := ids("b", "c", "none")
	d.Quiet = aws.Bool(true)
	if out := must[*sdk.DeleteObjectsOutput](t)(c.DeleteObjects(ctx, &sdk.DeleteObjectsInput{Bucket: &b, Delete: d})); len(out.Deleted)+len(out.Errors) != 0 {
		t.Errorf("got %+v", out)
	}
	must[*sdk.DeleteBucketOutput](t)(c.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: &b}))
}
