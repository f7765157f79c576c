package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"math/big"
)

// scheme is what an algorithm of RFC 7518 demands of key and hash.
type scheme struct {
	hash  crypto.Hash
	curve elliptic.Curve // nil: RSA, PKCS #1 v1.5
}

func schemeOf(algorithm string) (scheme, bool) {
	switch algorithm {
	case "RS256":
		return scheme{hash: crypto.SHA256}, true
	case "RS384":
		return scheme{hash: crypto.SHA384}, true
	case "RS512":
		return scheme{hash: crypto.SHA512}, true
	case "ES256":
		return scheme{crypto.SHA256, elliptic.P256()}, true
	case "ES384":
		return scheme{crypto.SHA384, elliptic.P384()}, true
	case "ES512":
		return scheme{crypto.SHA512, elliptic.P521()}, true
	}
	return scheme{}, false
}

// checkSignature verifies the bytes that the token was signed over.
//
// It does not call go-jose, which would parse and re-encode the token a second
// time (half as much again as the RSA operation itself, see BenchmarkVerify). A
// test holds both to the same verdict on every vector.
func (t *Token) checkSignature(by *Key) error {
	s, ok := schemeOf(t.Header.Algorithm)
	if !ok {
		return fmt.Errorf("algorithm %q", t.Header.Algorithm)
	}
	// Decoded again: kept from the first time, it would not be on the stack.
	signature, err := decodePart(t.signature, make([]byte, 0, usualSignature))
	if err != nil {
		return err
	}
	digest := t.digest(s.hash)
	if s.curve == nil {
		if by.prepared == nil {
			return fmt.Errorf("%s needs an RSA key, not %T", t.Header.Algorithm, by.Public)
		}
		return by.prepared().verify(s.hash, digest, signature)
	}
	key, ok := by.Public.(*ecdsa.PublicKey)
	if !ok || key.Curve != s.curve {
		return fmt.Errorf("%s needs a key on %s", t.Header.Algorithm, s.curve.Params().Name)
	}
	// r and s side by side at full width, RFC 7518 §3.4: DER is refused. (r, n-s)
	// is as good as (r, s): nothing here takes a signature for an identity.
	size := (s.curve.Params().BitSize + 7) / 8
	if len(signature) != 2*size {
		return fmt.Errorf("the signature has %d bytes, not %d", len(signature), 2*size)
	}
	r, ss := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	if !ecdsa.Verify(key, digest, r, ss) { // refuses 0 and values beyond the order
		return errors.New("ECDSA verification failure")
	}
	return nil
}

// digest is the hash of the bytes under the signature.
func (t *Token) digest(hash crypto.Hash) []byte {
	signed := append(make([]byte, 0, usualToken), t.signed...)
	switch hash {
	case crypto.SHA384:
		sum := sha512.Sum384(signed)
		return sum[:]
	case crypto.SHA512:
		sum := sha512.Sum512(signed)
		return sum[:]
	}
	sum := sha256.Sum256(signed)
	return sum[:]
}
