package emulator

import (
	"net/http/httptest"
	"testing"
)

// TestIssuerOfEKS: how EKS's own issuers answer (recorded 15).
func TestIssuerOfEKS(t *testing.T) {
	e := startTutorial(t)
	for _, c := range []struct {
		method, path string
		status       int
		cached       string
	}{
		{"GET", discoveryPath, 200, "max-age=604800"},
		{"GET", keysPath, 200, "max-age=604800"},
		{"HEAD", discoveryPath, 403, ""},
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
