package oidc_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"runtime"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/irsa-emu/irsa-emu/oidc"
)

// Each test of this file is an attack on a verifier of tokens, and named so.

func TestAttackAlgorithmNone(t *testing.T) {
	keys := keysOf(issuer(rsaKey()))
	payload := mustJSON(base())
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "", " none", "rs256", "Rs256", "RS256 ", "RS256\x00"} {
		head := mustJSON(object{"alg": alg, "kid": rsaKey().KID})
		for name, token := range map[string]string{
			"no signature":       b64(head) + "." + b64(payload) + ".",
			"a valid signature":  sign(rsaKey(), "RS256", head, payload),
			"signature of zeros": b64(head) + "." + b64(payload) + "." + b64(make([]byte, 256)),
		} {
			t.Run(fmt.Sprintf("%q with %s", alg, name), func(t *testing.T) {
				_, err := verify(keys, provider, token)
				checkRefusal(t, err, refusal{reason: oidc.ReasonUnsupportedAlgorithm, message: notAJWT})
			})
		}
	}
}

func TestAttackAlgorithmNotAString(t *testing.T) {
	for _, alg := range []any{nil, 1, true, []string{"RS256"}, object{"RS256": 1}} {
		_, err := verify(keysOf(issuer(rsaKey())), provider, sign(rsaKey(), "RS256", mustJSON(object{"alg": alg}), mustJSON(base())))
		checkRefusal(t, err, refusal{reason: oidc.ReasonNotAJWT, message: notAJWT})
	}
}

// The public key, which everybody has, as the secret of an HMAC.
func TestAttackHMACWithThePublicKey(t *testing.T) {
	der, err := x509.MarshalPKIXPublicKey(rsaKey().Private.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range [][]byte{der, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), issuer(rsaKey()).JWKS(), nil} {
		signed := b64(mustJSON(object{"alg": "HS256", "kid": rsaKey().KID})) + "." + b64(mustJSON(base()))
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(signed))
		_, err := verify(keysOf(issuer(rsaKey())), provider, signed+"."+b64(mac.Sum(nil)))
		checkRefusal(t, err, refusal{reason: oidc.ReasonUnsupportedAlgorithm, message: notAJWT, detail: "HS256"})
	}
}

