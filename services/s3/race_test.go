package s3_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/services/kms"
	"github.com/irsa-emu/irsa-emu/services/s3"
	"github.com/irsa-emu/irsa-emu/services/servicetest"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/state/boltstore"
)

func startOn(t *testing.T, backend state.Backend) *servicetest.Server {
	t.Helper()
	return servicetest.StartOn(t, backend, slices.Concat(kms.Kinds(), s3.Kinds()), false, func(store *state.Store) api.Service {
		return s3.New(s3.Config{Store: store, Rand: rand.Reader, Region: servicetest.Region, MaxObjectSize: 64 << 20})
	})
}

// TestPartUploadedAgain: an upload is completed while one of its parts is
// uploaded again, as an SDK does after a time-out. What is acknowledged is whole.
// IRSA_EMU_RACES is how many races there are.
func TestPartUploadedAgain(t *testing.T) {
	t.Parallel()
	races := 40
	if n := os.Getenv("IRSA_EMU_RACES"); n != "" {
		races = must[int](t)(strconv.Atoi(n))
	}
	for name, open := range map[string]func() (state.Backend, error){
		"memory": func() (state.Backend, error) { return state.NewMemory(), nil },
		"file":   func() (state.Backend, error) { return boltstore.Open(filepath.Join(t.TempDir(), "state.db")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backend, err := open()
			if err != nil {
				t.Fatal(err)
			}
			s := startOn(t, backend)
			c := client(s.Root(servicetest.Account))
			b := bucket(t, c, "races")
			both := 0
			for i := range races {
				if race(t, c, b, 20_000+i*300, time.Duration(i%20)*100*time.Microsecond) {
					both++
				}
				if t.Failed() {
					return
				}
			}
			t.Logf("%d races, in %d of them both calls were answered well", races, both)
			must[*sdk.DeleteObjectOutput](t)(c.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: &b, Key: aws.String("k")}))
			wantBlobs(t, s, 0)
		})
	}
}

// race is one upload; it tells whether both calls were answered well.
func race(t *testing.T, c *sdk.Client, bucket string, size int, ahead time.Duration) (both bool) {
	t.Helper()
	ctx, key := t.Context(), aws.String("k")
	up := must[*sdk.CreateMultipartUploadOutput](t)(c.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: &bucket, Key: key}))
	content := make([]byte, size)
	must[int](t)(rand.Read(content))
	put := func() (*sdk.UploadPartOutput, error) {
		return c.UploadPart(ctx, &sdk.UploadPartInput{Bucket: &bucket, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(content)})
	}
	part := must[*sdk.UploadPartOutput](t)(put())
	var retry, complete error
	var calls sync.WaitGroup
	calls.Go(func() { _, retry = put() })
	calls.Go(func() {
		time.Sleep(ahead)
		_, complete = c.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadInput{Bucket: &bucket, Key: key, UploadId: up.UploadId,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag}}}})
	})
	calls.Wait()
	var code smithy.APIError
	if retry != nil && (!errors.As(retry, &code) || code.ErrorCode() != "NoSuchUpload") {
		t.Fatalf("the part: %v", retry)
	}
	if complete != nil {
		t.Fatalf("the completion: %v", complete)
	}
	if got := read(t, c, bucket, "k"); got != string(content) {
		t.Fatalf("the object has %d bytes, want the %d that were acknowledged", len(got), size)
	}
	return retry == nil
}

