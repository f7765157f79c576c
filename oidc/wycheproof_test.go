package oidc_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/irsa-emu/irsa-emu/oidc"
)

// signatureVectors are C2SP's Wycheproof vectors for JWS; the file names their
// source.
type signatureVectors struct {
	TestGroups []struct {
		Comment string
		Public  json.RawMessage
		Tests   []struct {
			TCID    int `json:"tcId"`
			Comment string
			JWS     string `json:"jws"`
			Result  string
		}
	}
}

func readVectors(t testing.TB) signatureVectors {
	t.Helper()
	src, err := os.ReadFile("testdata/wycheproof/json_web_signature.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors signatureVectors
	if err := json.Unmarshal(src, &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

// takenByAWS are vectors that the file calls invalid because the JWK's alg names
// another algorithm than the token. STS ignores it (recorded: key-wrong-alg).
var takenByAWS = map[int]bool{332: true, 334: true, 336: true}

func TestWycheproof(t *testing.T) {
	accepted, refused := 0, 0
	for _, group := range readVectors(t).TestGroups {
		key := group.Public
		if key == nil || string(key) == "null" {
			key = json.RawMessage(`{"kty":"oct","kid":"secret"}`) // HMAC: never taken
		}
		set, err := oidc.ParseJWKS(mustJSON(object{"keys": []any{key}}))
		if err != nil {
			t.Fatal(err)
		}
		// STS takes neither HMAC nor PSS, and no key with key_ops.
		var head struct {
			Kty, Alg string
			KeyOps   []string `json:"key_ops"`
		}
		if err := json.Unmarshal(key, &head); err != nil {
			t.Fatal(err)
		}
		foreign := head.Kty == "oct" || strings.HasPrefix(head.Alg, "PS") || head.KeyOps != nil
		for _, test := range group.Tests {
			err := oidc.CheckJWS(set, test.JWS)
			want := test.Result == "valid" && !foreign || takenByAWS[test.TCID]
			if got := err == nil; got != want {
				t.Errorf("%d %s, %s: %s by the vectors, got %v", test.TCID, group.Comment, test.Comment, test.Result, err)
			}
			if err == nil {
				accepted++
				agree(t, key, test.JWS)
			} else {
				refused++
			}
		}
	}
	t.Logf("%d accepted, %d refused", accepted, refused)
	if accepted < 15 || refused < 300 {
		t.Errorf("%d accepted and %d refused: were the vectors read?", accepted, refused)
	}
}

// agree holds this package's verdict against go-jose's: whatever is accepted here
// is accepted there.
func agree(t testing.TB, key []byte, token string) {
	t.Helper()
	var jwk jose.JSONWebKey
	if err := json.Unmarshal(key, &jwk); err != nil {
		t.Fatal(err)
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512})
	if err != nil {
		t.Errorf("accepted here, go-jose cannot parse it: %v", err)
		return
	}
	if _, err := jws.Verify(jwk.Key); err != nil {
		t.Errorf("accepted here, refused by go-jose: %v", err)
	}
}
