package emulator

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
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

// TestCloudTrail makes the calls of testdata/cloudtrail/*.txtar and compares the
// records that they leave. A file of an archive is a call, lines
//
//	form KEY=VALUE                  a parameter of a Query call
//	target NAME BODY                a JSON call
//	rest SERVICE METHOD PATH [BODY] a REST call
//	pod NAMESPACE/NAME/POD CLUSTER  a call of EKS Auth for a pod
//	token NAMESPACE/NAME [CLAIMS]   WebIdentityToken, with further claims
//	as NAME                         who signs: an account's administrator, alice, or an earlier call of the archive
//	secret TEXT                     signs with this secret
//	region, host, agent TEXT        of the call
//	tls                             over HTTPS
//
// then a line "----" and the records, laid out for reading, with what is random
// in them replaced. The file state.yaml of an archive is the state.
func TestCloudTrail(t *testing.T) {
	golden.Archives(t, "testdata/cloudtrail/*.txtar", func(t *testing.T, a *txtar.Archive) {
		f := newTrailFixture(t, a)
		calls := &txtar.Archive{Files: a.Files}
		if calls.Files[0].Name == "state.yaml" {
			calls.Files = calls.Files[1:]
		}
		golden.Steps(t, calls, f.play)
	})
}

var trailEpoch = time.Date(2026, 11, 25, 7, 44, 49, 0, time.UTC)

type trailFixture struct {
	emu     *Emulator
	records bytes.Buffer
	issued  map[string]aws.Credentials
}

func newTrailFixture(t *testing.T, archive *txtar.Archive) *trailFixture {
	t.Helper()
	f := &trailFixture{issued: map[string]aws.Credentials{}}
	config := Config{
		Region: "us-west-2", Now: func() time.Time { return trailEpoch }, CloudTrail: &f.records,
		CloudTrailData: bytes.Contains(archive.Comment, []byte("with data events")),
	}
	for _, file := range archive.Files {
		if file.Name == "state.yaml" {
			given, err := statefile.Parse(file.Name, file.Data, nil)
			if err != nil {
				t.Fatal(err)
			}
			config.Given = append(config.Given, given)
		}
	}
	var err error
	if f.emu, err = New(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.emu.Close() })
	return f
}

func (f *trailFixture) play(t *testing.T, name, script string) string {
	t.Helper()
	form := url.Values{}
	target, body, as, secret, region, host, agent, https := "", "", "", "", "us-west-2", "", "aws-cli/2.31.0", false
	rest := restCall{method: http.MethodPost, path: "/"}
	for line := range strings.Lines(script) {
		verb, words, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		key, value, _ := strings.Cut(words, "=")
		switch verb {
		case "#", "":
		case "form":
			form.Set(key, value)
		case "target":
			target, body, _ = strings.Cut(words, " ")
		case "rest":
			rest, body = readREST(words)
		case "pod":
			rest, body = f.podCall(t, words)
		case "token":
			form.Set("WebIdentityToken", f.token(t, words))
		case "as":
			as = words
		case "secret":
			secret = words
		case "region":
			region = words
		case "host":
			host = words
		case "agent":
			agent = words
		case "tls":
			https = true
		default:
			t.Fatalf("unknown line %q", line)
		}
	}
	service, usual := "sts", "sts.us-west-2.amazonaws.com"
	switch {
	case target != "":
		service, usual = "secretsmanager", "secretsmanager.us-west-2.amazonaws.com"
	case form.Get("Version") == "2010-05-08":
		service, usual = "iam", "iam.amazonaws.com"
	case rest.service != "":
		service, usual = rest.service, rest.service+".us-west-2.amazonaws.com"
	}
	r := httptest.NewRequest(rest.method, "http://"+cmp.Or(host, usual)+rest.path, strings.NewReader(cmp.Or(body, form.Encode())))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	}
	r.Header.Set("User-Agent", agent)
	r.Header.Set("X-Forwarded-For", "203.0.113.9") // not to be believed
	if https {
		r.TLS = &tls.ConnectionState{Version: tls.VersionTLS12, CipherSuite: tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	}
	if as != "" {
		credentials, ok := f.issued[as]
		if !ok {
			credentials = aws.Credentials{AccessKeyID: as, SecretAccessKey: "test"}
			if as == "alice" {
				credentials = aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
			}
		}
		if secret != "" {
			credentials.SecretAccessKey = secret
		}
		sum := sha256.Sum256([]byte(cmp.Or(body, form.Encode())))
		if service == "s3" {
			r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
		}
		if err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, hex.EncodeToString(sum[:]), service, region, trailEpoch); err != nil {
			t.Fatal(err)
		}
	}
	f.records.Reset()
	answer := httptest.NewRecorder()
	f.emu.Handler().ServeHTTP(answer, r)
	f.keep(name, answer.Body.Bytes())
	return f.read(t)
}

type restCall struct{ service, method, path string }

