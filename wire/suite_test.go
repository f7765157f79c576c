package wire_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/irsa-emu/irsa-emu/wire"
)

var suiteTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

var suiteOptions = wire.VerifyOptions{Service: "service", Region: "us-east-1"}

// suite gives the requests of AWS's own test suite by name; the archive names its
// source.
func suite(t testing.TB) map[string]string {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/aws-signing-test-suite-v4.txtar")
	if err != nil {
		t.Fatal(err)
	}
	requests := map[string]string{}
	for _, file := range archive.Files {
		requests[file.Name] = string(file.Data)
	}
	if len(requests) < 50 {
		t.Fatalf("only %d requests were read", len(requests))
	}
	return requests
}

// arrived is a request as a server reads it from the wire, but for blanks in the
// path, which the suite has as they are and Go's server would not take.
func arrived(t testing.TB, text string) (*http.Request, []byte) {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	line, headers, _ := strings.Cut(head, "\n")
	method, rest, _ := strings.Cut(line, " ")
	target := strings.TrimSuffix(rest, " HTTP/1.1")
	wire := method + " " + strings.ReplaceAll(target, " ", "%20") + " HTTP/1.1\r\n" + strings.ReplaceAll(headers, "\n", "\r\n") + "\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
	if err != nil {
		t.Fatalf("%v in\n%s", err, wire)
	}
	r.RequestURI = target
	r.Body = io.NopCloser(bytes.NewReader(nil))
	return r, []byte(strings.TrimSuffix(body, "\n"))
}

func TestSigningSuite(t *testing.T) {
	for name, text := range suite(t) {
		t.Run(name, func(t *testing.T) {
			r, body := arrived(t, text)
			if err := verify(r, body, suiteOptions, suiteTime); err != nil {
				t.Errorf("%v\n%s", err, canonicalOf(err))
			}
		})
	}
}

// change is one alteration of a request.
type change struct {
	name string
	do   func(r *http.Request, body *[]byte)
	// harmless: AWS takes the request all the same.
	harmless bool
}

// changes are all alterations of one part that a request offers.
func changes(r *http.Request) []change {
	list := []change{
		{"nothing", func(*http.Request, *[]byte) {}, true},
		{"method", func(r *http.Request, _ *[]byte) { r.Method = "PATCH" }, false},
		{"method in small letters", func(r *http.Request, _ *[]byte) { r.Method = strings.ToLower(r.Method) }, false},
		{"body", func(_ *http.Request, b *[]byte) { *b = append(bytes.Clone(*b), 'x') }, false},
		{"host", func(r *http.Request, _ *[]byte) { r.Host = "evil.example" }, false},
		{"port of the host", func(r *http.Request, _ *[]byte) { r.Host += ":8443" }, false},
		{"path", func(r *http.Request, _ *[]byte) {
			path, query, _ := strings.Cut(r.RequestURI, "?")
			r.RequestURI = path + "x?" + query
		}, false},
		{"a path in front", func(r *http.Request, _ *[]byte) { r.RequestURI = "/admin" + r.RequestURI }, false},
		{"a slash doubled", func(r *http.Request, _ *[]byte) { r.RequestURI = "/" + r.RequestURI }, true},
		{"a step that leads nowhere", func(r *http.Request, _ *[]byte) { r.RequestURI = "/./x/.." + r.RequestURI }, true},
		{"a parameter more", func(r *http.Request, _ *[]byte) { r.RequestURI = withQuery(r, append(queryOf(r), "extra=1")) }, false},
		{"an empty parameter more", func(r *http.Request, _ *[]byte) { r.RequestURI = withQuery(r, append(queryOf(r), "extra")) }, false},
		{"an unsigned header more", func(r *http.Request, _ *[]byte) { r.Header.Set("X-Unsigned", "1") }, true},
	}
	for i, parameter := range queryOf(r) {
		name, value, _ := strings.Cut(parameter, "=")
		// Who is not signed: the key id is looked up by the caller, the session token
		// may be added after signing, and that is what these requests did.
		late := name == "X-Amz-Security-Token" && strings.Contains(r.RequestURI, "2ce6e6d2e0cf2f9d1b55fafec88cd20574c31dc2e7631979f71ba2310083e95b")
		edit := func(text ...string) func(*http.Request, *[]byte) {
			return func(r *http.Request, _ *[]byte) {
				all := queryOf(r)
				r.RequestURI = withQuery(r, slices.Concat(all[:i:i], text, all[i+1:]))
			}
		}
		list = append(list,
			change{"parameter " + name + " altered", edit(name + "=" + value + "x"), late},
			change{"parameter " + name + " gone", edit(), late},
			change{"parameter " + name + " twice", edit(parameter, parameter), false},
		)
		if isLetters.MatchString(name) {
			list = append(list, change{"parameter " + name + " in another case", edit(swapCase(name) + "=" + value), false})
		}
		if i > 0 {
			list = append(list, change{"parameter " + name + " first", func(r *http.Request, _ *[]byte) {
				all := queryOf(r)
				r.RequestURI = withQuery(r, slices.Concat(all[i:i+1], all[:i], all[i+1:]))
			}, true})
		}
	}
	signed := regexp.MustCompile(`SignedHeaders(?:=|%3D)([^,& ]+)`).FindStringSubmatch(r.RequestURI + r.Header.Get("Authorization"))[1]
	for _, name := range strings.Split(strings.ReplaceAll(signed, "%3B", ";"), ";") {
		if name == "host" {
			continue
		}
		list = append(list,
			change{"header " + name + " altered", func(r *http.Request, _ *[]byte) { r.Header.Set(name, r.Header.Get(name)+"x") }, false},
			change{"header " + name + " gone", func(r *http.Request, _ *[]byte) { r.Header.Del(name) }, name == "content-length"}, // which net/http keeps elsewhere
			change{"header " + name + " twice", func(r *http.Request, _ *[]byte) { r.Header.Add(name, r.Header.Get(name)) }, false},
		)
		if !strings.HasPrefix(name, "x-amz-") { // of which some are read before the signature is
			list = append(list, change{"header " + name + " with blanks around", func(r *http.Request, _ *[]byte) {
				for i, value := range r.Header.Values(name) {
					r.Header.Values(name)[i] = "  " + value + "  "
				}
			}, true})
		}
		if values := r.Header.Values(name); len(values) > 1 && values[0] != values[1] {
			list = append(list, change{"header " + name + " in another order", func(r *http.Request, _ *[]byte) { slices.Reverse(r.Header.Values(name)) }, false})
		}
	}
	if r.Header.Get("Authorization") != "" {
		list = append(list, authorizationChanges()...)
	}
	return list
}

