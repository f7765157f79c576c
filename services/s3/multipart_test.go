package s3_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/irsa-emu/irsa-emu/services/s3"
	"github.com/irsa-emu/irsa-emu/services/servicetest"
	"github.com/irsa-emu/irsa-emu/state"
)

// TestMultipart: digests, texts and the rules were recorded on AWS
// (test_multipart_*, test_complete_multipart_*, test_get_object_part).
func TestMultipart(t *testing.T) {
	t.Parallel()
	s := start(t, false)
	c := client(s.Root(servicetest.Account))
	b := bucket(t, c, "reports")
	ctx := t.Context()
	key := aws.String("big")
	noSums := func(o *sdk.Options) { o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired }
	up := must[*sdk.CreateMultipartUploadOutput](t)(c.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: &b, Key: key, ContentType: aws.String("text/plain"), Metadata: map[string]string{"k": "v"}}, noSums))
	part := func(n int32, body string) types.CompletedPart {
		t.Helper()
		out := must[*sdk.UploadPartOutput](t)(c.UploadPart(ctx, &sdk.UploadPartInput{Bucket: &b, Key: key, UploadId: up.UploadId, PartNumber: &n, Body: strings.NewReader(body)}, noSums))
		return types.CompletedPart{PartNumber: &n, ETag: out.ETag}
	}
	complete := func(parts ...types.CompletedPart) (*sdk.CompleteMultipartUploadOutput, error) {
		return c.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadInput{Bucket: &b, Key: key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	}
	small := part(1, "data")
	second := part(2, "data")
	if *small.ETag != `"8d777f385d3dfec8815d20f7496026dc"` {
		t.Errorf("ETag %s", *small.ETag)
	}
	_, err := complete(small, second)
	refused(t, err, 400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
	_, err = complete(second, small)
	refused(t, err, 400, "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.")
	_, err = complete(types.CompletedPart{PartNumber: aws.Int32(1), ETag: aws.String(`"d41d8cd98f00b204e9800998ecf8427e"`)})
	refused(t, err, 400, "InvalidPart", "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.")

	_, err = c.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadInput{Bucket: &b, Key: key, UploadId: up.UploadId})
	refused(t, err, 400, "InvalidRequest", "You must specify at least one part")

	first := strings.Repeat("x", 5<<20)
	parts := []types.CompletedPart{part(1, first), part(2, "test content 123")}
	part(3, "never used")
	listed := must[*sdk.ListPartsOutput](t)(c.ListParts(ctx, &sdk.ListPartsInput{Bucket: &b, Key: key, UploadId: up.UploadId, MaxParts: aws.Int32(2)}))
	if len(listed.Parts) != 2 || !*listed.IsTruncated || *listed.NextPartNumberMarker != "2" || *listed.Parts[1].Size != 16 {
		t.Errorf("parts: %+v", listed)
	}
	if uploads := must[*sdk.ListMultipartUploadsOutput](t)(c.ListMultipartUploads(ctx, &sdk.ListMultipartUploadsInput{Bucket: &b})); len(uploads.Uploads) != 1 || *uploads.Uploads[0].UploadId != *up.UploadId {
		t.Errorf("uploads: %+v", uploads)
	}
	done := must[*sdk.CompleteMultipartUploadOutput](t)(complete(parts...))
	if !strings.HasSuffix(*done.ETag, `-2"`) || done.ChecksumCRC64NVME == nil || done.ChecksumType != types.ChecksumTypeFullObject || *done.Location != s.URL+"/reports/big" {
		t.Errorf("completed: %+v", done)
	}
	if got := read(t, c, b, "big"); got != first+"test content 123" {
		t.Errorf("the object has %d bytes", len(got))
	}
	got := must[*sdk.GetObjectOutput](t)(c.GetObject(ctx, &sdk.GetObjectInput{Bucket: &b, Key: key, PartNumber: aws.Int32(2)}))
	if body := must[[]byte](t)(io.ReadAll(got.Body)); string(body) != "test content 123" || *got.PartsCount != 2 || *got.ContentRange != "bytes 5242880-5242895/5242896" || got.Metadata["k"] != "v" {
		t.Errorf("part 2: %q %+v", body, got)
	}
	_, err = c.GetObject(ctx, &sdk.GetObjectInput{Bucket: &b, Key: key, PartNumber: aws.Int32(10)})
	refused(t, err, 416, "InvalidPartNumber", "The requested partnumber is not satisfiable")
	// Run on AWS by moto: completing once more with the same parts is well, whatever the conditions.
	again := must[*sdk.CompleteMultipartUploadOutput](t)(c.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadInput{Bucket: &b, Key: key, UploadId: up.UploadId, IfNoneMatch: aws.String("*"),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}}))
	if *again.ETag != *done.ETag {
		t.Errorf("completed again: %s, want %s", *again.ETag, *done.ETag)
	}
	_, err = complete(parts[0])
	refused(t, err, 404, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.")

	up = must[*sdk.CreateMultipartUploadOutput](t)(c.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: &b, Key: key}))
	part(1, first)
	must[*sdk.AbortMultipartUploadOutput](t)(c.AbortMultipartUpload(ctx, &sdk.AbortMultipartUploadInput{Bucket: &b, Key: key, UploadId: up.UploadId}))
	must[*sdk.DeleteObjectOutput](t)(c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &b, Key: key}))
	wantBlobs(t, s, 0)
	for p := range state.All[*s3.Part](s.Store.Snapshot(), "") {
		t.Errorf("part %s is left", p.StateKey())
	}
}

