package emulator

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/irsa-emu/irsa-emu/iam"
)

// browser sends what a browser would for a page: method and target are the
// page's, and so are no headers but those given.
func browser(t *testing.T, emu *Running, method, target, body string, header http.Header, host string) (int, string) {
	t.Helper()
	if !strings.HasPrefix(target, "http") {
		target = emu.URL + target
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Content-Type", "text/plain;charset=UTF-8") // what needs no preflight
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for name := range resp.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("the answer has %s: a page may read it", name)
		}
	}
	return resp.StatusCode, string(answer)
}

// A page in the developer's browser reads and changes nothing through the
// control API: by a plain request, from a sandboxed frame, from a local file, or
// by a name of its own that it makes resolve to loopback.
func TestAttackControlFromAWebPage(t *testing.T) {
	emu := startTutorial(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(emu.URL, "http://"), ":")
	for name, page := range map[string]struct {
		header http.Header
		host   string
	}{
		"another origin":                     {http.Header{"Origin": {"https://evil.example"}}, ""},
		"a sandboxed frame":                  {http.Header{"Origin": {"null"}}, ""},
		"a local file":                       {http.Header{"Origin": {"file://"}}, ""},
		"an extension":                       {http.Header{"Origin": {"chrome-extension://aaaabbbbccccdddd"}}, ""},
		"a name that begins like loopback":   {http.Header{"Origin": {"http://127.0.0.1.evil.example"}}, ""},
		"a name that ends like loopback":     {http.Header{"Origin": {"http://evillocalhost"}}, ""},
		"a user part":                        {http.Header{"Origin": {"http://localhost@evil.example"}}, ""},
		"an origin that cannot be read":      {http.Header{"Origin": {"http://[::1"}}, ""},
		"an image, without an Origin":        {http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}}, ""},
		"DNS rebinding":                      {nil, "evil.example:" + port},
		"DNS rebinding, with its own origin": {http.Header{"Origin": {"http://evil.example:" + port}}, "evil.example:" + port},
		"DNS rebinding, an address as name":  {nil, "127.0.0.1.evil.example:" + port},
		"DNS rebinding, with a final dot":    {nil, "evil.localhost.:" + port},
	} {
		t.Run(name, func(t *testing.T) {
			for _, call := range [][3]string{
				{"GET", "/_emu/state", ""}, {"GET", "/_emu/decisions", ""}, {"GET", "/_emu/issuers", ""},
				{"POST", "/_emu/state", `{"apiVersion":"irsa-emu.dev/v1","kind":"State"}`},
				{"POST", "/_emu/tokens", `{"serviceAccount":"kube-system/admin"}`},
				{"POST", "/_emu/clock", `{"advance":"1h"}`},
				{"POST", "/_emu/faults", `{"fault":{"dropConnection":true}}`},
				{"POST", "/_emu/keys/rotate", `{}`},
				{"POST", "/moto-api/reset", ""}, {"POST", "/_localstack/state/reset", ""},
			} {
				if status, answer := browser(t, emu, call[0], call[1], call[2], page.header, page.host); status != http.StatusForbidden {
					t.Errorf("%s %s: status %d, %.200s", call[0], call[1], status, answer)
				}
			}
		})
	}
	if emu.Clock().Offset() != 0 || len(emu.faults.all()) != 0 {
		t.Error("a page changed the emulator")
	}
	for name, page := range map[string]struct {
		header http.Header
		host   string
	}{
		"a tool":                      {nil, ""},
		"a page of this machine":      {http.Header{"Origin": {"http://localhost:3000"}, "Sec-Fetch-Site": {"cross-site"}}, ""},
		"a page of IPv6 loopback":     {http.Header{"Origin": {"http://[::1]"}}, ""},
		"an address that was typed":   {http.Header{"Sec-Fetch-Site": {"none"}}, ""},
		"by a name below localhost":   {nil, "emu.localhost:" + port},
		"by IPv6 loopback, port left": {nil, "[::1]"},
	} {
		t.Run(name+" is let in", func(t *testing.T) {
			if status, answer := browser(t, emu, "GET", "/_emu/clock", "", page.header, page.host); status != http.StatusOK {
				t.Errorf("status %d, %s", status, answer)
			}
		})
	}
}