// Good signatures in algorithms that STS does not take.
func TestAttackForeignAlgorithms(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_ = public
	signed := b64([]byte(`{"alg":"EdDSA"}`)) + "." + b64(mustJSON(base()))
	tokens := []string{signed + "." + b64(ed25519.Sign(private, []byte(signed)))}
	for _, alg := range []string{"PS256", "PS384", "PS512"} {
		signed := b64(mustJSON(object{"alg": alg, "kid": rsaKey().KID})) + "." + b64(mustJSON(base()))
		hash := map[string]crypto.Hash{"PS256": crypto.SHA256, "PS384": crypto.SHA384, "PS512": crypto.SHA512}[alg]
		h := hash.New()
		h.Write([]byte(signed))
		sig, err := rsa.SignPSS(rand.Reader, rsaKey().Private.(*rsa.PrivateKey), hash, h.Sum(nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, signed+"."+b64(sig))
	}
	for _, token := range tokens {
		_, err := verify(keysOf(issuer(rsaKey())), provider, token)
		checkRefusal(t, err, refusal{reason: oidc.ReasonUnsupportedAlgorithm, message: notAJWT})
	}
}

// A PSS signature that claims to be PKCS #1 v1.5.
func TestAttackPSSAsPKCS1(t *testing.T) {
	signed := b64(header(rsaKey())) + "." + b64(mustJSON(base()))
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPSS(rand.Reader, rsaKey().Private.(*rsa.PrivateKey), crypto.SHA256, sum[:], nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = verify(keysOf(issuer(rsaKey())), provider, signed+"."+b64(sig))
	checkRefusal(t, err, refusal{reason: oidc.ReasonBadSignature, message: notValidated})
}

func TestAttackKeyConfusionAcrossIssuers(t *testing.T) {
	mine := &oidc.Issuer{URL: "https://mine.example.com", Keys: []*oidc.SigningKey{otherRSA()}}
	both := oidc.Sources{keysOf(mine), keysOf(issuer(rsaKey()))}
	head := mustJSON(object{"alg": "RS256", "kid": otherRSA().KID})
	t.Run("my key, my kid, the victim's iss", func(t *testing.T) {
		_, err := verify(both, provider, sign(otherRSA(), "RS256", head, mustJSON(base())))
		checkRefusal(t, err, refusal{reason: oidc.ReasonUnknownKey, message: noKey, detail: rsaKey().KID})
	})
	t.Run("my key, the victim's kid and iss", func(t *testing.T) {
		_, err := verify(both, provider, sign(otherRSA(), "RS256", header(rsaKey()), mustJSON(base())))
		checkRefusal(t, err, refusal{reason: oidc.ReasonBadSignature, message: notValidated})
	})
	t.Run("my iss against the victim's provider", func(t *testing.T) {
		_, err := verify(both, provider, sign(otherRSA(), "RS256", head, mustJSON(with(base(), object{"iss": mine.URL}))))
		checkRefusal(t, err, refusal{reason: oidc.ReasonNoProvider})
	})
	t.Run("my iss, which begins with the victim's", func(t *testing.T) {
		_, err := verify(both, provider, mint(rsaKey(), with(base(), object{"iss": issuerURL + "/x"})))
		checkRefusal(t, err, refusal{reason: oidc.ReasonNoProvider})
	})
}

// An EC key under an RSA algorithm, and the other way round.
func TestAttackKeyTypeConfusion(t *testing.T) {
	keys := keysOf(issuer(rsaKey(), ecKey()))
	_, err := verify(keys, provider, sign(rsaKey(), "RS256", mustJSON(object{"alg": "RS256", "kid": ecKey().KID}), mustJSON(base())))
	checkRefusal(t, err, refusal{reason: oidc.ReasonUnknownKey, message: noKey, hint: "key-type"})
	_, err = verify(keys, provider, sign(ecKey(), "ES256", mustJSON(object{"alg": "ES256", "kid": rsaKey().KID}), mustJSON(base())))
	checkRefusal(t, err, refusal{reason: oidc.ReasonUnknownKey, message: noKey, hint: "key-type"})

	p384 := curveKey(t, elliptic.P384())
	_, err = verify(keysOf(issuer(p384)), provider, sign(p384, "ES256", mustJSON(object{"alg": "ES256", "kid": p384.KID}), mustJSON(base())))
	checkRefusal(t, err, refusal{reason: oidc.ReasonBadSignature, detail: "P-256"})
	_, err = verify(keysOf(issuer(rsaKey())), provider, sign(rsaKey(), "RS256", mustJSON(object{"alg": "RS512", "kid": rsaKey().KID}), mustJSON(base())))
	checkRefusal(t, err, refusal{reason: oidc.ReasonBadSignature})
}

// Keys and places to find keys that the token brings along are not looked at.
func TestAttackKeyInTheHeader(t *testing.T) {
	jwk := mustJSON(jose.JSONWebKey{Key: otherRSA().Private.Public(), KeyID: "x"})
	for name, head := range map[string]string{
		"jwk":  `{"alg":"RS256","kid":"x","jwk":` + string(jwk) + `}`,
		"jku":  `{"alg":"RS256","kid":"x","jku":"https://127.0.0.1:1/keys"}`,
		"x5u":  `{"alg":"RS256","kid":"x","x5u":"https://127.0.0.1:1/cert"}`,
		"x5c":  `{"alg":"RS256","kid":"x","x5c":["AAAA"]}`,
		"x5t":  `{"alg":"RS256","kid":"x","x5t":"AAAA"}`,
		"none": `{"alg":"RS256","kid":"x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify(keysOf(issuer(rsaKey())), provider, sign(otherRSA(), "RS256", []byte(head), mustJSON(base())))
			checkRefusal(t, err, refusal{reason: oidc.ReasonUnknownKey, message: noKey})
		})
	}
	t.Run("they do no harm beside a good kid", func(t *testing.T) {
		head := mustJSON(object{"alg": "RS256", "kid": rsaKey().KID, "jwk": object{"kty": "oct", "k": "AA"}, "jku": "https://127.0.0.1:1", "x5t": "AAAA", "typ": "JWT"})
		if _, err := verify(keysOf(issuer(rsaKey())), provider, sign(rsaKey(), "RS256", head, mustJSON(base()))); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAttackKIDInjection(t *testing.T) {
	for _, kid := range []string{"../../../../dev/null", "/dev/null", "x' UNION SELECT 'a", "a\x00b", strings.Repeat("k", 10000), rsaKey().KID + " ", rsaKey().KID + "\n", strings.ToUpper(rsaKey().KID)} {
		_, err := verify(keysOf(issuer(rsaKey())), provider, sign(rsaKey(), "RS256", mustJSON(object{"alg": "RS256", "kid": kid}), mustJSON(base())))
		checkRefusal(t, err, refusal{reason: oidc.ReasonUnknownKey, message: noKey})
		if text := err.Error(); len(text) > 2000 {
			t.Errorf("the refusal repeats %d bytes", len(text))
		}
	}
	for _, kid := range []any{1, true, []string{rsaKey().KID}, object{}} {
		_, err := verify(keysOf(issuer(rsaKey())), provider, sign(rsaKey(), "RS256", mustJSON(object{"alg": "RS256", "kid": kid}), mustJSON(base())))
		checkRefusal(t, err, refusal{reason: oidc.ReasonNotAJWT, message: notAJWT})
	}
}

// Recorded: critical-header.
func TestAttackCriticalHeader(t *testing.T) {
	for _, crit := range []any{[]string{"custom"}, []string{}, "custom", nil, []string{"b64"}} {
		head := mustJSON(object{"alg": "RS256", "kid": rsaKey().KID, "crit": crit, "custom": "yes", "b64": false})
		_, err := verify(keysOf(issuer(rsaKey())), provider, sign(rsaKey(), "RS256", head, mustJSON(base())))
		checkRefusal(t, err, refusal{reason: oidc.ReasonCriticalHeader, message: notAJWT})
	}
}

func TestAttackNotACompactJWS(t *testing.T) {
	good := mint(rsaKey(), base())
	parts := strings.Split(good, ".")
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.RSA_OAEP_256, Key: rsaKey().Private.Public()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	jwe, err := encrypter.Encrypt([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := jwe.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"JWE":                   encrypted,
		"JSON, flattened":       fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2]),
		"JSON, general":         fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, parts[1], parts[0], parts[2]),
		"empty":                 "",
		"dots":                  "..",
		"opaque":                "ya29.a0AfH6SMB",
		"path of a token file":  "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
		"two parts":             parts[0] + "." + parts[1],
		"four parts":            good + ".x",
		"detached payload":      parts[0] + ".." + parts[2],
		"a space in front":      " " + good,
		"with Bearer":           "Bearer " + good,
		"header a list":         b64([]byte(`["alg"]`)) + "." + parts[1] + "." + parts[2],
		"payload a string":      sign(rsaKey(), "RS256", header(rsaKey()), []byte(`"x"`)),
		"payload two objects":   sign(rsaKey(), "RS256", header(rsaKey()), []byte(`{}{}`)),
		"payload unterminated":  sign(rsaKey(), "RS256", header(rsaKey()), []byte(`{"a":"`)),
		"payload with BOM":      sign(rsaKey(), "RS256", header(rsaKey()), append([]byte("\xef\xbb\xbf"), mustJSON(base())...)),
		"payload single quotes": sign(rsaKey(), "RS256", header(rsaKey()), []byte(`{'a':1}`)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify(keysOf(issuer(rsaKey())), provider, token)
			checkRefusal(t, err, refusal{reason: oidc.ReasonNotAJWT, message: notAJWT})
		})
	}
}

// One token, one spelling: other base64 of the same bytes is refused.
func TestAttackNonCanonicalBase64(t *testing.T) {
	good := mint(rsaKey(), base())
	parts := strings.Split(good, ".")
	// 256 bytes of signature end in a character with four unused bits.
	last := strings.IndexByte(alphabet, parts[2][len(parts[2])-1])
	tail := parts[2][:len(parts[2])-1] + string(alphabet[last|1])
	for name, token := range map[string]string{
		"unused bits set":    parts[0] + "." + parts[1] + "." + tail,
		"padding":            parts[0] + "." + parts[1] + "." + parts[2] + "==",
		"line break inside":  parts[0] + "." + parts[1][:10] + "\n" + parts[1][10:] + "." + parts[2],
		"carriage return":    parts[0][:4] + "\r" + parts[0][4:] + "." + parts[1] + "." + parts[2],
		"a space inside":     parts[0] + "." + parts[1] + "." + parts[2][:5] + " " + parts[2][5:],
		"standard alphabet":  parts[0] + "." + parts[1] + "." + "+/" + parts[2][2:],
		"line break at dots": parts[0] + "\n." + parts[1] + "." + parts[2],
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify(keysOf(issuer(rsaKey())), provider, token)
			checkRefusal(t, err, refusal{reason: oidc.ReasonNotAJWT, message: notAJWT})
		})
	}
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// SDKs send the token file as it is; files made by hand end with a newline.
func TestTrailingWhiteSpace(t *testing.T) {
	good := mint(rsaKey(), base())
	for _, tail := range []string{"\n", "\r\n", " ", "\t\n\n"} {
		if _, err := verify(keysOf(issuer(rsaKey())), provider, good+tail); err != nil {
			t.Errorf("with %q after the token: %v", tail, err)
		}
	}
}

func TestAttackECDSASignatures(t *testing.T) {
	private := ecKey().Private.(*ecdsa.PrivateKey)
	order := private.Curve.Params().N
	signed := b64(header(ecKey())) + "." + b64(mustJSON(base()))
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, private, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		t.Fatal(err)
	}
	zero := new(big.Int)
	wide := func(v *big.Int) []byte { return v.FillBytes(make([]byte, 33)) }
	for name, sig := range map[string][]byte{
		"zero (CVE-2022-21449)": make([]byte, 64),
		"r zero":                rawECDSA(private.Curve, zero, s),
		"s zero":                rawECDSA(private.Curve, r, zero),
		"r and s the order":     rawECDSA(private.Curve, order, order),
		"r beyond the order":    append(wide(new(big.Int).Add(r, order)), wide(s)...),
		"one":                   rawECDSA(private.Curve, big.NewInt(1), big.NewInt(1)),
		"DER":                   der,
		"empty":                 {},
		"half":                  rawECDSA(private.Curve, r, s)[:32],
		"a byte more":           append(rawECDSA(private.Curve, r, s), 0),
		"swapped":               rawECDSA(private.Curve, s, r),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify(keysOf(issuer(ecKey())), provider, signed+"."+b64(sig))
			checkRefusal(t, err, refusal{reason: oidc.ReasonBadSignature, message: notValidated})
		})
	}
	// (r, n-s) verifies wherever (r, s) does: signers produce both. It is safe
	// because nothing takes a signature for the token's identity.
	t.Run("malleated is a signature like any other", func(t *testing.T) {
		if _, err := verify(keysOf(issuer(ecKey())), provider, signed+"."+b64(rawECDSA(private.Curve, r, new(big.Int).Sub(order, s)))); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAttackRSASignatures(t *testing.T) {
	signed := b64(header(rsaKey())) + "." + b64(mustJSON(base()))
	good := signature(rsaKey(), "RS256", signed)
	public := rsaKey().Private.Public().(*rsa.PublicKey)
	flipped := bytes.Clone(good)
	flipped[100] ^= 1
	above := new(big.Int).Add(new(big.Int).SetBytes(good), public.N).Bytes()
	for name, sig := range map[string][]byte{
		"empty":               {},
		"zeros":               make([]byte, 256),
		"one bit flipped":     flipped,
		"a zero in front":     append([]byte{0}, good...),
		"plus the modulus":    above,
		"a byte short":        good[1:],
		"of another token":    signature(rsaKey(), "RS256", signed+"x"),
		"with another digest": signature(rsaKey(), "RS512", signed),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify(keysOf(issuer(rsaKey())), provider, signed+"."+b64(sig))
			checkRefusal(t, err, refusal{reason: oidc.ReasonBadSignature, message: notValidated})
		})
	}
	t.Run("one claim altered", func(t *testing.T) {
		altered := b64(header(rsaKey())) + "." + b64(mustJSON(with(base(), object{"sub": "system:serviceaccount:kube-system:admin"})))
		_, err := verify(keysOf(issuer(rsaKey())), provider, altered+"."+b64(good))
		checkRefusal(t, err, refusal{reason: oidc.ReasonBadSignature})
	})
}

