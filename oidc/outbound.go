package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// AWS as the issuer: sts:GetWebIdentityToken and the documents that relying
// parties read. All of this file is recorded 13.
const (
	// OutboundKeysPath is where an account's issuer serves its keys.
	OutboundKeysPath = "/.well-known/jwks.json"

	outboundRSA = "RSA_0"
	outboundEC  = "EC384_0"
)

// OutboundKeys are the signing keys of an account's issuer, one for each
// algorithm that GetWebIdentityToken knows. They are immutable, and encode to
// JSON with their private halves.
type OutboundKeys struct {
	URL string      `json:"url"`
	RSA *SigningKey `json:"rsa"`
	EC  *SigningKey `json:"ec"`
}

// CheckOutbound says what STS has against a token of the issuer of the role's own
// account: recorded 13, the text is not. One of another account is a token like any other.
func (u *Unverified) CheckOutbound(account string) error {
	if !strings.HasSuffix(u.Issuer, aws.OutboundHost) {
		return nil
	}
	var claims struct {
		AWS struct {
			Account string `json:"aws_account"`
		} `json:"https://sts.amazonaws.com/"`
	}
	if json.Unmarshal([]byte(u.Raw), &claims) != nil || claims.AWS.Account != account { // of other shape: not AWS's
		return nil
	}
	return refuse(ReasonOwnIssuer, textNoKey, "the token is of account %s's own issuer, and the role is of that account too: AWS does not federate with itself", account).
		withHint("own-issuer", "a session of the account can assume the role as it is", "call AssumeRole")
}

// GenerateOutboundKeys makes an RSA key of 2048 bits and one on P-384.
func GenerateOutboundKeys(url string, random io.Reader) (*OutboundKeys, error) {
	private, err := rsa.GenerateKey(random, 2048)
	if err != nil {
		return nil, fmt.Errorf("generate signing key: %w", err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P384(), random)
	if err != nil {
		return nil, fmt.Errorf("generate signing key: %w", err)
	}
	k := &OutboundKeys{URL: url}
	if k.RSA, err = NewSigningKey(private); err != nil {
		return nil, err
	}
	k.EC, err = NewSigningKey(curve)
	return k, err
}

// named is the key under the name that AWS gives it.
func (k *SigningKey) named(kid string) *SigningKey {
	named := *k
	named.KID = kid
	return &named
}

// Sign makes a token of a payload, which it takes as it is. alg is RS256 or
// ES384. The header has its members in AWS's order, which go-jose cannot write.
func (k *OutboundKeys) Sign(alg string, payload []byte) (string, error) {
	kid := outboundRSA
	if alg == "ES384" {
		kid = outboundEC
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"kid":"`+kid+`","typ":"JWT","alg":"`+alg+`"}`)) + "." + encode(payload)
	signature, err := k.signature(alg, signed)
	if err != nil {
		return "", fmt.Errorf("sign token of %s: %w", k.URL, err)
	}
	return signed + "." + encode(signature), nil
}

// signature is RFC 7518's: RSASSA-PKCS1-v1_5, or r and s one behind the other.
func (k *OutboundKeys) signature(alg, signed string) ([]byte, error) {
	switch alg {
	case "RS256":
		digest := sha256.Sum256([]byte(signed))
		return k.RSA.Private.Sign(rand.Reader, digest[:], crypto.SHA256)
	case "ES384":
		private, ok := k.EC.Private.(*ecdsa.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("the key for ES384 is a %T", k.EC.Private)
		}
		digest := sha512.Sum384([]byte(signed))
		r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
		if err != nil {
			return nil, err
		}
		out := make([]byte, 96)
		r.FillBytes(out[:48])
		s.FillBytes(out[48:])
		return out, nil
	}
	return nil, fmt.Errorf("algorithm %q is neither RS256 nor ES384", alg)
}

func (k *OutboundKeys) issuer() *Issuer {
	return &Issuer{URL: k.URL, Keys: []*SigningKey{k.RSA.named(outboundRSA), k.EC.named(outboundEC)}}
}

// KeySet are the keys under the names by which tokens have them.
func (k *OutboundKeys) KeySet() *KeySet { return k.issuer().KeySet() }

// Page is what the issuer serves at a path below its URL; whether the account
// has the feature switched on is no matter (recorded 13).
func (k *OutboundKeys) Page(path string) (Page, bool) {
	page := Page{ContentType: "application/json"}
	switch path {
	case DiscoveryPath:
		page.Body = mustJSON(struct {
			Claims        []string `json:"claims_supported"`
			Algorithms    []string `json:"id_token_signing_alg_values_supported"`
			Issuer        string   `json:"issuer"`
			JWKSURI       string   `json:"jwks_uri"`
			ResponseTypes []string `json:"response_types_supported"`
			SubjectTypes  []string `json:"subject_types_supported"`
		}{
			[]string{"sub", "iss", "aud", "exp", "iat", "jti", "https://sts.amazonaws.com/"}, []string{"RS256", "ES384"},
			k.URL, k.URL + OutboundKeysPath, []string{"id_token"}, []string{"public"},
		})
	case OutboundKeysPath:
		page.Body = k.issuer().JWKS()
	default:
		return Page{}, false
	}
	return page, true
}
