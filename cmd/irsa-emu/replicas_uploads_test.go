//go:build replicas

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

const replicasBucket = "replicas-uploads"

// multiparts are the multipart uploads that were acknowledged, by number: object N is of upload N alone.
type multiparts struct {
	mu           sync.Mutex
	acknowledged []int
}

func multipartContent(n int) []byte { return bytes.Repeat(fmt.Appendf(nil, "upload %d. ", n), 2500) }

// uploadParts makes objects of parts. Each part is uploaded twice, the second time while the upload is completed, by
// whichever replicas the balancer chooses.
func (l *load) uploadParts() {
	client := s3.NewFromConfig(awsConfig(l.url, ourTransport()), func(o *s3.Options) { o.UsePathStyle = true })
	made := false
	for n := 1; !l.over(50 * time.Millisecond); n++ {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		if !made {
			_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(replicasBucket),
				CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraintUsWest2}})
			var api smithy.APIError
			made = err == nil || errors.As(err, &api) && api.ErrorCode() == "BucketAlreadyOwnedByYou"
		}
		if made && l.uploadInParts(ctx, client, n) == nil {
			l.multiparts.mu.Lock()
			l.multiparts.acknowledged = append(l.multiparts.acknowledged, n)
			l.multiparts.mu.Unlock()
		}
		cancel()
	}
}

func (l *load) uploadInParts(ctx context.Context, c *s3.Client, n int) error {
	bucket, key := aws.String(replicasBucket), aws.String(fmt.Sprint("object-", n))
	up, err := c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
	if l.uploaded("beginning an upload", err); err != nil {
		return err
	}
	put := func() (*s3.UploadPartOutput, error) {
		return c.UploadPart(ctx, &s3.UploadPartInput{Bucket: bucket, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(multipartContent(n))})
	}
	part, err := put()
	if l.uploaded("uploading a part", err); err != nil {
		return err
	}
	var again sync.WaitGroup
	again.Go(func() { _, _ = put() }) // whether it is taken is chance
	_, err = c.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: bucket, Key: key, UploadId: up.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag}}}})
	l.uploaded("completing an upload", err)
	again.Wait()
	return err
}

// uploaded is wrote, but for a refusal that says itself that its replica is cut off.
func (l *load) uploaded(what string, err error) {
	if !strings.Contains(reasonOf(err), "this replica answers from the state as it knew it last") {
		l.wrote(what, err)
	}
}

// finalUploads reads all objects of uploads that were completed.
func (l *load) finalUploads(t *testing.T, name string, cfg aws.Config) (lost int) {
	t.Helper()
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	l.multiparts.mu.Lock()
	defer l.multiparts.mu.Unlock()
	if len(l.multiparts.acknowledged) == 0 {
		t.Errorf("%s: no multipart upload was acknowledged", name)
	}
	for _, n := range l.multiparts.acknowledged {
		out, err := client.GetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String(replicasBucket), Key: aws.String(fmt.Sprint("object-", n))})
		var got []byte
		if err == nil {
			got, err = io.ReadAll(out.Body)
			err = errors.Join(err, out.Body.Close())
		}
		if err != nil || !bytes.Equal(got, multipartContent(n)) {
			lost++
			t.Errorf("%s: object %d was acknowledged, and has %d bytes: %v", name, n, len(got), err)
		}
	}
	t.Logf("%s: %d objects of multipart uploads are whole", name, len(l.multiparts.acknowledged)-lost)
	return lost
}