// TestBucketReplaced: what was allowed for one bucket is not put into another that has got its name meanwhile.
func TestBucketReplaced(t *testing.T) {
	storing := make(chan struct{}, 1)
	s := startOn(t, announcing{state.NewMemory(), storing})
	first, second := client(s.Root(servicetest.Account)), client(s.Root(servicetest.Other))
	b := bucket(t, first, "taken")
	body := &stalling{head: strings.NewReader(strings.Repeat("x", 70_000)), goOn: make(chan struct{}), tail: strings.NewReader("y")}
	done := make(chan error)
	go func() {
		_, err := first.PutObject(context.Background(), &sdk.PutObjectInput{Bucket: &b, Key: aws.String("planted"), Body: body, ContentLength: aws.Int64(70_001)},
			func(o *sdk.Options) { o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired },
			sdk.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware))
		done <- err
	}()
	goOn := sync.OnceFunc(func() { close(body.goOn) })
	t.Cleanup(goOn)
	<-storing // the call has been allowed
	must[*sdk.DeleteBucketOutput](t)(first.DeleteBucket(t.Context(), &sdk.DeleteBucketInput{Bucket: &b}))
	s.Advance(time.Second)
	bucket(t, second, "taken")
	goOn()
	refused(t, <-done, 404, "NoSuchBucket", "The specified bucket does not exist")
	if list := must[*sdk.ListObjectsV2Output](t)(second.ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: &b})); len(list.Contents) != 0 {
		t.Errorf("the stranger's bucket has %+v", list.Contents)
	}
	wantBlobs(t, s, 0)
}

// announcing is a backend that tells when content is begun to be stored.
type announcing struct {
	state.Backend
	storing chan<- struct{}
}

func (a announcing) Blobs() state.Blobs { return announcingBlobs{a.Backend.Blobs(), a.storing} }

type announcingBlobs struct {
	state.Blobs
	storing chan<- struct{}
}

func (a announcingBlobs) Create(ctx context.Context, id string) (state.BlobWriter, error) {
	a.storing <- struct{}{}
	return a.Blobs.Create(ctx, id)
}

// stalling is a body that stops in the middle.
type stalling struct {
	head, tail io.Reader
	goOn       chan struct{}
}

func (s *stalling) Read(b []byte) (int, error) {
	n, err := s.head.Read(b)
	if errors.Is(err, io.EOF) {
		<-s.goOn
		return s.tail.Read(b)
	}
	return n, err
}

// TestBlobsOfTheDead: a store that a process left with content that nothing owns is in order after the next start.
func TestBlobsOfTheDead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	backend := must[*boltstore.Store](t)(boltstore.Open(path))
	store := must[*state.Store](t)(state.Open(t.Context(), backend, slices.Concat(kms.Kinds(), s3.Kinds())...))
	for _, id := range []string{"whole", "half"} {
		w := must[state.BlobWriter](t)(store.Blobs().Create(t.Context(), id))
		must[int](t)(w.Write(make([]byte, 1<<20)))
		if id == "whole" {
			if err := w.Commit(); err != nil {
				t.Fatal(err)
			}
		}
	}
	// What an irsa-emu of before has left: an object whose content is entities.
	old := []byte(strings.Repeat("content ", 4000))
	o := &s3.Object{Bucket: "old", Key: "k", Size: int64(len(old)), StorageClass: "STANDARD", Content: []s3.Piece{{Blob: "0a", Size: 20000}, {Blob: "0b", Size: int64(len(old)) - 20000}}}
	err := store.Update(t.Context(), func(tx *state.Txn) error {
		tx.Put(&s3.Bucket{Account: servicetest.Account, Region: servicetest.Region, Name: "old"})
		tx.Put(o)
		tx.Put(&s3.Blob{ID: "0a", Data: old[:20000]})
		tx.Put(&s3.Blob{ID: "0b", Data: old[20000:]})
		return nil
	})
	if err = errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	s := startOn(t, must[*boltstore.Store](t)(boltstore.Open(path)))
	wantBlobs(t, s, 2)
	c := client(s.Root(servicetest.Account))
	if got := read(t, c, "old", "k"); got != string(old) {
		t.Errorf("the object of before has %d bytes", len(got))
	}
	for range state.All[*s3.Blob](s.Store.Snapshot(), "") {
		t.Error("content is an entity still")
	}
}
