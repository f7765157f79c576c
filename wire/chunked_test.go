package wire_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/wire"
)

// What S3 says of bodies that are not well encoded. 123456789 has the CRC-32
// cbf43926, "y/Q5Jg==".
func TestChunkedRefused(t *testing.T) {
	const good = "9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n"
	big := fmt.Sprintf("2000\r\n%s\r\n", strings.Repeat("x", 8192))
	tests := []struct{ name, body, length, trailer, said, code string }{
		{name: "good", body: good},
		{name: "no last line end", body: strings.TrimSuffix(good, "\r\n")},
		{name: "bare line feeds", body: strings.ReplaceAll(good, "\r", "")},
		{name: "cut in a chunk", body: "9\r\n1234", code: "IncompleteBody"},
		{name: "no last chunk", body: "9\r\n123456789\r\n", code: "IncompleteBody"},
		{name: "longer than said", body: good, length: "8", code: "IncompleteBody"},
		{name: "shorter than said", body: good, length: "10", code: "IncompleteBody"},
		{name: "no length", body: good, length: "-", code: "MissingContentLength"},
		{name: "signed length", body: good, length: "+9", code: "MissingContentLength"},
		{name: "no size", body: "x\r\n", code: "IncompleteBody"},
		{name: "negative size", body: "-1\r\n", code: "IncompleteBody"},
		{name: "huge size", body: "ffffffffffffffffff\r\n", code: "IncompleteBody"},
		{name: "endless line", body: strings.Repeat("0", 1<<20), code: "IncompleteBody"},
		{name: "chunk longer than its size", body: "9\r\n1234567890\r\n0\r\n", code: "IncompleteBody"},
		{name: "signature of an unsigned chunk", body: "9;chunk-signature=x\r\n123456789\r\n0\r\n", code: "IncompleteBody"},
		{name: "small chunk", body: "4\r\n1234\r\n5\r\n56789\r\n0\r\n\r\n", code: "InvalidChunkSizeError"},
		{name: "small chunk after a big one", body: big + "1\r\nx\r\n1\r\nx\r\n0\r\n\r\n", length: "8194", code: "InvalidChunkSizeError"},
		{name: "trailer of another checksum", body: strings.Replace(good, "crc32:", "crc32c:", 1), code: "MalformedTrailerError"},
		{name: "no trailer", body: "9\r\n123456789\r\n0\r\n\r\n", code: "MalformedTrailerError"},
		{name: "trailer twice", body: strings.Replace(good, "Jg==", "Jg==\r\nx-amz-checksum-crc32:y/Q5Jg==", 1), code: "MalformedTrailerError"},
		{name: "trailer without colon", body: strings.Replace(good, "crc32:", "crc32", 1), code: "MalformedTrailerError"},
		{name: "endless trailer", body: "9\r\n123456789\r\n0\r\n" + strings.Repeat("\r\n", 100), code: "MalformedTrailerError"},
		{name: "trailer that was not announced", body: good, trailer: "-", code: "MalformedTrailerError"},
		{name: "other trailer", body: good, trailer: "x-amz-meta-a", code: "InvalidRequest"},
		{name: "value that is no checksum", body: strings.Replace(good, "Jg==", "Jg", 1), code: "InvalidRequest"},
		{name: "wrong checksum", body: strings.Replace(good, "Jg==", "Jw==", 1), code: "BadDigest"},
		{name: "signed chunks of nobody", body: good, said: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", code: "InvalidArgument"},
		{name: "ECDSA", body: good, said: "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", code: "InvalidArgument"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			or := func(value, otherwise string) string {
				if value == "" {
					return otherwise
				}
				return strings.TrimPrefix(value, "-")
			}
			r := &http.Request{Method: "PUT", URL: &url.URL{Path: "/k"}, Body: io.NopCloser(strings.NewReader(test.body)), Header: http.Header{
				"X-Amz-Content-Sha256":         {or(test.said, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")},
				"X-Amz-Decoded-Content-Length": {or(test.length, "9")},
				"X-Amz-Trailer":                {or(test.trailer, "x-amz-checksum-crc32")},
			}}
			p, err := wire.OpenPayload(r, nil)
			var got []byte
			if err == nil {
				got, err = io.ReadAll(p)
			}
			if codeOf(err) != test.code || err == nil && string(got) != "123456789" {
				t.Errorf("%q, %v; want %q", got, err, test.code)
			}
			var refusal *wire.Error
			if errors.As(err, &refusal) && test.name == "small chunk" && (refusal.Status != 403 || fmt.Sprint(refusal.Fields) != "[{Chunk 2} {BadChunkSize 4}]") {
				t.Errorf("%d %v", refusal.Status, refusal.Fields)
			}
		})
	}
}

// An unverified signature does not open a signed payload.
func TestOpenPayloadUnverified(t *testing.T) {
	v, _ := chunkedVector(false)
	r := v.request(t)
	sig, err := wire.ParseSignature(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wire.OpenPayload(r, sig); err == nil {
		t.Error("opened")
	}
}
