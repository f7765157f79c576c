package oidc

import (
	"crypto"
	"crypto/rsa"
	"errors"

	"filippo.io/bigmod"
)

// preparedRSA verifies RSASSA-PKCS1-v1_5 signatures (RFC 8017 §8.2.2) of one key.
// [rsa.VerifyPKCS1v15] works out anew for each signature what depends on the key
// alone, a third of its time; an issuer's key is asked about a thousand times. The
// arithmetic is the standard library's own, which that module exports; a fuzz target
// and the vectors of Wycheproof hold both to the same verdict.
type preparedRSA struct {
	modulus  *bigmod.Modulus
	exponent uint
}

// prepareRSA returns nil, with which nothing verifies, for a key that crypto/rsa refuses too.
func prepareRSA(key *rsa.PublicKey) *preparedRSA {
	if key.N.Bit(0) == 0 || key.E < 2 || key.E&1 == 0 || key.E > 1<<31-1 {
		return nil
	}
	modulus, err := bigmod.NewModulus(key.N.Bytes())
	if err != nil {
		return nil
	}
	return &preparedRSA{modulus, uint(key.E)}
}

// verify compares the whole encoded message with the one that the digest must have:
// nothing of the signature is parsed.
func (p *preparedRSA) verify(hash crypto.Hash, digest, signature []byte) error {
	if p == nil {
		return errors.New("the modulus is even, or the exponent even, 1 or over 31 bits")
	}
	size := p.modulus.Size()
	if len(signature) != size {
		return rsa.ErrVerification
	}
	s, err := bigmod.NewNat().SetBytes(signature, p.modulus)
	if err != nil { // not below the modulus
		return rsa.ErrVerification
	}
	prefix := digestInfo[hash]
	padding := size - 3 - len(prefix) - len(digest)
	if len(prefix) == 0 || len(digest) != hash.Size() || padding < 8 {
		return rsa.ErrVerification
	}
	want := append(make([]byte, 0, 512), 0, 1) // up to 4,096 bits on the stack
	for range padding {
		want = append(want, 0xff)
	}
	want = append(append(append(want, 0), prefix...), digest...)
	encoded, err := bigmod.NewNat().SetBytes(want, p.modulus)
	if err != nil || bigmod.NewNat().ExpShortVarTime(s, p.exponent, p.modulus).Equal(encoded) == 0 {
		return rsa.ErrVerification
	}
	return nil
}

// digestInfo is what stands before the digest, in DER (RFC 8017 §9.2, note 1).
var digestInfo = map[crypto.Hash][]byte{
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA384: {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
}
