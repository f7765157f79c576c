package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

const killedBucket = "killed-uploads"

// uploads is a writer that overwrites one object by multipart uploads, each of another content.
type uploads struct {
	acknowledged int // uploads that were completed; 0: none
}

// content is that of the n-th upload: too long to be kept in the object itself.
func (uploads) content(n int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "upload %d. ", n), 4000)
}

func uploadsClient(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

// next makes one upload: what it leaves when it is killed in the middle is for nobody to see.
func (u uploads) next(ctx context.Context, c *s3.Client) error {
	bucket, key := aws.String(killedBucket), aws.String("object")
	up, err := c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
	if err != nil {
		return err
	}
	part, err := c.UploadPart(ctx, &s3.UploadPartInput{Bucket: bucket, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(u.content(u.acknowledged + 1))})
	if err != nil {
		return err
	}
	_, err = c.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: bucket, Key: key, UploadId: up.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag}}}})
	return err
}

// look tells which upload the object is of: the last that was acknowledged, or the one under way.
func (u uploads) look(ctx context.Context, c *s3.Client) (n int, err error) {
	out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(killedBucket), Key: aws.String("object")})
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "NoSuchKey" && u.acknowledged == 0 {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer out.Body.Close()
	got, err := io.ReadAll(out.Body)
	if err != nil {
		return 0, err
	}
	for _, n := range []int{u.acknowledged, u.acknowledged + 1} {
		if bytes.Equal(got, u.content(n)) {
			return n, nil
		}
	}
	return 0, fmt.Errorf("upload %d was acknowledged, and the object has %d bytes with the digest %x", u.acknowledged, len(got), sha256.Sum256(got))
}
