package oidc

import (
	"slices"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Unverified are claims that nobody has verified: of a parsed token, or written
// down for a question asked offline. They are read as far as they can be, so that
// an explanation can show them; the Check methods say what STS refuses in them.
// [Verifier.Verify] alone turns them into [Claims].
type Unverified struct {
	ClaimSet

	token *Token // nil: nobody signed them
	// What is wrong with the claims, by the stage that refuses it: those that
	// every token needs, the roles claim, session tags and source identity.
	required, roles, session *TokenError
	identified               bool
}

// ReadClaims reads claims that are no token: a JSON object.
func ReadClaims(payload []byte) (*Unverified, error) {
	text, err := validJSON(payload)
	if err != nil {
		return nil, notAJWT("claims: %v", err)
	}
	m, err := membersOf(text)
	if err != nil {
		return nil, notAJWT("claims: %v", err)
	}
	return readClaims(text, m), nil
}

// Claims are the token's claims, read once.
func (t *Token) Claims() *Unverified {
	if t.claims == nil {
		t.claims = readClaims(t.payload, t.members)
		t.claims.token = t
	}
	return t.claims
}

func readClaims(payload string, m members) *Unverified {
	u := &Unverified{ClaimSet: ClaimSet{Raw: payload, members: m}}
	u.required = checkRequired(m)
	identity := u.readIdentity()
	u.identified = identity == nil
	for _, refused := range [...]*TokenError{identity, u.readTimes()} {
		if u.required == nil {
			u.required = refused
		}
	}
	u.session, u.roles = u.readAWSClaims()
	return u
}

// Token is what the claims came in; nil when they were written down.
func (u *Unverified) Token() *Token { return u.token }

// Identified says whether iss, sub and aud could be read, so that a trust policy
// can be evaluated for them.
func (u *Unverified) Identified() bool { return u.identified }

// Check makes the checks that need no provider, no key and no clock: the required
// claims are there and have a form that STS reads. The error is a [*TokenError].
func (u *Unverified) Check() error { return asError(u.required) }

// CheckRole applies the roles claim: with the claim, only the roles in it may be
// assumed, whatever their trust policies say; without it, any. AWS asks this
// before it evaluates the trust policy (recorded). The target must match to the
// letter. The error is a [*TokenError].
func (u *Unverified) CheckRole(roleARN string) error {
	switch {
	case u.roles != nil:
		return u.roles
	case !u.RolesPresent || slices.Contains(u.Roles, roleARN):
		return nil
	}
	return refuse(ReasonRoleNotInClaim, textRoleNotInClaim, "the target is %s; the roles claim has %q", roleARN, u.Roles).
		withClaim(aws.ClaimRoles)
}

// CheckAudience compares the audience with the provider's client ids, exactly.
// The error is a [*TokenError].
func (u *Unverified) CheckAudience(p Provider) error {
	if p.BuiltIn || slices.Contains(p.ClientIDs, u.Audience) {
		return nil
	}
	name := "aud"
	if _, present := u.members.get("azp"); present {
		name = "azp"
	}
	err := refuse(ReasonAudience, textNotValidated, "the token's %s is %q; the provider's client ids are %q", name, u.Audience, p.ClientIDs).withClaim(name)
	err.Hint = audienceHint(u.Audience, p.ClientIDs)
	return err
}

// CheckTimes compares iat, nbf and exp with a clock. The texts are AWS's, which
// print the clock already moved by the tolerance. AWS was seen to answer "Token
// too old" years ago; it is not among the recorded answers of today, so no token
// is too old here before it expires. The error is a [*TokenError].
func (u *Unverified) CheckTimes(now time.Time) error {
	const tolerance = int64(Tolerance / time.Second)
	at := now.Unix()
	switch {
	case u.IssuedAt > at+tolerance:
		return refuse(ReasonIssuedInFuture, "Token issued in the future: "+itoa(u.IssuedAt),
			"iat is %s, %s after now", stamp(u.IssuedAt), seconds(u.IssuedAt-at)).withClaim("iat")
	case u.NotBefore > at+tolerance:
		return refuse(ReasonNotYetValid, "Token not yet valid: current date/time "+itoa(at+tolerance)+
			" must be after or equal to the not-before date/time "+itoa(u.NotBefore),
			"nbf is %s, %s after now", stamp(u.NotBefore), seconds(u.NotBefore-at)).withClaim("nbf")
	case at-tolerance >= u.Expires:
		err := refuse(ReasonExpired, "Token expired: current date/time "+itoa(at-tolerance)+
			" must be before the expiration date/time "+itoa(u.Expires),
			"exp is %s, %s ago", stamp(u.Expires), seconds(at-u.Expires)).withClaim("exp")
		err.Code = CodeExpiredToken
		return err.withHint("stale-token", "the token file was not read again after it was refreshed, or the token was kept elsewhere", "")
	}
	return nil
}

// CheckSession says what is wrong with session tags and source identity. The
// error is a [*TokenError].
func (u *Unverified) CheckSession() error { return asError(u.session) }

// asError keeps a nil pointer from becoming an error that is not nil.
func asError(e *TokenError) error {
	if e == nil {
		return nil
	}
	return e
}
