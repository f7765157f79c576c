package emulator

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
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
	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

type outboundCase struct {
	Case, Service, Operation, Credential, Code, Message, Region string
	Global                                                      bool
	Input                                                       map[string]any
	Status                                                      int             `json:"http_status"`
	Claims                                                      json.RawMessage `json:"jwt_claims"`
	PayloadBytes                                                int             `json:"payload_bytes"`
	SignatureBytes                                              int             `json:"signature_bytes"`
	Before                                                      []outboundCase
}

// outboundAccount is an emulator and who calls it.
type outboundAccount struct {
	t       *testing.T
	handler http.Handler
	keys    map[string]aws.Credentials
	issuer  string
}

// TestRecordedOutbound plays what AWS was asked about outbound federation, with
// the feature off and on (testdata/outbound.json says where it is from).
func TestRecordedOutbound(t *testing.T) {
	data, err := os.ReadFile("testdata/outbound.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]int{"<1001 a>": 1001, "<129 k>": 129, "<257 v>": 257} {
		data = bytes.ReplaceAll(data, []byte(name), bytes.Repeat([]byte(name[len(name)-2:len(name)-1]), n))
	}
	var recorded struct {
		Groups []struct {
			Name  string
			Cases []outboundCase
		}
	}
	if err := json.Unmarshal(data, &recorded); err != nil {
		t.Fatal(err)
	}
	played := 0
	for _, group := range recorded.Groups {
		e, err := New(t.Context(), Config{Account: "123456789012"})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		a := &outboundAccount{t: t, handler: e.Handler(), keys: map[string]aws.Credentials{"original": {AccessKeyID: "test", SecretAccessKey: "test"}}}
		for _, c := range group.Cases {
			played++
			t.Run(group.Name+"/"+c.Case, func(t *testing.T) {
				a.t = t
				for _, s := range c.Before {
					a.prepare(c, s)
				}
				a.play(c)
			})
		}
	}
	if played != 112 {
		t.Errorf("%d cases were played, want 112", played)
	}
}

// prepare makes a user, a role or a session; sessions are called by what they are for.
func (a *outboundAccount) prepare(c, s outboundCase) {
	if s.Credential == "" {
		s.Credential = "original"
	}
	status, body := a.call(s)
	if status != 200 {
		a.t.Fatalf("%s: %d %s", s.Operation, status, body)
	}
	var out struct {
		Key     struct{ UserName, AccessKeyId, SecretAccessKey string }     `xml:"CreateAccessKeyResult>AccessKey"`
		Session struct{ AccessKeyId, SecretAccessKey, SessionToken string } `xml:"Credentials"`
	}
	_ = xml.Unmarshal(body, &out)
	if out.Key.AccessKeyId != "" {
		a.keys[strings.TrimPrefix(out.Key.UserName, "fixture-")] = aws.Credentials{AccessKeyID: out.Key.AccessKeyId, SecretAccessKey: out.Key.SecretAccessKey}
	}
	if s.Service == "sts" {
		a.keys[c.Credential] = sessionOf(body)
	}
}

func sessionOf(body []byte) aws.Credentials {
	find := func(name string) string {
		m := regexp.MustCompile("<" + name + ">([^<]*)<").FindSubmatch(body)
		if m == nil {
			return ""
		}
		return string(m[1])
	}
	return aws.Credentials{AccessKeyID: find("AccessKeyId"), SecretAccessKey: find("SecretAccessKey"), SessionToken: find("SessionToken")}
}