// TestMultipartChecksums: the sums of the parts and of the whole.
func TestMultipartChecksums(t *testing.T) {
	c := client(start(t, true).Root(servicetest.Account))
	b := bucket(t, c, "reports")
	ctx := t.Context()
	for _, tc := range []struct {
		algorithm types.ChecksumAlgorithm
		kind      types.ChecksumType
		get       func(*sdk.CompleteMultipartUploadOutput) *string
		want      string
	}{
		// One part "test content 123": recorded on AWS (test_get_object_part_checksum).
		{types.ChecksumAlgorithmCrc32c, types.ChecksumTypeComposite, func(o *sdk.CompleteMultipartUploadOutput) *string { return o.ChecksumCRC32C }, "sZB91Q==-1"},
		{types.ChecksumAlgorithmCrc32c, types.ChecksumTypeFullObject, func(o *sdk.CompleteMultipartUploadOutput) *string { return o.ChecksumCRC32C }, "fwuu0Q=="},
	} {
		up := must[*sdk.CreateMultipartUploadOutput](t)(c.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: &b, Key: aws.String("k"), ChecksumAlgorithm: tc.algorithm, ChecksumType: tc.kind}))
		part := must[*sdk.UploadPartOutput](t)(c.UploadPart(ctx, &sdk.UploadPartInput{Bucket: &b, Key: aws.String("k"), UploadId: up.UploadId, PartNumber: aws.Int32(1), ChecksumAlgorithm: tc.algorithm, Body: strings.NewReader("test content 123")}))
		done := must[*sdk.CompleteMultipartUploadOutput](t)(c.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadInput{Bucket: &b, Key: aws.String("k"), UploadId: up.UploadId,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag, ChecksumCRC32C: part.ChecksumCRC32C}}}}))
		if got := tc.get(done); got == nil || *got != tc.want || done.ChecksumType != tc.kind || *done.ETag != `"b972025bc34adf8d76d6d51e93c035cc-1"` {
			t.Errorf("%s %s: %+v", tc.algorithm, tc.kind, done)
		}
	}
	for _, tc := range []struct {
		algorithm types.ChecksumAlgorithm
		kind      types.ChecksumType
		message   string
	}{
		{types.ChecksumAlgorithmCrc64nvme, types.ChecksumTypeComposite, "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm."},
		{types.ChecksumAlgorithmSha256, types.ChecksumTypeFullObject, "The FULL_OBJECT checksum type cannot be used with the sha256 checksum algorithm."},
	} {
		_, err := c.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: &b, Key: aws.String("k"), ChecksumAlgorithm: tc.algorithm, ChecksumType: tc.kind})
		refused(t, err, 400, "InvalidRequest", tc.message)
	}
}

