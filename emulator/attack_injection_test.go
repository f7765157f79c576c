package emulator

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/irsa-emu/irsa-emu/statefile"
)

// hostile are texts that mean something to what they are written into.
var hostile = map[string]string{
	"a header":             "x\r\nX-Evil: 1\r\n\r\n<evil/>",
	"a line":               "x\nlevel=ERROR msg=forged",
	"an element":           `</Message><evil attribute="1"/><Message>`,
	"an end of CDATA":      "]]><evil/>",
	"an entity":            "&evil; &#0; &lt;",
	"a document type":      `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>`,
	"a JSON string":        `","evil":"1`,
	"an end of JSON":       `"}}{"evil":{`,
	"controls":             "\x00\x01\x08\x0b\x1b[31m\x1b]0;evil\x07\x7f",
	"invalid UTF-8":        "\xff\xfe\xc0\xaf\xed\xa0\x80",
	"noncharacters":        "\ufffe\uffff",
	"bidirectional text":   "\u202eevil\u2066",
	"line separators":      "\u2028\u2029\u0085",
	"a format":             "%s%n%!x(MISSING)%00",
	"a script":             "<script>alert(1)</script>",
	"a path":               "../../etc/passwd",
	"a very long text":     strings.Repeat("x", 30_000),
	"many characters wide": strings.Repeat("é<", 10_000),
}

// checkAnswer holds an answer against what is true of every answer: its headers
// are headers, its body is one whole document of the kind that it says, and no
// part of either came out of a hostile text.
func checkAnswer(t *testing.T, status int, header http.Header, body []byte) {
	t.Helper()
	size := 0
	for name, values := range header {
		if strings.EqualFold(name, "X-Evil") {
			t.Errorf("a header was put into the answer: %v", values)
		}
		for _, value := range values {
			size += len(name) + len(value)
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || r == utf8.RuneError }) {
				t.Errorf("header %s is %q", name, value)
			}
		}
	}
	if size > 8<<10 { // Node takes 16 kB, proxies less
		t.Errorf("the headers have %d bytes", size)
	}
	if status >= 500 && status != http.StatusNotImplemented && status != http.StatusServiceUnavailable && !bytes.Contains(body, []byte("validating third-party token")) {
		t.Errorf("status %d: %s", status, body)
	}
	if len(body) == 0 {
		return
	}
	switch kind := header.Get("Content-Type"); {
	case strings.Contains(kind, "xml"):
		if err := wellFormed(body); err != nil {
			t.Errorf("%v in %q", err, body)
		}
	case strings.Contains(kind, "json"):
		if !json.Valid(body) || !utf8.Valid(body) {
			t.Errorf("not JSON: %q", body)
		}
	}
}

// wellFormed reads a document as a strict parser does: one root, no element that
// a hostile text brought, no document type.
func wellFormed(body []byte) error {
	decoder := xml.NewDecoder(bytes.NewReader(body))
	depth, roots := 0, 0
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			if roots != 1 || depth != 0 {
				return errors.New("not one root")
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if depth++; depth == 1 {
				roots++
			}
			if token.Name.Local == "evil" || token.Name.Local == "script" {
				return errors.New("an element was put into the answer")
			}
		case xml.EndElement:
			depth--
		case xml.Directive:
			return errors.New("a document type")
		case xml.CharData:
			if depth == 0 && len(bytes.TrimSpace(token)) > 0 {
				return errors.New("text outside of the root")
			}
		}
	}
}

// asked is a request of a hostile text, made without a client that would refuse
// to send it.
func asked(method, target string, header http.Header, body string) *http.Request {
	path, query, _ := strings.Cut(target, "?")
	u := &url.URL{Path: path, RawQuery: query}
	if unescaped, err := url.PathUnescape(path); err == nil {
		u.Path, u.RawPath = unescaped, path
	}
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", strings.NewReader(body))
	r.Method, r.URL, r.RequestURI, r.Host = method, u, target, "127.0.0.1"
	for name, values := range header {
		r.Header[name] = values
	}
	return r
}

// isToken is whether net/http takes a text as a method.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) })
}

