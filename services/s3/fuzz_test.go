package s3

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMetadataNames: botocore takes the key from the header's name as it is, so
// it must go out in lower case.
func TestMetadataNames(t *testing.T) {
	w := httptest.NewRecorder()
	(&Object{Metadata: map[string]string{"my-meta": "v"}}).setHeaders(w.Header())
	const name = "x-amz-meta-" + "my-meta" // as it goes out, not as Go would write it
	if got := map[string][]string(w.Header())[name]; !cmp.Equal(got, []string{"v"}) {
		t.Errorf("headers %v", w.Header())
	}
}

func TestBucketOfHost(t *testing.T) {
	exists := func(name string) bool { return name == "reports" }
	for _, tc := range []struct{ host, path, method, want string }{
		{"127.0.0.1:4772", "reports/k", "GET", ""},
		{"[::1]:4772", "reports/k", "GET", ""},
		{"localhost:4772", "reports/k", "GET", ""},
		{"reports.localhost:4772", "k", "GET", "reports"},
		{"s3.localhost", "reports/k", "GET", ""},
		{"reports.s3.localhost", "k", "GET", "reports"},
		{"s3.amazonaws.com", "reports/k", "GET", ""},
		{"s3.us-west-2.amazonaws.com", "reports/k", "GET", ""},
		{"s3-us-west-2.amazonaws.com", "reports/k", "GET", ""},
		{"reports.s3.us-west-2.amazonaws.com", "k", "GET", "reports"},
		{"reports.s3.dualstack.us-west-2.amazonaws.com", "k", "GET", "reports"},
		{"with.dots.s3.amazonaws.com", "k", "GET", "with.dots"},
		{"reports.s3.cn-north-1.amazonaws.com.cn", "k", "GET", "reports"},
		{"emulator.example", "reports/k", "GET", ""},
		{"reports.emulator.example:4772", "k", "GET", "reports"},
		{"new.emulator.example:4772", "", "PUT", "new"},
		{"new.emulator.example:4772", "", "GET", ""},
		{"configured.example", "reports/k", "GET", ""},
		{"anything.configured.example", "k", "GET", "anything"},
	} {
		if got := bucketOfHost(tc.host, []string{"configured.example"}, tc.path, tc.method, exists); got != tc.want {
			t.Errorf("%s %s/%s: %q, want %q", tc.method, tc.host, tc.path, got, tc.want)
		}
	}
}

func FuzzByteRange(f *testing.F) {
	for _, header := range []string{"bytes=0-8", "bytes=-2", "bytes=1-", "bytes=9223372036854775807-", "bytes=-9223372036854775808"} {
		f.Add(header, int64(10))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		from, length, partial := byteRange(header, size)
		if !partial && (from != 0 || length != size) {
			t.Fatalf("%q of %d: the whole is %d bytes from %d", header, size, length, from)
		}
		if partial && length > 0 && (from < 0 || from+length > size) {
			t.Fatalf("%q of %d: %d bytes from %d", header, size, length, from)
		}
	})
}

func FuzzCopyRange(f *testing.F) {
	f.Add("bytes=0-8", int64(10))
	f.Fuzz(func(t *testing.T, text string, size int64) {
		if first, last, err := copyRange(text, size); err == nil && (first < 0 || first > last || last >= size) {
			t.Fatalf("%q of %d: %d to %d", text, size, first, last)
		}
	})
}

func FuzzHeaderTags(f *testing.F) {
	f.Add("a=1&b=2")
	f.Add("k%20=%zz&&=")
	f.Fuzz(func(t *testing.T, text string) {
		tags, err := headerTags(http.Header{"X-Amz-Tagging": {text}})
		if err == nil && len(tags) > 10 {
			t.Fatalf("%d tags", len(tags))
		}
	})
}

func FuzzAddress(f *testing.F) {
	f.Add("reports.s3.us-west-2.amazonaws.com:443", "/a/b?versions", "GET")
	f.Add("[::1", "//%2F", "PUT")
	f.Fuzz(func(t *testing.T, host, target, method string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		r := &http.Request{Method: method, URL: u, Host: host, Header: http.Header{}}
		actionOf(r)
		path := strings.TrimPrefix(u.Path, "/")
		split(bucketOfHost(host, nil, path, method, func(string) bool { return true }), path)
	})
}

func FuzzEncode(f *testing.F) {
	f.Add("a b/ü*%")
	f.Fuzz(func(t *testing.T, key string) {
		if got, err := url.QueryUnescape(urlEncode(key)); err != nil || got != key {
			t.Fatalf("%q came back as %q: %v", key, got, err)
		}
	})
}
