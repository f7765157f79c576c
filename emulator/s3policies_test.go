package emulator

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// TestS3Policies decides calls of S3 under policies that people have published, as
// they saw AWS decide them; the comment of an archive has the source. state.yaml is
// the state, and calls has a call a line:
//
//	WHO | METHOD PATH | FURTHER… -> ANSWER
//
// WHO is a user of the state, the twelve digits of an account's root, anonymous, or
// ROLE/SESSION. FURTHER is a header (NAME: VALUE), tls or tls1.1, from ADDRESS, at
// DURATION (after the state was loaded), presigned DURATION (so long ago), or body
// TEXT, with @NAME for a file of the archive. A refusal's answer has the words of
// AWS's message that say which policy refused.
func TestS3Policies(t *testing.T) {
	golden.Archives(t, "testdata/s3policies/*.txtar", func(t *testing.T, a *txtar.Archive) {
		if !regexp.MustCompile(`https://[a-z.-]+/\S+`).Match(a.Comment) {
			t.Error("the case has no source")
		}
		f := newPolicyFixture(t, a)
		var out strings.Builder
		for line := range strings.Lines(f.files["calls"]) {
			call, _, isCall := strings.Cut(strings.TrimSuffix(line, "\n"), " -> ")
			if !isCall || strings.HasPrefix(call, "#") {
				out.WriteString(line)
				continue
			}
			fmt.Fprintf(&out, "%s -> %s\n", call, f.call(t, call))
		}
		golden.Set(a, "calls", out.String())
	})
}

type policyFixture struct {
	emu   *Emulator
	state statefile.State
	files map[string]string
	now   time.Time
}

func newPolicyFixture(t *testing.T, a *txtar.Archive) *policyFixture {
	t.Helper()
	f := &policyFixture{files: map[string]string{}, now: trailEpoch}
	for _, file := range a.Files {
		f.files[file.Name] = string(file.Data)
	}
	var err error
	if f.state, err = statefile.Parse("state.yaml", []byte(f.files["state.yaml"]), nil); err != nil {
		t.Fatal(err)
	}
	f.emu, err = New(t.Context(), Config{Region: "us-west-2", Now: func() time.Time { return f.now }, Given: []statefile.State{f.state}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.emu.Close() })
	return f
}

// credentials of who calls; false for nobody.
func (f *policyFixture) credentials(t *testing.T, who string) (aws.Credentials, bool) {
	t.Helper()
	role, session, isRole := strings.Cut(who, "/")
	switch {
	case who == "anonymous":
		return aws.Credentials{}, false
	case len(who) == 12 && strings.Trim(who, "0123456789") == "":
		return aws.Credentials{AccessKeyID: who, SecretAccessKey: "test"}, true
	}
	for id, account := range f.state.Accounts {
		for _, u := range account.Users {
			if u.Name == who {
				return aws.Credentials{AccessKeyID: u.AccessKeys[0].ID, SecretAccessKey: u.AccessKeys[0].Secret}, true
			}
		}
		for _, r := range account.Roles {
			if isRole && r.Name == role {
				return f.assume(t, id, "arn:aws:iam::"+id+":role"+orRoot(r.Path)+role, session), true
			}
		}
	}
	t.Fatalf("there is no %s in the state", who)
	return aws.Credentials{}, false
}

func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

func (f *policyFixture) assume(t *testing.T, account, role, session string) aws.Credentials {
	t.Helper()
	form := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {role}, "RoleSessionName": {session}}.Encode()
	r := httptest.NewRequest(http.MethodPost, "https://sts.us-west-2.amazonaws.com/", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sum := sha256.Sum256([]byte(form))
	if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: account, SecretAccessKey: "test"}, r, hex.EncodeToString(sum[:]), "sts", "us-west-2", f.now); err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	f.emu.Handler().ServeHTTP(answer, r)
	var out struct {
		Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string } `xml:"AssumeRoleResult>Credentials"`
	}
	if err := xml.Unmarshal(answer.Body.Bytes(), &out); err != nil || out.Credentials.AccessKeyId == "" {
		t.Fatalf("%s cannot be assumed: %s", role, answer.Body)
	}
	c := out.Credentials
	return aws.Credentials{AccessKeyID: c.AccessKeyId, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}

func (f *policyFixture) call(t *testing.T, text string) string {
	t.Helper()
	parts := strings.Split(text, " | ")
	method, path, _ := strings.Cut(parts[1], " ")
	region, body, signed, presigned := "us-west-2", "", f.now, false
	headers, from, version := http.Header{}, "198.51.100.7", uint16(0)
	for _, part := range parts[2:] {
		word, rest, _ := strings.Cut(part, " ")
		switch {
		case part == "tls":
			version = tls.VersionTLS12
		case part == "tls1.1":
			version = tls.VersionTLS11
		case word == "from":
			from = rest
		case word == "body":
			if body = rest; strings.HasPrefix(rest, "@") {
				body = f.files[rest[1:]]
			}
		case word == "region":
			region = rest
		case word == "presigned":
			ago, err := time.ParseDuration(rest)
			if err != nil {
				t.Fatal(err)
			}
			signed, presigned = f.now.Add(-ago), true
		default:
			name, value, isHeader := strings.Cut(part, ": ")
			if !isHeader {
				t.Fatalf("what is %q?", part)
			}
			headers.Set(name, value)
		}
	}
	r := httptest.NewRequest(method, "http://s3."+region+".amazonaws.com"+path, strings.NewReader(body))
	r.Header = headers
	if r.RemoteAddr = from + ":4772"; strings.Contains(from, ":") {
		r.RemoteAddr = "[" + from + "]:4772"
	}
	if version != 0 {
		r.TLS = &tls.ConnectionState{Version: version}
	}
	if who, any := f.credentials(t, parts[0]); any {
		f.sign(t, r, who, body, region, signed, presigned)
	}
	answer := httptest.NewRecorder()
	f.emu.Handler().ServeHTTP(answer, r)
	return f.answer(answer)
}

func (f *policyFixture) sign(t *testing.T, r *http.Request, who aws.Credentials, body, region string, at time.Time, presigned bool) {
	t.Helper()
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if !presigned {
		sum := sha256.Sum256([]byte(body))
		r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
		if err := signer.SignHTTP(t.Context(), who, r, hex.EncodeToString(sum[:]), "s3", region, at); err != nil {
			t.Fatal(err)
		}
		return
	}
	q := r.URL.Query()
	q.Set("X-Amz-Expires", "604800")
	r.URL.RawQuery = q.Encode()
	signedURL, _, err := signer.PresignHTTP(t.Context(), who, r, "UNSIGNED-PAYLOAD", "s3", region, at)
	if err != nil {
		t.Fatal(err)
	}
	if r.URL, err = url.Parse(signedURL); err != nil {
		t.Fatal(err)
	}
	r.RequestURI = r.URL.RequestURI()
}

var whichPolicy = regexp.MustCompile(`(?:because|with an) (.*)$`)

// answer is the status, and of a refusal code and reason.
func (f *policyFixture) answer(w *httptest.ResponseRecorder) string {
	if w.Code < 300 {
		return fmt.Sprint(w.Code)
	}
	var refused struct{ Code, Message string }
	_ = xml.Unmarshal(w.Body.Bytes(), &refused) // answers to HEAD have no body
	text := strings.TrimSpace(fmt.Sprint(w.Code, " ", refused.Code))
	if m := whichPolicy.FindStringSubmatch(refused.Message); m != nil {
		return text + " (" + m[1] + ")"
	}
	if refused.Message != "" && refused.Message != "Access Denied" {
		text += ": " + refused.Message
	}
	return text
}
