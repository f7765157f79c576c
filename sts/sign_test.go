package sts

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"testing"
)

// rs256 signs with the package's test key what no issuer would sign.
func rs256(t testing.TB, signed string) []byte {
	t.Helper()
	sum := sha256.Sum256([]byte(signed))
	signature, err := signer().Keys[0].Private.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}
