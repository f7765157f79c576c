package oidc_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/oidc"
)

// jwk is a published key as a map, to be altered.
func jwk(t testing.TB, k *oidc.SigningKey) object {
	t.Helper()
	var set struct{ Keys []object }
	if err := json.Unmarshal(issuer(k).JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	return set.Keys[0]
}

func jwks(keys ...object) []byte { return mustJSON(object{"keys": keys}) }

func certificate(t testing.TB, k *oidc.SigningKey) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now, NotAfter: now.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Private.Public(), k.Private)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// How STS reads key sets. Source of the verdicts: recorded 1b ("key-…" rows).
func TestKeySetOddities(t *testing.T) {
	good, other := jwk(t, rsaKey()), jwk(t, otherRSA())
	sameKID := with(other, object{"kid": rsaKey().KID})
	many := func(n int) []object {
		keys := []object{good}
		for i := range n - 1 {
			keys = append(keys, with(good, object{"kid": fmt.Sprint("extra", i)}))
		}
		return keys
	}
	named := header(rsaKey())
	anonymous := []byte(`{"alg":"RS256"}`)
	ecToken := mint(ecKey(), base())
	rsaToken := func(head []byte) string { return sign(rsaKey(), "RS256", head, mustJSON(base())) }
	tests := []struct {
		name  string
		set   []byte
		token string
		want  *refusal // nil: accepted
	}{
		{"single", jwks(good), rsaToken(named), nil},
		{"second of two", jwks(other, good), rsaToken(named), nil},
		{"alg is ignored", jwks(with(good, object{"alg": "RS512"})), rsaToken(named), nil},
		{"no alg, no use", jwks(lacking(good, "alg", "use")), rsaToken(named), nil},
		{"use enc", jwks(with(good, object{"use": "enc"})), rsaToken(named), &refusal{reason: oidc.ReasonUnknownKey, detail: `"enc"`}},
		{"key_ops sign", jwks(with(good, object{"key_ops": []string{"sign"}})), rsaToken(named), &refusal{reason: oidc.ReasonUnusableKey, message: notValidated, detail: "key_ops"}},
		{"key_ops verify", jwks(with(good, object{"key_ops": []string{"verify"}})), rsaToken(named), &refusal{reason: oidc.ReasonUnusableKey, message: notValidated}},
		{"token without kid, one key", jwks(good), rsaToken(anonymous), nil},
		{"token with empty kid, one key", jwks(good), rsaToken([]byte(`{"alg":"RS256","kid":""}`)), nil},
		{"token with null kid, one key", jwks(good), rsaToken([]byte(`{"alg":"RS256","kid":null}`)), nil},
		{"token without kid, two keys", jwks(good, other), rsaToken(anonymous), &refusal{reason: oidc.ReasonUnknownKey, message: noKey, detail: "2"}},
		{"token without kid, a key of each type", jwks(good, jwk(t, ecKey())), rsaToken(anonymous), &refusal{reason: oidc.ReasonUnknownKey, message: noKey}},
		{"token with empty kid, two keys", jwks(good, other), rsaToken([]byte(`{"alg":"RS256","kid":""}`)), &refusal{reason: oidc.ReasonUnknownKey, message: noKey}},
		{"unknown kid", jwks(good, other), rsaToken([]byte(`{"alg":"RS256","kid":"unknown"}`)), &refusal{reason: oidc.ReasonUnknownKey, message: noKey,
			detail: fmt.Sprintf("%q, %q", rsaKey().KID, otherRSA().KID)}},
		{"unknown kid, one key", jwks(good), rsaToken([]byte(`{"alg":"RS256","kid":"unknown"}`)), &refusal{reason: oidc.ReasonUnknownKey, message: noKey}},
		{"key without kid", jwks(lacking(good, "kid")), rsaToken(anonymous), &refusal{reason: oidc.ReasonUnknownKey, message: noKey, detail: "kid"}},
		{"key without kid, token with", jwks(lacking(good, "kid")), rsaToken(named), &refusal{reason: oidc.ReasonUnknownKey, message: noKey}},
		{"the same key twice", jwks(good, good), rsaToken(named), nil},
		{"duplicate kid, wrong first", jwks(sameKID, good), rsaToken(named), nil},
		{"duplicate kid, wrong last", jwks(good, sameKID), rsaToken(named), &refusal{reason: oidc.ReasonBadSignature, message: notValidated}},
		{"x5c agrees", jwks(with(good, object{"x5c": []string{certificate(t, rsaKey())}})), rsaToken(named), nil},
		{"x5c of another key", jwks(with(good, object{"x5c": []string{certificate(t, otherRSA())}})), rsaToken(named), &refusal{reason: oidc.ReasonUnknownKey, detail: "x5c"}},
		{"x5c alone", jwks(object{"kty": "RSA", "kid": rsaKey().KID, "x5c": []string{certificate(t, rsaKey())}}), rsaToken(named), &refusal{reason: oidc.ReasonUnknownKey}},
		{"100 RSA keys", jwks(many(100)...), rsaToken(named), nil},
		{"101 RSA keys, RSA token", jwks(append(many(101), jwk(t, ecKey()))...), rsaToken(named), &refusal{reason: oidc.ReasonKeysUnavailable, message: noKey, detail: "101"}},
		{"101 RSA keys, EC token", jwks(append(many(101), jwk(t, ecKey()))...), ecToken, nil},
		{"no keys", []byte(`{"keys":[]}`), rsaToken(named), &refusal{reason: oidc.ReasonUnknownKey, message: noKey}},
		{"a symmetric key", jwks(object{"kty": "oct", "kid": rsaKey().KID, "k": "AAAA"}), rsaToken(named), &refusal{reason: oidc.ReasonUnknownKey, message: noKey}},
		{"entries that are no keys", []byte(`{"keys":[1,null,"x",{},` + string(mustJSON(good)) + `]}`), rsaToken(named), nil},
		{"a private key is used by its public half", jwks(privateJWK()), rsaToken(named), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := verify(published(t, tt.set), provider, tt.token)
			if tt.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			checkRefusal(t, err, *tt.want)
		})
	}
}