// Every place of a request that an answer may repeat, filled with every text.
func TestAttackInjection(t *testing.T) {
	var logged, trail bytes.Buffer
	given, err := statefile.Parse("tutorial.yaml", []byte(tutorial), nil)
	if err != nil {
		t.Fatal(err)
	}
	emu := Start(t, Config{Region: "us-west-2", Given: []statefile.State{given}, CloudTrail: &trail, Logger: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	web := func(name, text string) string {
		values := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {tutorialRole}, "RoleSessionName": {"s"}, "WebIdentityToken": {"x.y.z"}}
		values.Set(name, text)
		return values.Encode()
	}
	scope := func(service string) string {
		return "AWS4-HMAC-SHA256 Credential=test/20260101/us-west-2/" + service + "/aws4_request, SignedHeaders=host, Signature=0"
	}
	claims := func(name, text string) string {
		token, err := emu.Token(t.Context(), TokenRequest{ServiceAccount: "your-namespace/your-service-account", Claims: map[string]any{name: text}})
		if err != nil {
			return web("WebIdentityToken", text)
		}
		return web("WebIdentityToken", token)
	}
	requests := map[string]func(text string) *http.Request{
		"Action":  func(s string) *http.Request { return asked("POST", "/", form, web("Action", s)) },
		"Version": func(s string) *http.Request { return asked("POST", "/", form, web("Version", s)) },
		"RoleArn": func(s string) *http.Request { return asked("POST", "/", form, web("RoleArn", s)) },
		"a role's name": func(s string) *http.Request {
			return asked("POST", "/", form, web("RoleArn", "arn:aws:iam::111122223333:role/"+s))
		},
		"RoleSessionName": func(s string) *http.Request { return asked("POST", "/", form, web("RoleSessionName", s)) },
		"DurationSeconds": func(s string) *http.Request { return asked("POST", "/", form, web("DurationSeconds", s)) },
		"Policy":          func(s string) *http.Request { return asked("POST", "/", form, web("Policy", s)) },
		"ProviderId":      func(s string) *http.Request { return asked("POST", "/", form, web("ProviderId", s)) },
		"a token":         func(s string) *http.Request { return asked("POST", "/", form, web("WebIdentityToken", s)) },
		"claim sub":       func(s string) *http.Request { return asked("POST", "/", form, claims("sub", s)) },
		"claim iss":       func(s string) *http.Request { return asked("POST", "/", form, claims("iss", s)) },
		"claim aud":       func(s string) *http.Request { return asked("POST", "/", form, claims("aud", s)) },
		"claim iat":       func(s string) *http.Request { return asked("POST", "/", form, claims("iat", s)) },
		"claim roles": func(s string) *http.Request {
			return asked("POST", "/", form, claims("https://aws.amazon.com/roles", s))
		},
		"a tag": func(s string) *http.Request {
			return asked("POST", "/", form, claims("https://aws.amazon.com/tags/principal_tags/"+s, s))
		},
		"JSON asked for": func(s string) *http.Request {
			return asked("POST", "/", http.Header{"Content-Type": form["Content-Type"], "Accept": {"application/json"}}, web("RoleArn", s))
		},
		"a query": func(s string) *http.Request { return asked("GET", "/?"+web("Action", s), nil, "") },
		"User-Agent": func(s string) *http.Request {
			return asked("POST", "/", http.Header{"Content-Type": form["Content-Type"], "User-Agent": {s}}, claims("sub", "other"))
		},
		"Authorization": func(s string) *http.Request {
			return asked("POST", "/", http.Header{"Content-Type": form["Content-Type"], "Authorization": {"AWS4-" + s}}, web("Action", "GetCallerIdentity"))
		},
		"a credential": func(s string) *http.Request {
			return asked("POST", "/", http.Header{"Content-Type": form["Content-Type"], "X-Amz-Date": {s}, "Authorization": {strings.Replace(scope("sts"), "test", s, 1)}}, web("Action", "GetCallerIdentity"))
		},
		"a service": func(s string) *http.Request {
			return asked("POST", "/", http.Header{"Authorization": {scope(s)}, "X-Amz-Date": {"20260101T000000Z"}}, "")
		},
		"X-Amz-Target": func(s string) *http.Request {
			return asked("POST", "/", http.Header{"X-Amz-Target": {s + "." + s}}, "{}")
		},
		"an action (JSON)": func(s string) *http.Request {
			return asked("POST", "/", http.Header{"X-Amz-Target": {"secretsmanager." + s}}, "{}")
		},
		"a bucket":        func(s string) *http.Request { return asked("GET", "/"+url.PathEscape(s), nil, "") },
		"a key":           func(s string) *http.Request { return asked("GET", "/bucket/"+url.PathEscape(s), nil, "") },
		"a path as it is": func(s string) *http.Request { return asked("GET", "/"+s, nil, "") },
		"S3's credential": func(s string) *http.Request {
			return asked("GET", "/bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="+url.QueryEscape(s)+"&X-Amz-Signature="+url.QueryEscape(s)+"&X-Amz-SignedHeaders=host&X-Amz-Date=20260101T000000Z", nil, "")
		},
		"S3's signature": func(s string) *http.Request {
			return asked("GET", "/bucket/"+url.PathEscape(s), http.Header{"Authorization": {scope("s3")}, "X-Amz-Date": {time.Now().UTC().Format("20060102T150405Z")}, "X-Amz-Content-Sha256": {s}}, "")
		},
		"an EKS path":      func(s string) *http.Request { return asked("GET", "/clusters/"+url.PathEscape(s), nil, "") },
		"an issuer's path": func(s string) *http.Request { return asked("GET", "/id/"+url.PathEscape(s)+"/keys", nil, "") },
		"a method":         func(s string) *http.Request { return asked(s, "/bucket", nil, "") },
	}
	for place, make := range requests {
		for name, text := range hostile {
			t.Run(place+": "+name, func(t *testing.T) {
				r := make(text)
				if !isToken(r.Method) {
					t.Skip("net/http refuses such a method")
				}
				for _, values := range r.Header {
					for _, value := range values {
						if strings.ContainsAny(value, "\r\n\x00") {
							t.Skip("net/http refuses such a header")
						}
					}
				}
				w := httptest.NewRecorder()
				emu.Handler().ServeHTTP(w, r)
				checkAnswer(t, w.Code, w.Header(), w.Body.Bytes())
				for line := range strings.Lines(logged.String()) {
					if !strings.HasPrefix(line, "time=") {
						t.Errorf("a line of the log was forged: %q", line)
					}
					if len(line) > 32<<10 {
						t.Errorf("a line of the log has %d bytes", len(line))
					}
				}
				logged.Reset()
				for line := range strings.Lines(trail.String()) {
					if !json.Valid([]byte(line)) || !utf8.ValidString(line) {
						t.Errorf("a record of CloudTrail is %q", line)
					}
				}
				trail.Reset()
				if d := slices.Collect(emu.decisions.Newest(1, "")); len(d) == 1 {
					explained := d[0].Text()
					if strings.ContainsFunc(explained, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f || r == 0x202e || r == 0x2066 }) {
						t.Errorf("the explanation would command a terminal: %q", explained)
					}
				}
			})
		}
	}
	if status := callControl(t, emu, http.MethodGet, "/_emu/decisions?limit=10000", "", new(json.RawMessage)); status != http.StatusOK {
		t.Errorf("the decisions cannot be read: %d", status)
	}
}

