package emulator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// TestReplicasAndAPartUploadedAgain: an upload is completed at one replica while
// its part is uploaded again at another. What is acknowledged is whole, at both.
func TestReplicasAndAPartUploadedAgain(t *testing.T) {
	shared := newCommon(2 * time.Millisecond)
	a := Start(t, Config{Region: "us-west-2", Backend: shared.replica()})
	b := Start(t, Config{Region: "us-west-2", Backend: shared.replica()})
	at, other := s3.NewFromConfig(a.AWSConfig(), pathStyle), s3.NewFromConfig(b.AWSConfig(), pathStyle)
	ctx, bucket, key := t.Context(), aws.String("races"), aws.String("k")
	if _, err := at.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket, CreateBucketConfiguration: usWest2}); err != nil {
		t.Fatal(err)
	}
	both := 0
	for i := range 100 {
		content := bytes.Repeat(fmt.Appendf(nil, "race %d. ", i), 4000)
		up, err := at.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		put := func(c *s3.Client) (*s3.UploadPartOutput, error) {
			return c.UploadPart(ctx, &s3.UploadPartInput{Bucket: bucket, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(content)})
		}
		part, err := put(at)
		if err != nil {
			t.Fatal(err)
		}
		completing := at
		if i%2 == 1 {
			completing = other // which may not have heard of the part
		}
		var retried, completed error
		var calls sync.WaitGroup
		calls.Go(func() { _, retried = put(other) })
		calls.Go(func() {
			time.Sleep(time.Duration(i%10) * time.Millisecond)
			_, completed = completing.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: bucket, Key: key, UploadId: up.UploadId,
				MultipartUpload: &s3types.CompletedMultipartUpload{Parts: []s3types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag}}}})
		})
		calls.Wait()
		var api smithy.APIError
		if completed != nil || retried != nil && (!errors.As(retried, &api) || api.ErrorCode() != "NoSuchUpload") {
			t.Fatalf("race %d: completed %v, the part %v", i, completed, retried)
		}
		if retried == nil {
			both++
		}
		out, err := completing.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key})
		if err != nil {
			t.Fatalf("race %d: %v", i, err)
		}
		got, err := io.ReadAll(out.Body)
		if err = errors.Join(err, out.Body.Close()); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("race %d: the object has %d bytes, %v", i, len(got), err)
		}
	}
	t.Logf("in %d of 100 races both calls were answered well", both)
}
