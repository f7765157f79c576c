// Package oidc is both ends of OpenID Connect as IRSA uses it: the issuer that
// signs service-account tokens and publishes its keys as EKS does, and the
// relying party that judges such a token as AWS STS does.
//
// The issuer ([Issuer], [SigningKey], [KubernetesClaims] and the other claim
// builders) makes tokens. The relying party ([ParseUnverified], [Verifier],
// [KeySource]) refuses them, with AWS's order of checks and AWS's texts; every
// refusal is a [*TokenError] whose [Reason] says which check failed and whose
// Detail and Hint say what AWS does not.
//
// # The order of checks, and who does what
//
// STS interleaves its own checks with those of the token, so verification comes
// in three parts:
//
//  1. [ParseUnverified]: a JWS in compact form, with an algorithm that STS
//     takes and no critical header. STS answers this even for a role that does
//     not exist.
//  2. The caller finds the role, a trust statement that names a provider, and
//     the provider of the role's account for the issuer of [Token.Claims]. These
//     are [Unverified]; [Unverified.Check] gives the refusals that need no
//     provider, so that a token without iss is refused for that and not for a
//     missing provider. [NoProvider] is the refusal when there is none, and
//     [Unverified.CheckRole] applies the roles claim (https://aws.amazon.com/roles).
//  3. [Verifier.Verify]: claims, audience, key, signature, times, and the claims
//     under https://aws.amazon.com/. It alone gives [Claims].
//
// It is not an OpenID Connect client or server for people: no login, no code
// flow, no userinfo. It opens no listener and reads no files; the emulator
// routes [Issuer.Page] and wires key sources together.
//
// Specifications: RFC 7515 (JWS), 7517 (JWK), 7518 (JWA), 7519 (JWT), OpenID
// Connect Discovery 1.0, and, above them, what AWS STS was recorded to do
// ("recorded" in comments).
package oidc
