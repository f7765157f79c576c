package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"time"
)

// SigningKey is a private key of an issuer. It is immutable.
type SigningKey struct {
	// KID is what kube-apiserver makes of a public key: the unpadded URL-safe
	// base64 of SHA-256 over its DER form (PKIX), 43 characters; for an issuer of
	// EKS see [EKSKeyID].
	KID string
	// Alg is RS256 for RSA, and ES256, ES384 or ES512 by the curve.
	Alg     string
	Private crypto.Signer
	// Created is when the key began to sign, if known.
	Created time.Time
	// NotAfter is when the key stops being published; zero while it signs.
	NotAfter time.Time
}

// GenerateKey makes a key: "RS256" (also "") is RSA with 2048 bits, as EKS has;
// "ES256" is P-256. Since Go 1.26 the standard library takes its own randomness
// for keys, whatever rand is.
func GenerateKey(alg string, rand io.Reader) (*SigningKey, error) {
	var private crypto.Signer
	var err error
	switch alg {
	case "", "RS256":
		private, err = rsa.GenerateKey(rand, 2048)
	case "ES256":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand)
	default:
		return nil, fmt.Errorf("generate signing key: algorithm %q is neither RS256 nor ES256", alg)
	}
	if err != nil {
		return nil, fmt.Errorf("generate signing key: %w", err)
	}
	return NewSigningKey(private)
}

// NewSigningKey names a private key as Kubernetes would. RSA keys below 2048 bits
// and curves that STS does not take are refused.
func NewSigningKey(private crypto.Signer) (*SigningKey, error) {
	k := &SigningKey{Private: private}
	switch key := private.(type) {
	case *rsa.PrivateKey:
		if bits := key.N.BitLen(); bits < smallestRSA {
			return nil, fmt.Errorf("RSA key of %d bits, fewer than %d", bits, smallestRSA)
		}
		k.Alg = "RS256"
	case *ecdsa.PrivateKey:
		switch key.Curve {
		case elliptic.P256():
			k.Alg = "ES256"
		case elliptic.P384():
			k.Alg = "ES384"
		case elliptic.P521():
			k.Alg = "ES512"
		default:
			return nil, fmt.Errorf("curve %s is not one that STS takes", key.Curve.Params().Name)
		}
	default:
		return nil, fmt.Errorf("a %T signs with no algorithm that STS takes", private)
	}
	var err error
	k.KID, err = KeyID(private.Public())
	return k, err
}

// KeyID makes a kid as kube-apiserver does.
func KeyID(public crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("name key: %w", err)
	}
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// EKSKeyID makes a kid in the form of EKS's issuers, 40 hexadecimal digits; what
// EKS makes it of is not known.
func EKSKeyID(public crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("name key: %w", err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:20]), nil
}

// MarshalPEM gives the private key as PKCS #8 in PEM.
func (k *SigningKey) MarshalPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.Private)
	if err != nil {
		return nil, fmt.Errorf("marshal signing key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ParseKey reads a private key in PEM: PKCS #8, or the older PKCS #1 and SEC 1
// that kubeadm and openssl write (sa.key).
func ParseKey(src []byte) (*SigningKey, error) {
	block, _ := pem.Decode(src)
	if block == nil {
		return nil, errors.New("read signing key: no PEM block")
	}
	var private any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		private, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		private, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		private, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("read signing key: the PEM block is a %q, not a private key", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("read signing key: %w", err)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("read signing key: a %T cannot sign", private)
	}
	k, err := NewSigningKey(signer)
	if err != nil {
		return nil, fmt.Errorf("read signing key: %w", err)
	}
	return k, nil
}

// storedKey is a key in the emulator's state. kid and alg follow from the key.
type storedKey struct {
	PEM      string    `json:"pem"`
	Created  time.Time `json:"created,omitzero"`
	NotAfter time.Time `json:"notAfter,omitzero"`
}

// MarshalJSON writes the private key: the result is a secret.
func (k *SigningKey) MarshalJSON() ([]byte, error) {
	text, err := k.MarshalPEM()
	if err != nil {
		return nil, err
	}
	return json.Marshal(storedKey{PEM: string(text), Created: k.Created, NotAfter: k.NotAfter})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (k *SigningKey) UnmarshalJSON(src []byte) error {
	var stored storedKey
	if err := json.Unmarshal(src, &stored); err != nil {
		return fmt.Errorf("read signing key: %w", err)
	}
	parsed, err := ParseKey([]byte(stored.PEM))
	if err != nil {
		return err
	}
	parsed.Created, parsed.NotAfter = stored.Created, stored.NotAfter
	*k = *parsed
	return nil
}

// String names the key, so that printing one does not show its secret.
func (k *SigningKey) String() string { return "signing key " + k.KID + " (" + k.Alg + ")" }

// GoString keeps %#v from printing the private key.
func (k *SigningKey) GoString() string { return "oidc.SigningKey{" + k.KID + "}" }
