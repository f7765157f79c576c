package s3_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/irsa-emu/irsa-emu/services/servicetest"
	"github.com/irsa-emu/irsa-emu/state"
)

// fullDisk is a backend whose blobs cannot be written, or not be removed, while it is full.
type fullDisk struct {
	state.Backend
	full, stuck atomic.Bool
}

func (d *fullDisk) Blobs() state.Blobs { return fullBlobs{d.Backend.Blobs(), d} }

type fullBlobs struct {
	state.Blobs
	disk *fullDisk
}

var errFull = fmt.Errorf("%w: no space left on device", state.ErrUnavailable)

func (b fullBlobs) Create(ctx context.Context, id string) (state.BlobWriter, error) {
	w, err := b.Blobs.Create(ctx, id)
	return fullWriter{w, b.disk}, err
}

func (b fullBlobs) Remove(ctx context.Context, id string) error {
	if b.disk.stuck.Load() {
		return errFull
	}
	return b.Blobs.Remove(ctx, id)
}

type fullWriter struct {
	state.BlobWriter
	disk *fullDisk
}

func (w fullWriter) Write(b []byte) (int, error) {
	if w.disk.full.Load() {
		return 0, errFull
	}
	return w.BlobWriter.Write(b)
}

// TestFullDisk: what the store cannot take is the store's fault, at any size, and what it cannot remove is removed later.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	disk := &fullDisk{Backend: state.NewMemory()}
	s := startOn(t, disk)
	c := client(s.Root(servicetest.Account))
	b := bucket(t, c, "reports")
	disk.full.Store(true)
	for _, size := range []int{20_000, 1 << 20, 20 << 20} {
		body := strings.NewReader(strings.Repeat("x", size))
		_, err := c.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: &b, Key: aws.String("k"), Body: body})
		refused(t, err, 503, "ServiceUnavailable", "Service is unable to handle request.")
	}
	disk.full.Store(false)
	write(t, c, b, "k", strings.Repeat("y", 1<<20))
	disk.stuck.Store(true)
	must[*sdk.DeleteObjectOutput](t)(c.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: &b, Key: aws.String("k")}))
	wantBlobs(t, s, 1)
	disk.stuck.Store(false)
	write(t, c, b, "k", "small")
	wantBlobs(t, s, 0)
}

// TestAlteredContent: content that is not what was written is not sent as if it were.
func TestAlteredContent(t *testing.T) {
	s := startOn(t, state.NewMemory())
	c := client(s.Root(servicetest.Account))
	b := bucket(t, c, "reports")
	content := make([]byte, 100_000)
	must[int](t)(rand.Read(content))
	write(t, c, b, "k", string(content))
	id := must[[]string](t)(s.Store.Blobs().List(t.Context()))[0]
	w := must[state.BlobWriter](t)(s.Store.Blobs().Create(t.Context(), id))
	content[50_000] ^= 1
	must[int](t)(w.Write(content))
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	out, err := c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: &b, Key: aws.String("k"), ChecksumMode: "DISABLED"})
	if err == nil {
		buffer := new(strings.Builder)
		_, err = io.Copy(buffer, out.Body)
		err = errors.Join(err, out.Body.Close())
	}
	if err == nil {
		t.Error("altered content was sent whole")
	}
}
