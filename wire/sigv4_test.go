package wire_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/irsa-emu/irsa-emu/wire"
)

const (
	testKey    = "AKIDEXAMPLE"
	testSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

var signedAt = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// request is what a server gets of the bytes that a client would send.
func request(t testing.TB, method, target, body string, header http.Header) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	return r
}

func sum(body string) string {
	h := sha256.Sum256([]byte(body))
	return hex.EncodeToString(h[:])
}

// signed is a request signed in its header by the AWS SDK for Go.
func signed(t testing.TB, r *http.Request, body, service string, token string) *http.Request {
	t.Helper()
	hash := sum(body)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	if service == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", hash)
	}
	creds := aws.Credentials{AccessKeyID: testKey, SecretAccessKey: testSecret, SessionToken: token}
	if err := signer.SignHTTP(context.Background(), creds, r, hash, service, "us-east-1", signedAt); err != nil {
		t.Fatal(err)
	}
	return r
}

// overWire sends a request through a real server and gives what arrived.
func overWire(t testing.TB, r *http.Request) (*http.Request, []byte) {
	t.Helper()
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	address, _ := url.Parse(server.URL)
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	r.URL.Scheme, r.URL.Host = "http", address.Host
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return got, body
}

func verify(r *http.Request, body []byte, opts wire.VerifyOptions, now time.Time) error {
	sig, err := wire.ParseSignature(r)
	if err != nil {
		return err
	}
	if sig == nil {
		return wire.MissingAuthentication()
	}
	opts.Body = body
	return sig.Verify(r, testSecret, now, opts)
}

var (
	stsOptions = wire.VerifyOptions{Service: "sts"}
	s3Options  = wire.VerifyOptions{Service: "s3", S3: true}
)

func TestVerifyHeader(t *testing.T) {
	const form = "Action=GetCallerIdentity&Version=2011-06-15"
	paths := []string{"/", "/?b=2&a=1&a=%20x%2B&c", "/a%20b/c%2Fd", "/%E1%88%B4", "/a-_.~b"}
	for _, service := range []string{"sts", "s3"} {
		for _, path := range paths {
			r := request(t, "POST", "http://sts.amazonaws.com"+path, form, nil)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
			r.Header.Set("X-Amz-Meta-Spaces", "  a   b  c ")
			r.Header["X-Amz-Meta-Twice"] = []string{"b", "a"}
			r = signed(t, r, form, service, "token/with+signs=")
			got, body := overWire(t, r)
			opts := wire.VerifyOptions{Service: service, S3: service == "s3", Keys: wire.NewKeyCache(10)}
			for range 2 { // once without, once with the cached key
				if err := verify(got, body, opts, signedAt); err != nil {
					t.Errorf("%s %s: %v\n%s", service, path, err, canonicalOf(err))
				}
			}
		}
	}
}

func canonicalOf(err error) string {
	var auth *wire.AuthError
	if errors.As(err, &auth) {
		return auth.CanonicalRequest
	}
	return ""
}

// Vault signs the path "/" and sends "//", with the Host of AWS.
func TestVerifyVault(t *testing.T) {
	const form = "Action=GetCallerIdentity&Version=2011-06-15"
	r := signed(t, request(t, "POST", "https://sts.amazonaws.com/", form, nil), form, "sts", "")
	r.URL.Path = "//"
	r.URL.Opaque = ""
	got, body := overWire(t, r)
	if got.RequestURI != "//" {
		t.Fatalf("sent %q", got.RequestURI)
	}
	if err := verify(got, body, stsOptions, signedAt); err != nil {
		t.Error(err)
	}
}

func presigned(t testing.TB, method, target, service string, header http.Header, payload, token string) *http.Request {
	t.Helper()
	r := request(t, method, target, "", header)
	creds := aws.Credentials{AccessKeyID: testKey, SecretAccessKey: testSecret, SessionToken: token}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	signedURL, headers, err := signer.PresignHTTP(context.Background(), creds, r, payload, service, "us-east-1", signedAt)
	if err != nil {
		t.Fatal(err)
	}
	r = request(t, method, signedURL, "", headers)
	return r
}

// What `aws eks get-token` makes: a presigned GetCallerIdentity with a signed
// header that is not in the URL.
func TestVerifyPresignedSTS(t *testing.T) {
	target := "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60"
	r := presigned(t, "GET", target, "sts", http.Header{"X-K8s-Aws-Id": {"cluster"}}, sum(""), "token")
	r.Header.Set("Accept", "application/json")
	for _, test := range []struct {
		after time.Duration
		ok    bool
	}{{0, true}, {14 * time.Minute, true}, {16 * time.Minute, false}} {
		got, body := overWire(t, r.Clone(context.Background()))
		err := verify(got, body, stsOptions, signedAt.Add(test.after))
		if (err == nil) != test.ok {
			t.Errorf("after %v: %v", test.after, err)
		}
	}
	bad := r.Clone(context.Background())
	bad.Header.Set("X-K8s-Aws-Id", "other")
	got, body := overWire(t, bad)
	if err := verify(got, body, stsOptions, signedAt); err == nil {
		t.Error("accepted another cluster's token")
	}
}

