package harness_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/harness"
)

// fake is as much of an emulator as the runner needs: the control API, and an
// STS that gives every token a session but those of namespace "other".
type fake struct {
	*httptest.Server
	mu        sync.Mutex
	tokens    int
	life      time.Duration // of tokens
	failAfter int           // so many tokens, no more; 0 for as many as are wanted
}

func startFake(t testing.TB) *fake {
	t.Helper()
	f := &fake{life: time.Hour}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Server.Close)
	return f
}

func (f *fake) URL() string  { return f.Server.URL }
func (f *fake) Close() error { return nil }

// start gives every scenario the same fake.
func (f *fake) start(context.Context) (harness.Emulator, error) { return f, nil }

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch r.URL.Path {
	case "/_emu/info":
		fmt.Fprint(w, `{"account": "111122223333", "region": "us-west-2"}`)
	case "/_emu/clock":
		fmt.Fprintf(w, `{"now": %q}`, time.Now().UTC().Format(time.RFC3339))
	case "/_emu/state", "/_emu/faults":
		w.WriteHeader(http.StatusNoContent)
	case "/_emu/decisions":
		fmt.Fprint(w, `{"decisions": []}`)
	case "/_emu/decisions/refused":
		fmt.Fprint(w, decisionJSON)
	case "/_emu/tokens":
		f.token(w, r)
	case "/":
		f.sts(w, r)
	default:
		http.Error(w, `{"error": "the fake has no `+r.URL.Path+`"}`, http.StatusNotFound)
	}
}

func (f *fake) token(w http.ResponseWriter, r *http.Request) {
	var in struct{ ServiceAccount string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || f.failAfter > 0 && f.tokens >= f.failAfter {
		http.Error(w, `{"error": "no tokens today"}`, http.StatusServiceUnavailable)
		return
	}
	f.tokens++
	now := time.Now().Unix()
	claims := fmt.Sprintf(`{"iat": %d, "exp": %d, "sub": %q, "n": %d}`, now, now+int64(f.life/time.Second), in.ServiceAccount, f.tokens)
	fmt.Fprintf(w, `{"token": "e30.%s.sig"}`, base64.RawURLEncoding.EncodeToString([]byte(claims)))
}

func (f *fake) sts(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	token := strings.Split(r.Form.Get("WebIdentityToken")+"..", ".")[1]
	claims, _ := base64.RawURLEncoding.DecodeString(token)
	if strings.Contains(string(claims), `"other/`) {
		w.Header().Set("X-Amzn-Requestid", "refused")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not authorized</Message></Error><RequestId>refused</RequestId></ErrorResponse>`)
		return
	}
	fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>
<AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/App/%s</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>allowed</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>`,
		r.Form.Get("RoleSessionName"), time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}

const decisionJSON = `{
  "requestId": "refused", "time": "2026-01-02T03:04:05Z", "service": "sts", "action": "AssumeRoleWithWebIdentity", "outcome": "refused",
  "resource": "arn:aws:iam::111122223333:role/App",
  "error": {"code": "AccessDenied", "message": "Not authorized", "status": 403},
  "reason": {"kind": "trust-policy", "message": "the trust policy does not allow it"},
  "checks": [{"action": "sts:AssumeRoleWithWebIdentity", "decision": {
    "outcome": "implicitDeny", "by": "trust", "action": "sts:AssumeRoleWithWebIdentity",
    "hints": [{"code": "service-account", "message": "another namespace", "statement": 0}],
    "policies": [{"type": "trust", "name": "App", "outcome": "implicitDeny", "statements": [{
      "index": 0, "effect": "Allow", "actionMatch": true, "resourceMatch": true, "principalMatch": true,
      "conditions": [
        {"operator": "StringEquals", "key": "a.example:aud", "want": ["sts"], "got": ["sts"], "present": true, "met": true},
        {"operator": "StringEquals", "key": "a.example:sub", "want": ["right"], "got": ["wrong"], "present": true, "met": false}
      ]}]}]}}]
}`

func parse(t *testing.T, steps string) []harness.Scenario {
	t.Helper()
	src := "apiVersion: irsa-emu.dev/v1\nkind: Scenario\nmetadata: {name: story, description: A story.}\nspec:\n  cluster: {issuer: \"https://a.example\"}\n  steps:\n" + steps
	scenarios, err := harness.Parse("story.yaml", []byte(src), nil)
	if err != nil {
		t.Fatal(err)
	}
	return scenarios
}
