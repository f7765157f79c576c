package oidc_test

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/oidc"
)

// Source: discovery documents of EKS clusters as people post them; the order of
// the members is EKS's.
func TestDiscovery(t *testing.T) {
	want := `{"issuer":"` + issuerURL + `","jwks_uri":"` + issuerURL + `/keys","authorization_endpoint":"urn:kubernetes:programmatic_authorization",` +
		`"response_types_supported":["id_token"],"subject_types_supported":["public"],"claims_supported":["sub","iss"],` +
		`"id_token_signing_alg_values_supported":["RS256"]}`
	if diff := cmp.Diff(want, string(issuer(rsaKey(), otherRSA()).Discovery())); diff != "" {
		t.Error(diff)
	}
	if got := string(issuer(ecKey(), rsaKey()).Discovery()); !strings.Contains(got, `["ES256","RS256"]`) {
		t.Errorf("algorithms of the keys are not named: %s", got)
	}
}

func TestJWKS(t *testing.T) {
	src := issuer(rsaKey(), ecKey()).JWKS()
	shape := regexp.MustCompile(`^\{"keys":\[\{"kty":"RSA","kid":"[\w-]{43}","use":"sig","alg":"RS256","n":"[\w-]{342}","e":"AQAB"\},` +
		`\{"kty":"EC","kid":"[\w-]{43}","use":"sig","alg":"ES256","crv":"P-256","x":"[\w-]{43}","y":"[\w-]{43}"\}\]\}$`)
	if !shape.Match(src) {
		t.Errorf("got %s", src)
	}
	var set jose.JSONWebKeySet // an independent reader
	if err := json.Unmarshal(src, &set); err != nil {
		t.Fatal(err)
	}
	for i, k := range []*oidc.SigningKey{rsaKey(), ecKey()} {
		if !set.Keys[i].Valid() || !equalKeys(set.Keys[i].Key, k.Private.Public()) {
			t.Errorf("key %d is not the signing key's public half", i)
		}
	}
}

func equalKeys(a, b any) bool {
	return a.(interface{ Equal(crypto.PublicKey) bool }).Equal(b)
}

func TestPage(t *testing.T) {
	i := issuer(rsaKey())
	for path, body := range map[string][]byte{"/.well-known/openid-configuration": i.Discovery(), "/keys": i.JWKS()} {
		page, ok := i.Page(path)
		if !ok || string(page.Body) != string(body) || page.ContentType != "application/json" || page.CacheControl == "" {
			t.Errorf("%s: %+v", path, page)
		}
	}
	for _, path := range []string{"", "/", "/keys/", "keys", "/openid/v1/jwks"} {
		if _, ok := i.Page(path); ok {
			t.Errorf("%q is served", path)
		}
	}
}

// kube-apiserver names a key by SHA-256 of its public half in DER (PKIX).
func TestKeyID(t *testing.T) {
	for _, k := range []*oidc.SigningKey{rsaKey(), ecKey()} {
		der, err := x509.MarshalPKIXPublicKey(k.Private.Public())
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(der)
		if want := base64.RawURLEncoding.EncodeToString(sum[:]); k.KID != want || len(k.KID) != 43 {
			t.Errorf("got %s, want %s", k.KID, want)
		}
	}
}

func TestKeyRoundTrip(t *testing.T) {
	for _, k := range []*oidc.SigningKey{rsaKey(), ecKey(), curveKey(t, elliptic.P384()), curveKey(t, elliptic.P521())} {
		t.Run(k.Alg, func(t *testing.T) {
			text, err := k.MarshalPEM()
			if err != nil {
				t.Fatal(err)
			}
			if block, _ := pem.Decode(text); block == nil || block.Type != "PRIVATE KEY" {
				t.Fatalf("got %s", text)
			}
			again, err := oidc.ParseKey(text)
			if err != nil {
				t.Fatal(err)
			}
			if again.KID != k.KID || again.Alg != k.Alg {
				t.Errorf("got %v, want %v", again, k)
			}
		})
	}
	t.Run("in an issuer's JSON", func(t *testing.T) {
		first := *rsaKey()
		first.Created = now
		before, err := issuer(&first).Rotate(ecKey(), now, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		src, err := json.Marshal(before)
		if err != nil {
			t.Fatal(err)
		}
		var after oidc.Issuer
		if err := json.Unmarshal(src, &after); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(before.JWKS()), string(after.JWKS())); diff != "" || after.URL != issuerURL {
			t.Error(diff)
		}
		if !after.Keys[1].Created.Equal(now) || !after.Keys[1].NotAfter.Equal(now.Add(time.Hour)) {
			t.Errorf("times are lost: %+v", after.Keys[1])
		}
	})
	t.Run("kubeadm's sa.key", func(t *testing.T) {
		text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: pkcs1(t)})
		k, err := oidc.ParseKey(text)
		if err != nil {
			t.Fatal(err)
		}
		if k.KID != rsaKey().KID {
			t.Errorf("got %v", k)
		}
	})
}

