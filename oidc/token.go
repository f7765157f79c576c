package oidc

import (
	"encoding/base64"
	"strings"
)

// MaxTokenLength is the longest WebIdentityToken that STS takes, in bytes.
// Source: the STS API model.
const MaxTokenLength = 20000

// Algorithms are the signature algorithms that STS takes: no HMAC, no PS*, no
// EdDSA, and no "none" in any spelling. Source: recorded 1b, AWS documentation.
var Algorithms = [...]string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}

// Header is what STS reads of a token's header. The members jwk, jku, x5c, x5u
// and x5t are never looked at: a token does not choose the key that judges it.
type Header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid,omitempty"`
	Type      string `json:"typ,omitempty"`
}

// Token is a parsed token that nobody has verified. It is for one goroutine.
type Token struct {
	Header Header

	signed    string // header.payload, the bytes under the signature
	signature string // base64url that decodes
	payload   string // JSON
	members   members

	claims *Unverified // once they were read
}

// strictBase64 refuses padding and non-zero trailing bits, so that one token has
// one spelling.
var strictBase64 = base64.RawURLEncoding.Strict()

// ParseUnverified takes a token apart: a compact JWS of three parts, a header
// with an algorithm that STS takes and no crit, a payload that is a JSON object.
// White space after the token is ignored: SDKs send the token file as it is, and
// hand-made ones end with a newline. The error is a [*TokenError].
func ParseUnverified(token string) (*Token, error) {
	t, payload, err := parseJWS(strings.TrimRight(token, " \t\r\n"), make([]byte, 0, usualPayload))
	if err != nil {
		return nil, err
	}
	if t.payload, err = validJSON(payload); err != nil {
		return nil, notAJWT("payload: %v", err)
	}
	if t.members, err = membersOf(t.payload); err != nil {
		return nil, notAJWT("payload: %v", err)
	}
	return t, nil
}

// Tokens of clusters have headers of some 80 bytes and payloads of 500: with room for
// so much on the stack, what is read of them is the only copy.
const usualHeader, usualPayload, usualSignature, usualToken = 256, 2048, 512, 4096

// parseJWS takes a compact JWS apart; what its payload is, is not its concern. The
// payload is in the room that it was given, if that is enough.
func parseJWS(token string, room []byte) (t *Token, payload []byte, err error) {
	if len(token) > MaxTokenLength {
		return nil, nil, notAJWT("the token has %d bytes, more than %d", len(token), MaxTokenLength)
	}
	if strings.Count(token, ".") != 2 {
		return nil, nil, notThreeParts(token)
	}
	first, last := strings.IndexByte(token, '.'), strings.LastIndexByte(token, '.')
	t = &Token{signed: token[:last]}
	header, err := decodePart(token[:first], make([]byte, 0, usualHeader))
	if err != nil {
		return nil, nil, notAJWT("header: %v", err)
	}
	if t.Header, err = parseHeader(header); err != nil {
		return nil, nil, err
	}
	if payload, err = decodePart(token[first+1:last], room); err != nil {
		return nil, nil, notAJWT("payload: %v", err)
	}
	t.signature = token[last+1:]
	if _, err = decodePart(t.signature, make([]byte, 0, usualSignature)); err != nil {
		return nil, nil, notAJWT("signature: %v", err)
	}
	return t, payload, nil
}

func notThreeParts(token string) *TokenError {
	parts := strings.Count(token, ".") + 1
	err := notAJWT("the token has %d parts between dots, not 3", parts)
	switch {
	case parts == 5:
		return err.withHint("encrypted-token", "five parts are an encrypted token (JWE)", "send a signed one (JWS): STS takes no other")
	case strings.HasPrefix(token, "{"):
		return err.withHint("json-token", "this is JSON", "send the compact form header.payload.signature: STS takes no other")
	case parts == 1:
		return err.withHint("opaque-token", "this looks like an opaque access token or the path of a token file, not an ID token", "")
	}
	return err
}

func parseHeader(src []byte) (Header, error) {
	var h Header
	m, err := splitObject(src)
	if err != nil {
		return h, notAJWT("header: %v", err)
	}
	if crit, ok := m.get("crit"); ok {
		e := notAJWT("the header has crit: %s", crit)
		e.Reason = ReasonCriticalHeader
		return h, e.withHint("critical-header", "STS understands no extension, so it refuses every token that demands one", "")
	}
	alg, ok := m.text("alg")
	if !ok {
		return h, notAJWT("the header has no alg")
	}
	if h.Algorithm = canonicalAlgorithm(alg); h.Algorithm == "" {
		e := notAJWT("the header's alg is %q", alg)
		e.Reason = ReasonUnsupportedAlgorithm
		return h, e.withHint("algorithm", "STS takes "+strings.Join(Algorithms[:], ", "), "")
	}
	if kid, ok := m.get("kid"); ok && !isNull(kid) {
		if h.KeyID, ok = m.text("kid"); !ok {
			return h, notAJWT("the header's kid is not a string: %s", kid)
		}
	}
	h.Type, _ = m.text("typ")
	return h, nil
}

// canonicalAlgorithm gives the list's own string, so that a Token holds no part
// of its header; "" is an algorithm that STS does not take.
func canonicalAlgorithm(alg string) string {
	for _, a := range Algorithms {
		if alg == a {
			return a
		}
	}
	return ""
}

// decodePart appends what a part stands for to room.
func decodePart(part string, room []byte) ([]byte, error) {
	// encoding/base64 skips line breaks, which RFC 7515 does not allow.
	for _, skipped := range [...]byte{'\r', '\n'} {
		if i := strings.IndexByte(part, skipped); i >= 0 {
			return nil, base64.CorruptInputError(i)
		}
	}
	return strictBase64.AppendDecode(room, []byte(part))
}

func notAJWT(detail string, args ...any) *TokenError {
	return refuse(ReasonNotAJWT, textNotAJWT, detail, args...)
}
