package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/go-jose/go-jose/v4"
	josejson "github.com/go-jose/go-jose/v4/json"

	"github.com/irsa-emu/irsa-emu/term"
)

const (
	// mostKeysOfAType is AWS's limit for RSA keys, and for EC keys. A set that
	// exceeds one limit still serves the other type (recorded: key-rsa-101).
	mostKeysOfAType = 100
	smallestRSA     = 2048
	// mostJWKs bounds the work of reading a set that is built to be slow.
	mostJWKs = 2000
)

// Key is one entry of a key set.
type Key struct {
	KID string
	// Type is the JWK's kty.
	Type string
	// Public is nil if the entry has no key that signatures are checked with.
	Public crypto.PublicKey
	// Problem says why STS does not use the key, "" if it does.
	Problem string
	// Fix says what to do about the problem.
	Fix string

	problem Reason
	message string
	// prepared is an RSA key made ready when it is first asked for: a set may have
	// a thousand keys, of which one signs.
	prepared func() *preparedRSA
}

// KeySet is an issuer's public keys, parsed once and immutable. How it chooses a
// key is AWS's way, which is not RFC 7517's.
type KeySet struct {
	// Pinned says that no trusted root signed the certificates of the servers that
	// the set came from: the provider's thumbprints did for them.
	Pinned bool

	keys    []Key
	rsa, ec map[string]int // kid -> index in keys; of duplicates the last
	rsas    int
	ecs     int
}

