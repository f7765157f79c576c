package wire

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
)

// AuthErrorKind says what is wrong with a request's authentication.
type AuthErrorKind string

// The kinds.
const (
	AuthMissing         AuthErrorKind = "missing-authentication"
	AuthIncomplete      AuthErrorKind = "incomplete-signature" // cannot be read
	AuthUnknownKey      AuthErrorKind = "unknown-access-key"
	AuthInvalidToken    AuthErrorKind = "invalid-session-token"
	AuthExpiredToken    AuthErrorKind = "expired-session-token"
	AuthTime            AuthErrorKind = "signature-time"
	AuthScope           AuthErrorKind = "credential-scope"
	AuthUnsignedHeaders AuthErrorKind = "unsigned-headers"
	AuthPayload         AuthErrorKind = "payload-hash"
	AuthSignature       AuthErrorKind = "signature-mismatch"
)

// AuthError is a refusal to believe who signed a request. Its methods word it
// as each family of services does.
type AuthError struct {
	Kind        AuthErrorKind
	AccessKeyID string
	// Message is the wording of the Query and JSON protocols.
	Message string
	// Hint says what to look at; it does not go over the wire.
	Hint string
	// CanonicalRequest and StringToSign are the server's, of a signature that
	// does not match.
	CanonicalRequest, StringToSign string

	s3 *Error
}

// Error is the kind and the message.
func (e *AuthError) Error() string { return string(e.Kind) + ": " + e.Message }

// wordings are status and code of each kind, in the Query and the JSON protocols.
var wordings = map[AuthErrorKind]struct {
	status      int
	query, json string
}{
	AuthMissing:         {403, "MissingAuthenticationToken", "MissingAuthenticationTokenException"},
	AuthIncomplete:      {400, "IncompleteSignature", "IncompleteSignatureException"},
	AuthUnknownKey:      {403, "InvalidClientTokenId", "UnrecognizedClientException"},
	AuthInvalidToken:    {403, "InvalidClientTokenId", "UnrecognizedClientException"},
	AuthExpiredToken:    {403, "ExpiredToken", "ExpiredTokenException"},
	AuthTime:            {403, "SignatureDoesNotMatch", "InvalidSignatureException"},
	AuthScope:           {403, "SignatureDoesNotMatch", "InvalidSignatureException"},
	AuthUnsignedHeaders: {403, "SignatureDoesNotMatch", "InvalidSignatureException"},
	AuthPayload:         {403, "SignatureDoesNotMatch", "InvalidSignatureException"},
	AuthSignature:       {403, "SignatureDoesNotMatch", "InvalidSignatureException"},
}

// Query words the error as STS and IAM do.
func (e *AuthError) Query() *Error {
	w := wordings[e.Kind]
	return &Error{Code: w.query, Message: e.Message, Status: w.status, Reason: e.Hint}
}

// JSON words the error as the JSON services do, with status 400.
func (e *AuthError) JSON() *Error {
	err := &Error{Code: wordings[e.Kind].json, Message: e.Message, Status: http.StatusBadRequest, Reason: e.Hint}
	if e.Kind == AuthMissing {
		err.Message = "Missing Authentication Token"
	}
	return err
}

// REST words the error as REST-JSON services do, whose front end (API Gateway)
// answers 403.
func (e *AuthError) REST() *Error {
	err := e.JSON()
	err.Status = http.StatusForbidden
	return err
}

// S3 words the error as S3 does.
func (e *AuthError) S3() *Error {
	if e.s3 != nil {
		err := *e.s3
		err.Reason = e.Hint
		return &err
	}
	return &Error{Code: "AccessDenied", Message: "Access Denied", Status: http.StatusForbidden, Reason: e.Hint}
}

const (
	invalidToken     = "The security token included in the request is invalid."
	signatureMessage = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	s3SignatureMessage = "The request signature we calculated does not match the signature you provided. Check your key and signing method."
	s3AllParameters    = "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, " +
		"X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
)

