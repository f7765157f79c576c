package oidc

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Where an issuer serves its documents, below its URL.
const (
	DiscoveryPath = aws.DiscoveryPath
	KeysPath      = "/keys" // EKS; kube-apiserver has /openid/v1/jwks
)

// Issuer signs tokens and publishes its keys. It is immutable once in use: Rotate
// makes another one. It encodes to JSON with its private keys.
type Issuer struct {
	// URL is the iss of its tokens, without a trailing slash.
	URL string `json:"url"`
	// Keys[0] signs. The others are published until their NotAfter, so that
	// tokens that they signed stay good.
	Keys []*SigningKey `json:"keys"`

	once   sync.Once
	signer jose.SigningKey
	set    *KeySet
}

// Page is a document as it is served.
type Page struct {
	Body         []byte
	ContentType  string
	CacheControl string
}

// Page returns what the issuer serves at a path below its URL. The media type is
// the one that EKS uses for both; kube-apiserver's application/jwk-set+json for
// keys trips clients that EKS does not. An hour of caching is kube-apiserver's.
func (i *Issuer) Page(path string) (Page, bool) { return pageAt(path, i.Discovery, i.JWKS) }

// PublishedPage is the page of an issuer whose keys were published by its owner,
// such as a cluster: the key set as it was given, and a discovery document for it.
func PublishedPage(url string, jwks []byte, path string) (Page, bool) {
	return pageAt(path, func() []byte { return discoveryOf(url, algorithmsOf(jwks)) }, func() []byte { return jwks })
}

func pageAt(path string, discovery, keys func() []byte) (Page, bool) {
	page := Page{ContentType: "application/json", CacheControl: "public, max-age=3600"}
	switch path {
	case DiscoveryPath:
		page.Body = discovery()
	case KeysPath:
		page.Body = keys()
	default:
		return Page{}, false
	}
	return page, true
}

// algorithmsOf are those that a key set's keys name, each once.
func algorithmsOf(jwks []byte) (all []string) {
	var set struct {
		Keys []struct{ Alg string }
	}
	if json.Unmarshal(jwks, &set) != nil {
		return nil // ParseJWKS refused it before
	}
	for _, k := range set.Keys {
		if k.Alg != "" && !slices.Contains(all, k.Alg) {
			all = append(all, k.Alg)
		}
	}
	return all
}

// discovery has the members of EKS's document in EKS's order.
type discovery struct {
	Issuer        string   `json:"issuer"`
	JWKSURI       string   `json:"jwks_uri"`
	Authorization string   `json:"authorization_endpoint"`
	ResponseTypes []string `json:"response_types_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	Claims        []string `json:"claims_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
}

// Discovery is the discovery document as EKS serves it; RS256 gives way to the
// algorithms of the issuer's own keys.
func (i *Issuer) Discovery() []byte {
	var algorithms []string
	for _, k := range i.Keys {
		if !slices.Contains(algorithms, k.Alg) {
			algorithms = append(algorithms, k.Alg)
		}
	}
	return discoveryOf(i.URL, algorithms)
}

func discoveryOf(url string, algorithms []string) []byte {
	if len(algorithms) == 0 {
		algorithms = []string{"RS256"}
	}
	return mustJSON(discovery{
		Issuer:        url,
		JWKSURI:       url + KeysPath,
		Authorization: "urn:kubernetes:programmatic_authorization",
		ResponseTypes: []string{"id_token"},
		SubjectTypes:  []string{"public"},
		Claims:        []string{"sub", "iss"},
		Algorithms:    algorithms,
	})
}

// publicJWK has EKS's members in EKS's order; the curve's follow.
type publicJWK struct {
	Type  string `json:"kty"`
	KID   string `json:"kid"`
	Use   string `json:"use"`
	Alg   string `json:"alg"`
	N     string `json:"n,omitempty"`
	E     string `json:"e,omitempty"`
	Curve string `json:"crv,omitempty"`
	X     string `json:"x,omitempty"`
	Y     string `json:"y,omitempty"`
}

