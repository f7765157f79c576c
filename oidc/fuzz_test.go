package oidc_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/oidc"
)

// FuzzParseToken: whatever is sent as a token is parsed or refused with a reason,
// and what verifies here verifies in go-jose.
func FuzzParseToken(f *testing.F) {
	good := mint(rsaKey(), base())
	f.Add(good)
	f.Add(good + "\n")
	f.Add(mint(ecKey(), with(base(), object{"https://aws.amazon.com/tags": object{"principal_tags": object{"K": []string{"v"}}}})))
	f.Add("..")
	f.Add(b64([]byte(`{"alg":"RS256","alg":"none"}`)) + "." + b64([]byte(`{"sub":"\u0000","sub":1e400}`)) + ".AA")
	f.Add(b64([]byte(`{"alg":"ES256","crit":[]}`)) + ".e30." + strings.Repeat("A", 86))
	v := &oidc.Verifier{Keys: keysOf(issuer(rsaKey(), ecKey())), Now: clock}
	f.Fuzz(func(t *testing.T, raw string) {
		token, err := oidc.ParseUnverified(raw)
		if err == nil {
			_, err = v.Verify(context.Background(), provider, token.Claims())
		}
		if err == nil {
			key := jwk(t, rsaKey())
			if strings.HasPrefix(token.Header.Algorithm, "ES") {
				key = jwk(t, ecKey())
			}
			agree(t, mustJSON(key), strings.TrimSpace(raw))
			return
		}
		var refused *oidc.TokenError
		if !errors.As(err, &refused) || refused.Reason == "" || refused.Code == "" || refused.Status == 0 || refused.Message == "" {
			t.Errorf("a refusal without a reason: %#v", err)
		}
	})
}

// FuzzClaims: whatever an issuer signs is read or refused with a reason.
func FuzzClaims(f *testing.F) {
	f.Add(mustJSON(base()))
	f.Add(mustJSON(with(base(), object{"aud": []string{"a", "b"}, "azp": "a", "amr": []string{"x"}})))
	f.Add(mustJSON(with(base(), object{"https://aws.amazon.com/roles": "a;b", "https://aws.amazon.com/source_identity": "me"})))
	f.Add(mustJSON(with(base(), object{"https://aws.amazon.com/tags/principal_tags/K": "v", "https://aws.amazon.com/tags/transitive_tag_keys": []string{"K"}})))
	f.Add([]byte(` { "iss" : "\ud800" , "sub" : -0 , "aud" : [ "" ] , "iat" : "+1" , "exp" : "\u0031" } `))
	f.Fuzz(func(t *testing.T, payload []byte) {
		claims, err := oidc.ReadClaims(payload)
		if err == nil {
			err = claims.Check()
		}
		if err == nil {
			err = claims.CheckRole("arn:aws:iam::111122223333:role/R")
		}
		if err == nil {
			err = claims.CheckSession()
		}
		if err != nil {
			var refused *oidc.TokenError
			if !errors.As(err, &refused) || refused.Reason == "" {
				t.Errorf("a refusal without a reason: %#v", err)
			}
			return
		}
		// The scanner must agree with encoding/json about what is in an object.
		all := claims.Map()
		if all["iss"] != claims.Issuer {
			t.Errorf("iss is %q here and %q to encoding/json", claims.Issuer, all["iss"])
		}
		if text, ok := all["sub"].(string); ok && text != claims.Subject {
			t.Errorf("sub is %q here and %q to encoding/json", claims.Subject, text)
		}
		for range oidc.ConditionKeys(issuerURL, &claims.ClaimSet) {
		}
	})
}

func FuzzJWKS(f *testing.F) {
	f.Add(issuer(rsaKey(), ecKey()).JWKS())
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQ","key_ops":["verify"]},{"kty":"EC","crv":"P-256","x":"","y":""}]}`))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA"},1,null,[],{"kid":1}]}`))
	token := mint(rsaKey(), base())
	f.Fuzz(func(t *testing.T, src []byte) {
		set, err := oidc.ParseJWKS(src)
		if err != nil {
			return
		}
		oidc.CheckIssuer(oidc.IssuerDocuments{JWKS: src})
		if err := oidc.CheckJWS(set, token); err == nil && !strings.Contains(string(src), rsaKey().KID) && len(set.KIDs()) != 1 {
			t.Errorf("a set without the key accepts the token: %q", src)
		}
	})
}

func FuzzDiscovery(f *testing.F) {
	f.Add(issuer(rsaKey()).Discovery())
	f.Add([]byte(`{"issuer":1,"jwks_uri":"https://[::1"}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		uri, err := oidc.ReadDiscovery(src, issuerURL)
		if err == nil && !strings.HasPrefix(strings.ToLower(uri), "https://") {
			t.Errorf("jwks_uri %q is taken", uri)
		}
		oidc.CheckIssuer(oidc.IssuerDocuments{URL: issuerURL, Discovery: src})
	})
}