func privateJWK() object {
	private := rsaKey().Private.(*rsa.PrivateKey)
	return object{"kty": "RSA", "kid": rsaKey().KID, "n": b64(private.N.Bytes()), "e": "AQAB", "d": b64(private.D.Bytes()),
		"p": b64(private.Primes[0].Bytes()), "q": b64(private.Primes[1].Bytes())}
}

func TestSmallRSA(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	for _, bits := range []int{1024, 2047} {
		private, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := oidc.NewSigningKey(private); err == nil {
			t.Errorf("%d bits: accepted for signing", bits)
		}
		set := jwks(object{"kty": "RSA", "kid": "small", "n": b64(private.N.Bytes()), "e": "AQAB"})
		token := sign(&oidc.SigningKey{Private: private}, "RS256", []byte(`{"alg":"RS256","kid":"small"}`), mustJSON(base()))
		_, err = verify(published(t, set), provider, token)
		checkRefusal(t, err, refusal{reason: oidc.ReasonUnusableKey, detail: fmt.Sprint(bits)})
	}
}

func TestParseJWKSRefusesWhatIsNoSet(t *testing.T) {
	for _, src := range []string{"", "[]", "{}", `"x"`, `{"keys":null}`, `{"keys":{}}`, `{"keys":"x"}`, `{"keys":[]`, "<html>", `{"keys":[` + strings.Repeat("{},", 2000) + "{}]}"} {
		if _, err := oidc.ParseJWKS([]byte(src)); err == nil || strings.Contains(err.Error(), "Go ") {
			t.Errorf("%.20q: %v", src, err)
		}
	}
}

func TestKIDs(t *testing.T) {
	set, err := oidc.ParseJWKS(jwks(jwk(t, rsaKey()), lacking(jwk(t, otherRSA()), "kid")))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{rsaKey().KID, ""}, set.KIDs()); diff != "" {
		t.Error(diff)
	}
	if got := len(set.Keys()); got != 2 {
		t.Errorf("%d keys", got)
	}
}
