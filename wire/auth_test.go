package wire_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/wire"
)

// authErrorOf runs a request through the whole of parsing and verifying.
func authErrorOf(t *testing.T, r *http.Request, opts wire.VerifyOptions, now time.Time) *wire.AuthError {
	t.Helper()
	err := verify(r, nil, opts, now)
	var auth *wire.AuthError
	if !errors.As(err, &auth) {
		t.Fatalf("no AuthError: %v", err)
	}
	return auth
}

const (
	form403    = "SignatureDoesNotMatch"
	hash64     = "0000000000000000000000000000000000000000000000000000000000000000"
	credential = "Credential=AKIDEXAMPLE/20240101/us-east-1/sts/aws4_request"
	rest       = ", SignedHeaders=host;x-amz-date, Signature=" + hash64
)

// What is said of every way in which a header can be wrong, in the words of each
// family. Query's texts are those of the documentation and of answers that users
// pasted; S3's were seen at S3.
func TestAuthErrors(t *testing.T) {
	mismatch := "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	const hashed = "(Hashed with SHA-256 and encoded with Base64) Authorization=$HASH"
	tests := []struct {
		name, authorization, date string
		opts                      wire.VerifyOptions
		now                       time.Time
		status                    int
		code, message             string
		json                      string
		s3Status                  int
		s3                        string
	}{
		{
			name: "signature", authorization: "AWS4-HMAC-SHA256 " + credential + rest,
			status: 403, code: form403, message: mismatch, json: "InvalidSignatureException",
			s3Status: 403, s3: "SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided. Check your key and signing method.",
		},
		{
			name: "nothing but the algorithm", authorization: "AWS4-HMAC-SHA256",
			status: 400, code: "IncompleteSignature", json: "IncompleteSignatureException",
			message:  "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. " + hashed,
			s3Status: 400, s3: "AuthorizationHeaderMalformed: The authorization header is malformed; the authorization header requires three components: Credential, SignedHeaders, and Signature.",
		},
		{
			name: "no date", authorization: "AWS4-HMAC-SHA256 " + credential + rest, date: "-",
			status: 400, code: "IncompleteSignature", json: "IncompleteSignatureException",
			message:  "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " + hashed,
			s3Status: 403, s3: "AccessDenied: AWS authentication requires a valid Date or x-amz-date header",
		},
		{
			name: "another scheme", authorization: "Bearer token",
			status: 400, code: "IncompleteSignature", json: "IncompleteSignatureException",
			message:  "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '$HASH'.",
			s3Status: 400, s3: "InvalidArgument: Unsupported Authorization Type",
		},
		{
			name: "version 2", authorization: "AWS AKID:abc=",
			status: 400, code: "IncompleteSignature", json: "IncompleteSignatureException", message: "*",
			s3Status: 400, s3: "InvalidRequest: The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
		},
		{
			name: "4A", authorization: "AWS4-ECDSA-P256-SHA256 Credential=AKIDEXAMPLE/20240101/sts/aws4_request" + rest,
			status: 400, code: "IncompleteSignature", json: "IncompleteSignatureException", message: "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'",
			s3Status: 400, s3: "InvalidArgument: Unsupported Authorization Type",
		},
		{
			name: "date", authorization: "AWS4-HMAC-SHA256 " + credential + rest, date: "2024-01-01T00:00:00Z",
			status: 400, code: "IncompleteSignature", json: "IncompleteSignatureException",
			message:  "Date must be in ISO-8601 'basic format'. Got '2024-01-01T00:00:00Z'. See http://en.wikipedia.org/wiki/ISO_8601",
			s3Status: 403, s3: "AccessDenied: AWS authentication requires a valid Date or x-amz-date header",
		},
		{
			name: "credential", authorization: "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20240101/us-east-1" + rest,
			status: 400, code: "IncompleteSignature", json: "IncompleteSignatureException",
			message:  "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIDEXAMPLE/20240101/us-east-1'",
			s3Status: 400, s3: `AuthorizationHeaderMalformed: The authorization header is malformed; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`,
		},
		{
			name: "twice", authorization: "AWS4-HMAC-SHA256 " + credential + ", " + credential + rest,
			status: 400, code: "IncompleteSignature", json: "IncompleteSignatureException", message: "*",
			s3Status: 400, s3: "AuthorizationHeaderMalformed: *",
		},
		{
			name: "old", authorization: "AWS4-HMAC-SHA256 " + credential + rest, now: signedAt.Add(25 * time.Minute),
			status: 403, code: form403, json: "InvalidSignatureException",
			message:  "Signature expired: 20240101T000000Z is now earlier than 20240101T001000Z (20240101T002500Z - 15 min.)",
			s3Status: 403, s3: "RequestTimeTooSkewed: The difference between the request time and the current time is too large.",
		},
		{
			name: "early", authorization: "AWS4-HMAC-SHA256 " + credential + rest, now: signedAt.Add(-30 * time.Minute),
			status: 403, code: form403, json: "InvalidSignatureException",
			message:  "Signature not yet current: 20240101T000000Z is still later than 20231231T234500Z (20231231T233000Z + 15 min.)",
			s3Status: 403, s3: "RequestTimeTooSkewed: The difference between the request time and the current time is too large.",
		},
		{
			name: "scope", authorization: "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20240102/x/iam/y" + rest, opts: wire.VerifyOptions{Service: "sts", Region: "us-east-1"},
			status: 403, code: form403, json: "InvalidSignatureException",
			message: "Credential should be scoped to a valid Region, not 'x'. Credential should be scoped to correct service: 'sts'. " +
				"Credential should be scoped with a valid terminator: 'aws4_request', not 'y'. " +
				"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20240102' != '20240101', from '20240101T000000Z'.",
			s3Status: 400, s3: "AuthorizationHeaderMalformed: The authorization header is malformed; the region 'x' is wrong; expecting 'us-east-1'",
		},
		{
			name: "host not signed", authorization: "AWS4-HMAC-SHA256 " + credential + strings.Replace(rest, "host;", "", 1),
			status: 403, code: form403, json: "InvalidSignatureException", message: "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
			s3Status: 403, s3: "AccessDenied: There were headers present in the request which were not signed",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := request(t, "GET", "http://sts.amazonaws.com/", "", http.Header{"Authorization": {test.authorization}})
			if test.date == "" {
				test.date = "20240101T000000Z"
			}
			if test.date != "-" {
				r.Header.Set("X-Amz-Date", test.date)
			}
			if test.opts.Service == "" {
				test.opts = stsOptions
			}
			if test.now.IsZero() {
				test.now = signedAt
			}
			auth := authErrorOf(t, r, test.opts, test.now)
			header := sha256.Sum256([]byte(test.authorization))
			test.message = strings.ReplaceAll(test.message, "$HASH", base64.StdEncoding.EncodeToString(header[:]))
			q := auth.Query()
			if q.Status != test.status || q.Code != test.code || !like(test.message, q.Message) {
				t.Errorf("Query: %d %v", q.Status, q)
			}
			if j := auth.JSON(); j.Status != 400 || j.Code != test.json || j.Message != q.Message {
				t.Errorf("JSON: %d %v", j.Status, j)
			}
			if s := auth.S3(); s.Status != test.s3Status || !like(test.s3, s.Error()) {
				t.Errorf("S3: %d %v", s.Status, s)
			}
		})
	}
}