// A preflight is answered by nothing that allows what follows.
func TestAttackPreflight(t *testing.T) {
	emu := Start(t, Config{})
	for _, path := range []string{"/", "/_emu/state", "/bucket/key"} {
		header := http.Header{"Origin": {"https://evil.example"}, "Access-Control-Request-Method": {"DELETE"}, "Access-Control-Request-Headers": {"authorization"}}
		if status, answer := browser(t, emu, http.MethodOptions, path, "", header, ""); status < 400 {
			t.Errorf("%s: status %d, %s", path, status, answer)
		}
	}
}

// The administrator's usual secret is known to everybody. A page that presigns a
// call with it, and posts it as a form, which needs no preflight, is refused.
func TestAttackSignedCallFromAWebPage(t *testing.T) {
	emu := startTutorial(t)
	target := presign(t, http.MethodPost, emu.URL+"/?"+url.Values{"Action": {"DeleteRolePermissionsBoundary"}, "Version": {"2010-05-08"}, "RoleName": {"EKSServiceAccountRole"}}.Encode(), "iam")
	status, answer := browser(t, emu, http.MethodPost, target, "", http.Header{"Origin": {"https://evil.example"}}, "")
	if status != http.StatusForbidden || !strings.Contains(answer, "AccessDenied") {
		t.Errorf("status %d, %s", status, answer)
	}
	status, answer = browser(t, emu, http.MethodPost, target, "", http.Header{"Origin": {"null"}}, "")
	if status != http.StatusForbidden {
		t.Errorf("from a sandbox: status %d, %s", status, answer)
	}
	if d := slices.Collect(emu.decisions.Newest(1, ""))[0]; d.Reason == nil || d.Reason.Kind != "web-page" || d.Outcome != "refused" {
		t.Errorf("decision %+v", d)
	}
	for _, header := range []http.Header{nil, {"Origin": {"http://localhost:8080"}}} {
		if status, answer := browser(t, emu, http.MethodPost, target, "", header, ""); status != http.StatusOK {
			t.Errorf("header %v: status %d, %s", header, status, answer)
		}
	}
	if _, ok := iam.RoleByName(emu.store.Snapshot(), "111122223333", "EKSServiceAccountRole"); !ok {
		t.Error("the role is gone")
	}
}

// presign signs a call as the default account's administrator.
func presign(t *testing.T, method, target, service string) string {
	t.Helper()
	req, err := http.NewRequest(method, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, _, err := v4.NewSigner().PresignHTTP(context.Background(), aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, req,
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", service, "us-east-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// A container engine publishes a port on loopback, and the request arrives at
// another address: that a page sent it, its Origin and the Host tell.
func TestAttackSignedCallToAContainer(t *testing.T) {
	emu := startTutorial(t)
	host := strings.TrimPrefix(emu.URL, "http://")
	target := presign(t, http.MethodPost, emu.URL+"/?"+url.Values{"Action": {"CreateUser"}, "Version": {"2010-05-08"}, "UserName": {"planted"}}.Encode(), "iam")
	for origin, want := range map[string]int{"https://evil.example": http.StatusForbidden, "null": http.StatusForbidden, "": http.StatusOK} {
		req := httptest.NewRequest(http.MethodPost, target, nil)
		req.Host = host
		req = req.WithContext(context.WithValue(req.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(172, 17, 0, 2), Port: 4772}))
		if origin != "" {
			req.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		emu.Handler().ServeHTTP(w, req)
		if w.Code != want {
			t.Errorf("origin %q: status %d, want %d: %s", origin, w.Code, want, w.Body)
		}
	}
}

// An object that is a page is shown in an origin of its own: what its scripts
// ask of the control API comes with the origin "null".
func TestAttackPageInABucket(t *testing.T) {
	emu := startTutorial(t)
	client := s3.NewFromConfig(emu.AWSConfig(), pathStyle)
	ctx := t.Context()
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("pages"), CreateBucketConfiguration: usWest2}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("pages"), Key: aws.String("a.html"), ContentType: aws.String("text/html"), Body: object("<script>fetch('/_emu/state')</script>")}); err != nil {
		t.Fatal(err)
	}
	link, err := s3.NewPresignClient(client).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("pages"), Key: aws.String("a.html")})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(link.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	policy := resp.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "sandbox") || strings.Contains(policy, "allow-same-origin") {
		t.Errorf("status %d, Content-Security-Policy %q: the page has this server's origin", resp.StatusCode, policy)
	}
}
