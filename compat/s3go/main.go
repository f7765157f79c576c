// Command s3go lets minio-go work on a bucket with a pod's role: one line a case.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const bucket = "go-data"

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	c, err := connect(credentials.NewIAM(os.Getenv("AWS_ENDPOINT_URL_STS")))
	if err != nil {
		fmt.Printf("not ok minio-go connects\n   # %v\n", err)
		os.Exit(1)
	}
	failed := false
	for _, t := range []struct {
		name string
		run  func(context.Context, *minio.Client) error
	}{
		{"minio-go: credentials.NewIAM is the pod's role", identity},
		{"minio-go: credentials.NewSTSWebIdentity is it too", webIdentity},
		{"minio-go uploads in parts and downloads", parts},
		{"minio-go lists versions, and removes one", versions},
		{"minio-go copies, with tags, and composes", copies},
		{"minio-go uploads by a form that it signs", form},
		{"minio-go reads and writes by presigned links", links},
		{"minio-go deletes many objects", many},
		{"minio-go is refused another bucket, and what the role may not do", refused},
	} {
		if err := t.run(ctx, c); err != nil {
			failed = true
			fmt.Printf("not ok %s\n   # %v\n", t.name, err)
			continue
		}
		fmt.Println("ok", t.name)
	}
	if failed {
		os.Exit(1)
	}
}

func connect(c *credentials.Credentials) (*minio.Client, error) {
	at, err := url.Parse(os.Getenv("AWS_ENDPOINT_URL"))
	if err != nil {
		return nil, err
	}
	return minio.New(at.Host, &minio.Options{Creds: c, Region: os.Getenv("AWS_REGION"), BucketLookup: minio.BucketLookupPath, MaxRetries: 1})
}

func content(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

func put(ctx context.Context, c *minio.Client, key string, data []byte, o minio.PutObjectOptions) error {
	_, err := c.PutObject(ctx, bucket, key, bytes.NewReader(data), int64(len(data)), o)
	return err
}

func holds(ctx context.Context, c *minio.Client, key string, want []byte, o minio.GetObjectOptions) error {
	r, err := c.GetObject(ctx, bucket, key, o)
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("%s has %d bytes, which are not the %d that were written", key, len(got), len(want))
	}
	return err
}

func identity(ctx context.Context, c *minio.Client) error {
	there, err := c.BucketExists(ctx, bucket)
	if err == nil && !there {
		err = errors.New("the bucket is not there")
	}
	return err
}

