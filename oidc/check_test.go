package oidc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/oidc"
)

// broken lists the rules that an issuer breaks.
func broken(t *testing.T, findings []oidc.Finding) []string {
	t.Helper()
	var rules []string
	for _, f := range findings {
		if f.Found == "" {
			t.Errorf("%s says nothing", f.Rule)
		}
		if (f.OK && !f.Warning) != (f.Fix == "") {
			t.Errorf("%s: ok %v, mend %q", f.Rule, f.OK, f.Fix)
		}
		if !f.OK {
			rules = append(rules, f.Rule)
		}
	}
	return rules
}

func TestCheckIssuer(t *testing.T) {
	good := oidc.IssuerDocuments{URL: issuerURL, Discovery: issuer(rsaKey(), ecKey()).Discovery(), JWKS: issuer(rsaKey(), ecKey()).JWKS()}
	edit := func(from, to string) oidc.IssuerDocuments {
		d := good
		d.Discovery = []byte(strings.Replace(string(d.Discovery), from, to, 1))
		return d
	}
	keys := func(keys ...object) oidc.IssuerDocuments { return oidc.IssuerDocuments{JWKS: jwks(keys...)} }
	rsaJWK := jwk(t, rsaKey())
	many := make([]object, 101)
	for i := range many {
		many[i] = with(rsaJWK, object{"kid": fmt.Sprint(i)})
	}
	fetched := func(change func(*oidc.IssuerDocuments)) oidc.IssuerDocuments {
		d := good
		d.Fetched = true
		change(&d)
		return d
	}
	tests := []struct {
		name string
		docs oidc.IssuerDocuments
		want string // rules, between spaces
	}{
		{"EKS's documents", good, ""},
		{"a file without a URL", oidc.IssuerDocuments{Discovery: good.Discovery}, ""},
		{"http", oidc.IssuerDocuments{URL: "http://issuer.example.com"}, "url-https"},
		{"a query", oidc.IssuerDocuments{URL: "https://issuer.example.com?x=1"}, "url-plain"},
		{"a port", oidc.IssuerDocuments{URL: "https://issuer.example.com:8443"}, "url-port"},
		{"too long", oidc.IssuerDocuments{URL: "https://issuer.example.com/" + strings.Repeat("x", 255)}, "url-length"},
		{"no URL", oidc.IssuerDocuments{URL: "https://[::1"}, "url"},
		{"another issuer", edit(issuerURL, issuerURL+"/"), "discovery-issuer"},
		{"no jwks_uri", edit("jwks_uri", "x"), "discovery-jwks-uri"},
		{"jwks_uri http", edit(`"jwks_uri":"https`, `"jwks_uri":"http`), "discovery-jwks-uri"},
		{"no response types", edit("response_types_supported", "x"), "discovery-response_types_supported"},
		// STS asks for presence: Entra ID and SPIRE work with AWS.
		{"Entra ID's subject types", edit(`["public"]`, `["pairwise"]`), ""},
		{"SPIRE's subject types", edit(`["public"]`, `[]`), ""},
		{"subject types null", edit(`["public"]`, `null`), "discovery-subject_types_supported"},
		{"response types without id_token", edit(`["id_token"]`, `["code"]`), ""},
		{"id_token in a combination", edit(`["id_token"]`, `["id_token token"]`), ""},
		{"no subject types", edit("subject_types_supported", "x"), "discovery-subject_types_supported"},
		{"other algorithms", edit(`["RS256","ES256"]`, `["PS256"]`), ""},
		{"no algorithms", edit("id_token_signing_alg_values_supported", "x"), "discovery-id_token_signing_alg_values_supported"},
		// What k3s and kubeadm serve by default.
		{"kubeadm's issuer", oidc.IssuerDocuments{URL: "https://kubernetes.default.svc.cluster.local"}, "url-public"},
		{"kubeadm's issuer in a file", oidc.IssuerDocuments{Discovery: []byte(`{"issuer":"https://kubernetes.default.svc","jwks_uri":"https://192.168.1.10:6443/openid/v1/jwks","response_types_supported":["id_token"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`)}, "url-public discovery-jwks-uri"},
		{"a name without a domain", oidc.IssuerDocuments{URL: "https://idp"}, "url-public"},
		{"a loopback address", oidc.IssuerDocuments{URL: "https://[::1]/x"}, "url-public"},
		{"a public address", oidc.IssuerDocuments{URL: "https://8.8.8.8/x"}, ""},
		{"discovery no JSON", oidc.IssuerDocuments{Discovery: []byte("<html>")}, "discovery-json"},
		{"keys no JSON", oidc.IssuerDocuments{JWKS: []byte("{}")}, "jwks-json"},
		{"no keys", oidc.IssuerDocuments{JWKS: []byte(`{"keys":[]}`)}, "jwks-usable"},
		{"too many keys", keys(many...), "jwks-rsa-count"},
		{"a key without kid beside a good one", keys(rsaJWK, lacking(rsaJWK, "kid")), ""},
		{"use enc", keys(with(rsaJWK, object{"use": "enc"})), "jwks-usable jwk"},
		{"key_ops", keys(with(rsaJWK, object{"key_ops": []string{"verify"}})), "jwks-usable jwk"},
		{"duplicate kid", keys(rsaJWK, rsaJWK), "jwk-duplicate"},
		{"a private key", keys(privateJWK()), "jwks-private"},
		{"a symmetric key", keys(rsaJWK, object{"kty": "oct", "kid": "x", "k": "AA"}), "jwks-private"},
		{"slow", fetched(func(d *oidc.IssuerDocuments) { d.Elapsed = 6 * time.Second }), "time"},
		{"a private address", oidc.IssuerDocuments{URL: "https://192.168.0.1", Fetched: true}, "url-public"},
		{"a name of no internet", fetched(func(d *oidc.IssuerDocuments) { d.URL = "https://oidc.cluster.local" }), "url-public discovery-issuer"},
		{"jwks_uri of a private address", edit(`"jwks_uri":"https://`, `"jwks_uri":"https://10.0.0.1/`), "discovery-jwks-uri"},
		// The internet may know another address of the name: a warning.
		{"a name that leads to a private address here", fetched(func(d *oidc.IssuerDocuments) {
			d.Private = map[string]netip.Addr{strings.Split(issuerURL, "/")[2]: netip.MustParseAddr("10.0.0.1")}
		}), ""},
		{"failed", fetched(func(d *oidc.IssuerDocuments) {
			d.Err = &oidc.KeyError{Step: oidc.StepDNS, URL: "x", Err: context.Canceled}
		}), "fetch"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			findings := oidc.CheckIssuer(tt.docs)
			if len(findings) == 0 {
				t.Fatal("nothing was checked")
			}
			if got := strings.Join(broken(t, findings), " "); got != tt.want {
				t.Errorf("broken: %q, want %q\n%+v", got, tt.want, findings)
			}
		})
	}
}

