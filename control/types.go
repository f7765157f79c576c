package control

import (
	"encoding/json"
	"time"

	"github.com/irsa-emu/irsa-emu/decision"
)

// Error is the answer to a call that failed, with a status of 400 or above.
type Error struct {
	Error string `json:"error"`
}

// InfoQuery names whose region is asked for.
type InfoQuery struct {
	// An account, twelve digits. Without it, the default account.
	Account string `json:"account,omitempty"`
}

// Info is what clients need to know to point themselves at the emulator.
type Info struct {
	// The default account, twelve digits, or the one that was asked about.
	Account string `json:"account"`
	// The default region. For an account of another partition, one of that partition.
	Region string `json:"region"`
}

// Authority is whom clients trust that take the emulator for AWS's hosts.
type Authority struct {
	// The authority's certificate, PEM. Without `serve --tls-listen` it is another one at each start.
	Certificate string `json:"certificate"`
}

// StateReset says what is reset.
type StateReset struct {
	// Twelve digits: only what this account holds is reset, to what --given said
	// of it. Left out, everything is.
	Account string `json:"account,omitempty"`
}

// Issuer is an issuer that the emulator knows.
type Issuer struct {
	URL string `json:"url"`
	// Whether the emulator signs for it.
	Own bool `json:"own"`
	// What new keys of an own issuer sign with: RS256 or ES256.
	Alg string `json:"alg,omitempty"`
	// Its public keys, as a JSON Web Key Set.
	JWKS json.RawMessage `json:"jwks"`
}

// Issuers are all of them.
type Issuers struct {
	Issuers []Issuer `json:"issuers"`
	// The issuer of tokens that name none, when there is not exactly one cluster.
	Default string `json:"default"`
}

// IssuerKeys are the public keys of an issuer that the emulator does not own.
type IssuerKeys struct {
	// The issuer's URL, exactly as in the iss claim.
	URL string `json:"url"`
	// Its keys, as its jwks_uri serves them: {"keys": […]}.
	JWKS json.RawMessage `json:"jwks"`
}

// IssuerName names one issuer.
type IssuerName struct {
	// The issuer's URL.
	URL string `json:"url"`
}

// TokenRequest asks an issuer of the emulator's own for a token.
type TokenRequest struct {
	// The issuer's URL. Default: that of the one cluster, if there is exactly
	// one, else one like EKS's that the emulator makes.
	Issuer string `json:"issuer,omitempty"`
	// NAMESPACE/NAME. Either this or subject is given, unless a profile makes the subject.
	ServiceAccount string `json:"serviceAccount,omitempty"`
	// The sub claim as it is.
	Subject string `json:"subject,omitempty"`
	// The aud claim. Default sts.amazonaws.com, or the profile's.
	Audience []string `json:"audience,omitempty"`
	// The token's life. Default 86400, as the pod identity webhook asks for; a
	// profile's own otherwise. A negative one makes an expired token.
	ExpiresInSeconds int64 `json:"expiresInSeconds,omitempty"`
	// Claims that are put over those that the token has; null removes one.
	Claims map[string]any `json:"claims,omitempty"`
	// The name of the pod that the token is bound to, if any.
	Pod string `json:"pod,omitempty"`
	// The shape of another issuer's tokens: github, github-immutable, gitlab, hcp-terraform, circleci, circleci-v2, bitbucket, buildkite, azure-devops, google, cognito, spacelift or vercel.
	Profile string `json:"profile,omitempty"`
}

// Token is a signed token.
type Token struct {
	Token string `json:"token"`
}

// Rotation says which key is replaced.
type Rotation struct {
	// The issuer's URL. Default: as for tokens.
	Issuer string `json:"issuer,omitempty"`
	// Replaces the key that temporary credentials are made with, in place of an issuer's.
	Sealing bool `json:"sealing,omitempty"`
}

// RotatedKey is the key that signs now.
type RotatedKey struct {
	Issuer string `json:"issuer"`
	// The kid of the new key.
	KeyID string `json:"keyId"`
}

