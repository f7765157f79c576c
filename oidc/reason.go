package oidc

import (
	"fmt"

	"github.com/irsa-emu/irsa-emu/hint"
)

// Reason names the check that a token failed. Values are stable: they travel in
// decision records, logs and scenario files.
type Reason string

// Reasons, in the order in which AWS checks.
const (
	ReasonNotAJWT              Reason = "not-a-jwt"
	ReasonUnsupportedAlgorithm Reason = "unsupported-algorithm"
	ReasonCriticalHeader       Reason = "critical-header"
	ReasonMissingClaim         Reason = "missing-claim"
	ReasonMalformedClaim       Reason = "malformed-claim"
	ReasonNullSubject          Reason = "null-subject"
	ReasonEmptyAudience        Reason = "empty-audience"
	ReasonMultipleAudiences    Reason = "multiple-audiences"
	ReasonNoProvider           Reason = "no-provider"
	ReasonOwnIssuer            Reason = "own-issuer"
	ReasonAudience             Reason = "audience"
	ReasonThumbprint           Reason = "thumbprint"
	ReasonKeysUnavailable      Reason = "keys-unavailable"
	ReasonUnknownKey           Reason = "unknown-key"
	ReasonUnusableKey          Reason = "unusable-key"
	ReasonBadSignature         Reason = "bad-signature"
	ReasonTimestamp            Reason = "timestamp"
	ReasonIssuedInFuture       Reason = "issued-in-future"
	ReasonNotYetValid          Reason = "not-yet-valid"
	ReasonExpired              Reason = "expired"
	ReasonSessionTags          Reason = "session-tags"
	ReasonSourceIdentity       Reason = "source-identity"
	ReasonRolesClaim           Reason = "roles-claim"
	ReasonRoleNotInClaim       Reason = "role-not-in-roles-claim"
)

// AWS's wire codes for refused tokens.
const (
	CodeInvalidIdentityToken = "InvalidIdentityToken"
	CodeExpiredToken         = "ExpiredTokenException"
	CodeInternalFailure      = "InternalFailure"
)

// AWS's texts, to the letter. Source of all: recorded 1b.
const (
	textNotAJWT        = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
	textMissing        = "Missing a required claim: "
	textEmpty          = "Claim is not allowed to be empty: "
	textManyAudiences  = "Token audience contains more than one audience while authorized party is not present"
	textNotValidated   = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."
	textNoProvider     = "No OpenIDConnect provider found in your account for "
	textNoKey          = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
	textThumbprint     = "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"
	textTimestamp      = "Invalid timestamp in token claims."
	textNullSubject    = "Unknown error validating third-party token"
	textPrincipalTags  = "principal_tags passed in claim is not in correct format."
	textRoleNotInClaim = "The target role ARN is not present in the roles claim of the identity token"
	textNoValidRoles   = "The roles claim contains no valid role ARNs"
	textRolesFormat    = "The roles claim is not in a supported format"
)

// TokenError is a refused token: what AWS says, and what AWS does not say.
type TokenError struct {
	Reason Reason `json:"reason"`
	// Code and Status are AWS's, as they go over the wire.
	Code   string `json:"code"`
	Status int    `json:"status"`
	// Message is AWS's text, to the letter where it was recorded.
	Message string `json:"message"`
	// Detail says what was found in this token or issuer. It never goes into
	// AWS's message.
	Detail string `json:"detail,omitempty"`
	// Hint names the mistake where it is a known one.
	Hint hint.Hint `json:"hint,omitzero"`
	// Claim is the claim that the refusal is about, if it is about one.
	Claim string `json:"claim,omitempty"`

	cause error
}

// Error is AWS's message followed by the detail, for logs.
func (e *TokenError) Error() string {
	text := e.Code + ": " + e.Message
	if e.Detail != "" {
		text += " (" + e.Detail + ")"
	}
	return text
}

// Unwrap gives the cause, such as the network error behind a failed fetch.
func (e *TokenError) Unwrap() error { return e.cause }

func refuse(reason Reason, message, detail string, args ...any) *TokenError {
	if len(args) > 0 {
		detail = fmt.Sprintf(detail, args...)
	}
	return &TokenError{Reason: reason, Code: CodeInvalidIdentityToken, Status: 400, Message: message, Detail: detail}
}

func (e *TokenError) withHint(code, message, fix string) *TokenError {
	e.Hint = hint.Hint{Code: code, Message: message, Fix: fix}
	return e
}

func (e *TokenError) withClaim(name string) *TokenError { e.Claim = name; return e }

func (e *TokenError) causedBy(err error) *TokenError { e.cause = err; return e }