// ParseJWKS reads a JWK set. An entry that cannot be used stays in the set, so
// that refusals can name it; only a document that is no key set is an error.
func ParseJWKS(src []byte) (*KeySet, error) {
	var document struct {
		Keys *[]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(src, &document); err != nil {
		return nil, fmt.Errorf("read JWK set: %w", term.JSON(err))
	}
	if document.Keys == nil {
		return nil, errors.New(`read JWK set: no "keys" list`)
	}
	if len(*document.Keys) > mostJWKs {
		return nil, fmt.Errorf("read JWK set: %d keys, more than %d", len(*document.Keys), mostJWKs)
	}
	set := newKeySet(len(*document.Keys))
	for _, raw := range *document.Keys {
		set.add(parseJWK(raw))
	}
	return set, nil
}

func newKeySet(size int) *KeySet {
	return &KeySet{keys: make([]Key, 0, size), rsa: make(map[string]int, size), ec: map[string]int{}}
}

func (s *KeySet) add(k Key) {
	s.keys = append(s.keys, k)
	byKID := s.rsa
	switch k.Type {
	case "RSA":
		s.rsas++
	case "EC":
		s.ecs++
		byKID = s.ec
	default:
		return
	}
	if k.KID != "" { // a JWK without kid is unusable (recorded: key-no-jwk-kid)
		byKID[k.KID] = len(s.keys) - 1
	}
}

// parseJWK reads one entry. alg is ignored (recorded: key-wrong-alg).
func parseJWK(raw []byte) Key {
	var head struct {
		KID    string          `json:"kid"`
		Type   string          `json:"kty"`
		Use    string          `json:"use"`
		KeyOps json.RawMessage `json:"key_ops"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return Key{}.unusable(ReasonUnknownKey, textNoKey, "not a JWK: "+term.JSON(err).Error(), fixKeyMaterial)
	}
	k := Key{KID: head.KID, Type: head.Type}
	if k.Type != "RSA" && k.Type != "EC" {
		return k.unusable(ReasonUnknownKey, textNoKey, fmt.Sprintf("kty %q is neither RSA nor EC", k.Type), fixKeyMaterial)
	}
	// go-jose reads the material, sees to it that x5c agrees with n and e, and
	// refuses moduli so large that verifying would be slow.
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(raw); err != nil {
		return k.unusable(ReasonUnknownKey, textNoKey, saidByJose(err), fixKeyMaterial)
	}
	k.Public = jwk.Public().Key
	switch {
	case head.Use != "" && head.Use != "sig":
		// That it fails is recorded, its text is not: chosen like an absent key.
		return k.unusable(ReasonUnknownKey, textNoKey, fmt.Sprintf("use is %q, not sig", head.Use), `set "use": "sig" or leave use out`)
	case len(head.KeyOps) > 0 && !isNull(string(head.KeyOps)):
		// Even ["verify"] (recorded: key-ops-verify).
		return k.unusable(ReasonUnusableKey, textNotValidated, fmt.Sprintf("it has key_ops %s", clip(string(head.KeyOps))), `leave key_ops out: STS refuses tokens of keys that have it, even ["verify"]`)
	case k.KID == "":
		return k.unusable(ReasonUnknownKey, textNoKey, "it has no kid", "give the key a kid, and tokens the same")
	}
	return k.checkSize()
}

// saidByJose is an error of go-jose, which has a copy of encoding/json, in the words of other errors.
func saidByJose(err error) string {
	var kind *josejson.UnmarshalTypeError
	if errors.As(err, &kind) {
		err = term.JSON(&json.UnmarshalTypeError{Value: kind.Value, Type: kind.Type})
	}
	return err.Error()
}

// checkSize refuses RSA below 2048 bits: AWS documents no limit, but factoring
// such keys is within reach. Other RSA keys are verified with.
func (k Key) checkSize() Key {
	pub, ok := k.Public.(*rsa.PublicKey)
	if !ok {
		return k
	}
	if bits := pub.N.BitLen(); bits < smallestRSA {
		return k.unusable(ReasonUnusableKey, textNotValidated, fmt.Sprintf("RSA of %d bits, fewer than %d", bits, smallestRSA), "use RSA with 2048 bits or more")
	}
	k.prepared = sync.OnceValue(func() *preparedRSA { return prepareRSA(pub) })
	return k
}

// fixKeyMaterial is what to do about a key that cannot be read.
const fixKeyMaterial = "publish an RSA key (n, e) or an EC key on P-256, P-384 or P-521; an x5c must hold a certificate of the same key"

func (k Key) unusable(reason Reason, message, problem, fix string) Key {
	k.Fix = fix
	k.Problem, k.problem, k.message = problem, reason, message
	return k
}

// Keys lists the entries of the set in their order.
func (s *KeySet) Keys() []Key { return append([]Key(nil), s.keys...) }

// KIDs lists the kids of the set, "" for a key without one.
func (s *KeySet) KIDs() []string {
	kids := make([]string, len(s.keys))
	for i, k := range s.keys {
		kids[i] = k.KID
	}
	return kids
}

// choose finds the key for a header: of the algorithm's type, with its kid. A
// header without kid (or with an empty one) is served only by a set of exactly
// one key (recorded: missing-key-id, key-no-header-kid).
func (s *KeySet) choose(h Header) (*Key, *TokenError) {
	byKID, count, kty := s.rsa, s.rsas, "RSA"
	if h.Algorithm[0] == 'E' {
		byKID, count, kty = s.ec, s.ecs, "EC"
	}
	if count > mostKeysOfAType {
		return nil, refuse(ReasonKeysUnavailable, textNoKey, "the key set has %d %s keys, more than %d", count, kty, mostKeysOfAType)
	}
	kid := h.KeyID
	if kid == "" {
		if len(s.keys) != 1 {
			return nil, refuse(ReasonUnknownKey, textNoKey, "the token's header has no kid, and the key set has %d keys, not one", len(s.keys))
		}
		kid = s.keys[0].KID
	}
	at, ok := byKID[kid]
	if !ok {
		return nil, s.unknownKey(kid, kty)
	}
	key := &s.keys[at]
	if key.Problem != "" {
		return nil, refuse(key.problem, key.message, "STS does not use the key %q: %s", kid, key.Problem)
	}
	return key, nil
}

func (s *KeySet) unknownKey(kid, kty string) *TokenError {
	err := refuse(ReasonUnknownKey, textNoKey, "no %s key with the kid %q; the key set has %s", kty, clip(kid), s.describe())
	for _, k := range s.keys {
		if k.KID == kid && k.Type != kty && kid != "" {
			return err.withHint("key-type", fmt.Sprintf("the key %q is of type %s, which does not fit the token's alg", kid, k.Type), "")
		}
	}
	return err.withHint("rotated-key", "was the key rotated, and the published key set not? a token outlives its key if the set drops it at once", "")
}

// describe lists kids for an explanation.
func (s *KeySet) describe() string {
	if len(s.keys) == 0 {
		return "no keys"
	}
	const most = 10
	var text strings.Builder
	for i, k := range s.keys {
		if i == most {
			fmt.Fprintf(&text, " and %d more", len(s.keys)-most)
			break
		}
		if i > 0 {
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "%q", clip(k.KID))
		if k.Problem != "" {
			fmt.Fprintf(&text, " (unusable: %s)", k.Problem)
		}
	}
	return text.String()
}

// keyOf makes an entry from a public key of our own.
func keyOf(kid string, public crypto.PublicKey) Key {
	switch public.(type) {
	case *rsa.PublicKey:
		return Key{KID: kid, Type: "RSA", Public: public}.checkSize()
	case *ecdsa.PublicKey:
		return Key{KID: kid, Type: "EC", Public: public}
	}
	return Key{KID: kid}.unusable(ReasonUnknownKey, textNoKey, fmt.Sprintf("%T is neither RSA nor EC", public), fixKeyMaterial)
}
