package oidc_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512"
	"math/big"
	"slices"
	"testing"

	"github.com/irsa-emu/irsa-emu/oidc"
)

// encoded is the message that a signature of the digest stands for (RFC 8017 §9.2),
// in a modulus of so many bytes.
func encoded(t testing.TB, key *rsa.PrivateKey, hash crypto.Hash, digest []byte) []byte {
	t.Helper()
	signature, err := rsa.SignPKCS1v15(nil, key, hash, digest)
	if err != nil {
		t.Fatal(err)
	}
	m := new(big.Int).Exp(new(big.Int).SetBytes(signature), big.NewInt(int64(key.E)), key.N)
	return m.FillBytes(make([]byte, key.Size()))
}

// signatureOf makes a signature that stands for any message, however it is laid out
// (RFC 8017 §5.1.2, with the primes: a fuzzer has little time).
func signatureOf(key *rsa.PrivateKey, message []byte) []byte {
	m, p, q := new(big.Int).SetBytes(message), key.Primes[0], key.Primes[1]
	m1, m2 := new(big.Int).Exp(m, key.Precomputed.Dp, p), new(big.Int).Exp(m, key.Precomputed.Dq, q)
	h := m1.Sub(m1, m2)
	h.Mod(h.Mul(h, key.Precomputed.Qinv), p)
	return h.Add(m2, h.Mul(h, q)).FillBytes(make([]byte, key.Size()))
}

// FuzzRSA holds the verification of prepared keys to crypto/rsa's verdict, for
// signatures that stand for messages of every layout, and for any bytes.
func FuzzRSA(f *testing.F) {
	key := rsaKey().Private.(*rsa.PrivateKey)
	hashes := []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA1}
	for i, hash := range hashes[:3] {
		h := hash.New()
		h.Write([]byte("message"))
		good := encoded(f, key, hash, h.Sum(nil))
		f.Add(uint8(i), good, true)
		f.Add(uint8(i), good, false)
		f.Add(uint8((i+1)%3), good, true)
		for _, at := range []int{0, 1, 2, 10, bytes.IndexByte(good[2:], 0) + 2, len(good) - 64, len(good) - 33, len(good) - 1} {
			bad := slices.Clone(good)
			bad[at] ^= 1
			f.Add(uint8(i), bad, true)
		}
		// The digest at the front, garbage behind it: what forgeries for e = 3 look like.
		info := good[bytes.IndexByte(good[2:], 0)+2:]
		short := append(append([]byte{0, 1, 255, 255, 255, 255, 255, 255, 255, 255}, info...), make([]byte, len(good))...)
		f.Add(uint8(i), short[:len(good)], true)
		f.Add(uint8(i), append([]byte{0}, good...), true)
		f.Add(uint8(i), good[1:], false)
	}
	f.Add(uint8(0), key.N.Bytes(), false)
	f.Add(uint8(3), []byte{}, true)
	f.Fuzz(func(t *testing.T, which uint8, data []byte, sign bool) {
		hash := hashes[int(which)%len(hashes)]
		h := hash.New()
		h.Write([]byte("message"))
		signature := data
		if sign {
			signature = signatureOf(key, data)
		}
		digest := h.Sum(nil)
		want := rsa.VerifyPKCS1v15(&key.PublicKey, hash, digest, signature)
		if hash == crypto.SHA1 { // no algorithm of STS's
			want = rsa.ErrVerification
		}
		if got := oidc.VerifyRSA(&key.PublicKey, hash, digest, signature); (got == nil) != (want == nil) {
			t.Errorf("%v here, %v by crypto/rsa", got, want)
		}
	})
}

// TestRSAKeys: a key that crypto/rsa would not use verifies nothing, and one of
// another size or exponent as there.
func TestRSAKeys(t *testing.T) {
	digest := sha256.Sum256([]byte("message"))
	key := rsaKey().Private.(*rsa.PrivateKey)
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	for name, public := range map[string]*rsa.PublicKey{
		"as it is":          {N: key.N, E: key.E},
		"even modulus":      {N: new(big.Int).Add(key.N, big.NewInt(1)), E: key.E},
		"exponent 0":        {N: key.N},
		"exponent 1":        {N: key.N, E: 1},
		"exponent -3":       {N: key.N, E: -3},
		"exponent 3":        {N: key.N, E: 3},
		"even exponent":     {N: key.N, E: 65536},
		"exponent over 2³¹": {N: key.N, E: 1<<31 + 1},
		"another modulus":   {N: new(big.Int).Add(key.N, big.NewInt(2)), E: key.E},
		"a longer modulus":  {N: new(big.Int).SetBit(key.N, 2100, 1), E: key.E},
	} {
		want := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature)
		if got := oidc.VerifyRSA(public, crypto.SHA256, digest[:], signature); (got == nil) != (want == nil) {
			t.Errorf("%s: %v here, %v by crypto/rsa", name, got, want)
		}
	}
	// One as RSA was often used: exponent 3, and the message that is its own root.
	three := &rsa.PublicKey{N: key.N, E: 3}
	cube := make([]byte, key.Size())
	cube[len(cube)-1] = 1
	if oidc.VerifyRSA(three, crypto.SHA256, digest[:], cube) == nil {
		t.Error("1 is taken for a signature")
	}
}