func TestAttackHugeAndDeepJSON(t *testing.T) {
	keys := keysOf(issuer(rsaKey()))
	payloads := map[string][]byte{
		"nested lists":       []byte(`{"a":` + strings.Repeat("[", 7000) + strings.Repeat("]", 7000) + `}`),
		"nested objects":     []byte(strings.Repeat(`{"a":`, 3000) + "1" + strings.Repeat("}", 3000)),
		"never closed":       []byte(strings.Repeat(`{"a":`, 2900)),
		"thousands of names": []byte(`{` + strings.Repeat(`"a":1,`, 2300) + `"b":1}`),
		"a long number":      []byte(`{"exp":` + strings.Repeat("9", 14000) + `}`),
		"thousands of tags":  []byte(`{"https://aws.amazon.com/tags":{"principal_tags":{` + strings.Repeat(`"k":["v"],`, 1300) + `"z":["v"]}}}`),
	}
	for name, payload := range payloads {
		t.Run(name, func(t *testing.T) {
			token := sign(rsaKey(), "RS256", header(rsaKey()), payload)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := verify(keys, provider, token); err == nil {
				t.Error("accepted")
			}
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
				t.Errorf("%d kB were allocated", took>>10)
			}
		})
	}
	t.Run("too long", func(t *testing.T) {
		token := mint(rsaKey(), with(base(), object{"padding": strings.Repeat("x", oidc.MaxTokenLength)}))
		_, err := verify(keys, provider, token)
		checkRefusal(t, err, refusal{reason: oidc.ReasonNotAJWT, detail: "20000"})
	})
	t.Run("a million characters", func(t *testing.T) {
		_, err := oidc.ParseUnverified(strings.Repeat(".", 1_000_000))
		checkRefusal(t, err, refusal{reason: oidc.ReasonNotAJWT})
	})
}

