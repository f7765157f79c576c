package oidc_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/irsa-emu/irsa-emu/oidc"
)

// podToken is a token as a pod of EKS has it.
func podToken(tb testing.TB, k *oidc.SigningKey) string {
	tb.Helper()
	claims, err := oidc.KubernetesClaims(oidc.KubernetesToken{
		Issuer: issuerURL, Namespace: "your-namespace", ServiceAccount: "your-service-account",
		Pod: "app-7d4b9c5f6-x2x7k", Node: "ip-10-0-1-23.us-west-2.compute.internal",
		IssuedAt: now, Expires: now.Add(24 * time.Hour),
	})
	if err != nil {
		tb.Fatal(err)
	}
	token, err := issuer(k).Sign(claims, oidc.SignOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// BenchmarkVerify is parse and verification of a pod's token. BenchmarkBareRSA is
// the one operation in it that cannot be left out: the first should stay within a
// quarter above the second. BenchmarkGoJose is what go-jose alone would take.
func BenchmarkVerify(b *testing.B)      { benchmarkVerify(b, rsaKey()) }
func BenchmarkVerifyES256(b *testing.B) { benchmarkVerify(b, ecKey()) }

func benchmarkVerify(b *testing.B, k *oidc.SigningKey) {
	raw := podToken(b, k)
	v := &oidc.Verifier{Keys: keysOf(issuer(k)), Now: clock}
	b.ReportAllocs()
	for b.Loop() {
		token, err := oidc.ParseUnverified(raw)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := v.Verify(context.Background(), provider, token.Claims()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseUnverified(b *testing.B) {
	raw := podToken(b, rsaKey())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := oidc.ParseUnverified(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOverBareRSA runs verification and the bare RSA operation in turns, so
// that their ratio, x-bare, holds on a busy machine too.
func BenchmarkOverBareRSA(b *testing.B) {
	raw := podToken(b, rsaKey())
	v := &oidc.Verifier{Keys: keysOf(issuer(rsaKey())), Now: clock}
	bare := bareRSA(b, raw)
	var whole, part time.Duration
	for b.Loop() {
		start := time.Now()
		for range 8 {
			token, err := oidc.ParseUnverified(raw)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := v.Verify(context.Background(), provider, token.Claims()); err != nil {
				b.Fatal(err)
			}
		}
		middle := time.Now()
		for range 8 {
			bare()
		}
		whole += middle.Sub(start)
		part += time.Since(middle)
	}
	b.ReportMetric(float64(whole)/float64(part), "x-bare")
}

// bareRSA hashes a token and verifies its signature, and does nothing else.
func bareRSA(b *testing.B, raw string) func() {
	b.Helper()
	dot := strings.LastIndexByte(raw, '.')
	sig, err := base64.RawURLEncoding.DecodeString(raw[dot+1:])
	if err != nil {
		b.Fatal(err)
	}
	public := rsaKey().Private.Public().(*rsa.PublicKey)
	return func() {
		sum := sha256.Sum256([]byte(raw[:dot]))
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], sig); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkConditionKeys(b *testing.B) {
	claims, err := verify(keysOf(issuer(rsaKey())), provider, podToken(b, rsaKey()))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for range oidc.ConditionKeys(issuerURL, claims.ClaimSet) {
		}
	}
}

func BenchmarkBareRSA(b *testing.B) {
	bare := bareRSA(b, podToken(b, rsaKey()))
	b.ReportAllocs()
	for b.Loop() {
		bare()
	}
}

func BenchmarkGoJose(b *testing.B) {
	raw := podToken(b, rsaKey())
	public := rsaKey().Private.Public()
	b.ReportAllocs()
	for b.Loop() {
		jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := jws.Verify(public); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	i := issuer(rsaKey())
	claims := base()
	for b.Loop() {
		if _, err := i.Sign(claims, oidc.SignOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
