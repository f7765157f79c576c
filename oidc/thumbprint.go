package oidc

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Thumbprint is what an IAM OIDC provider pins: the SHA-1 sum, in hexadecimal, of
// the last certificate that the jwks_uri's host presents, which is its top
// intermediate (or the only certificate of a self-signed server). The chain is in
// the order of the handshake, the host's own certificate first.
func Thumbprint(chain []*x509.Certificate) (string, error) {
	if len(chain) == 0 {
		return "", errors.New("no certificates")
	}
	for i, certificate := range chain[:len(chain)-1] {
		if err := certificate.CheckSignatureFrom(chain[i+1]); err != nil {
			return "", fmt.Errorf("certificate %d (%s) is not signed by the next (%s): AWS wants leaf, intermediates, root in order and nothing else: %w",
				i+1, certificate.Subject, chain[i+1].Subject, err)
		}
	}
	sum := sha1.Sum(chain[len(chain)-1].Raw)
	return hex.EncodeToString(sum[:]), nil
}

// verifyChain checks a presented chain for a host: "" when a root of the pool
// signed it (nil: the system's), else the thumbprint that a provider must have
// pinned. A chain that is wrong in itself (another host's, out of date, out of
// order) is an error either way.
func verifyChain(chain []*x509.Certificate, host string, roots *x509.CertPool, now time.Time) (string, error) {
	if len(chain) == 0 {
		return "", errors.New("no certificate presented")
	}
	options := x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now}
	for _, certificate := range chain[1:] {
		options.Intermediates.AddCert(certificate)
	}
	_, err := chain[0].Verify(options)
	if err == nil {
		return "", nil
	}
	if unknown := (x509.UnknownAuthorityError{}); !errors.As(err, &unknown) {
		return "", err
	}
	top, err := Thumbprint(chain)
	if err != nil {
		return "", err
	}
	options.Roots = x509.NewCertPool()
	options.Roots.AddCert(chain[len(chain)-1])
	if _, err := chain[0].Verify(options); err != nil {
		return "", err
	}
	return top, nil
}

// pinned says whether the provider pins a thumbprint.
func (p Provider) pinned(thumbprint string) bool {
	return slices.ContainsFunc(p.Thumbprints, func(t string) bool { return strings.EqualFold(t, thumbprint) })
}