func webIdentity(ctx context.Context, _ *minio.Client) error {
	creds, err := credentials.NewSTSWebIdentity(os.Getenv("AWS_ENDPOINT_URL_STS"), func() (*credentials.WebIdentityToken, error) {
		token, err := os.ReadFile(os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE"))
		return &credentials.WebIdentityToken{Token: string(token)}, err
	}, func(w *credentials.STSWebIdentity) { w.RoleARN = os.Getenv("AWS_ROLE_ARN") })
	if err != nil {
		return err
	}
	c, err := connect(creds)
	if err != nil {
		return err
	}
	return identity(ctx, c)
}

func parts(ctx context.Context, c *minio.Client) error {
	large := content(17 << 20)
	if err := put(ctx, c, "large", large, minio.PutObjectOptions{PartSize: 5 << 20, ContentType: "text/x", UserMetadata: map[string]string{"team": "payments"}}); err != nil {
		return err
	}
	info, err := c.StatObject(ctx, bucket, "large", minio.StatObjectOptions{})
	if err != nil {
		return err
	}
	if info.ContentType != "text/x" || info.UserMetadata["Team"] != "payments" || !strings.HasSuffix(info.ETag, "-4") {
		return fmt.Errorf("it is %s, %v, %s", info.ContentType, info.UserMetadata, info.ETag)
	}
	return holds(ctx, c, "large", large, minio.GetObjectOptions{})
}

func versions(ctx context.Context, c *minio.Client) error {
	for _, text := range []string{"one", "two"} {
		if err := put(ctx, c, "versioned", []byte(text), minio.PutObjectOptions{}); err != nil {
			return err
		}
	}
	var ids []string
	for o := range c.ListObjects(ctx, bucket, minio.ListObjectsOptions{Prefix: "versioned", WithVersions: true}) {
		if o.Err != nil {
			return o.Err
		}
		ids = append(ids, o.VersionID)
	}
	if len(ids) != 2 {
		return fmt.Errorf("versions %v", ids)
	}
	if err := holds(ctx, c, "versioned", []byte("one"), minio.GetObjectOptions{VersionID: ids[1]}); err != nil {
		return err
	}
	if err := c.RemoveObject(ctx, bucket, "versioned", minio.RemoveObjectOptions{VersionID: ids[0]}); err != nil {
		return err
	}
	return holds(ctx, c, "versioned", []byte("one"), minio.GetObjectOptions{})
}

func copies(ctx context.Context, c *minio.Client) error {
	a, b := content(5<<20), []byte("end")
	if err := put(ctx, c, "a", a, minio.PutObjectOptions{UserTags: map[string]string{"class": "x y"}}); err != nil {
		return err
	}
	if err := put(ctx, c, "b", b, minio.PutObjectOptions{}); err != nil {
		return err
	}
	if _, err := c.CopyObject(ctx, minio.CopyDestOptions{Bucket: bucket, Object: "copy"}, minio.CopySrcOptions{Bucket: bucket, Object: "a"}); err != nil {
		return err
	}
	tags, err := c.GetObjectTagging(ctx, bucket, "copy", minio.GetObjectTaggingOptions{})
	if err != nil {
		return err
	}
	if tags.ToMap()["class"] != "x y" {
		return fmt.Errorf("the copy's tags are %v", tags)
	}
	if _, err := c.ComposeObject(ctx, minio.CopyDestOptions{Bucket: bucket, Object: "both"}, minio.CopySrcOptions{Bucket: bucket, Object: "a"}, minio.CopySrcOptions{Bucket: bucket, Object: "b"}); err != nil {
		return err
	}
	return holds(ctx, c, "both", append(a, b...), minio.GetObjectOptions{})
}

func form(ctx context.Context, c *minio.Client) error {
	p := minio.NewPostPolicy()
	if err := errors.Join(p.SetBucket(bucket), p.SetKey("form"), p.SetExpires(time.Now().Add(time.Hour)), p.SetContentLengthRange(1, 10)); err != nil {
		return err
	}
	to, fields, err := c.PresignedPostPolicy(ctx, p)
	if err != nil {
		return err
	}
	for text, want := range map[string]int{"uploaded": http.StatusNoContent, "much too long": http.StatusBadRequest} {
		answer, err := postForm(to.String(), fields, text)
		if err != nil {
			return err
		}
		if answer != want {
			return fmt.Errorf("%q was answered with %d", text, answer)
		}
	}
	return holds(ctx, c, "form", []byte("uploaded"), minio.GetObjectOptions{})
}

func links(ctx context.Context, c *minio.Client) error {
	to, err := c.PresignedPutObject(ctx, bucket, "by link", time.Minute)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, to.String(), strings.NewReader("linked"))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	from, err := c.PresignedGetObject(ctx, bucket, "by link", time.Minute, nil)
	if err != nil {
		return err
	}
	if answer, err = http.Get(from.String()); err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && string(text) != "linked" {
		err = fmt.Errorf("the link gives %q", text)
	}
	return err
}

func many(ctx context.Context, c *minio.Client) error {
	gone := make(chan minio.ObjectInfo)
	go func() {
		defer close(gone)
		for o := range c.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
			gone <- o
		}
	}()
	for e := range c.RemoveObjects(ctx, bucket, gone, minio.RemoveObjectsOptions{}) {
		return fmt.Errorf("%s: %w", e.ObjectName, e.Err)
	}
	for o := range c.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		return fmt.Errorf("%s is left: %v", o.Key, o.Err)
	}
	return nil
}

func refused(ctx context.Context, c *minio.Client) error {
	_, err := c.PutObject(ctx, "other-data", "k", strings.NewReader("x"), 1, minio.PutObjectOptions{})
	if answer := minio.ToErrorResponse(err); answer.StatusCode != http.StatusForbidden || !strings.Contains(answer.Message, "no identity-based policy allows the s3:PutObject action") {
		return fmt.Errorf("another bucket: %v", err)
	}
	err = c.SetBucketPolicy(ctx, bucket, "")
	if answer := minio.ToErrorResponse(err); answer.Code != "AccessDenied" {
		return fmt.Errorf("the bucket's policy: %v", err)
	}
	return nil
}