func TestFetchAndCheckIssuer(t *testing.T) {
	p := newIDP(t, rsaKey())
	docs := oidc.FetchIssuer(context.Background(), p.config(), p.URL)
	if docs.Err != nil || len(docs.Chain) != 1 || len(docs.Untrusted) != 0 || docs.Elapsed <= 0 {
		t.Fatalf("got %+v", docs)
	}
	if got := broken(t, oidc.CheckIssuer(docs)); strings.Join(got, " ") != "url-port url-public" {
		t.Errorf("broken: %q", got)
	}
	untrusted := oidc.FetchIssuer(context.Background(), oidc.RemoteConfig{Roots: x509.NewCertPool(), AllowPrivate: loopback}, p.URL)
	if got := broken(t, oidc.CheckIssuer(untrusted)); strings.Join(got, " ") != "url-port url-public tls-trust" {
		t.Errorf("broken: %q", got)
	}
	refused := oidc.FetchIssuer(context.Background(), oidc.RemoteConfig{}, p.URL)
	if got := broken(t, oidc.CheckIssuer(refused)); strings.Join(got, " ") != "url-port url-public fetch" {
		t.Errorf("broken: %q", got)
	}
}

// chain makes leaf, intermediate and root.
func chain(t *testing.T) []*x509.Certificate {
	t.Helper()
	var certificates []*x509.Certificate
	var parent *x509.Certificate
	var parentKey *ecdsa.PrivateKey
	for i, name := range []string{"root", "intermediate", "leaf"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"issuer.example.com"},
			NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IsCA: i < 2, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}
		if parent == nil {
			parent, parentKey = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
		if err != nil {
			t.Fatal(err)
		}
		if parent, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		parentKey = key
		certificates = append([]*x509.Certificate{parent}, certificates...)
	}
	return certificates
}

