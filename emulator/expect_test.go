package emulator

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// A refused upload is answered instead of "100 Continue": the client here keeps its
// body until it hears that, so that an answer that waits for the body never comes (S3 user guide, "Redirects
// and 100-Continue").
func TestRefusedBeforeTheBody(t *testing.T) {
	shared := newCommon(time.Millisecond)
	for name, emu := range map[string]*Running{
		"one process": Start(t, Config{Region: "us-west-2"}),
		"replicas":    Start(t, Config{Region: "us-west-2", Backend: shared.replica()}),
	} {
		t.Run(name, func(t *testing.T) {
			client := s3.NewFromConfig(emu.AWSConfig(), pathStyle)
			if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("reports"), CreateBucketConfiguration: usWest2}); err != nil {
				t.Fatal(err)
			}
			signed := func(bucket string) string {
				out, err := s3.NewPresignClient(client).PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k")})
				if err != nil {
					t.Fatal(err)
				}
				return strings.TrimPrefix(out.URL, emu.URL)
			}
			for what, test := range map[string]struct {
				target string
				status int
			}{
				"no such bucket": {signed("absent"), http.StatusNotFound},
				"unsigned":       {"/reports/k", http.StatusForbidden},
				"bad signature":  {strings.Replace(signed("reports"), "X-Amz-Signature=", "X-Amz-Signature=0", 1), http.StatusForbidden},
			} {
				for _, length := range []int{10, 100_000_000} {
					if status := expecting(t, emu.URL, test.target, length, ""); status != test.status {
						t.Errorf("%s, %d bytes: status %d, want %d", what, length, status, test.status)
					}
				}
			}
			if status := expecting(t, emu.URL, signed("reports"), 5, "hello"); status != http.StatusOK {
				t.Errorf("an allowed upload: status %d", status)
			}
		})
	}
}

// expecting sends a PUT with Expect, and the body only after "100 Continue".
func expecting(t *testing.T, url, target string, length int, body string) (status int) {
	t.Helper()
	host := strings.TrimPrefix(url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", target, host, length); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	if resp.StatusCode != http.StatusContinue {
		return resp.StatusCode
	}
	if body == "" {
		t.Errorf("%s: 100 Continue", target)
		return 0
	}
	if _, err := fmt.Fprint(conn, body); err != nil {
		t.Fatal(err)
	}
	if resp, err = http.ReadResponse(in, nil); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}
