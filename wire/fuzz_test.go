package wire_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	pathpkg "path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/wire"
)

func FuzzQueryForm(f *testing.F) {
	f.Add(goodRole + "&Tags.member.1.Key=k&Tags.member.1.Value=&TagKeys=&DurationSeconds=900")
	f.Add("Tags.member.99999999999999999999.Key=&Tags.member.-1.Key=a&Tags.member..Key=b&Tags.member=x&.=")
	f.Add("RoleArn.x.y.z=1&PolicyArns.member.1.arn.arn=1&TaskPolicyArn=x&%=%")
	f.Fuzz(func(t *testing.T, encoded string) {
		r := &http.Request{Method: "POST", URL: &url.URL{RawQuery: encoded}, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}}
		_, _, form, err := wire.ReadQuery(r, []byte(encoded))
		if err != nil {
			if codeOf(err) != "MalformedQueryString" {
				t.Fatal(err)
			}
			return
		}
		var in assumeRole
		err = wire.DecodeQuery(form, &in, wire.EchoValues)
		switch {
		case err == nil && (len(in.RoleArn) < 20 || len(in.RoleSessionName) < 2 || len(in.Tags) > 50):
			t.Fatalf("accepted %+v", in)
		case err != nil && codeOf(err) != "ValidationError" && codeOf(err) != "MalformedInput":
			t.Fatal(err)
		}
	})
}

// authenticated is what a fuzz target must never see: it knows no secret.
func refused(t *testing.T, r *http.Request, s3 bool) {
	t.Helper()
	sig, err := wire.ParseSignature(r)
	var auth *wire.AuthError
	if err != nil && !errors.As(err, &auth) {
		t.Fatalf("error of type %T", err)
	}
	if err == nil && sig != nil {
		err := sig.Verify(r, "a secret that no fuzzer finds", signedAt, wire.VerifyOptions{Service: sig.Service, S3: s3})
		if !errors.As(err, &auth) {
			t.Fatalf("verified: %v", err)
		}
	}
	if auth != nil {
		for _, e := range []*wire.Error{auth.Query(), auth.JSON(), auth.REST(), auth.S3()} {
			if e.Code == "" || e.Message == "" || e.Status < 400 {
				t.Fatalf("%s: %+v", auth.Kind, e)
			}
		}
	}
}

func FuzzAuthorizationHeader(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 "+credential+rest, "20240101T000000Z", "/a/../b//%2f", true)
	f.Add("AWS4-HMAC-SHA256 Credential=,=,Signature", "Mon, 01 Jan 2024 00:00:00 GMT", "*", false)
	f.Add("Bearer x", "", "/%", false)
	f.Fuzz(func(t *testing.T, header, date, target string, s3 bool) {
		r := &http.Request{Method: "GET", URL: &url.URL{Path: "/"}, RequestURI: target, Host: "h", Header: http.Header{
			"Authorization": {header}, "X-Amz-Date": {date},
		}}
		if s3 {
			r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		}
		refused(t, r, s3)
	})
}

func FuzzPresignedQuery(f *testing.F) {
	f.Add(presigned(f, "GET", "https://b.s3.amazonaws.com/key?X-Amz-Expires=60&a=%zz&b=+", "s3", nil, "UNSIGNED-PAYLOAD", "t").URL.RawQuery, true)
	f.Add("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Algorithm=x", false)
	f.Add("AWSAccessKeyId=a&Signature=b", false)
	f.Fuzz(func(t *testing.T, query string, s3 bool) {
		refused(t, &http.Request{Method: "GET", URL: &url.URL{Path: "/", RawQuery: query}, Host: "h", Header: http.Header{}}, s3)
	})
}

