package wire_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/irsa-emu/irsa-emu/wire"
)

// received is what the S3 server of these tests got.
type received struct {
	path, said, checksum, value string
	body                        []byte
	err                         error
}

// s3Server verifies what an S3 client sends and answers as S3 would.
func s3Server(t *testing.T, tls bool, got *received) (*httptest.Server, *s3.Client) {
	t.Helper()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := &wire.Call{ID: wire.NewRequestID(), HTTP: r}
		*got = received{path: r.URL.Path, said: r.Header.Get("X-Amz-Content-Sha256")}
		got.body, got.checksum, got.value, got.err = receive(r)
		var auth *wire.AuthError
		var refusal *wire.Error
		switch {
		case errors.As(got.err, &auth):
			wire.WriteS3Error(w, call, auth.S3())
		case errors.As(got.err, &refusal):
			wire.WriteS3Error(w, call, refusal)
		case got.err != nil:
			t.Errorf("error of an unexpected type: %v", got.err)
		}
	})
	server := httptest.NewUnstartedServer(handler)
	if tls {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	client := s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), UsePathStyle: true, HTTPClient: server.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(testKey, testSecret, "session/token+="),
		Retryer:     aws.NopRetryer{}, RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
	})
	return server, client
}

func receive(r *http.Request) (body []byte, checksum, value string, err error) {
	sig, err := wire.ParseSignature(r)
	if err != nil {
		return nil, "", "", err
	}
	if err := sig.Verify(r, testSecret, time.Now(), wire.VerifyOptions{Service: "s3", S3: true, Region: "us-east-1"}); err != nil {
		return nil, "", "", err
	}
	payload, err := wire.OpenPayload(r, sig)
	if err != nil {
		return nil, "", "", err
	}
	body, err = io.ReadAll(payload)
	checksum, value = payload.Checksum()
	return body, checksum, value, err
}

// unseekable hides that a body can be read twice, which makes the SDK stream it.
type unseekable struct{ io.Reader }

func TestS3Client(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 20<<10)
	algorithms := []types.ChecksumAlgorithm{
		"", types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c, types.ChecksumAlgorithmCrc64nvme,
		types.ChecksumAlgorithmSha1, types.ChecksumAlgorithmSha256,
	}
	for _, tls := range []bool{false, true} {
		var got received
		_, client := s3Server(t, tls, &got)
		for _, algorithm := range algorithms {
			for _, stream := range []bool{false, true} {
				if stream && !tls {
					continue // the SDK refuses: an unseekable body needs TLS
				}
				var body io.Reader = bytes.NewReader(data)
				if stream {
					body = unseekable{body}
				}
				_, err := client.PutObject(context.Background(), &s3.PutObjectInput{
					Bucket: aws.String("bucket"), Key: aws.String("a b/ü+c;d=(e)'*!//x"), Body: body, ContentLength: aws.Int64(int64(len(data))),
					ChecksumAlgorithm: algorithm, Metadata: map[string]string{"k": " v  w "},
				})
				if err != nil {
					t.Fatalf("tls %v, %s, stream %v: %v", tls, algorithm, stream, err)
				}
				want := "x-amz-checksum-" + strings.ToLower(string(algorithm))
				if algorithm == "" {
					want = "x-amz-checksum-crc32"
				}
				if got.err != nil || !bytes.Equal(got.body, data) || got.checksum != want || got.value == "" {
					t.Errorf("tls %v, %s, stream %v (%s): %d bytes, %s %s, %v", tls, algorithm, stream, got.said, len(got.body), got.checksum, got.value, got.err)
				}

			}
		}
	}
}

