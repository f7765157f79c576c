package emulator

import (
	"encoding/base64"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/oidc"
)

// TestIssuerOfEKS: how EKS's own issuers answer (recorded 15).
func TestIssuerOfEKS(t *testing.T) {
	e := startTutorial(t)
	for _, c := range []struct {
		method, path string
		status       int
		cached       string
	}{
		{"GET", oidc.DiscoveryPath, 200, "max-age=604800"},
		{"GET", oidc.KeysPath, 200, "max-age=604800"},
		{"HEAD", oidc.DiscoveryPath, 403, ""},
	} {
		req := httptest.NewRequest(c.method, "/id/EXAMPLED539D4633E53DE1B71EXAMPLE"+c.path, nil)
		req.Host = "oidc.eks.us-west-2.amazonaws.com"
		w := httptest.NewRecorder()
		e.Handler().ServeHTTP(w, req)
		if got := w.Result(); got.StatusCode != c.status || got.Header.Get("Cache-Control") != c.cached {
			t.Errorf("%s %s: %d, cached %q", c.method, c.path, got.StatusCode, got.Header.Get("Cache-Control"))
		}
	}
}

// TestTokenOfEKS: the kid and typ of EKS's own tokens (recorded 15), and none of the
// two in those of other clusters.
func TestTokenOfEKS(t *testing.T) {
	e := startTutorial(t)
	for issuer, want := range map[string]string{
		"https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE": `^{"alg":"RS256","kid":"[0-9a-f]{40}","typ":"JWT"}$`,
		"https://kubernetes.example.com":                                               `^{"alg":"RS256","kid":"[\w-]{43}"}$`,
	} {
		for range 2 { // also after a rotation
			token, err := e.Token(t.Context(), control.TokenRequest{Issuer: issuer, ServiceAccount: "payments/api"})
			if err != nil {
				t.Fatal(err)
			}
			encoded, _, _ := strings.Cut(token, ".")
			header, err := base64.RawURLEncoding.DecodeString(encoded)
			if err != nil || !regexp.MustCompile(want).Match(header) {
				t.Errorf("%s: %s, %v", issuer, header, err)
			}
			callControl(t, e, "POST", "/_emu/keys/rotate", `{"issuer":"`+issuer+`"}`, nil)
		}
	}
}

// A cluster's issuer, whose keys its API server made: Vault's JWT auth and other
// relying parties in the cluster read discovery and keys at its own URL.
func TestPublishedIssuerIsServed(t *testing.T) {
	e := startTutorial(t)
	const jwks = `{"keys":[{"kty":"EC","kid":"k","alg":"ES256","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`
	ask := func(method, host, path, body string) *httptest.ResponseRecorder {
		req := httptest.NewRequest(method, path, strings.NewReader(body))
		req.Host = host
		w := httptest.NewRecorder()
		e.Handler().ServeHTTP(w, req)
		return w
	}
	for _, url := range []string{"https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF", "https://issuer.example.com/cluster"} {
		if w := ask("PUT", "localhost", "/_emu/issuers", `{"url": "`+url+`", "jwks": `+jwks+`}`); w.Code >= 300 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		host, path, _ := strings.Cut(strings.TrimPrefix(url, "https://"), "/")
		if w := ask("GET", host, "/"+path+oidc.KeysPath, ""); w.Code != 200 || w.Body.String() != jwks {
			t.Errorf("%s: keys %d %s", url, w.Code, w.Body)
		}
		w := ask("GET", host, "/"+path+oidc.DiscoveryPath, "")
		if w.Code != 200 || !strings.Contains(w.Body.String(), `"issuer":"`+url+`"`) || !strings.Contains(w.Body.String(), `"ES256"`) {
			t.Errorf("%s: discovery %d %s", url, w.Code, w.Body)
		}
	}
	// On the emulator's own address it is found by its ID.
	if w := ask("GET", "127.0.0.1:4772", "/id/0123456789ABCDEF0123456789ABCDEF"+oidc.KeysPath, ""); w.Code != 200 || w.Body.String() != jwks {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