func (a *outboundAccount) play(c outboundCase) {
	t := a.t
	switch _, known := a.keys[c.Credential]; { // the sessions whose making was not recorded
	case known:
	case c.Credential == "user_session":
		a.prepare(c, outboundCase{Service: "sts", Operation: "GetSessionToken", Credential: "issuer", Input: map[string]any{"DurationSeconds": 900.0}})
	case c.Credential == "role_session":
		a.prepare(c, outboundCase{Service: "sts", Operation: "AssumeRole", Input: map[string]any{
			"RoleArn": "arn:aws:iam::123456789012:role/outbound/fixture-role", "RoleSessionName": "session", "SourceIdentity": "probe-source", "DurationSeconds": 900.0,
			"Tags": []any{map[string]any{"Key": "team", "Value": "session"}},
		}})
	}
	if c.Case == "token_disabled" {
		t.Skip("AWS issued one more token a second after the switch, before the STS had heard of it; here it is off at once")
	}
	if _, padded := c.Input["padding"]; padded {
		t.Skip("its size is that of AWS's names; TestOutboundSize tries the limit with ours")
	}
	if _, ok := c.Input["generate"]; ok {
		c.Input = padTo(c, 10*999+50*256)
	}
	status, body := a.call(c)
	code, message := errorOf(body)
	if c.Code == "Success" {
		if status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		a.checkToken(c, body)
		return
	}
	// A console link with a random id follows the IAM's text.
	want, _, _ := strings.Cut(c.Message, ". Go to https://")
	message, _, _ = strings.Cut(message, ". Go to https://")
	if c.Code != code || want != strings.TrimSuffix(message, ".") && want != message || status != c.Status {
		t.Errorf("AWS %d %s %q\nhere %d %s %q", c.Status, c.Code, want, status, code, message)
	}
}

// padTo builds the recording's long requests.
func padTo(c outboundCase, n int) map[string]any {
	in := map[string]any{"SigningAlgorithm": c.Input["SigningAlgorithm"], "DurationSeconds": c.Input["DurationSeconds"]}
	take := func(most int) int { k := min(n, most); n -= k; return k }
	var audience, tags []any
	for range 10 {
		audience = append(audience, "a"+strings.Repeat("a", take(999)))
	}
	for i := range 50 {
		tags = append(tags, map[string]any{"Key": fmt.Sprint(i), "Value": strings.Repeat("v", take(256))})
	}
	if first, ok := c.Input["first_character_of_first_audience"].(string); ok {
		audience[0] = first + audience[0].(string)[1:]
	}
	in["Audience"], in["Tags"] = audience, tags
	return in
}

func (a *outboundAccount) checkToken(c outboundCase, body []byte) {
	t := a.t
	if c.Operation != "GetWebIdentityToken" {
		if m := regexp.MustCompile("<IssuerIdentifier>([^<]*)<").FindSubmatch(body); m != nil {
			if a.issuer != "" && a.issuer != string(m[1]) {
				t.Errorf("the issuer changed from %s to %s", a.issuer, m[1])
			}
			a.issuer = string(m[1])
		}
		return
	}
	token := regexp.MustCompile("<WebIdentityToken>([^<]*)<").FindSubmatch(body)
	if token == nil {
		t.Fatalf("no token in %s", body)
	}
	parsed, err := jose.ParseSignedCompact(string(token[1]), []jose.SignatureAlgorithm{jose.RS256, jose.ES384})
	if err != nil {
		t.Fatal(err)
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(a.get("/.well-known/jwks.json"), &keys); err != nil {
		t.Fatal(err)
	}
	payload, err := parsed.Verify(keys.Key(parsed.Signatures[0].Header.KeyID)[0])
	if err != nil {
		t.Fatal(err)
	}
	if n := len(parsed.Signatures[0].Signature); n != c.SignatureBytes {
		t.Errorf("a signature of %d bytes, want %d", n, c.SignatureBytes)
	}
	if len(c.Claims) == 0 {
		return
	}
	var want bytes.Buffer
	if err := json.Compact(&want, c.Claims); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a.normalised(want.String()), a.normalised(string(payload))); diff != "" { // texts: the order counts
		t.Errorf("AWS -, here +:\n%s", diff)
	}
}

func (a *outboundAccount) normalised(payload string) string {
	payload = strings.NewReplacer(`"<now>"`, "0", `"<iat+60>"`, "0", "https://fixture.tokens.sts.global.api.aws", "ISSUER", a.issuer, "ISSUER", "<uuid>", "UUID").Replace(payload)
	for pattern, with := range map[string]string{
		`"(iat|exp)":\d+`: `"$1":0`, `"original_session_exp":"[^"]*"`: `"original_session_exp":"T"`, `"jti":"[0-9a-f-]{36}"`: `"jti":"UUID"`,
	} {
		payload = regexp.MustCompile(pattern).ReplaceAllString(payload, with)
	}
	return payload
}