// TestUploadPartCopy: recorded on AWS (test_upload_part_copy_range).
func TestUploadPartCopy(t *testing.T) {
	c := client(start(t, false).Root(servicetest.Account))
	b := bucket(t, c, "reports")
	ctx := t.Context()
	write(t, c, b, "source", "0123456789")
	body := bytes.Repeat([]byte("0123456789abcdef"), 40<<10)
	must[*sdk.PutObjectOutput](t)(c.PutObject(ctx, &sdk.PutObjectInput{Bucket: &b, Key: aws.String("large"), Body: bytes.NewReader(body)}))
	up := must[*sdk.CreateMultipartUploadOutput](t)(c.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: &b, Key: aws.String("k")}))
	copyPart := func(source, bytes string) (*sdk.UploadPartCopyOutput, error) {
		in := &sdk.UploadPartCopyInput{Bucket: &b, Key: aws.String("k"), UploadId: up.UploadId, PartNumber: aws.Int32(1), CopySource: aws.String("reports/" + source)}
		if bytes != "" {
			in.CopySourceRange = &bytes
		}
		return c.UploadPartCopy(ctx, in)
	}
	for asked, etag := range map[string]string{"bytes=0-8": "22975d8a5ed1b91445f6c55ac121505b", "bytes=1-1": "c4ca4238a0b923820dcc509a6f75849b", "bytes=0-0": "cfcd208495d565ef66e7dff9f98764da", "": "781e5e245d69b566979b86e28d23f2c7"} {
		if out := must[*sdk.UploadPartCopyOutput](t)(copyPart("source", asked)); *out.CopyPartResult.ETag != `"`+etag+`"` {
			t.Errorf("%s: %s, want %s", asked, *out.CopyPartResult.ETag, etag)
		}
	}
	for _, asked := range []string{"0-8", "bytes=1-0", "bytes=-2"} {
		_, err := copyPart("source", asked)
		refused(t, err, 400, "InvalidArgument", "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
	}
	from, to := 512<<10-3, 512<<10+5 // across two blobs
	out := must[*sdk.UploadPartCopyOutput](t)(copyPart("large", fmt.Sprintf("bytes=%d-%d", from, to)))
	must[*sdk.CompleteMultipartUploadOutput](t)(c.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadInput{Bucket: &b, Key: aws.String("k"), UploadId: up.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: out.CopyPartResult.ETag}}}}))
	if got := read(t, c, b, "k"); got != string(body[from:to+1]) {
		t.Errorf("copied %q, want %q", got, body[from:to+1])
	}
}

// inOnePart uploads "v" in one part.
func inOnePart(ctx context.Context, c *sdk.Client, create sdk.CreateMultipartUploadInput, complete sdk.CompleteMultipartUploadInput) error {
	u, err := c.CreateMultipartUpload(ctx, &create)
	if err != nil {
		return err
	}
	number := aws.Int32(1)
	part, err := c.UploadPart(ctx, &sdk.UploadPartInput{Bucket: create.Bucket, Key: create.Key, UploadId: u.UploadId, PartNumber: number, Body: strings.NewReader("v")})
	if err != nil {
		return err
	}
	complete.Bucket, complete.Key, complete.UploadId = create.Bucket, create.Key, u.UploadId
	complete.MultipartUpload = &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: number, ETag: part.ETag}}}
	_, err = c.CompleteMultipartUpload(ctx, &complete)
	return err
}