func pkcs1(t *testing.T) []byte {
	t.Helper()
	text, err := rsaKey().MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return x509.MarshalPKCS1PrivateKey(private.(*rsa.PrivateKey))
}

func TestParseKeyRefuses(t *testing.T) {
	public, err := x509.MarshalPKIXPublicKey(rsaKey().Private.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, src := range map[string][]byte{
		"nothing":        nil,
		"not PEM":        []byte("hello"),
		"a public key":   pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
		"broken DER":     pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1, 2, 3}}),
		"an Ed25519 key": []byte("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n"),
	} {
		if k, err := oidc.ParseKey(src); err == nil {
			t.Errorf("%s: got %v", name, k)
		}
	}
	if _, err := oidc.GenerateKey("HS256", nil); err == nil || !strings.Contains(err.Error(), "RS256") {
		t.Errorf("got %v", err)
	}
}

// A secret that is printed by accident is a secret that is lost.
func TestKeysDoNotPrintTheirSecret(t *testing.T) {
	k := ecKey()
	text, err := k.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.Split(string(text), "\n")[1]
	for _, format := range []string{"%v", "%+v", "%s", "%#v"} {
		got := fmt.Sprintf(format, k) + fmt.Sprintf(format, issuer(k).Keys)
		if strings.Contains(got, secret) || strings.Contains(got, "PRIVATE") || len(got) > 300 {
			t.Errorf("%s prints %q", format, got)
		}
	}
}

func TestSignHeader(t *testing.T) {
	tests := []struct {
		key     *oidc.SigningKey
		options oidc.SignOptions
		want    string
	}{
		// kube-apiserver's tokens have no typ.
		{rsaKey(), oidc.SignOptions{}, `{"alg":"RS256","kid":"` + rsaKey().KID + `"}`},
		{ecKey(), oidc.SignOptions{}, `{"alg":"ES256","kid":"` + ecKey().KID + `"}`},
		{rsaKey(), oidc.SignOptions{Type: "JWT"}, `{"alg":"RS256","kid":"` + rsaKey().KID + `","typ":"JWT"}`},
	}
	for _, tt := range tests {
		token, err := issuer(tt.key).Sign(with(base(), object{"x": "<&>"}), tt.options)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(token, ".")
		head, err := base64.RawURLEncoding.DecodeString(parts[0])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, string(head)); diff != "" {
			t.Error(diff)
		}
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(mustJSON(with(base(), object{"x": "<&>"}))), string(payload)); diff != "" {
			t.Error(diff)
		}
		if _, err := verify(keysOf(issuer(tt.key)), provider, token); err != nil {
			t.Error(err)
		}
	}
	if _, err := issuer().Sign(base(), oidc.SignOptions{}); err == nil {
		t.Error("an issuer without keys signs")
	}
}

func TestRotate(t *testing.T) {
	before := issuer(rsaKey())
	old := mint(rsaKey(), base())
	during, err := before.Rotate(otherRSA(), now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if len(before.Keys) != 1 || !before.Keys[0].NotAfter.IsZero() {
		t.Error("the issuer before the rotation was changed")
	}
	fresh, err := during.Sign(base(), oidc.SignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{old, fresh} {
		if _, err := verify(keysOf(during), provider, token); err != nil {
			t.Error(err)
		}
	}
	if during.Keys[0].KID != otherRSA().KID || !during.Keys[0].Created.Equal(now) {
		t.Errorf("the new key does not sign: %v", during.Keys)
	}
	after, err := during.Rotate(ecKey(), now.Add(2*time.Hour), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	_, err = verify(keysOf(after), provider, old)
	checkRefusal(t, err, refusal{reason: oidc.ReasonUnknownKey, hint: "rotated-key"})
	if _, err := verify(keysOf(after), provider, fresh); err != nil {
		t.Error(err)
	}
	if _, err := after.Rotate(ecKey(), now, time.Hour); err == nil {
		t.Error("a key follows itself")
	}
	if _, err := after.Rotate(nil, now, time.Hour); err == nil {
		t.Error("no key follows")
	}
	t.Run("without overlap", func(t *testing.T) {
		hard, err := before.Rotate(otherRSA(), now, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = verify(keysOf(hard), provider, old)
		checkRefusal(t, err, refusal{reason: oidc.ReasonUnknownKey})
	})
}