func (a *outboundAccount) get(path string) []byte {
	req := httptest.NewRequest(http.MethodGet, path, nil)
	req.Host = strings.TrimPrefix(a.issuer, "https://")
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, req)
	if w.Code != 200 {
		a.t.Fatalf("GET %s%s: %d %s", a.issuer, path, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// call signs and sends one call of the Query protocol, whatever its parameters.
func (a *outboundAccount) call(c outboundCase) (int, []byte) {
	form := url.Values{"Action": {c.Operation}, "Version": {map[string]string{"sts": "2011-06-15", "iam": "2010-05-08"}[c.Service]}}
	addForm(form, "", c.Input)
	region := c.Region
	if region == "" {
		region = "us-east-1"
	}
	host := c.Service + "." + region + ".amazonaws.com"
	if c.Service == "iam" || c.Global {
		host = c.Service + ".amazonaws.com"
	}
	body := form.Encode()
	req := httptest.NewRequest(http.MethodPost, "https://"+host+"/", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sum := sha256.Sum256([]byte(body))
	credentials, ok := a.keys[c.Credential]
	if !ok {
		credentials = a.keys["original"]
	}
	if err := v4.NewSigner().SignHTTP(context.Background(), credentials, req, hex.EncodeToString(sum[:]), c.Service, region, time.Now()); err != nil {
		a.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, req)
	out, _ := io.ReadAll(w.Body)
	return w.Code, out
}

func addForm(form url.Values, prefix string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if prefix != "" {
				name = prefix + "." + name
			}
			addForm(form, name, member)
		}
	case []any:
		for i, member := range v {
			addForm(form, fmt.Sprintf("%s.member.%d", prefix, i+1), member)
		}
	default:
		form.Set(prefix, fmt.Sprint(v))
	}
}

func errorOf(body []byte) (code, message string) {
	var e struct {
		Code    string `xml:"Error>Code"`
		Message string `xml:"Error>Message"`
	}
	_ = xml.Unmarshal(body, &e)
	return e.Code, e.Message
}

// A payload of 14,984 bytes passes, one more does not; a slash counts one byte,
// an é two, a quotation mark two (recorded for both algorithms).
func TestOutboundSize(t *testing.T) {
	e, err := New(t.Context(), Config{Account: "123456789012"})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	a := &outboundAccount{t: t, handler: e.Handler(), keys: map[string]aws.Credentials{"original": {AccessKeyID: "test", SecretAccessKey: "test"}}}
	if status, body := a.call(outboundCase{Service: "iam", Operation: "EnableOutboundWebIdentityFederation"}); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	size := func(c outboundCase, padding int) (int, string) {
		c.Service, c.Operation, c.Input = "sts", "GetWebIdentityToken", padTo(c, padding)
		_, body := a.call(c)
		code, _ := errorOf(body)
		if m := regexp.MustCompile(`<WebIdentityToken>[^.]*\.([^.]*)\.`).FindSubmatch(body); m != nil {
			return base64.RawURLEncoding.DecodedLen(len(m[1])), code
		}
		return 0, code
	}
	in := func(alg, first string) outboundCase {
		c := outboundCase{Input: map[string]any{"SigningAlgorithm": alg, "DurationSeconds": 60.0}}
		if first != "" {
			c.Input["first_character_of_first_audience"] = first
		}
		return c
	}
	base, _ := size(in("RS256", ""), 0)
	exact := 14_984 - base
	for _, tt := range []struct {
		alg, first string
		padding    int
		fits       bool
	}{
		{"RS256", "", exact, true}, {"RS256", "", exact + 1, false}, {"ES384", "", exact, true}, {"ES384", "", exact + 1, false},
		{"RS256", "/", exact, true}, {"RS256", "é", exact, false}, {"RS256", `"`, exact, false}, {"RS256", "é", exact - 1, true},
	} {
		got, code := size(in(tt.alg, tt.first), tt.padding)
		if fits := code == ""; fits != tt.fits || fits && got > 14_984 || !fits && code != "JWTPayloadSizeExceededException" {
			t.Errorf("%s %q %d: %d bytes, %q", tt.alg, tt.first, tt.padding, got, code)
		}
	}
}