// MissingAuthentication is the error of an unsigned call that must be signed.
func MissingAuthentication() *AuthError {
	return &AuthError{
		Kind: AuthMissing, Message: "Request is missing Authentication Token",
		Hint: "the request is not signed: no Authorization header and no X-Amz-Signature",
	}
}

// UnknownAccessKey is the error of a key that does not exist or is inactive.
func UnknownAccessKey(sig *Signature, hint string) *AuthError {
	return &AuthError{
		Kind: AuthUnknownKey, AccessKeyID: sig.AccessKeyID, Message: invalidToken, Hint: hint,
		s3: Errorf(http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.").
			With("AWSAccessKeyId", sig.AccessKeyID),
	}
}

// InvalidToken is the error of a session token that is malformed, absent, or
// another key's. S3 has no word for an absent one but that the key is unknown.
func InvalidToken(sig *Signature, hint string) *AuthError {
	if sig.SecurityToken == "" {
		err := UnknownAccessKey(sig, hint)
		err.Kind = AuthInvalidToken
		return err
	}
	return &AuthError{
		Kind: AuthInvalidToken, AccessKeyID: sig.AccessKeyID, Message: invalidToken, Hint: hint,
		s3: Errorf(http.StatusBadRequest, "InvalidToken", "The provided token is malformed or otherwise invalid.").
			With("Token-0", sig.SecurityToken),
	}
}

// ExpiredToken is the error of temporary credentials past their time.
func ExpiredToken(sig *Signature, hint string) *AuthError {
	return &AuthError{
		Kind: AuthExpiredToken, AccessKeyID: sig.AccessKeyID, Hint: hint,
		Message: "The security token included in the request is expired",
		s3: Errorf(http.StatusBadRequest, "ExpiredToken", "The provided token has expired.").
			With("Token-0", sig.SecurityToken),
	}
}

// incomplete is a signature that cannot be read.
func incomplete(message string, s3 *Error) *AuthError {
	return &AuthError{Kind: AuthIncomplete, Message: message, Hint: "the signature cannot be read", s3: s3}
}

func s3Malformed(detail string) *Error {
	return Errorf(http.StatusBadRequest, "AuthorizationHeaderMalformed", "The authorization header is malformed; %s", detail)
}

func s3Parameters(message string) *Error {
	return Errorf(http.StatusBadRequest, "AuthorizationQueryParametersError", "%s", message)
}

// s3Scope is what S3 says of a scope, for either way of signing.
func (s *Signature) s3Scope(detail string) *Error {
	if s.Presigned {
		return s3Parameters("Error parsing the X-Amz-Credential parameter; " + detail)
	}
	return s3Malformed(detail)
}

func malformedHeader(value, part string) *AuthError {
	err := incomplete("The request signature does not conform to AWS standards. (Hashed with SHA-256 and encoded with Base64) Authorization="+hashed(value),
		s3Malformed("the authorization header requires three components: Credential, SignedHeaders, and Signature."))
	if part != "" {
		err.Hint = part + " is malformed or there twice"
	}
	return err
}

func oneMechanism(header string) *AuthError {
	err := incomplete("The request signature does not conform to AWS standards. (Hashed with SHA-256 and encoded with Base64) Authorization="+hashed(header),
		Errorf(http.StatusBadRequest, "InvalidArgument", "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "+
			"Signature query string parameter or the Authorization header should be specified").
			With("ArgumentName", "Authorization").With("ArgumentValue", header))
	err.Hint = "the request is signed more than once"
	return err
}

// version2 refuses Signature Version 2.
func version2() *AuthError {
	return incomplete("AWS Signature Version 2 is not supported.", Errorf(http.StatusBadRequest, "InvalidRequest",
		"The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."))
}

func unsupportedAlgorithm(algorithm, value string, presigned bool) *AuthError {
	s3 := s3Unsupported(algorithm, value)
	if presigned {
		s3 = s3Parameters(`X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"`)
	}
	err := incomplete(fmt.Sprintf("Unsupported AWS 'algorithm': '%s'", algorithm), s3)
	if algorithm == "AWS4-ECDSA-P256-SHA256" {
		err.Hint = "Signature Version 4A is not served; unset AWS_AUTH_SCHEME_PREFERENCE or prefer sigv4"
	}
	return err
}

func malformedCredential(credential string, presigned bool) *AuthError {
	const detail = `the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`
	s := Signature{Presigned: presigned}
	return incomplete(fmt.Sprintf("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", credential),
		s.s3Scope(detail))
}

func malformedDate(text string, presigned bool) *AuthError {
	s3 := Errorf(http.StatusForbidden, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
	if presigned {
		s3 = s3Parameters(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`)
	}
	return incomplete(fmt.Sprintf("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", text), s3)
}

func (s *Signature) skewed(now time.Time, window, maxSkew time.Duration, message string) *AuthError {
	return &AuthError{
		Kind: AuthTime, AccessKeyID: s.AccessKeyID, Message: message,
		Hint: fmt.Sprintf("the request was signed at %s and it is %s: compare the clocks", s.Time.Format(time.RFC3339), now.Format(time.RFC3339)),
		s3: Errorf(http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.").
			With("RequestTime", s.Time.Format(basicISO8601)).
			With("ServerTime", now.Format(aws.TimeLayout)).
			With("MaxAllowedSkewMilliseconds", strconv.FormatInt(maxSkew.Milliseconds(), 10)),
	}
}

func (s *Signature) presignExpired(end, now time.Time) *AuthError {
	s3 := Errorf(http.StatusForbidden, "AccessDenied", "Request has expired")
	if s.v2 == nil {
		s3.With("X-Amz-Expires", strconv.Itoa(int(s.Expires/time.Second)))
	}
	return &AuthError{
		Kind: AuthTime, AccessKeyID: s.AccessKeyID, Message: "Request has expired", Hint: "the presigned request expired at " + end.Format(time.RFC3339),
		s3: s3.With("Expires", end.Format(aws.TimeLayout)).With("ServerTime", now.Format(aws.TimeLayout)),
	}
}

func (s *Signature) presignEarly(now time.Time) *AuthError {
	return &AuthError{
		Kind: AuthTime, AccessKeyID: s.AccessKeyID, Message: "Request is not yet valid", Hint: "the presigned request is dated " + s.Time.Format(time.RFC3339),
		s3: Errorf(http.StatusForbidden, "AccessDenied", "Request is not yet valid").
			With("X-Amz-Date", s.Time.Format(basicISO8601)).
			With("ServerTime", now.Format(aws.TimeLayout)),
	}
}

// mismatch is a signature that is not the one expected. S3 prints what it
// signed.
func (s *Signature) mismatch(provided, canonical, toSign string) *AuthError {
	return &AuthError{
		Kind: AuthSignature, AccessKeyID: s.AccessKeyID, Message: signatureMessage,
		CanonicalRequest: canonical, StringToSign: toSign,
		Hint: "the secret access key is another one, or the request was changed after it was signed (host, path, query, headers or body; a proxy?)",
		s3: Errorf(http.StatusForbidden, "SignatureDoesNotMatch", "%s", s3SignatureMessage).
			With("AWSAccessKeyId", s.AccessKeyID).
			With("StringToSign", toSign).
			With("SignatureProvided", provided).
			With("StringToSignBytes", spacedHex(toSign)).
			With("CanonicalRequest", canonical).
			With("CanonicalRequestBytes", spacedHex(canonical)),
	}
}

func (s *Signature) mismatchHint(hint string) *AuthError {
	err := s.mismatch(s.provided, "", "")
	err.Hint, err.Kind = hint, AuthPayload
	return err
}

func spacedHex(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(hex.EncodeToString([]byte{text[i]}))
	}
	return b.String()
}
