package s3_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/irsa-emu/irsa-emu/services/servicetest"
)

// The answers in this file were recorded by LocalStack against AWS,
// tests/aws/services/s3; each names the test.

// TestMetadataCase: test_s3_copy_metadata_replace. boto3 and the JavaScript SDK
// take metadata names from the headers as they come.
func TestMetadataCase(t *testing.T) {
	s := start(t, false)
	c := client(s.Root(servicetest.Account))
	b := bucket(t, c, "reports")
	must[*sdk.PutObjectOutput](t)(c.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: &b, Key: aws.String("k"), Body: strings.NewReader("v"), Metadata: map[string]string{"Team-Name": "x"}}))
	signed, err := presign(c, b, "k")
	if err != nil {
		t.Fatal(err)
	}
	// The wire itself: Go's client would write the name in its own case.
	at, err := url.Parse(signed.URL)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", at.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", at.RequestURI(), at.Host)
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	raw := string(answer)
	if !slices.Contains(strings.Split(raw, "\r\n"), "x-amz-meta-team-name: x") {
		t.Errorf("no lower-case metadata header in\n%s", raw)
	}
}

// TestChecksumOfPartOrRange: test_get_object_range, test_get_object_part.
func TestChecksumOfPartOrRange(t *testing.T) {
	s := start(t, false)
	c := client(s.Root(servicetest.Account))
	b := bucket(t, c, "reports")
	write(t, c, b, "k", "0123456789")
	for name, in := range map[string]*sdk.GetObjectInput{
		"a range that is the whole": {Range: aws.String("bytes=0-100")},
		"the last bytes, all":       {Range: aws.String("bytes=-15")},
		"the only part":             {PartNumber: aws.Int32(1)},
	} {
		in.Bucket, in.Key, in.ChecksumMode = &b, aws.String("k"), types.ChecksumModeEnabled
		if out := must[*sdk.GetObjectOutput](t)(c.GetObject(t.Context(), in)); out.ChecksumCRC32 == nil {
			t.Errorf("%s: no checksum", name)
		}
	}
	in := &sdk.GetObjectInput{Bucket: &b, Key: aws.String("k"), Range: aws.String("bytes=0-3"), ChecksumMode: types.ChecksumModeEnabled}
	if out := must[*sdk.GetObjectOutput](t)(c.GetObject(t.Context(), in)); out.ChecksumCRC32 != nil {
		t.Error("a range of less has the checksum of the whole")
	}
}

// TestRefusedAsRecorded: test_multipart_complete_multipart_too_small,
// test_upload_part_copy_range, test_s3_copy_object_wrong_format,
// test_multipart_parts_checksum_exceptions_composite.
func TestRefusedAsRecorded(t *testing.T) {
	s := start(t, false)
	c := client(s.Root(servicetest.Account))
	b := bucket(t, c, "reports")
	ctx, key := t.Context(), aws.String("big")
	write(t, c, b, "source", "0123456789")
	up := must[*sdk.CreateMultipartUploadOutput](t)(c.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: &b, Key: key, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32}))
	_, err := c.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadInput{Bucket: &b, Key: key, UploadId: up.UploadId})
	refused(t, err, http.StatusBadRequest, "InvalidRequest", "You must specify at least one part")
	_, err = c.UploadPartCopy(ctx, &sdk.UploadPartCopyInput{Bucket: &b, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(1), CopySource: aws.String("reports/source"), CopySourceRange: aws.String("bytes=100-200")})
	refused(t, err, http.StatusBadRequest, "InvalidRequest", "The specified copy range is invalid for the source object size")

	part := must[*sdk.UploadPartOutput](t)(c.UploadPart(ctx, &sdk.UploadPartInput{Bucket: &b, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("part"), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32}))
	complete := func(kind types.ChecksumType, p types.CompletedPart) error {
		p.PartNumber, p.ETag = aws.Int32(1), part.ETag
		_, err := c.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadInput{Bucket: &b, Key: key, UploadId: up.UploadId, ChecksumType: kind, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{p}}})
		return err
	}
	refused(t, complete(types.ChecksumTypeFullObject, types.CompletedPart{}), http.StatusBadRequest, "InvalidRequest",
		"The upload was created using the COMPOSITE checksum mode. The complete request must use the same checksum mode.")
	refused(t, complete("", types.CompletedPart{ChecksumSHA256: aws.String("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")}), http.StatusBadRequest, "BadDigest",
		"The sha256 you specified for part 1 did not match what we received.")
	if err := complete("", types.CompletedPart{ChecksumCRC32: part.ChecksumCRC32}); err != nil {
		t.Fatal(err)
	}
	attributes := must[*sdk.GetObjectAttributesOutput](t)(c.GetObjectAttributes(ctx, &sdk.GetObjectAttributesInput{Bucket: &b, Key: key, ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesObjectParts}}))
	if p := attributes.ObjectParts; *p.TotalPartsCount != 1 || *p.IsTruncated || *p.MaxParts != 1000 || *p.NextPartNumberMarker != "1" || len(p.Parts) != 1 || *p.Parts[0].ChecksumCRC32 != *part.ChecksumCRC32 {
		t.Errorf("parts %+v", p)
	}
}

// TestTokenBeforeStartAfter: test_list_objects_v2_continuation_start_after.
func TestTokenBeforeStartAfter(t *testing.T) {
	s := start(t, false)
	c := client(s.Root(servicetest.Account))
	b := bucket(t, c, "reports")
	for _, key := range []string{"a", "b", "c"} {
		write(t, c, b, key, "v")
	}
	first := must[*sdk.ListObjectsV2Output](t)(c.ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: &b, MaxKeys: aws.Int32(1)}))
	second := must[*sdk.ListObjectsV2Output](t)(c.ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: &b, ContinuationToken: first.NextContinuationToken, StartAfter: aws.String("b")}))
	if second.StartAfter != nil || len(second.Contents) != 2 || *second.Contents[0].Key != "b" {
		t.Errorf("%+v", second)
	}
}
