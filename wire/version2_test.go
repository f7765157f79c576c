package wire

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestVersion2 checks the example of "Signing and authenticating REST requests"
// (S3 developer guide, query string request authentication), and what LocalStack
// recorded against AWS when it was changed: test_presigned_url_signature_authentication,
// test_s3_presigned_url_expired, test_s3_put_presigned_url_missing_sig_param,
// test_s3_put_presigned_url_with_different_headers.
func TestVersion2(t *testing.T) {
	const (
		secret  = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
		example = "/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620"
		differs = "The request signature we calculated does not match the signature you provided. Check your key and signing method."
		missing = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
	)
	before, after := time.Unix(1175139600, 0), time.Unix(1175139621, 0)
	for name, tc := range map[string]struct {
		method, bucket, target string
		header                 string
		now                    time.Time
		other                  bool // another service than S3
		code, message          string
	}{
		"the example":                 {},
		"path style":                  {bucket: "-", target: strings.Replace(example, "/photos", "/johnsmith/photos", 1)},
		"a longer bucket":             {bucket: "johnsmith.photos", code: "SignatureDoesNotMatch", message: differs},
		"another key":                 {target: strings.Replace(example, "puppy", "kitten", 1), code: "SignatureDoesNotMatch", message: differs},
		"another bucket":              {bucket: "jane", code: "SignatureDoesNotMatch", message: differs},
		"another method":              {method: http.MethodPut, code: "SignatureDoesNotMatch", message: differs},
		"a content type":              {header: "Content-Type", code: "SignatureDoesNotMatch", message: differs},
		"an x-amz header":             {header: "X-Amz-Acl", code: "SignatureDoesNotMatch", message: differs},
		"an x-amz parameter":          {target: example + "&x-amz-acl=private", code: "SignatureDoesNotMatch", message: differs},
		"a subresource":               {target: example + "&acl", code: "SignatureDoesNotMatch", message: differs},
		"a parameter that counts not": {target: example + "&x-id=GetObject"},
		"a longer life":               {target: strings.Replace(example, "1175139620", "2175139620", 1), code: "SignatureDoesNotMatch", message: differs},
		"expired":                     {now: after, code: "AccessDenied", message: "Request has expired"},
		"no Expires":                  {target: strings.Replace(example, "&Expires=1175139620", "", 1), code: "AccessDenied", message: missing},
		"no Signature":                {target: "/k?AWSAccessKeyId=A&Expires=1175139620", code: "AccessDenied", message: missing},
		"two keys":                    {target: example + "&AWSAccessKeyId=B", code: "AccessDenied", message: missing},
		"a date that is none":         {target: strings.Replace(example, "1175139620", "soon", 1), code: "AccessDenied", message: "Invalid date (should be seconds since epoch): soon"},
		"of a Query API":              {target: example + "&SignatureVersion=2", code: "InvalidRequest", message: "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."},
		"for another service":         {other: true, code: "InvalidRequest", message: "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."},
	} {
		t.Run(name, func(t *testing.T) {
			pick := func(given, otherwise string) string {
				if given == "" {
					return otherwise
				}
				return given
			}
			r := httptest.NewRequest(pick(tc.method, http.MethodGet), pick(tc.target, example), nil)
			if tc.header != "" {
				r.Header.Set(tc.header, "private")
			}
			now := before
			if !tc.now.IsZero() {
				now = tc.now
			}
			sig, err := ParseSignature(r)
			if err == nil {
				if sig.AccessKeyID != "AKIAIOSFODNN7EXAMPLE" || sig.Service != "s3" || !sig.Presigned {
					t.Fatalf("%+v", sig)
				}
				err = sig.Verify(r, secret, now, VerifyOptions{Service: "s3", S3: !tc.other, Bucket: strings.Trim(pick(tc.bucket, "johnsmith"), "-")})
			}
			if tc.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				if _, err := OpenPayload(r, sig); err != nil {
					t.Fatal(err)
				}
				return
			}
			var refused *AuthError
			if !errors.As(err, &refused) {
				t.Fatalf("got %v, want %s", err, tc.code)
			}
			if s3 := refused.S3(); s3.Code != tc.code || s3.Message != tc.message {
				t.Errorf("got %s: %s", s3.Code, s3.Message)
			}
		})
	}
}

// TestVersion2Token: boto3 puts the session token into the query and signs it as a header.
func TestVersion2Token(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/b/k?AWSAccessKeyId=ASIA&Signature=x&Expires=1&x-amz-security-token=abc%2B", nil)
	sig, err := ParseSignature(r)
	if err != nil || sig.SecurityToken != "abc+" {
		t.Fatalf("%+v %v", sig, err)
	}
	if got := sig.stringToSign2(r, "/b/k"); got != "GET\n\n\n1\nx-amz-security-token:abc+\n/b/k" {
		t.Errorf("%q", got)
	}
}
