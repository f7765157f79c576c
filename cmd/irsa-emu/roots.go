package main

import (
	"crypto/x509"
	"fmt"
	"os"
)

// readRoots reads the authorities of a PEM file; from is the flag or the variable
// that names it.
func readRoots(from, file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s %s: no certificate in it; PEM is expected (-----BEGIN CERTIFICATE-----)", from, file)
	}
	return roots, nil
}