// PodIdentityQuery names a service account and its cluster.
type PodIdentityQuery struct {
	// NAMESPACE/NAME. Without it, the answer is the cluster alone.
	ServiceAccount string `json:"serviceAccount,omitempty"`
	// The cluster's name.
	Cluster string `json:"cluster,omitempty"`
	// The cluster's issuer URL, in place of its name.
	Issuer string `json:"issuer,omitempty"`
}

// PodIdentity is what EKS Pod Identity has for a service account.
type PodIdentity struct {
	// Name of the cluster; empty if no cluster has the issuer.
	Cluster string `json:"cluster,omitempty"`
	// Issuer URL of the cluster's tokens.
	Issuer string `json:"issuer,omitempty"`
	// The cluster's account, twelve digits.
	Account string `json:"account,omitempty"`
	// The cluster's region.
	Region string `json:"region,omitempty"`
	// Id of the service account's association; empty if it has none.
	Association string `json:"association,omitempty"`
	// ARN of the association's role.
	Role string `json:"role,omitempty"`
}

// Clock is the emulator's time beside the real one.
type Clock struct {
	Now  time.Time `json:"now"`
	Real time.Time `json:"real"`
	// How far the emulator's clock is ahead.
	Offset Duration `json:"offset"`
}

// ClockChange moves the clock; exactly one of its members is written.
type ClockChange struct {
	// By how much, such as "2h"; "-2h" moves it back.
	Advance *Duration `json:"advance,omitempty"`
	// To when, RFC 3339. The clock runs on from there.
	Set *time.Time `json:"set,omitempty"`
	// Back to the real time.
	Reset bool `json:"reset,omitempty"`
}

// DecisionQuery says which decisions.
type DecisionQuery struct {
	// How many, at most. Default 100.
	Limit int `json:"limit,omitempty"`
	// Only those that ended so: allowed, refused or failed.
	Outcome decision.Outcome `json:"outcome,omitempty"`
}

// Decisions are what the emulator decided, newest first.
type Decisions struct {
	Decisions []*decision.Decision `json:"decisions"`
}

// Fault is a fault in force.
type Fault struct {
	ID    int        `json:"id"`
	Match FaultMatch `json:"match"`
	Fault FaultSpec  `json:"fault"`
	// How many calls get it; left out, every call does.
	Times int `json:"times,omitempty"`
	// How many calls got it.
	Used int `json:"used"`
}

// FaultRequest asks for a fault.
type FaultRequest struct {
	// Which calls. Default: all.
	Match FaultMatch `json:"match,omitzero"`
	// What they get: a latency, then a dropped connection or an error in the
	// service's own protocol, or the true answer if neither is written, in which
	// sessionDuration lets a session end early.
	Fault FaultSpec `json:"fault"`
	// How many calls get it. Default: every call, until faults are taken back.
	Times int `json:"times,omitempty"`
}

// FaultMatch says which calls; a member that is left out matches all.
type FaultMatch struct {
	Service string `json:"service,omitempty" jsonschema_description:"The service's signing name, such as sts."`
	Action  string `json:"action,omitempty" jsonschema_description:"The action, such as AssumeRoleWithWebIdentity."`
	Role    string `json:"role,omitempty" jsonschema_description:"A role's ARN or name, as the call names it."`
}

// FaultSpec says what they get.
type FaultSpec struct {
	Code           string   `json:"code,omitempty" jsonschema_description:"AWS error code, such as IDPCommunicationError."`
	Status         int      `json:"status,omitempty" jsonschema_description:"HTTP status of the error, 400 to 599; 400 when left out."`
	Message        string   `json:"message,omitempty" jsonschema_description:"The error's message."`
	Latency        Duration `json:"latency,omitempty" jsonschema_description:"Wait before the answer, such as 200ms."`
	DropConnection bool     `json:"dropConnection,omitempty" jsonschema_description:"End the connection in place of an answer."`
	// SessionDuration is of the calls among those that match which issue credentials.
	SessionDuration Duration `json:"sessionDuration,omitempty" jsonschema_description:"End the session that the call issues after this long, such as 60s, if it would not end earlier: its Expiration says so."`
}

// Faults are those in force, oldest first.
type Faults struct {
	Faults []Fault `json:"faults"`
}
