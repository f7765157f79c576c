package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// servedIssuer is an HTTPS server that is an issuer, and the file of its CA.
type servedIssuer struct {
	url, ca string
	server  *httptest.Server
	// discovery and keys are what it serves; edit them to break a rule.
	discovery map[string]any
	keys      []map[string]any
	status    int
}

func newIssuer(t *testing.T) *servedIssuer {
	t.Helper()
	s := &servedIssuer{}
	s.server = httptest.NewTLSServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.server.Close)
	s.url = s.server.URL
	s.ca = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.server.Certificate().Raw})
	if err := os.WriteFile(s.ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s.discovery = map[string]any{
		"issuer": s.url, "jwks_uri": s.url + "/keys", "response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	}
	s.keys = []map[string]any{{
		"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}}
	return s
}

func (s *servedIssuer) serve(w http.ResponseWriter, r *http.Request) {
	var body any = s.discovery
	switch r.URL.Path {
	case "/keys":
		body = map[string]any{"keys": s.keys}
	case "/.well-known/openid-configuration":
		if s.status != 0 {
			w.WriteHeader(s.status)
		}
	default:
		w.WriteHeader(http.StatusNotFound)
	}
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(err)
	}
}

// broken lists the rules that the JSON report has as broken. A test server has a
// port, which AWS wants nobody to have, and an address that AWS cannot reach.
func (s *servedIssuer) broken(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := runs(t, "", append([]string{"issuer", "check", "-o", "json", s.url}, args...)...)
	var report struct {
		OK       bool
		Findings []struct {
			Rule, Found, Fix string
			OK               bool
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("exit %d: %v: %s%s", code, err, out, errs)
	}
	if code != exitFailed || report.OK {
		t.Errorf("exit %d, ok %v: its address is a mistake", code, report.OK)
	}
	var rules []string
	for _, f := range report.Findings {
		if !f.OK && f.Rule != "url-port" && f.Rule != "url-public" {
			rules = append(rules, f.Rule)
		}
		if !f.OK && f.Fix == "" {
			t.Errorf("%s has no fix", f.Rule)
		}
	}
	return strings.Join(rules, " ")
}

func TestIssuerCheck(t *testing.T) {
	tests := []struct {
		name string
		edit func(*servedIssuer)
		want string
	}{
		{"good", func(*servedIssuer) {}, ""},
		{"another issuer", func(s *servedIssuer) { s.discovery["issuer"] = s.url + "/" }, "discovery-issuer"},
		{"no response types", func(s *servedIssuer) { delete(s.discovery, "response_types_supported") }, "discovery-response_types_supported"},
		{"no subject types", func(s *servedIssuer) { delete(s.discovery, "subject_types_supported") }, "discovery-subject_types_supported"},
		{"no algorithms", func(s *servedIssuer) { delete(s.discovery, "id_token_signing_alg_values_supported") }, "discovery-id_token_signing_alg_values_supported"},
		{"no jwks_uri", func(s *servedIssuer) { delete(s.discovery, "jwks_uri") }, "fetch discovery-jwks-uri"},
		{"no keys", func(s *servedIssuer) { s.keys = []map[string]any{} }, "jwks-usable"},
		{"a key for encryption", func(s *servedIssuer) { s.keys[0]["use"] = "enc" }, "jwks-usable jwk"},
		{"key_ops", func(s *servedIssuer) { s.keys[0]["key_ops"] = []string{"verify"} }, "jwks-usable jwk"},
		{"x5c of another key", func(s *servedIssuer) {
			s.keys[0]["x5c"] = []string{base64.StdEncoding.EncodeToString(s.server.Certificate().Raw)}
		}, "jwks-usable jwk"},
		{"no kid", func(s *servedIssuer) { delete(s.keys[0], "kid") }, "jwks-usable jwk"},
		{"a private key", func(s *servedIssuer) { s.keys[0]["d"] = "AQAB" }, "jwks-usable jwk jwks-private"},
		{"forbidden", func(s *servedIssuer) { s.status = http.StatusForbidden }, "fetch"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newIssuer(t)
			tt.edit(s)
			if got := s.broken(t, "--ca", s.ca); got != tt.want {
				t.Errorf("broken: %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("an authority that nobody knows", func(t *testing.T) {
		s := newIssuer(t)
		if got := s.broken(t); got != "tls-trust" {
			t.Errorf("broken: %q", got)
		}
		code, out, _ := runs(t, "", "issuer", "check", s.url)
		sum := sha1.Sum(s.server.Certificate().Raw)
		if code != exitFailed || !strings.Contains(out, "--thumbprint-list "+hex.EncodeToString(sum[:])) || !strings.Contains(out, " broken\n") {
			t.Errorf("exit %d:\n%s", code, out)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		s := newIssuer(t)
		s.server.Close()
		if got := s.broken(t); got != "fetch" {
			t.Errorf("broken: %q", got)
		}
	})
	t.Run("the URL of the discovery document", func(t *testing.T) {
		s := newIssuer(t)
		s.url += "/.well-known/openid-configuration"
		if got := s.broken(t, "--ca", s.ca); got != "" {
			t.Errorf("broken: %q", got)
		}
	})
}

func TestIssuerThumbprint(t *testing.T) {
	s := newIssuer(t)
	sum := sha1.Sum(s.server.Certificate().Raw)
	for _, args := range [][]string{{s.url}, {s.url, "--ca", s.ca}, {strings.TrimPrefix(s.url, "https://")}} {
		code, out, errs := runs(t, "", append([]string{"issuer", "thumbprint"}, args...)...)
		if code != exitOK || out != hex.EncodeToString(sum[:])+"\n" {
			t.Errorf("%v: exit %d, %q, %s", args, code, out, errs)
		}
	}
	s.server.Close()
	if code, out, errs := runs(t, "", "issuer", "thumbprint", s.url); code != exitFailed || out != "" || errs == "" {
		t.Errorf("nobody there: exit %d, %q, %q", code, out, errs)
	}
}
