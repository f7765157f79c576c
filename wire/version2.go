package wire

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what Signature Version 2 for S3 signs with
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// S3 still takes requests presigned by Signature Version 2, also for buckets
// made today in its old regions, and boto3 makes such ones by default there:
// recorded on AWS by LocalStack in February 2026
// (test_presigned_url_signature_authentication). Headers signed so, and other
// services' requests, stay refused. Specification: "Signing and authenticating
// REST requests" in the S3 developer guide.

// subresources are the parameters that are part of the string to sign.
var subresources = []string{
	"accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle", "location", "logging",
	"metrics", "notification", "object-lock", "partNumber", "policy", "replication", "requestPayment",
	"response-cache-control", "response-content-disposition", "response-content-encoding", "response-content-language",
	"response-content-type", "response-expires", "restore", "select", "select-type", "storageClass", "tagging", "torrent",
	"uploadId", "uploads", "versionId", "versioning", "versions", "website",
}

// signature2 is what a request presigned by Version 2 says.
type signature2 struct {
	expires string // seconds since 1970, as sent
	end     time.Time
}

// parseVersion2 reads the signature of a request that has the parameter
// AWSAccessKeyId.
func parseVersion2(r *http.Request) (*Signature, error) {
	q := r.URL.Query()
	if q.Has("SignatureVersion") { // of a Query API
		return nil, version2()
	}
	id, provided, expires := q.Get("AWSAccessKeyId"), q.Get("Signature"), q.Get("Expires")
	seconds, err := strconv.ParseInt(expires, 10, 64)
	if id == "" || provided == "" || expires == "" || len(q["AWSAccessKeyId"])+len(q["Signature"])+len(q["Expires"]) != 3 {
		return nil, denied2("Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters")
	}
	if err != nil {
		return nil, denied2("Invalid date (should be seconds since epoch): " + expires)
	}
	return &Signature{
		AccessKeyID: id, Service: "s3", Presigned: true, SecurityToken: value2(r, q, "x-amz-security-token"), provided: provided,
		v2: &signature2{expires, time.Unix(seconds, 0).UTC()},
	}, nil
}

func denied2(message string) *AuthError {
	return incomplete(message, Errorf(http.StatusForbidden, "AccessDenied", "%s", message))
}

// value2 is a signed header's value, which presigned requests may have in the query.
func value2(r *http.Request, q url.Values, name string) string {
	if v := strings.TrimSpace(r.Header.Get(name)); v != "" {
		return v
	}
	return q.Get(name)
}

// verify2 checks a signature of Version 2.
func (s *Signature) verify2(r *http.Request, secret string, now time.Time, opts VerifyOptions) error {
	if !opts.S3 {
		return version2()
	}
	if now.After(s.v2.end) {
		return s.presignExpired(s.v2.end, now)
	}
	resource, _ := target(r)
	if opts.Bucket != "" {
		resource = "/" + opts.Bucket + resource
	}
	toSign := s.stringToSign2(r, resource)
	h := hmac.New(sha1.New, []byte(secret))
	h.Write([]byte(toSign))
	want := base64.StdEncoding.EncodeToString(h.Sum(nil))
	if subtle.ConstantTimeCompare([]byte(want), []byte(s.provided)) == 1 {
		s.key, s.payloadHash, s.stringToSign = h.Sum(nil), "UNSIGNED-PAYLOAD", toSign
		return nil
	}
	err := s.mismatch(s.provided, "", toSign)
	err.s3 = Errorf(http.StatusForbidden, "SignatureDoesNotMatch", "%s", s3SignatureMessage).
		With("AWSAccessKeyId", s.AccessKeyID).
		With("StringToSign", toSign).
		With("SignatureProvided", s.provided).
		With("StringToSignBytes", spacedHex(toSign))
	return err
}

func (s *Signature) stringToSign2(r *http.Request, resource string) string {
	q := r.URL.Query()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n%s\n%s\n", r.Method, value2(r, q, "content-md5"), value2(r, q, "content-type"), s.v2.expires)
	amz := map[string]string{}
	for name, values := range q {
		if strings.HasPrefix(name, "x-amz-") {
			amz[name] = strings.Join(values, ",")
		}
	}
	for name, values := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-") {
			trimmed := make([]string, len(values))
			for i, v := range values {
				trimmed[i] = strings.TrimSpace(v)
			}
			amz[name] = strings.Join(trimmed, ",")
		}
	}
	names := make([]string, 0, len(amz))
	for name := range amz {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.WriteString(name + ":" + amz[name] + "\n")
	}
	b.WriteString(resource)
	separator := "?"
	for _, name := range subresources {
		for _, value := range q[name] {
			b.WriteString(separator + name)
			if value != "" {
				b.WriteString("=" + value)
			}
			separator = "&"
		}
	}
	return b.String()
}

// Algorithm is what S3's policies call the version of the signature: AWS or
// AWS4-HMAC-SHA256.
func (s *Signature) Algorithm() string {
	if s.v2 != nil {
		return "AWS"
	}
	return algorithmHMAC
}
