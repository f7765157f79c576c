package emulator

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/sts"
)

// fromAfar is a request of another container: it arrives at an address that is
// not loopback.
func fromAfar(method, path string) *http.Request {
	r := httptest.NewRequest(method, "http://irsa-emu:4772"+path, nil)
	return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(172, 17, 0, 2), Port: 4772}))
}

func answered(e *Emulator, r *http.Request) (int, string) {
	w := httptest.NewRecorder()
	e.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// Suites for other emulators reset them without credentials, also in a container.
func TestResetOfOtherEmulators(t *testing.T) {
	usual := Config{ControlToken: "open"}
	secret := Config{ControlToken: "open", AdminSecret: "s3cret", Administrators: []sts.Administrator{{AccessKeyID: "testing", Secret: "testing"}}}
	basic := func(user, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, password) }
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	nothing := func(*http.Request) {}
	for name, test := range map[string]struct {
		config Config
		with   func(*http.Request)
		status int
		says   string
	}{
		"the usual secret":                  {usual, nothing, 200, `"status": "ok"`},
		"the usual secret, said":            {usual, basic("test", "test"), 200, ""},
		"the usual secret, a wrong one":     {usual, basic("test", "tset"), 403, "not the access key id and secret of an administrator"},
		"the usual secret, a page":          {usual, header("Origin", "https://evil.example"), 403, "web pages"},
		"the usual secret, a sandbox":       {usual, header("Origin", "null"), 403, "web pages"},
		"the usual secret, an image":        {usual, header("Sec-Fetch-Site", "cross-site"), 403, "web pages"},
		"the usual secret, a page, said":    {usual, func(r *http.Request) { basic("test", "test")(r); r.Header.Set("Origin", "https://evil.example") }, 403, "web pages"},
		"the usual secret, a wrong token":   {usual, header("Authorization", "Bearer wrong"), 403, "control API"},
		"another secret":                    {secret, nothing, 403, "takes it by HTTP basic authentication, such as curl -X POST -u test:SECRET"},
		"another secret, said":              {secret, basic("test", "s3cret"), 200, ""},
		"another secret, of an account":     {secret, basic("222233334444", "s3cret"), 200, ""},
		"another secret, of a suite":        {secret, basic("testing", "testing"), 200, ""},
		"another secret, the usual one":     {secret, basic("test", "test"), 403, "not the access key id"},
		"another secret, of nobody":         {secret, basic("alice", "s3cret"), 403, "not the access key id"},
		"another secret, the control token": {secret, header("Authorization", "Bearer open"), 200, ""},
		"another secret, a wrong token":     {secret, header("Authorization", "Bearer wrong"), 403, "control API"},
	} {
		for _, path := range []string{"/moto-api/reset", "/_localstack/state/reset"} {
			t.Run(name+path, func(t *testing.T) {
				emu := Start(t, test.config)
				if err := emu.Clock().Advance(1e9); err != nil {
					t.Fatal(err)
				}
				r := fromAfar(http.MethodPost, path)
				test.with(r)
				status, says := answered(emu.Emulator, r)
				if status != test.status || !strings.Contains(says, test.says) {
					t.Errorf("%d %s; want %d", status, says, test.status)
				}
				if isReset := emu.Clock().Offset() == 0; isReset != (status == 200) {
					t.Errorf("status %d, and it is reset: %v", status, isReset)
				}
			})
		}
	}
}

// The control API itself stays closed there.
func TestResetOpensNothingElse(t *testing.T) {
	emu := Start(t, Config{})
	for _, call := range [][2]string{{"DELETE", control.DeleteState.Path}, {"GET", control.GetState.Path}, {"POST", control.PostToken.Path}} {
		if status, says := answered(emu.Emulator, fromAfar(call[0], call[1])); status != http.StatusForbidden {
			t.Errorf("%s: %d %s", call, status, says)
		}
	}
}

func TestHealthOfLocalStack(t *testing.T) {
	emu := Start(t, Config{})
	status, says := answered(emu.Emulator, fromAfar(http.MethodGet, "/_localstack/health"))
	var health struct{ Services map[string]string }
	if err := json.Unmarshal([]byte(says), &health); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s %v", status, says, err)
	}
	for _, name := range []string{"sts", "iam", "s3", "secretsmanager", "eks"} {
		if health.Services[name] != "available" || !strings.Contains(says, `"`+name+`": "available"`) { // scripts look for the text
			t.Errorf("%s: %s", name, says)
		}
	}
}

// What there is not is said in irsa-emu's words, not as S3's bucket of that name.
func TestPathsOfOtherEmulators(t *testing.T) {
	emu := Start(t, Config{})
	for call, want := range map[string]string{
		"GET /moto-api/reset":         "irsa-emu has no GET /moto-api/reset; it has POST /moto-api/reset, and its own API at /_emu",
		"GET /moto-api/data.json":     "irsa-emu has no GET /moto-api/data.json; it has POST /moto-api/reset",
		"POST /_localstack/health":    "irsa-emu has no POST /_localstack/health; it has GET /_localstack/health and POST /_localstack/state/reset",
		"POST /_localstack/state/get": "irsa-emu has no POST /_localstack/state/get",
	} {
		method, path, _ := strings.Cut(call, " ")
		if status, says := answered(emu.Emulator, fromAfar(method, path)); status != http.StatusNotFound || !strings.Contains(says, want) {
			t.Errorf("%s: %d %s", call, status, says)
		}
	}
}
