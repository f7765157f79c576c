package sts

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
)

// MaxSessionToken is the longest session token, in bytes. Source: STS API
// reference, 2026.
const MaxSessionToken = 4096

// tokenMark begins every session token, so that it looks like AWS's: base64 of
// it is IQoJb3JpZ2luX2Vj.
const tokenMark = "\x21\x0a\x09origin_ec"

const (
	keyIDSize = 4
	nonceSize = 12
	tagSize   = 16
)

// Credentials are what a client signs with.
type Credentials struct {
	AccessKeyID, SecretAccessKey string
	// Sealed is the session token before base64, in which answers write it.
	Sealed     []byte
	Expiration time.Time
}

// SessionToken is the token as clients send it.
func (c Credentials) SessionToken() string { return base64.StdEncoding.EncodeToString(c.Sealed) }

// size is that of SessionToken, in bytes.
func (c Credentials) size() int { return base64.StdEncoding.EncodedLen(len(c.Sealed)) }

// Sealer makes credentials out of sessions and finds the session again, under
// one sealing key. A session token is
//
//	mark, key id, nonce, AES-256-GCM(session; the access key id authenticated too)
//
// in base64; the secret access key is an HMAC of access key id and nonce. So
// the holder of a token can neither read nor change it, nor use it with another
// access key, and the emulator has nothing to remember.
type Sealer struct {
	key  *SealingKey
	id   [keyIDSize]byte
	aead cipher.AEAD
	mac  []byte // the key of the HMACs that are secret access keys
}

// newSealer prepares a sealing key for use.
func newSealer(key *SealingKey) (*Sealer, error) {
	s := &Sealer{key: key}
	id, err := hex.DecodeString(key.ID)
	if err != nil || len(id) != keyIDSize {
		return nil, fmt.Errorf("sealing key %q: the id is not eight hex digits", key.ID)
	}
	copy(s.id[:], id)
	if len(key.Secret) != 32 {
		return nil, fmt.Errorf("sealing key %q has %d bytes, not 32", key.ID, len(key.Secret))
	}
	tokens, err := hkdf.Key(sha256.New, key.Secret, nil, "irsa-emu session token", 32)
	if err != nil {
		return nil, err
	}
	if s.mac, err = hkdf.Key(sha256.New, key.Secret, nil, "irsa-emu secret access key", 32); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(tokens)
	if err != nil {
		return nil, err
	}
	s.aead, err = cipher.NewGCM(block)
	return s, err
}

func (s *Sealer) madeOf(key *SealingKey) bool {
	return s.key == key || s.key.ID == key.ID && bytes.Equal(s.key.Secret, key.Secret) && s.key.Active.Equal(key.Active)
}

// Seal makes credentials. The token has at least minSize bytes, as far as
// base64 allows; it may have more than [MaxSessionToken], which is the caller's
// to refuse.
func (s *Sealer) Seal(session *Session, rand io.Reader, minSize int) (Credentials, error) {
	var random [5 + nonceSize]byte
	if _, err := io.ReadFull(rand, random[:]); err != nil {
		return Credentials{}, fmt.Errorf("reading random bytes: %w", err)
	}
	id, err := newAccessKeyID(session.Account, [5]byte(random[:5]))
	if err != nil {
		return Credentials{}, err
	}
	nonce := random[5:]
	const head = len(tokenMark) + keyIDSize + nonceSize
	raw := append(append(append(make([]byte, 0, 768), tokenMark...), s.id[:]...), nonce...)
	if raw, err = session.append(raw); err != nil {
		return Credentials{}, err
	}
	for base64.StdEncoding.EncodedLen(len(raw)+tagSize) < minSize {
		raw = append(raw, 0)
	}
	// In place: the plaintext becomes the ciphertext.
	raw = append(raw[:head], s.aead.Seal(raw[head:head], nonce, raw[head:], []byte(id))...)
	return Credentials{AccessKeyID: id, SecretAccessKey: s.secretOf(id, nonce), Sealed: raw, Expiration: session.Expires}, nil
}

// tokenSize is the length of the session's token: of a role whose id is not known, as
// if it had one. Times of this century have one length.
func (s *Session) tokenSize() (int, error) {
	known := *s
	if known.RoleID == "" {
		known.RoleID = aws.RoleIDPrefix + strings.Repeat("A", roleIDSize-len(aws.RoleIDPrefix))
	}
	sealed, err := known.append(nil)
	if err != nil {
		return 0, err
	}
	return base64.StdEncoding.EncodedLen(len(tokenMark) + keyIDSize + nonceSize + len(sealed) + tagSize), nil
}

// roleIDSize is that of the ids that IAM makes.
const roleIDSize = 21

// errNotOurs is a token that no sealing key of this state made for the access key.
var errNotOurs = errors.New("the session token was altered, cut short, made for another access key, or made by another emulator")

// canonical refuses most of what decodes to the bytes of a token of ours but is
// not it; line breaks, which it skips, are refused apart.
var canonical = base64.StdEncoding.Strict()

// open finds the session of a token and the secret access key that goes with it.
func (k *keyring) open(accessKeyID, token string) (*Session, string, error) {
	if len(token) > MaxSessionToken {
		return nil, "", fmt.Errorf("the session token has %d bytes, more than %d", len(token), MaxSessionToken)
	}
	raw, err := canonical.DecodeString(token)
	if err != nil || strings.ContainsAny(token, "\r\n") {
		return nil, "", errNotOurs
	}
	rest, ok := bytes.CutPrefix(raw, []byte(tokenMark))
	if !ok || len(rest) < keyIDSize+nonceSize+tagSize {
		return nil, "", errNotOurs
	}
	sealer := k.sealer(hex.EncodeToString(rest[:keyIDSize]))
	if sealer == nil {
		return nil, "", fmt.Errorf("the session token's sealing key %x is not of this state: the emulator was reset, or another one issued the credentials", rest[:keyIDSize])
	}
	nonce, sealed := rest[keyIDSize:keyIDSize+nonceSize], rest[keyIDSize+nonceSize:]
	plain, err := sealer.aead.Open(sealed[:0], nonce, sealed, []byte(accessKeyID))
	if err != nil {
		return nil, "", errNotOurs
	}
	session, err := readSession(plain)
	if err != nil {
		return nil, "", fmt.Errorf("session of %s: %w", accessKeyID, err)
	}
	return session, sealer.secretOf(accessKeyID, nonce), nil
}

// Open finds the session that a token of this sealer's key holds, and the secret access key.
func (s *Sealer) Open(accessKeyID, token string) (*Session, string, error) {
	ring := keyring{sealers: []*Sealer{s}}
	return ring.open(accessKeyID, token)
}

// secretOf is 40 characters, as AWS's secret access keys are.
func (s *Sealer) secretOf(accessKeyID string, nonce []byte) string {
	mac := hmac.New(sha256.New, s.mac)
	b := make([]byte, 0, accessKeyIDSize+nonceSize+sha256.Size)
	b = append(append(b, accessKeyID...), nonce...)
	mac.Write(b)
	return string(base64.StdEncoding.AppendEncode(make([]byte, 0, 40), mac.Sum(b[:0])[:30]))
}