func authorizationChanges() []change {
	edit := func(name, pattern, with string) change {
		at := regexp.MustCompile(pattern)
		return change{name: name, do: func(r *http.Request, _ *[]byte) {
			r.Header.Set("Authorization", at.ReplaceAllString(r.Header.Get("Authorization"), with))
		}}
	}
	list := []change{
		edit("algorithm", `^AWS4-HMAC-SHA256`, "AWS4-HMAC-SHA512"),
		edit("algorithm in small letters", `^AWS4-HMAC-SHA256`, "aws4-hmac-sha256"),
		edit("no algorithm", `^AWS4-HMAC-SHA256 `, ""),
		edit("date of the scope", `/20150830/`, "/20150831/"),
		edit("no date in the scope", `/20150830/`, "//"),
		edit("region", `/us-east-1/`, "/us-east-2/"),
		edit("region in capitals", `/us-east-1/`, "/US-EAST-1/"),
		edit("service", `/service/`, "/sts/"),
		edit("terminator", `aws4_request`, "aws4_reques"),
		edit("a part more in the credential", `aws4_request`, "aws4_request/x"),
		edit("credential twice", `(Credential=[^,]+), `, "$1, $1, "),
		edit("signature twice", `(Signature=[0-9a-f]+)`, "$1, $1"),
		edit("signed headers twice", `(SignedHeaders=[^,]+), `, "$1, $1, "),
		edit("no signed headers", `SignedHeaders=[^,]+, `, ""),
		edit("signed headers empty", `SignedHeaders=[^,]+, `, "SignedHeaders=, "),
		edit("host not signed", `([=;])host;`, "$1"),
		edit("a header named twice", `([=;])host;`, "${1}host;host;"),
		edit("a header named that is not there", `([=;])host;`, "${1}absent;host;"),
		edit("a header named in capitals", `([=;])host;`, "${1}Host;"),
		edit("signature empty", `Signature=[0-9a-f]+`, "Signature="),
		edit("signature short", `Signature=([0-9a-f]+)[0-9a-f]`, "Signature=$1"),
		edit("signature long", `Signature=([0-9a-f]+)`, "Signature=${1}0"),
		edit("signature of zeros", `Signature=[0-9a-f]+`, "Signature="+strings.Repeat("0", 64)),
		edit("a part that nobody knows", `$`, ", Extra=1"),
		edit("a second scheme", `$`, " Bearer x"),
	}
	for i := range 64 {
		list = append(list, change{name: fmt.Sprint("signature's digit ", i), do: func(r *http.Request, _ *[]byte) {
			value := []byte(r.Header.Get("Authorization"))
			at := bytes.Index(value, []byte("Signature=")) + len("Signature=") + i
			value[at] = "0123456789abcdef0"[strings.IndexByte("0123456789abcdef", value[at])+1]
			r.Header.Set("Authorization", string(value))
		}})
	}
	return append(list,
		change{name: "the header twice", do: func(r *http.Request, _ *[]byte) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }},
		change{name: "signed in the query as well", do: func(r *http.Request, _ *[]byte) {
			r.URL.RawQuery = "X-Amz-Algorithm=AWS4-HMAC-SHA256"
			r.RequestURI = "/?" + r.URL.RawQuery
		}},
		change{name: "parts in another order", harmless: true, do: func(r *http.Request, _ *[]byte) {
			algorithm, parts, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			list := strings.Split(parts, ", ")
			slices.Reverse(list)
			r.Header.Set("Authorization", algorithm+" "+strings.Join(list, ","))
		}},
	)
}

var isLetters = regexp.MustCompile(`^[A-Za-z-]+$`)

func queryOf(r *http.Request) []string {
	_, query, _ := strings.Cut(r.RequestURI, "?")
	if query == "" {
		return nil
	}
	return strings.Split(query, "&")
}

func withQuery(r *http.Request, parameters []string) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	r.URL.RawQuery = strings.Join(parameters, "&")
	return path + "?" + r.URL.RawQuery
}

func swapCase(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, text)
}

// Every part of every request of the suite, altered one at a time.
func TestAttackAlteredRequests(t *testing.T) {
	refused := 0
	for name, text := range suite(t) {
		original, _ := arrived(t, text)
		for _, c := range changes(original) {
			r, body := arrived(t, text)
			c.do(r, &body)
			err := verify(r, body, suiteOptions, suiteTime)
			if (err == nil) != c.harmless {
				t.Errorf("%s, %s: %v", name, c.name, err)
			}
			if err != nil {
				refused++
			}
		}
	}
	t.Logf("%d alterations were refused", refused)
	if refused < 4000 {
		t.Errorf("only %d alterations were refused: were they made?", refused)
	}
}
