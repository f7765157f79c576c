package oidc

import (
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/irsa-emu/irsa-emu/aws"
)

// The library is the other side: it must take the tokens with the published keys, also after they were stored.
func TestOutboundTokens(t *testing.T) {
	made, err := GenerateOutboundKeys("https://0a1b2c3d-0000-4000-8000-000000000000"+aws.OutboundHost, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	keys := new(OutboundKeys)
	if err := json.Unmarshal(text, keys); err != nil {
		t.Fatal(err)
	}
	page, ok := keys.Page(OutboundKeysPath)
	if !ok {
		t.Fatal("no keys")
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(page.Body, &set); err != nil || len(set.Keys) != 2 {
		t.Fatalf("%v in %s", err, page.Body)
	}
	const payload = `{"aud":"a/b","sub":"s"}`
	for alg, want := range map[string]struct {
		kid, header string
		size        int
	}{
		"RS256": {"RSA_0", `{"kid":"RSA_0","typ":"JWT","alg":"RS256"}`, 256},
		"ES384": {"EC384_0", `{"kid":"EC384_0","typ":"JWT","alg":"ES384"}`, 96},
	} {
		token, err := keys.Sign(alg, []byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		header, err := strictBase64.DecodeString(token[:strings.IndexByte(token, '.')])
		if err != nil || string(header) != want.header {
			t.Errorf("header %s, want %s", header, want.header)
		}
		parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
		if err != nil {
			t.Fatal(err)
		}
		got, err := parsed.Verify(set.Key(want.kid)[0])
		if err != nil || string(got) != payload {
			t.Errorf("%s: %v, payload %s", alg, err, got)
		}
		if n := len(parsed.Signatures[0].Signature); n != want.size {
			t.Errorf("%s: a signature of %d bytes", alg, n)
		}
	}
	if _, err := keys.Sign("HS256", nil); err == nil {
		t.Error("HS256 was signed")
	}
	page, _ = keys.Page(DiscoveryPath)
	want := `{"claims_supported":["sub","iss","aud","exp","iat","jti","https://sts.amazonaws.com/"],"id_token_signing_alg_values_supported":["RS256","ES384"],` +
		`"issuer":"` + keys.URL + `","jwks_uri":"` + keys.URL + `/.well-known/jwks.json","response_types_supported":["id_token"],"subject_types_supported":["public"]}`
	if string(page.Body) != want {
		t.Errorf("discovery %s, want %s", page.Body, want)
	}
	if _, ok := keys.Page("/keys"); ok {
		t.Error("EKS's path of keys is served")
	}
}
