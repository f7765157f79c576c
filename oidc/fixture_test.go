package oidc_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/irsa-emu/irsa-emu/oidc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const issuerURL = "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"

// now is the fixed clock of the tests.
var now = time.Unix(1_800_000_000, 0).UTC()

func clock() time.Time { return now }

// Keys are made once: RSA generation is the slow part of these tests.
var (
	rsaKey   = sync.OnceValue(func() *oidc.SigningKey { return mustKey("RS256") })
	otherRSA = sync.OnceValue(func() *oidc.SigningKey { return mustKey("RS256") })
	ecKey    = sync.OnceValue(func() *oidc.SigningKey { return mustKey("ES256") })
)

func mustKey(alg string) *oidc.SigningKey {
	k, err := oidc.GenerateKey(alg, rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
}

func curveKey(t testing.TB, curve elliptic.Curve) *oidc.SigningKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := oidc.NewSigningKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var provider = oidc.Provider{URL: issuerURL, ClientIDs: []string{"sts.amazonaws.com", "client-b"}}

func issuer(keys ...*oidc.SigningKey) *oidc.Issuer {
	return &oidc.Issuer{URL: issuerURL, Keys: keys}
}

// object is JSON written by hand, so that a test controls each byte.
type object = map[string]any

// base are the claims of a good token.
func base() object {
	return object{"iss": issuerURL, "sub": "system:serviceaccount:ns:sa", "aud": "sts.amazonaws.com",
		"iat": now.Unix(), "exp": now.Unix() + 600}
}

func with(claims object, changes object) object {
	claims = maps.Clone(claims)
	maps.Copy(claims, changes)
	return claims
}

func lacking(claims object, names ...string) object {
	claims = maps.Clone(claims)
	for _, name := range names {
		delete(claims, name)
	}
	return claims
}

func b64(src []byte) string { return base64.RawURLEncoding.EncodeToString(src) }

func mustJSON(v any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(out.Bytes())
}

// sign makes a token of any header and payload, in the algorithm that the header
// does not have to name.
func sign(k *oidc.SigningKey, algorithm string, header, payload []byte) string {
	signed := b64(header) + "." + b64(payload)
	return signed + "." + b64(signature(k, algorithm, signed))
}

func signature(k *oidc.SigningKey, algorithm, signed string) []byte {
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[algorithm[2:]]
	h := hash.New()
	h.Write([]byte(signed))
	switch key := k.Private.(type) {
	case *rsa.PrivateKey:
		sig, err := rsa.SignPKCS1v15(rand.Reader, key, hash, h.Sum(nil))
		if err != nil {
			panic(err)
		}
		return sig
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, h.Sum(nil))
		if err != nil {
			panic(err)
		}
		return rawECDSA(key.Curve, r, s)
	}
	panic("no such key")
}

func rawECDSA(curve elliptic.Curve, r, s *big.Int) []byte {
	size := (curve.Params().BitSize + 7) / 8
	out := make([]byte, 2*size)
	r.FillBytes(out[:size])
	s.FillBytes(out[size:])
	return out
}

func header(k *oidc.SigningKey) []byte { return mustJSON(object{"alg": k.Alg, "kid": k.KID}) }

// mint makes a token as an issuer would.
func mint(k *oidc.SigningKey, claims object) string {
	return sign(k, k.Alg, header(k), mustJSON(claims))
}

func keysOf(i *oidc.Issuer) oidc.KeysFunc {
	return func(url string) (*oidc.KeySet, bool) {
		if url != i.URL {
			return nil, false
		}
		return i.KeySet(), true
	}
}

func published(t testing.TB, jwks []byte) oidc.KeysFunc {
	t.Helper()
	set, err := oidc.ParseJWKS(jwks)
	if err != nil {
		t.Fatal(err)
	}
	return func(string) (*oidc.KeySet, bool) { return set, true }
}

// verify runs the three parts of verification as STS does.
func verify(keys oidc.KeySource, p oidc.Provider, raw string) (*oidc.Claims, error) {
	token, err := oidc.ParseUnverified(raw)
	if err != nil {
		return nil, err
	}
	v := &oidc.Verifier{Keys: keys, Now: clock}
	return v.Verify(context.Background(), p, token.Claims())
}

// refusal is what a test expects of a refused token; empty fields are not asked.
type refusal struct {
	reason  oidc.Reason
	code    string // default InvalidIdentityToken
	status  int    // default 400
	message string
	detail  string // a value that is part of it
	hint    string // its code
}

func checkRefusal(t *testing.T, err error, want refusal) {
	t.Helper()
	var got *oidc.TokenError
	if !errors.As(err, &got) {
		t.Fatalf("got %v, want a refusal for %s", err, want.reason)
	}
	if want.code == "" {
		want.code = "InvalidIdentityToken"
	}
	if want.status == 0 {
		want.status = 400
	}
	if got.Reason != want.reason {
		t.Errorf("reason %q, want %q (%v)", got.Reason, want.reason, got)
	}
	if got.Code != want.code || got.Status != want.status {
		t.Errorf("code %s %d, want %s %d", got.Code, got.Status, want.code, want.status)
	}
	if want.message != "" && got.Message != want.message {
		t.Errorf("message\n got %q\nwant %q", got.Message, want.message)
	}
	if !strings.Contains(got.Detail, want.detail) {
		t.Errorf("detail %q lacks %q", got.Detail, want.detail)
	}
	if want.hint != "" && got.Hint.Code != want.hint {
		t.Errorf("hint %q (%s), want %q", got.Hint.Code, got.Hint, want.hint)
	}
	if got.Detail == "" {
		t.Error("no detail")
	}
}