// The last of duplicates counts in the header as it does in the claims: the
// algorithm that is checked is the one that is used.
func TestAttackDuplicateHeader(t *testing.T) {
	head := func(text string) []byte { return []byte(fmt.Sprintf(text, rsaKey().KID)) }
	_, err := verify(keysOf(issuer(rsaKey())), provider, sign(rsaKey(), "RS256", head(`{"alg":"RS256","kid":%q,"alg":"none"}`), mustJSON(base())))
	checkRefusal(t, err, refusal{reason: oidc.ReasonUnsupportedAlgorithm})
	if _, err := verify(keysOf(issuer(rsaKey())), provider, sign(rsaKey(), "RS256", head(`{"alg":"none","kid":%q,"alg":"RS256"}`), mustJSON(base()))); err != nil {
		t.Error(err)
	}
	_, err = verify(keysOf(issuer(rsaKey())), provider, sign(rsaKey(), "RS256", head(`{"alg":"RS256","kid":%q,"ALG":"none","Crit":["x"]}`), mustJSON(base())))
	if err != nil {
		t.Errorf("names count in their letter case: %v", err)
	}
}

func TestAllAlgorithms(t *testing.T) {
	p384, p521 := curveKey(t, elliptic.P384()), curveKey(t, elliptic.P521())
	for algorithm, k := range map[string]*oidc.SigningKey{
		"RS256": rsaKey(), "RS384": rsaKey(), "RS512": rsaKey(), "ES256": ecKey(), "ES384": p384, "ES512": p521,
	} {
		t.Run(algorithm, func(t *testing.T) {
			token := sign(k, algorithm, mustJSON(object{"alg": algorithm, "kid": k.KID}), mustJSON(base()))
			if _, err := verify(keysOf(issuer(k)), provider, token); err != nil {
				t.Fatal(err)
			}
			if _, err := verify(published(t, issuer(k).JWKS()), provider, token); err != nil {
				t.Fatalf("against the published set: %v", err)
			}
		})
	}
}

func TestHugeRSAKeysAreNotUsed(t *testing.T) {
	n := strings.Repeat("_", 4096) // 24,576 bits
	set := `{"keys":[{"kty":"RSA","kid":"x","n":"` + n + `","e":"AQAB"}]}`
	_, err := verify(published(t, []byte(set)), provider, sign(rsaKey(), "RS256", []byte(`{"alg":"RS256","kid":"x"}`), mustJSON(base())))
	checkRefusal(t, err, refusal{reason: oidc.ReasonUnknownKey, message: noKey, detail: "modulus too large"})
}
