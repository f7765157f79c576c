package oidc

import (
	"context"
	"crypto"
	"crypto/rsa"
	"net/http"
)

// CachedIssuers counts what a Remote remembers.
func CachedIssuers(r *Remote) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.cache)
}

// CheckJWS is parse, choice of key and signature without the claims: public
// vectors sign texts that are no claims.
func CheckJWS(set *KeySet, jws string) error {
	t, _, err := parseJWS(jws, nil)
	if err != nil {
		return err
	}
	key, refused := set.choose(t.Header)
	if refused != nil {
		return refused
	}
	return t.checkSignature(key)
}

// VerifyRSA verifies with a key made ready for it.
func VerifyRSA(key *rsa.PublicKey, hash crypto.Hash, digest, signature []byte) error {
	return prepareRSA(key).verify(hash, digest, signature)
}

// ReadDiscovery is the relying party's reading of a discovery document.
var ReadDiscovery = readDiscovery

// GetDocument is one document of an issuer by way of a client of the test's own.
func GetDocument(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	f := fetch{config: RemoteConfig{}.withDefaults()}
	return f.get(ctx, client, url)
}
