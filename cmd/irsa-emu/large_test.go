//go:build linux

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// largeVariable asks for a larger object than plain `go test` has time for: IRSA_EMU_LARGE_OBJECT=1GiB.
const largeVariable = "IRSA_EMU_LARGE_OBJECT"

// TestLargeObject: what an object is long does not show in the memory of the
// process that takes it and gives it.
func TestLargeObject(t *testing.T) {
	size := int64(128 << 20)
	if more := os.Getenv(largeVariable); more != "" {
		var err error
		if size, err = parseSize(more); err != nil {
			t.Fatal(err)
		}
	}
	for _, store := range []string{"memory", "file:" + filepath.Join(t.TempDir(), "state.db")} {
		s, err := serveProcess(t.Context(), nil, "--listen", "127.0.0.1:0", "--store", store)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.kill)
		client := uploadsClient(awsConfig(s.url, &http.Transport{}))
		bucket, key := aws.String("large-objects"), aws.String("k")
		if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket,
			CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraintUsWest2}}); err != nil {
			t.Fatal(err)
		}
		before := residentMemory(t, s.cmd.Process.Pid)
		signer := s3.NewPresignClient(client)
		to, err := signer.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		send(t, http.MethodPut, to.URL, io.LimitReader(letters{}, size), size)
		put := time.Since(began)
		after := residentMemory(t, s.cmd.Process.Pid)
		from, err := signer.PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		began = time.Now()
		if n := send(t, http.MethodGet, from.URL, nil, 0); n != size {
			t.Errorf("%d bytes of %d came back", n, size)
		}
		read := residentMemory(t, s.cmd.Process.Pid)
		t.Logf("%.6s: %d MiB: resident memory %d MiB before, %d after the upload of %v, %d after the download of %v", store, size>>20, before>>20, after>>20, put, read>>20, time.Since(began))
		if grown := max(after, read) - before; grown > 32<<20 {
			t.Errorf("%.6s: resident memory has grown by %d MiB", store, grown>>20)
		}
		s.kill()
	}
}

// letters is as much content as one reads.
type letters struct{}

func (letters) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// send makes a call, and tells how long the answer is.
func send(t *testing.T, method, url string, body io.Reader, length int64) int64 {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = length
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", method, resp.Status, err)
	}
	return n
}

var peakMemory = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// residentMemory is the most that a process has had in memory so far, in bytes.
func residentMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := peakMemory.FindSubmatch(status)
	if found == nil {
		t.Fatalf("no VmHWM in %s", status)
	}
	kilobytes, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}
