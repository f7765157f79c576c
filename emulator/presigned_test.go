package emulator

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Signature Version 2
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestPresignedByVersion2 is what boto3 does in us-east-1 by default: it signs
// x-amz-* headers and puts them into the query. Recorded by LocalStack against
// AWS: test_put_url_metadata_with_sig_s3, test_presigned_url_signature_authentication.
func TestPresignedByVersion2(t *testing.T) {
	emu := Start(t, Config{})
	presigned := func(method, host, path, resource, amz string) *http.Request {
		const expires = "4102444800"
		h := hmac.New(sha1.New, []byte("test"))
		h.Write([]byte(method + "\n\n\n" + expires + "\n" + amz + resource))
		q := url.Values{"AWSAccessKeyId": {"test"}, "Expires": {expires}, "Signature": {base64.StdEncoding.EncodeToString(h.Sum(nil))}}
		if name, value, ok := strings.Cut(strings.TrimSpace(amz), ":"); ok {
			q.Set(name, value)
		}
		r, err := http.NewRequestWithContext(t.Context(), method, emu.URL+path+"?"+q.Encode(), strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		if method != http.MethodPut || path != "/reports/k" {
			r.Body, r.ContentLength = http.NoBody, 0
		}
		if host != "" {
			r.Host = host
		}
		return r
	}
	for _, step := range []struct {
		request *http.Request
		status  int
		body    string
	}{
		{presigned(http.MethodPut, "", "/reports", "/reports", ""), 200, ""},
		{presigned(http.MethodPut, "", "/reports/k", "/reports/k", "x-amz-meta-team:payments\n"), 200, ""},
		{presigned(http.MethodGet, "", "/reports/k", "/reports/k", ""), 200, "hello"},
		{presigned(http.MethodGet, "reports.localhost", "/k", "/reports/k", ""), 200, "hello"},
		{presigned(http.MethodGet, "reports.localhost", "/k", "/other/k", ""), 403, ""},
		{presigned(http.MethodGet, "", "/reports/k", "/reports/other", ""), 403, ""},
	} {
		answer, err := http.DefaultClient.Do(step.request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != step.status || step.body != "" && string(body) != step.body {
			t.Fatalf("%s %s at %s: %d %s %v", step.request.Method, step.request.URL.Path, step.request.Host, answer.StatusCode, body, err)
		}
		if step.body != "" && answer.Header.Get("X-Amz-Meta-Team") != "payments" {
			t.Errorf("the metadata of the query is lost: %v", answer.Header)
		}
	}
}