// What IAM takes as a name, a description or a tag comes back as it went in.
func TestAttackStoredNames(t *testing.T) {
	emu := Start(t, Config{})
	client := iam.NewFromConfig(emu.AWSConfig())
	description := "a\r\n\tb <evil/> & ]]> \"'\u00e9"
	_, err := client.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("r+=,.@-_"), Description: aws.String(description), Path: aws.String("/<evil>&\"'/"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"a":"<evil/>&\u0000\r\n"}}}]}`),
		Tags:                     []iamtypes.Tag{{Key: aws.String("k:/=+-@"), Value: aws.String("v é")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("r+=,.@-_")})
	if err != nil {
		t.Fatal(err)
	}
	if *got.Role.Description != description || *got.Role.Path != "/<evil>&\"'/" || *got.Role.Tags[0].Value != "v é" {
		t.Errorf("role %+v", got.Role)
	}
	for _, name := range []string{"a\r\nb", "a<b>", "a&b", "a/b", "a\x00b", "a b", "\u202e", ""} {
		if _, err := client.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String(name), AssumeRolePolicyDocument: got.Role.AssumeRolePolicyDocument}); err == nil {
			t.Errorf("a role called %q was made", name)
		}
	}
}

// Headers that a presigned S3 request asks for cannot break out of theirs.
func TestAttackS3ResponseHeaders(t *testing.T) {
	content := statefile.Text("x")
	emu := Start(t, Config{Given: []statefile.State{{Accounts: map[string]statefile.Account{"111122223333": {Buckets: []statefile.Bucket{{
		Name: "bucket", Objects: map[string]statefile.Object{"key": {Content: &content, ContentType: "text/plain", Metadata: map[string]string{"a": "1\r\nX-Evil: 1", "b\r\nX-Evil": "1"}}},
	}}}}}}})
	get := func(t *testing.T, method, query string) (int, http.Header, []byte) {
		t.Helper()
		req, err := http.NewRequest(method, emu.URL+"/bucket/key?X-Amz-Expires=60&"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
		creds, err := credentials.NewStaticCredentialsProvider("test", "test", "").Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		target, _, err := signer.PresignHTTP(t.Context(), creds, req, "UNSIGNED-PAYLOAD", "s3", "us-east-1", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		req, err = http.NewRequest(method, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header, body
	}
	if status, header, body := get(t, http.MethodGet, "response-content-disposition=attachment%3B+filename%3D%C3%A9.txt"); status != http.StatusOK {
		t.Errorf("status %d, %v, %s", status, header, body)
	}
	for name, text := range hostile {
		for _, parameter := range []string{"response-content-type", "response-content-disposition", "response-expires", "x-amz-meta-a"} {
			t.Run(parameter+": "+name, func(t *testing.T) {
				method := http.MethodGet
				if parameter == "x-amz-meta-a" {
					method = http.MethodPut
				}
				if len(text) > 1000 {
					t.Skip("a signed URL of that length is refused")
				}
				status, header, body := get(t, method, parameter+"="+url.QueryEscape(text))
				if status == http.StatusOK {
					body = nil // the object's own
				}
				checkAnswer(t, status, header, body)
			})
		}
	}
}

// FuzzCall: no request makes the emulator fall over, answer with a server's
// error, or with what is not a document of its kind.
func FuzzCall(f *testing.F) {
	const form = "application/x-www-form-urlencoded"
	date := time.Now().UTC().Format("20060102T150405Z")
	f.Add("POST", "/", "127.0.0.1", "", "", form, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn="+tutorialRole+"&RoleSessionName=s&WebIdentityToken=a.b.c")
	f.Add("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", "sts.amazonaws.com", "", "", "", "")
	f.Add("POST", "/", "127.0.0.1", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0", "", form, "Action=ListRoles&Version=2010-05-08&MaxItems=1")
	f.Add("POST", "/", "127.0.0.1", "", "secretsmanager.GetSecretValue", "application/x-amz-json-1.1", `{"SecretId":"a"}`)
	f.Add("PUT", "/bucket/key?uploads&partNumber=1", "bucket.s3.amazonaws.com", "", "", "", "x")
	f.Add("GET", "/clusters/a%2fb/identity-provider-configs", "127.0.0.1", "", "", "", "")
	f.Add("DELETE", "/_emu/state", "127.0.0.1", "Bearer x", "", "application/json", "{}")
	f.Add("GET", "/id/x/.well-known/openid-configuration", "oidc.eks.us-west-2.amazonaws.com", "", "", "", "")
	given, err := statefile.Parse("tutorial.yaml", []byte(tutorial), nil)
	if err != nil {
		f.Fatal(err)
	}
	e, err := New(f.Context(), Config{Given: []statefile.State{given}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { e.Close() })
	f.Fuzz(func(t *testing.T, method, target, host, authorization, header, contentType, body string) {
		if !isToken(method) || strings.ContainsAny(authorization+header+contentType, "\r\n\x00") || strings.Contains(target, "_emu") || strings.Contains(target, "moto-api") {
			return // net/http takes no such headers; the control API may change the emulator under the others' feet
		}
		r := asked(method, target, http.Header{}, body)
		r.Host = host
		for name, value := range map[string]string{"Authorization": authorization, "X-Amz-Target": header, "Content-Type": contentType, "X-Amz-Date": date} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		e.Handler().ServeHTTP(w, r)
		checkAnswer(t, w.Code, w.Header(), w.Body.Bytes())
	})
}

// FuzzControl: no body makes the control API fall over or answer with anything
// but JSON.
func FuzzControl(f *testing.F) {
	for i, body := range []string{
		`{"serviceAccount":"a/b","audience":["x"],"expiresInSeconds":-1,"claims":{"iss":null,"a":[{}]},"pod":"p"}`, `{"issuer":"https://i.example","subject":"s","profile":"github"}`,
		`{"advance":"9223372036854775807ns"}`, `{"set":"0001-01-01T00:00:00Z"}`, `{"match":{"role":"r"},"fault":{"code":"\u0000","status":599},"times":1}`,
		`{"url":"https://h/p","jwks":{"keys":[{}]}}`, "apiVersion: irsa-emu.dev/v1\nkind: State\naccounts: {\"111122223333\": {roles: [{name: r, trustPolicy: {}}]}}", `{"issuer":"x"}`, `{}{}`, "",
	} {
		f.Add(uint8(i), body)
	}
	e, err := New(f.Context(), Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { e.Close() })
	calls := [][2]string{{"POST", "/tokens"}, {"POST", "/clock"}, {"POST", "/faults"}, {"PUT", "/issuers"}, {"POST", "/state"}, {"POST", "/keys/rotate"}, {"DELETE", "/issuers"}}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		call := calls[int(which)%len(calls)]
		r := httptest.NewRequest(call[0], "http://127.0.0.1/_emu"+call[1], strings.NewReader(body))
		if call[0] == "DELETE" {
			r.URL.RawQuery = "url=" + url.QueryEscape(body)
		}
		w := httptest.NewRecorder()
		e.Handler().ServeHTTP(w, r)
		checkAnswer(t, w.Code, w.Header(), w.Body.Bytes())
		if err := e.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
