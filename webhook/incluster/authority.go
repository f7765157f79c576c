package incluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

const authorityLife = 5 * 365 * 24 * time.Hour

// NewSecret makes what the Secret holds: an authority that signs for the
// webhook and, in intercept mode, for AWS's host names, and the control token.
// It is good inside one cluster and nowhere else.
func NewSecret(now time.Time) (map[string][]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "irsa-emu cluster CA"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making a certificate authority: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	token := make([]byte, 16)
	rand.Read(token) // never fails
	return map[string][]byte{
		SecretCA:           pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		SecretCAKey:        pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
		SecretControlToken: []byte(hex.EncodeToString(token)),
	}, nil
}

func serial() *big.Int {
	b := make([]byte, 15)
	rand.Read(b) // never fails
	return new(big.Int).SetBytes(b)
}

// serverCertificate is a certificate of the Secret's authority for names.
func serverCertificate(secret map[string][]byte, now time.Time, names ...string) (*tls.Certificate, error) {
	authority, err := tls.X509KeyPair(secret[SecretCA], secret[SecretCAKey])
	if err != nil {
		return nil, fmt.Errorf("the authority in the Secret: %w", err)
	}
	issuer, err := x509.ParseCertificate(authority.Certificate[0])
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: now.Add(-time.Hour), NotAfter: issuer.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), authority.PrivateKey.(crypto.Signer))
	if err != nil {
		return nil, fmt.Errorf("a certificate for %s: %w", names[0], err)
	}
	return &tls.Certificate{Certificate: [][]byte{der, issuer.Raw}, PrivateKey: key}, nil
}