// JWKS is the document of the issuer's public keys, the signing one first.
func (i *Issuer) JWKS() []byte {
	set := struct {
		Keys []publicJWK `json:"keys"`
	}{Keys: []publicJWK{}}
	for _, k := range i.Keys {
		set.Keys = append(set.Keys, k.jwk())
	}
	return mustJSON(set)
}

func (k *SigningKey) jwk() publicJWK {
	encode := base64.RawURLEncoding.EncodeToString
	jwk := publicJWK{KID: k.KID, Use: "sig", Alg: k.Alg}
	switch public := k.Private.Public().(type) {
	case *rsa.PublicKey:
		jwk.Type, jwk.N, jwk.E = "RSA", encode(public.N.Bytes()), encode(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes() // 4, X, Y
		if err != nil {
			panic("oidc: " + err.Error()) // NewSigningKey admitted the curve
		}
		half := (len(point) - 1) / 2
		jwk.Type, jwk.Curve = "EC", public.Curve.Params().Name
		jwk.X, jwk.Y = encode(point[1:1+half]), encode(point[1+half:])
	}
	return jwk
}

// mustJSON encodes values of this package's own plain types.
func mustJSON(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic("oidc: " + err.Error())
	}
	return out
}

func (i *Issuer) prepare() {
	i.once.Do(func() {
		i.set = newKeySet(len(i.Keys))
		for _, k := range i.Keys {
			i.set.add(keyOf(k.KID, k.Private.Public()))
		}
		if len(i.Keys) > 0 {
			k := i.Keys[0]
			i.signer = jose.SigningKey{
				Algorithm: jose.SignatureAlgorithm(k.Alg),
				Key:       jose.JSONWebKey{Key: k.Private, KeyID: k.KID},
			}
		}
	})
}

// KeySet is the issuer's public keys as a relying party has them.
func (i *Issuer) KeySet() *KeySet { i.prepare(); return i.set }

// SignOptions are what a token's header has beyond alg and kid.
type SignOptions struct {
	// Type is typ: none for Kubernetes, which leaves it out, "JWT" for CI
	// issuers.
	Type string
}

// Sign makes a token of the claims with the issuer's first key. It adds no claim.
func (i *Issuer) Sign(claims map[string]any, o SignOptions) (string, error) {
	i.prepare()
	if len(i.Keys) == 0 {
		return "", fmt.Errorf("sign token of %s: the issuer has no key", i.URL)
	}
	payload, err := marshalClaims(claims)
	if err != nil {
		return "", fmt.Errorf("sign token of %s: %w", i.URL, err)
	}
	var options jose.SignerOptions
	if o.Type != "" {
		options.WithType(jose.ContentType(o.Type))
	}
	signer, err := jose.NewSigner(i.signer, &options)
	if err != nil {
		return "", fmt.Errorf("sign token of %s: %w", i.URL, err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign token of %s: %w", i.URL, err)
	}
	return signed.CompactSerialize()
}

// marshalClaims writes < > & as they are, as issuers do.
func marshalClaims(claims map[string]any) ([]byte, error) {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(claims); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(text.String(), "\n")), nil
}

// Rotate returns the issuer as it is after next began to sign: the keys before it
// stay published for overlap, and those whose time is over are dropped.
func (i *Issuer) Rotate(next *SigningKey, now time.Time, overlap time.Duration) (*Issuer, error) {
	if next == nil {
		return nil, errors.New("rotate keys: no new key")
	}
	started := *next
	if started.Created.IsZero() {
		started.Created = now
	}
	started.NotAfter = time.Time{}
	rotated := &Issuer{URL: i.URL, Keys: []*SigningKey{&started}}
	for _, k := range i.Keys {
		if k.KID == next.KID {
			return nil, fmt.Errorf("rotate keys of %s: %s is in use already", i.URL, k.KID)
		}
		old := *k
		if old.NotAfter.IsZero() {
			old.NotAfter = now.Add(overlap)
		}
		if old.NotAfter.After(now) {
			rotated.Keys = append(rotated.Keys, &old)
		}
	}
	return rotated, nil
}