func readREST(words string) (restCall, string) {
	parts := append(strings.SplitN(words, " ", 4), "")
	return restCall{parts[0], parts[1], parts[2]}, parts[3]
}

func (f *trailFixture) podCall(t *testing.T, words string) (restCall, string) {
	t.Helper()
	who, cluster, _ := strings.Cut(words, " ")
	parts := strings.Split(who, "/")
	token, err := f.emu.minter.mint(t.Context(), TokenRequest{
		Issuer: "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE", ServiceAccount: parts[0] + "/" + parts[1], Pod: parts[2], Audience: []string{"pods.eks.amazonaws.com"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return restCall{"eks-auth", http.MethodPost, "/clusters/" + cluster + "/assume-role-for-pod-identity"}, `{"token":"` + token + `"}`
}

func (f *trailFixture) token(t *testing.T, text string) string {
	t.Helper()
	serviceAccount, claims, _ := strings.Cut(text, " ")
	request := TokenRequest{ServiceAccount: serviceAccount}
	if claims != "" {
		if err := json.Unmarshal([]byte(claims), &request.Claims); err != nil {
			t.Fatal(err)
		}
	}
	if iss, ok := request.Claims["iss"].(string); ok {
		request.Issuer = iss
	}
	token, err := f.emu.minter.mint(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// keep remembers the credentials of an answer.
func (f *trailFixture) keep(name string, answer []byte) {
	type credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string }
	var issued struct {
		One   credentials `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
		Two   credentials `xml:"AssumeRoleResult>Credentials"`
		Three credentials `xml:"GetFederationTokenResult>Credentials"`
		Four  credentials `xml:"GetSessionTokenResult>Credentials"`
	}
	_ = xml.Unmarshal(answer, &issued) // JSON answers issue nothing
	for _, c := range []credentials{issued.One, issued.Two, issued.Three, issued.Four} {
		if c.AccessKeyId != "" {
			f.issued[name] = aws.Credentials{AccessKeyID: c.AccessKeyId, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
		}
	}
}

// random is what differs from run to run.
var random = []struct {
	pattern *regexp.Regexp
	to      string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "00000000-0000-4000-8000-EXAMPLE"},
	{regexp.MustCompile(`\b(ASIA|AROA|AIDA|ANPA)[A-Z0-9]{12,17}`), "${1}EXAMPLE"},
	{regexp.MustCompile(`"requestID": "[0-9A-F]{16}"`), `"requestID": "EXAMPLE"`},
	{regexp.MustCompile(`\ba-[a-z0-9]{17}\b`), "a-example"},
	{regexp.MustCompile(`AKIA[A-Z0-9]{16}`), "AKIAEXAMPLE"},
	{regexp.MustCompile(`(secret:[a-z-]+)-[A-Za-z0-9]{6}`), "$1-EXAMPL"},
}

func (f *trailFixture) read(t *testing.T) string {
	t.Helper()
	var laidOut bytes.Buffer
	for line := range bytes.Lines(f.records.Bytes()) {
		if err := json.Indent(&laidOut, line, "", "  "); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
	}
	text := laidOut.String()
	for _, r := range random {
		text = r.pattern.ReplaceAllString(text, r.to)
	}
	return text
}

// The example in the documentation is a golden record, not one that somebody wrote.
func TestCloudTrailExample(t *testing.T) {
	doc, err := os.ReadFile("../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "```json\n")
	example, _, _ := strings.Cut(rest, "```")
	archive, err := txtar.ParseFile("testdata/cloudtrail/sts.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range archive.Files {
		if _, record, _ := strings.Cut(string(file.Data), "----\n"); file.Name == "another-namespace" && record == example {
			return
		}
	}
	t.Errorf("docs/observability.md has\n%s", example)
}

// failingWriter fails until it is mended.
type failingWriter struct {
	bytes.Buffer
	err error
}

func (w *failingWriter) Write(b []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	return w.Buffer.Write(b)
}

// A record that cannot be written is said to be lost, once in the log and each
// time in the metrics, and the call is answered all the same.
func TestCloudTrailCannotBeWritten(t *testing.T) {
	var log logBuffer
	w := &failingWriter{err: errors.New("no space left on device")}
	emu := startTutorialWith(t, Config{CloudTrail: w, Logger: textLogger(&log)})
	good := TokenRequest{ServiceAccount: "your-namespace/your-service-account"}
	for range 3 {
		if _, err := assume(t, emu, good); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "no space left on device"); n != 1 {
		t.Errorf("the loss is logged %d times:\n%s", n, &log)
	}
	w.err = nil
	if _, err := assume(t, emu, good); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "written again") || bytes.Count(w.Bytes(), []byte("\n")) != 1 {
		t.Errorf("after it was mended: %s, records: %s", &log, w.Bytes())
	}
	text := scrape(t, emu)
	for _, want := range []string{`irsa_emu_cloudtrail_records_total{outcome="lost"} 3`, `irsa_emu_cloudtrail_records_total{outcome="written"} 1`} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the scrape lacks %s", want)
		}
	}
}
