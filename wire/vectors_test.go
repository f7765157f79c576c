package wire_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/wire"
)

// The examples that AWS's documentation works through: IAM user guide, "Create a
// signed AWS API request"; S3 API reference, "Authenticating Requests (AWS
// Signature Version 4)" and its pages on chunked uploads. AWS's own test suite is
// in suite_test.go.
const (
	s3DocKey    = "AKIAIOSFODNN7EXAMPLE"
	s3DocSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	emptyHash   = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

var s3DocTime = time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)

type vector struct {
	name, method, host, target string
	headers                    []string // "Name: value"
	body                       string
	secret                     string
	at                         time.Time
	opts                       wire.VerifyOptions
}

func (v vector) request(t *testing.T) *http.Request {
	t.Helper()
	u, err := url.ParseRequestURI(v.target)
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{Method: v.method, URL: u, RequestURI: v.target, Host: v.host, Header: http.Header{}, ContentLength: int64(len(v.body))}
	r.Body = io.NopCloser(strings.NewReader(v.body))
	for _, line := range v.headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func s3Authorization(headers, signature string) string {
	return "Authorization: AWS4-HMAC-SHA256 Credential=" + s3DocKey + "/20130524/us-east-1/s3/aws4_request,SignedHeaders=" +
		headers + ",Signature=" + signature
}

func vectors() []vector {
	suite := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	s3 := wire.VerifyOptions{Service: "s3", S3: true, Region: "us-east-1"}
	return []vector{
		{
			name: "get-vanilla", method: "GET", host: "example.amazonaws.com", target: "/", at: suite, secret: testSecret,
			headers: []string{
				"X-Amz-Date: 20150830T123600Z",
				"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
			},
			opts: wire.VerifyOptions{Service: "service"},
		},
		{
			name: "IAM ListUsers", method: "GET", host: "iam.amazonaws.com", target: "/?Action=ListUsers&Version=2010-05-08", at: suite, secret: testSecret,
			headers: []string{
				"Content-Type: application/x-www-form-urlencoded; charset=utf-8",
				"X-Amz-Date: 20150830T123600Z",
				"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
			},
			opts: wire.VerifyOptions{Service: "iam"},
		},
		{
			name: "S3 GET object", method: "GET", host: "examplebucket.s3.amazonaws.com", target: "/test.txt", at: s3DocTime, secret: s3DocSecret,
			headers: []string{
				"Range: bytes=0-9", "X-Amz-Date: 20130524T000000Z", "X-Amz-Content-Sha256: " + emptyHash,
				s3Authorization("host;range;x-amz-content-sha256;x-amz-date", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
			},
			opts: s3,
		},
		{
			name: "S3 PUT object", method: "PUT", host: "examplebucket.s3.amazonaws.com", target: "/test$file.text", at: s3DocTime, secret: s3DocSecret,
			body: "Welcome to Amazon S3.",
			headers: []string{
				"Date: Fri, 24 May 2013 00:00:00 GMT", "X-Amz-Date: 20130524T000000Z", "X-Amz-Storage-Class: REDUCED_REDUNDANCY",
				"X-Amz-Content-Sha256: 44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
				s3Authorization("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
			},
			opts: s3,
		},
		{
			name: "S3 GET lifecycle", method: "GET", host: "examplebucket.s3.amazonaws.com", target: "/?lifecycle", at: s3DocTime, secret: s3DocSecret,
			headers: []string{
				"X-Amz-Date: 20130524T000000Z", "X-Amz-Content-Sha256: " + emptyHash,
				s3Authorization("host;x-amz-content-sha256;x-amz-date", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
			},
			opts: s3,
		},
		{
			name: "S3 list objects", method: "GET", host: "examplebucket.s3.amazonaws.com", target: "/?max-keys=2&prefix=J", at: s3DocTime, secret: s3DocSecret,
			headers: []string{
				"X-Amz-Date: 20130524T000000Z", "X-Amz-Content-Sha256: " + emptyHash,
				s3Authorization("host;x-amz-content-sha256;x-amz-date", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
			},
			opts: s3,
		},
		{
			name: "S3 presigned", method: "GET", host: "examplebucket.s3.amazonaws.com", at: s3DocTime.Add(23 * time.Hour), secret: s3DocSecret,
			target: "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
				"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
				"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
			opts: s3,
		},
	}
}

func TestVectors(t *testing.T) {
	for _, v := range vectors() {
		t.Run(v.name, func(t *testing.T) {
			r := v.request(t)
			sig, err := wire.ParseSignature(r)
			if err != nil {
				t.Fatal(err)
			}
			if !v.opts.S3 {
				v.opts.Body = []byte(v.body)
			}
			if err := sig.Verify(r, v.secret, v.at, v.opts); err != nil {
				t.Fatalf("%v\n%s", err, canonicalOf(err))
			}
			if v.opts.S3 {
				p, err := wire.OpenPayload(r, sig)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(p); err != nil || string(got) != v.body {
					t.Errorf("body %q, %v", got, err)
				}
			}
			if err := sig.Verify(r, v.secret+"x", v.at, v.opts); err == nil {
				t.Error("another secret verifies")
			}
		})
	}
}

// chunkedVector is the documented upload of 66,560 bytes "a" in chunks of 64 KiB
// and 1 KiB.
func chunkedVector(trailer bool) (vector, []string) {
	v := vector{
		method: "PUT", host: "s3.amazonaws.com", target: "/examplebucket/chunkObject.txt", at: s3DocTime, secret: s3DocSecret,
		opts: wire.VerifyOptions{Service: "s3", S3: true},
		headers: []string{
			"X-Amz-Date: 20130524T000000Z", "X-Amz-Storage-Class: REDUCED_REDUNDANCY", "Content-Encoding: aws-chunked",
			"X-Amz-Decoded-Content-Length: 66560",
		},
	}
	if !trailer {
		v.headers = append(v.headers, "Content-Length: 66824", "X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
			s3Authorization("content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
				"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"))
		return v, []string{
			"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n", strings.Repeat("a", 65536) + "\r\n",
			"400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n", strings.Repeat("a", 1024) + "\r\n",
			"0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n", "\r\n",
		}
	}
	v.headers = append(v.headers, "X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "X-Amz-Trailer: x-amz-checksum-crc32c",
		s3Authorization("content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
			"106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"))
	return v, []string{
		"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n", strings.Repeat("a", 65536) + "\r\n",
		"400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n", strings.Repeat("a", 1024) + "\r\n",
		"0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n",
		"x-amz-checksum-crc32c:sOO8/Q==\r\n",
		"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n", "\r\n",
	}
}

// readChunked verifies and reads a chunked upload.
func readChunked(t testing.TB, v vector, r *http.Request, body io.Reader) ([]byte, error) {
	t.Helper()
	sig, err := wire.ParseSignature(r)
	if err != nil {
		return nil, err
	}
	if err := sig.Verify(r, v.secret, v.at, v.opts); err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(body)
	p, err := wire.OpenPayload(r, sig)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(p)
}

func TestChunkedVectors(t *testing.T) {
	for _, trailer := range []bool{false, true} {
		v, parts := chunkedVector(trailer)
		whole := strings.Join(parts, "")
		for _, split := range []int{1 << 20, 7} { // the whole at once, and in small reads
			got, err := readChunked(t, v, v.request(t), slow{strings.NewReader(whole), split})
			if err != nil {
				t.Fatalf("trailer %v: %v\n%s", trailer, err, canonicalOf(err))
			}
			if !bytes.Equal(got, bytes.Repeat([]byte("a"), 66560)) {
				t.Errorf("trailer %v: %d bytes", trailer, len(got))
			}
		}
		// Any one byte changed, in a sample of all, is noticed.
		for i := 0; i < len(whole); i += 1 + len(whole)/300 {
			changed := []byte(whole)
			changed[i] ^= 1
			got, err := readChunked(t, v, v.request(t), bytes.NewReader(changed))
			if err == nil && !bytes.Equal(got, bytes.Repeat([]byte("a"), 66560)) {
				t.Errorf("trailer %v: byte %d (%q) may be changed", trailer, i, whole[i])
			}
		}
		for i := range parts { // each part left out
			without := strings.Join(parts[:i], "") + strings.Join(parts[i+1:], "")
			last := i == len(parts)-1 // AWS's own SDKs differ in the last line end
			if _, err := readChunked(t, v, v.request(t), strings.NewReader(without)); err == nil && !last {
				t.Errorf("trailer %v: part %d may be missing", trailer, i)
			}
		}
	}
}

type slow struct {
	r io.Reader
	n int
}

func (s slow) Read(b []byte) (int, error) { return s.r.Read(b[:min(len(b), s.n)]) }

func BenchmarkChunked(b *testing.B) {
	v, parts := chunkedVector(false)
	whole := strings.Join(parts, "")
	b.SetBytes(66560)
	for b.Loop() {
		u, _ := url.ParseRequestURI(v.target)
		r := &http.Request{Method: v.method, URL: u, RequestURI: v.target, Host: v.host, Header: http.Header{}}
		for _, line := range v.headers {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Add(name, value)
		}
		if _, err := readChunked(b, v, r, strings.NewReader(whole)); err != nil {
			b.Fatal(err)
		}
	}
}