// Old clients add the session token to a presigned URL after signing it.
func TestVerifyUnsignedToken(t *testing.T) {
	r := presigned(t, "GET", "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15", "sts", nil, sum(""), "")
	r.URL.RawQuery += "&X-Amz-Security-Token=abc%2F"
	if err := verify(r, nil, stsOptions, signedAt); err != nil {
		t.Errorf("STS: %v", err)
	}
	r = presigned(t, "GET", "https://b.s3.amazonaws.com/key?X-Amz-Expires=60", "s3", nil, "UNSIGNED-PAYLOAD", "")
	if err := verify(r, nil, s3Options, signedAt); err != nil {
		t.Errorf("S3 as signed: %v", err)
	}
	r.URL.RawQuery += "&X-Amz-Security-Token=abc%2F"
	if err := verify(r, nil, s3Options, signedAt); err == nil {
		t.Error("S3 took an unsigned session token")
	}
	const form = "Action=GetCallerIdentity"
	r = signed(t, request(t, "POST", "https://sts.amazonaws.com/", form, nil), form, "sts", "")
	r.Header.Set("X-Amz-Security-Token", "added")
	if err := verify(r, []byte(form), stsOptions, signedAt); err != nil {
		t.Errorf("STS, header: %v", err)
	}
}

// Every part of a signed request, altered one at a time.
func TestVerifyAltered(t *testing.T) {
	const form = "Action=GetCallerIdentity&Version=2011-06-15"
	alter := map[string]func(r *http.Request, body *string){
		"nothing":       func(*http.Request, *string) {},
		"method":        func(r *http.Request, _ *string) { r.Method = "PUT" },
		"path":          func(r *http.Request, _ *string) { r.URL.Path = "/other" },
		"query":         func(r *http.Request, _ *string) { r.URL.RawQuery = "a=2" },
		"more query":    func(r *http.Request, _ *string) { r.URL.RawQuery = "a=1&b=1" },
		"host":          func(r *http.Request, _ *string) { r.Host = "evil.example" },
		"body":          func(_ *http.Request, b *string) { *b += "&x=y" },
		"signed header": func(r *http.Request, _ *string) { r.Header.Set("X-Amz-Meta-A", "2") },
		"gone header":   func(r *http.Request, _ *string) { r.Header.Del("X-Amz-Meta-A") },
		"date":          func(r *http.Request, _ *string) { r.Header.Set("X-Amz-Date", "20240101T000001Z") },
		"token":         func(r *http.Request, _ *string) { r.Header.Set("X-Amz-Security-Token", "other") },
		"key id":        edit("Credential=AKID", "Credential=BKID"), // looked up by the caller; not signed
		"region":        edit("/us-east-1/", "/eu-west-1/"),
		"service":       edit("/sts/", "/s3/"),
		"terminator":    edit("aws4_request", "aws5_request"),
		"signed list":   edit("host;", ""),
		"signature":     edit("Signature=", "Signature=0"),
		"upper case":    func(r *http.Request, _ *string) { upper(r) },
		"no signature":  edit(", Signature=", ", Sig="),
	}
	allowed := map[string]bool{"nothing": true, "key id": true}
	for name, change := range alter {
		t.Run(name, func(t *testing.T) {
			r := request(t, "POST", "https://sts.amazonaws.com/?a=1", form, http.Header{"X-Amz-Meta-A": {"1"}})
			r = signed(t, r, form, "sts", "token")
			body := form
			change(r, &body)
			err := verify(r, []byte(body), stsOptions, signedAt)
			if (err == nil) != allowed[name] {
				t.Errorf("altered: %v", err)
			}
		})
	}
}

func edit(from, to string) func(*http.Request, *string) {
	return func(r *http.Request, _ *string) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
	}
}

func upper(r *http.Request) {
	value := r.Header.Get("Authorization")
	at := strings.Index(value, "Signature=") + len("Signature=")
	r.Header.Set("Authorization", value[:at]+strings.ToUpper(value[at:]))
}

func TestUnsigned(t *testing.T) {
	for _, header := range []http.Header{nil, {"Authorization": {""}}} {
		sig, err := wire.ParseSignature(request(t, "GET", "http://h/?a=b", "", header))
		if sig != nil || err != nil {
			t.Errorf("%v: %v, %v", header, sig, err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	const form = "Action=GetCallerIdentity&Version=2011-06-15"
	for _, cache := range []*wire.KeyCache{nil, wire.NewKeyCache(100)} {
		name := "no cache"
		if cache != nil {
			name = "cache"
		}
		b.Run(name, func(b *testing.B) {
			r := signed(b, request(b, "POST", "https://sts.amazonaws.com/", form, nil), form, "sts", strings.Repeat("t", 800))
			opts := wire.VerifyOptions{Service: "sts", Keys: cache, Body: []byte(form)}
			b.ReportAllocs()
			for b.Loop() {
				sig, err := wire.ParseSignature(r)
				if err != nil {
					b.Fatal(err)
				}
				if err := sig.Verify(r, testSecret, signedAt, opts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