// Whatever a chunked body is, what is read from it without error is what was
// signed.
func FuzzChunked(f *testing.F) {
	for _, trailer := range []bool{false, true} {
		_, parts := chunkedVector(trailer)
		f.Add([]byte(strings.Join(parts, "")), trailer, false)
	}
	f.Add([]byte("3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\n"), true, true)
	f.Add([]byte("ffffffffffffffff;chunk-signature=\r\n"), false, false)
	f.Fuzz(func(t *testing.T, body []byte, trailer, unsigned bool) {
		if unsigned {
			r := &http.Request{Method: "PUT", URL: &url.URL{Path: "/"}, Body: io.NopCloser(bytes.NewReader(body)), Header: http.Header{
				"X-Amz-Content-Sha256": {"STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, "X-Amz-Decoded-Content-Length": {"3"}, "X-Amz-Trailer": {"x-amz-checksum-crc32"},
			}}
			p, err := wire.OpenPayload(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(io.LimitReader(p, 1<<20))
			if _, sum := p.Checksum(); err == nil && (len(got) != 3 || !bytes.Contains(body, []byte(sum))) {
				t.Fatalf("read %q", got)
			}
			return
		}
		v, _ := chunkedVector(trailer)
		u, _ := url.ParseRequestURI(v.target)
		r := &http.Request{Method: v.method, URL: u, RequestURI: v.target, Host: v.host, Header: http.Header{}}
		for _, line := range v.headers {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Add(name, value)
		}
		got, err := readChunked(t, v, r, bytes.NewReader(body))
		if err == nil && !bytes.Equal(got, bytes.Repeat([]byte("a"), 66560)) {
			t.Fatalf("read %d bytes that were not signed", len(got))
		}
	})
}

// FuzzAltered: a request that was signed as one thing verifies as nothing else.
func FuzzAltered(f *testing.F) {
	f.Add("/a/b", "x=1&y=2", "v", "/a//b", "y=2&x=1", "v", false)
	f.Add("/a%2Fb", "", "a  b", "/a/b", "x", "a b", true)
	f.Add("/%61", "a=%20", "", "/a", "a=+", " ", true)
	f.Add("/..", "a&b=", "", "/", "a=&b", "", false)
	f.Add("/%zz", "a=%zz", "é", "/%25zz", "a=%25zz", "e", false)
	f.Fuzz(func(t *testing.T, path, query, value, path2, query2, value2 string, s3 bool) {
		for _, p := range []string{path, path2} {
			if !strings.HasPrefix(p, "/") || strings.ContainsAny(p, "?# ") {
				return
			}
		}
		if strings.ContainsAny(query+query2, "# ") || strings.Contains(query+query2, "X-Amz-") || strings.Contains(query+query2, "AWSAccessKeyId") || !httpguts(value) || !httpguts(value2) {
			return
		}
		service, opts := "sts", stsOptions
		if s3 {
			service, opts = "s3", s3Options
		}
		first, err := url.ParseRequestURI(path + "?" + query)
		if err != nil {
			return
		}
		if _, err := url.ParseRequestURI(path2 + "?" + query2); err != nil {
			return
		}
		r := &http.Request{Method: "GET", URL: first, Host: "h", Header: http.Header{"X-Amz-Meta-A": {value}}}
		r.URL.Scheme, r.URL.Host = "https", "h"
		signed(t, r, "", service, "")
		r.Header.Set("X-Amz-Meta-A", value2)
		r.RequestURI = path2 + "?" + query2
		r.URL = &url.URL{Path: path2, RawQuery: query2}
		if verify(r, nil, opts, signedAt) != nil {
			return
		}
		if !samePath(path, path2, s3) {
			t.Errorf("signed for %q, verified for %q", path, path2)
		}
		if !slices.Equal(parametersOf(query), parametersOf(query2)) {
			t.Errorf("signed for %q, verified for %q", query, query2)
		}
		if strings.Join(strings.Fields(value), " ") != strings.Join(strings.Fields(value2), " ") {
			t.Errorf("signed with %q, verified with %q", value, value2)
		}
	})
}

// httpguts is what net/http takes as the value of a header.
func httpguts(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// samePath compares paths by what they name: S3's as they are, others' without
// steps that lead nowhere. Other services encode twice, so that what was encoded
// may or may not be.
func samePath(a, b string, s3 bool) bool {
	plain := func(p string) string {
		for range 3 {
			decoded, err := url.PathUnescape(p)
			if err != nil || s3 && decoded == p {
				break
			}
			p = decoded
			if s3 {
				break
			}
		}
		if !s3 {
			p = strings.TrimSuffix(pathpkg.Clean(p), "/")
		}
		return p
	}
	return plain(a) == plain(b)
}

func parametersOf(query string) []string {
	var list []string
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		list = append(list, unescaped(name)+"="+unescaped(value))
	}
	slices.Sort(list)
	return list
}

// unescaped decodes what is an escape and leaves what is none.
func unescaped(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		if s[i] == '+' {
			b.WriteByte(' ')
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
