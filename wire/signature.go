package wire

import (
	"io"
	"net/http"
	"time"
)

// Signature is what a request says about who signed it and how.
type Signature struct {
	AccessKeyID           string
	Date, Region, Service string // the credential's scope
	SecurityToken         string
	Time                  time.Time
	SignedHeaders         []string
	Presigned             bool
	Expires               time.Duration // presigned only
}

// ParseSignature reads a request's signature, from its Authorization header or
// its query. It is nil, without error, when the request is not signed.
func ParseSignature(r *http.Request) (*Signature, error) { return nil, errSkeleton }

// VerifyOptions say what a signature is checked against.
type VerifyOptions struct {
	Service     string        // the signing name that the scope must have
	Region      string        // the region that the scope must have; "" takes any
	Body        []byte        // what was signed, unless PayloadHash is given; not S3
	PayloadHash string        // lower-case hex SHA-256 of the body, if known
	S3          bool          // S3's rules: path, unsigned headers, x-amz-content-sha256
	MaxSkew     time.Duration // 0: 15 minutes
	Keys        *KeyCache     // may be nil
}

// KeyCache remembers derived signing keys.
type KeyCache struct{}

// NewKeyCache makes a cache of at most size keys.
func NewKeyCache(size int) *KeyCache { return &KeyCache{} }

// Verify checks the signature of r, made with secret.
func (s *Signature) Verify(r *http.Request, secret string, now time.Time, opts VerifyOptions) error {
	return errSkeleton
}

// Payload is a request's body, decoded and checked while it is read.
type Payload struct{ io.Reader }

// OpenPayload gives the body of an S3 request whose signature was verified.
func OpenPayload(r *http.Request, sig *Signature) (*Payload, error) { return nil, errSkeleton }

// AuthErrorKind says what is wrong with a request's authentication.
type AuthErrorKind string

// AuthError is a refusal to believe a signature.
type AuthError struct {
	Kind AuthErrorKind
	Hint string
}

func (e *AuthError) Error() string { return string(e.Kind) + ": " + e.Hint }

// Query, JSON, REST and S3 word the error as that protocol's services do.
func (e *AuthError) Query() *Error { return &Error{} }
func (e *AuthError) JSON() *Error  { return &Error{} }
func (e *AuthError) REST() *Error  { return &Error{} }
func (e *AuthError) S3() *Error    { return &Error{} }

// MissingAuthentication is the error of an unsigned call that must be signed.
func MissingAuthentication() *AuthError { return &AuthError{} }

// UnknownAccessKey is the error of a key that does not exist or is inactive.
func UnknownAccessKey(sig *Signature, hint string) *AuthError { return &AuthError{} }

// InvalidToken is the error of a session token that is malformed, missing or another key's.
func InvalidToken(sig *Signature, hint string) *AuthError { return &AuthError{} }

// ExpiredToken is the error of credentials past their time.
func ExpiredToken(sig *Signature, hint string) *AuthError { return &AuthError{} }

// DecodeChunked is OpenPayload for callers that want a body to read from.
func DecodeChunked(r *http.Request, sig *Signature, secret string) io.ReadCloser { return nil }