// like compares, up to an asterisk in want.
func like(want, got string) bool {
	if before, _, cut := strings.Cut(want, "*"); cut {
		return strings.HasPrefix(got, before)
	}
	return want == got
}

func TestAuthErrorsPresigned(t *testing.T) {
	s3 := func() *http.Request {
		return presigned(t, "GET", "https://b.s3.amazonaws.com/key?X-Amz-Expires=60", "s3", nil, "UNSIGNED-PAYLOAD", "")
	}
	swap := func(from, to string) func(*http.Request) {
		return func(r *http.Request) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, from, to, 1) }
	}
	all := "AuthorizationQueryParametersError: Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
	tests := []struct {
		name   string
		change func(*http.Request)
		now    time.Duration
		query  string // "" is not compared
		s3     string
		fields []wire.Field
	}{
		{name: "no date", change: swap("X-Amz-Date", "X-Amz-Gone"), s3: all,
			query: "IncompleteSignature: AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters."},
		{name: "only the algorithm", change: func(r *http.Request) { r.URL.RawQuery = "X-Amz-Algorithm=AWS4-HMAC-SHA256" }, s3: all,
			query: "IncompleteSignature: AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-Signature'. " +
				"AWS query-string parameters must include 'X-Amz-SignedHeaders'. AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters."},
		{name: "no expiry", change: swap("X-Amz-Expires=60&", ""), s3: all},
		{name: "long", change: swap("Expires=60", "Expires=604801"), s3: "AuthorizationQueryParametersError: X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"},
		{name: "negative", change: swap("Expires=60", "Expires=-1"), s3: "AuthorizationQueryParametersError: X-Amz-Expires must be non-negative"},
		{name: "no number", change: swap("Expires=60", "Expires=1h"), s3: "AuthorizationQueryParametersError: X-Amz-Expires should be a number"},
		{name: "algorithm", change: swap("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), query: "IncompleteSignature: Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'",
			s3: `AuthorizationQueryParametersError: X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"`},
		{name: "twice", change: func(r *http.Request) { r.URL.RawQuery += "&X-Amz-Signature=" + hash64 }, s3: all},
		{name: "header too", change: func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 a=b") },
			s3: "InvalidArgument: Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"},
		{name: "expired", change: func(*http.Request) {}, now: 61 * time.Second, s3: "AccessDenied: Request has expired",
			fields: []wire.Field{{"X-Amz-Expires", "60"}, {"Expires", "2024-01-01T00:01:00Z"}, {"ServerTime", "2024-01-01T00:01:01Z"}}},
		{name: "early", change: func(*http.Request) {}, now: -901 * time.Second, s3: "AccessDenied: Request is not yet valid"},
		{name: "header", change: func(r *http.Request) { r.Header.Set("X-Amz-Acl", "x"); r.Header.Set("X-Amz-Security-Token", "y") },
			s3:     "AccessDenied: There were headers present in the request which were not signed",
			fields: []wire.Field{{"HeadersNotSigned", "x-amz-acl, x-amz-security-token"}}},
		{name: "path", change: func(r *http.Request) { r.URL.Path = "/other" },
			s3: "SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided. Check your key and signing method."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := s3()
			test.change(r)
			auth := authErrorOf(t, r, s3Options, signedAt.Add(test.now))
			if got := auth.S3().Error(); got != test.s3 {
				t.Errorf("S3: %s", got)
			}
			if got := auth.Query().Error(); test.query != "" && got != test.query {
				t.Errorf("Query: %s", got)
			}
			if test.fields != nil {
				if diff := cmp.Diff(test.fields, auth.S3().Fields); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// The string to sign and the canonical request are in S3's answer.
func TestS3MismatchFields(t *testing.T) {
	v := vectors()[2]
	r := v.request(t)
	sig, err := wire.ParseSignature(r)
	if err != nil {
		t.Fatal(err)
	}
	var auth *wire.AuthError
	if !errors.As(sig.Verify(r, "other", v.at, v.opts), &auth) {
		t.Fatal("verified")
	}
	fields := map[string]string{}
	var names []string
	for _, f := range auth.S3().Fields {
		fields[f.Name] = f.Value
		names = append(names, f.Name)
	}
	want := []string{"AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes", "CanonicalRequest", "CanonicalRequestBytes"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	// From the documentation's example.
	if want := "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972"; fields["StringToSign"] != want {
		t.Errorf("%q", fields["StringToSign"])
	}
	if !strings.HasPrefix(fields["StringToSignBytes"], "41 57 53 34 2d ") || !strings.HasPrefix(fields["CanonicalRequest"], "GET\n/test.txt\n\nhost:") {
		t.Errorf("%v", fields)
	}
}

func TestCredentialErrors(t *testing.T) {
	with := &wire.Signature{AccessKeyID: "ASIA1", SecurityToken: "tok"}
	without := &wire.Signature{AccessKeyID: "ASIA1"}
	invalid := "The security token included in the request is invalid."
	tests := []struct {
		err             *wire.AuthError
		query, json, s3 string
		s3Status        int
	}{
		{wire.MissingAuthentication(), "MissingAuthenticationToken: Request is missing Authentication Token", "MissingAuthenticationTokenException: Missing Authentication Token", "AccessDenied: Access Denied", 403},
		{wire.UnknownAccessKey(with, "h"), "InvalidClientTokenId: " + invalid, "UnrecognizedClientException: " + invalid, "InvalidAccessKeyId: The AWS Access Key Id you provided does not exist in our records.", 403},
		{wire.InvalidToken(with, "h"), "InvalidClientTokenId: " + invalid, "UnrecognizedClientException: " + invalid, "InvalidToken: The provided token is malformed or otherwise invalid.", 400},
		{wire.InvalidToken(without, "h"), "InvalidClientTokenId: " + invalid, "UnrecognizedClientException: " + invalid, "InvalidAccessKeyId: The AWS Access Key Id you provided does not exist in our records.", 403},
		{wire.ExpiredToken(with, "h"), "ExpiredToken: The security token included in the request is expired", "ExpiredTokenException: The security token included in the request is expired", "ExpiredToken: The provided token has expired.", 400},
	}
	for _, test := range tests {
		if q := test.err.Query(); q.Status != 403 || q.Error() != test.query {
			t.Errorf("%d %v", q.Status, q)
		}
		if j := test.err.JSON(); j.Status != 400 || j.Error() != test.json {
			t.Errorf("%d %v", j.Status, j)
		}
		if s := test.err.S3(); s.Status != test.s3Status || s.Error() != test.s3 {
			t.Errorf("%d %v", s.Status, s)
		}
		if test.err.REST().Status != 403 || test.err.Hint == "" {
			t.Errorf("%v", test.err.REST())
		}
	}
}
