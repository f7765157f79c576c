// Package decision holds the value that says what happened to one call, and why.
//
// Every AWS call that the emulator answers, allowed or refused, fills one
// [Decision]. The log line, the control API's /_emu/decisions, the command
// `irsa-emu explain`, the header x-irsa-emu-reason and a failed scenario all
// render that same value, so they cannot disagree. It never holds a secret, a
// token or a key: only what those say.
package decision

import (
	"time"

	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/policy"
)

// Outcome says how a call ended.
type Outcome string

const (
	// Allowed is a call that was answered.
	Allowed Outcome = "allowed"
	// Refused is a call that was not let through: not authenticated, not authorised, or its token was not accepted.
	Refused Outcome = "refused"
	// Failed is a call that was let through and could not be answered: bad parameters, a missing entity, a conflict.
	Failed Outcome = "failed"
)

// Decision is what happened to one call.
type Decision struct {
	// RequestID is the id that the AWS answer carries.
	RequestID string    `json:"requestId"`
	Time      time.Time `json:"time"`
	// Service is the signing name (sts, iam, secretsmanager, s3, eks), Action the API's own name without prefix.
	Service string `json:"service"`
	Action  string `json:"action"`
	Region  string `json:"region,omitempty"`
	// Caller is who signed; nil for an unsigned call.
	Caller *Caller `json:"caller,omitempty"`
	// Resource is the ARN that the call acts on; for the STS, the role.
	Resource string  `json:"resource,omitempty"`
	Outcome  Outcome `json:"outcome"`
	// Error is the answer on the wire; nil when the call was answered.
	Error *Error `json:"error,omitempty"`
	// Reason is what AWS does not say; nil when the call was answered.
	Reason *Reason `json:"reason,omitempty"`
	// Beyond is what would have refused the call as well, had Reason not; of a call
	// that was answered, what AWS refuses and the emulator does not.
	Beyond []Reason `json:"beyond,omitempty"`
	// Token is what the web identity token said, as far as it could be read.
	Token *Token `json:"token,omitempty"`
	// Provider is the ARN of the OIDC provider that the token was held against.
	Provider string `json:"provider,omitempty"`
	// Checks are the policy evaluations that the call needed, in order: usually
	// one, for AssumeRoleWithWebIdentity with tags also sts:TagSession.
	Checks []Check `json:"checks,omitempty"`
	// ChecksOmitted counts those that are not there: a call on a thousand objects
	// makes a thousand. Of the later ones that are, Checks has the verdict alone.
	ChecksOmitted int `json:"checksOmitted,omitempty"`
	// checksSize is about how much memory Checks holds, without the first.
	checksSize int
	// Session is what was issued.
	Session *Session `json:"session,omitempty"`
	// Duration is the time that the emulator took, in nanoseconds.
	Duration time.Duration `json:"duration,omitempty"`
}

// Caller is the identity behind a signature.
type Caller struct {
	ARN         string `json:"arn"`
	Account     string `json:"account"`
	AccessKeyID string `json:"accessKeyId,omitempty"`
	UserID      string `json:"userId,omitempty"`
}

// Error is the refusal or failure as the client saw it.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Status  int    `json:"status"`
}

// Reason is why, in a form that programs can match: Kind is one of the
// constants below, of package oidc's reasons, or of package wire's
// authentication errors.
type Reason struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	// Hint names the mistake, Fix says what to write or do instead, where the
	// mistake is a known one; Code is the hint's, which is stable.
	Hint string `json:"hint,omitempty"`
	Fix  string `json:"fix,omitempty"`
	Code string `json:"code,omitempty"`
}

// Advise adds a hint.
func (r *Reason) Advise(h hint.Hint) { r.Hint, r.Fix, r.Code = h.Message, h.Fix, h.Code }

// Advice is the hint and the fix as one sentence.
func (r *Reason) Advice() string { return hint.Sentence(r.Hint, r.Fix) }

// Kinds of reasons that no other package names.
const (
	// RoleNotFound: no role of that name, or the path in the ARN is another.
	RoleNotFound = "role-not-found"
	// ProviderNotFound: the role's account has no OIDC provider for the token's issuer.
	ProviderNotFound = "provider-not-found"
	// TrustPolicy: the role's trust policy does not allow the action.
	TrustPolicy = "trust-policy"
	// Policy: an identity, resource, boundary or session policy does not allow the action.
	Policy = "policy"
	// RolesClaim: the token's roles claim does not list the role.
	RolesClaim = "roles-claim"
	// Duration: longer than the role or the kind of session permits.
	Duration = "duration"
	// Parameter: a parameter does not meet its constraint.
	Parameter = "parameter"
	// Internal: a mistake of the emulator.
	Internal = "internal"
	// Unavailable: the emulator itself could not do it now, such as when the store cannot be written.
	Unavailable = "unavailable"
	// Unsupported: the emulator has no such action.
	Unsupported = "unsupported"
	// WebPage: a browser asks for a page of another site.
	WebPage = "web-page"
	// Injected: a fault that was asked for through the control API.
	Injected = "injected-fault"
)

// Token is what a web identity token said. The token itself is never kept.
type Token struct {
	Issuer    string    `json:"issuer,omitempty"`
	Subject   string    `json:"subject,omitempty"`
	Audience  []string  `json:"audience,omitempty"`
	KeyID     string    `json:"keyId,omitempty"`
	Algorithm string    `json:"algorithm,omitempty"`
	IssuedAt  time.Time `json:"issuedAt,omitzero"`
	Expires   time.Time `json:"expires,omitzero"`
	// PinnedKeys says that the issuer's server was trusted for the provider's
	// thumbprint, and not for a root.
	PinnedKeys bool           `json:"pinnedKeys,omitempty"`
	Claims     map[string]any `json:"claims,omitempty"`
}

// Check is one action held against the policies in force.
type Check struct {
	Action   string          `json:"action"`
	Resource string          `json:"resource,omitempty"`
	Decision policy.Decision `json:"decision"`
}

// Session is the identity of the credentials that a call issued, and what
// their session carries.
type Session struct {
	ARN         string    `json:"arn"`
	AccessKeyID string    `json:"accessKeyId"`
	Expiration  time.Time `json:"expiration"`
	// Tags are those that the token brought or the call passed.
	Tags              map[string]string `json:"tags,omitempty"`
	TransitiveTagKeys []string          `json:"transitiveTagKeys,omitempty"`
	SourceIdentity    string            `json:"sourceIdentity,omitempty"`
}