func TestThumbprint(t *testing.T) {
	all := chain(t)
	leaf, intermediate, root := all[0], all[1], all[2]
	of := func(c *x509.Certificate) string { sum := sha1.Sum(c.Raw); return hex.EncodeToString(sum[:]) }
	tests := []struct {
		name  string
		chain []*x509.Certificate
		want  string // "" is an error
	}{
		{"without the root", []*x509.Certificate{leaf, intermediate}, of(intermediate)},
		{"with the root", all, of(root)},
		{"the leaf alone", []*x509.Certificate{leaf}, of(leaf)},
		{"out of order", []*x509.Certificate{leaf, root, intermediate}, ""},
		{"an extra one", []*x509.Certificate{leaf, intermediate, leaf}, ""},
		{"none", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := oidc.Thumbprint(tt.chain)
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

// Every step that can fail has advice of its own.
func TestEveryStepHasAMend(t *testing.T) {
	said := map[string]oidc.Step{}
	for _, step := range []oidc.Step{
		oidc.StepURL, oidc.StepDNS, oidc.StepAddress, oidc.StepConnect, oidc.StepTLS,
		oidc.StepStatus, oidc.StepRedirect, oidc.StepSize, oidc.StepJSON, oidc.StepTime, oidc.StepField,
	} {
		failed := &oidc.KeyError{Step: step, URL: "https://issuer.example.com", Err: context.Canceled}
		for _, f := range oidc.CheckIssuer(oidc.IssuerDocuments{Fetched: true, Err: failed}) {
			if f.Rule != "fetch" {
				continue
			}
			if other, twice := said[f.Fix]; twice || f.Fix == "" {
				t.Errorf("%s: mend %q, as for %q", step, f.Fix, other)
			}
			said[f.Fix] = step
		}
	}
	if len(said) != 11 {
		t.Errorf("%d mends", len(said))
	}
}

// Of a key of the wrong make, the words are about the key, not about the program that reads it.
func TestFindingsNameNoGoTypes(t *testing.T) {
	rsaJWK := jwk(t, rsaKey())
	for _, set := range [][]byte{
		[]byte(`3`), []byte(`{"keys": 3}`), []byte(`{"keys": [3]}`), []byte(`{"keys": [{"kty": 3}]}`),
		jwks(with(rsaJWK, object{"n": 3})), jwks(with(rsaJWK, object{"n": ""})), jwks(with(rsaJWK, object{"x5c": "x"})), jwks(with(rsaJWK, object{"x5c": []string{"x"}})),
		jwks(with(jwk(t, ecKey()), object{"crv": 3})), jwks(with(jwk(t, ecKey()), object{"crv": "P-1"})), jwks(with(jwk(t, ecKey()), object{"x": "AA"})),
	} {
		var wrong bool
		for _, f := range oidc.CheckIssuer(oidc.IssuerDocuments{JWKS: set}) {
			wrong = wrong || !f.OK
			for _, word := range []string{"json:", "Go ", "struct", "[]"} {
				if strings.Contains(f.Found, word) {
					t.Errorf("%s: %s: %q in %q", set, f.Rule, word, f.Found)
				}
			}
		}
		if !wrong {
			t.Errorf("%s: nothing is wrong", set)
		}
	}
}