func TestS3ClientPresigned(t *testing.T) {
	var got received
	server, client := s3Server(t, false, &got)
	presigner := s3.NewPresignClient(client)
	put, err := presigner.PresignPutObject(context.Background(), &s3.PutObjectInput{
		Bucket: aws.String("bucket"), Key: aws.String("a b+c"), Metadata: map[string]string{"k": "v"},
	})
	if err != nil {
		t.Fatal(err)
	}
	send := func(change func(*http.Request)) int {
		r, _ := http.NewRequest(put.Method, put.URL, strings.NewReader("hello"))
		for name, values := range put.SignedHeader {
			r.Header[name] = values
		}
		change(r)
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if status := send(func(*http.Request) {}); status != 200 || string(got.body) != "hello" {
		t.Errorf("%d %q %v", status, got.body, got.err)
	}
	if status := send(func(r *http.Request) { r.Header.Set("X-Amz-Acl", "public-read") }); status != 403 {
		t.Errorf("an unsigned header: %d", status)
	}
	if status := send(func(r *http.Request) { r.URL.RawQuery += "&versionId=1" }); status != 403 {
		t.Errorf("one more parameter: %d", status)
	}
}

// The SDK understands the errors.
func TestS3ClientErrors(t *testing.T) {
	var got received
	server, _ := s3Server(t, false, &got)
	client := s3.New(s3.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), UsePathStyle: true, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(testKey, testSecret, ""),
	})
	_, err := client.GetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "AuthorizationHeaderMalformed" ||
		api.ErrorMessage() != "The authorization header is malformed; the region 'eu-west-1' is wrong; expecting 'us-east-1'" {
		t.Errorf("%v", err)
	}
	var response interface{ ServiceHostID() string }
	if !errors.As(err, &response) || response.ServiceHostID() == "" {
		t.Errorf("no host id in %v", err)
	}
}

// A body is refused when it is not what was signed or summed.
func TestPayloadRefused(t *testing.T) {
	tests := []struct {
		name, signed, sent string
		header             http.Header
		unsignedPayload    bool
		code               string
	}{
		{name: "as signed", signed: "abc", sent: "abc"},
		{name: "other body", signed: "abc", sent: "abd", code: "XAmzContentSHA256Mismatch"},
		{name: "shorter body", signed: "abc", sent: "ab", code: "XAmzContentSHA256Mismatch"},
		{name: "unsigned payload", sent: "anything", unsignedPayload: true},
		{name: "checksum", signed: "123456789", sent: "123456789", header: http.Header{"X-Amz-Checksum-Crc64nvme": {"rosUhgp5mIg="}}},
		{name: "checksum of another", signed: "abc", sent: "abc", header: http.Header{"X-Amz-Checksum-Crc32": {"y/Q5Jg=="}}, code: "BadDigest"},
		{name: "checksum in hex", signed: "abc", sent: "abc", header: http.Header{"X-Amz-Checksum-Crc32": {"cbf43926"}}, code: "InvalidRequest"},
		{name: "two checksums", signed: "123456789", sent: "123456789", header: http.Header{"X-Amz-Checksum-Crc32": {"y/Q5Jg=="}, "X-Amz-Checksum-Crc32c": {"4waSgw=="}}, code: "InvalidRequest"},
		{name: "unknown checksum", signed: "abc", sent: "abc", header: http.Header{"X-Amz-Checksum-Md4": {"y/Q5Jg=="}}, code: "InvalidRequest"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := request(t, "PUT", "http://b.s3.amazonaws.com/k", test.sent, nil)
			for name, values := range test.header {
				r.Header[name] = values
			}
			hash := sum(test.signed)
			if test.unsignedPayload {
				hash = "UNSIGNED-PAYLOAD"
			}
			r.Header.Set("X-Amz-Content-Sha256", hash)
			creds := aws.Credentials{AccessKeyID: testKey, SecretAccessKey: testSecret}
			if err := v4.NewSigner().SignHTTP(context.Background(), creds, r, hash, "s3", "us-east-1", signedAt); err != nil {
				t.Fatal(err)
			}
			sig, err := wire.ParseSignature(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := sig.Verify(r, testSecret, signedAt, s3Options); err != nil {
				t.Fatal(err)
			}
			p, err := wire.OpenPayload(r, sig)
			if err == nil {
				_, err = io.ReadAll(p)
			}
			var refusal *wire.Error
			if errors.As(err, &refusal); test.code == "" && err != nil || test.code != "" && (refusal == nil || refusal.Code != test.code) {
				t.Errorf("%v, want %q", err, test.code)
			}
		})
	}
}
