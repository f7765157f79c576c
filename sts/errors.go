package sts

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/wire"
)

// This file is the only place where a reason of the STS's own becomes an AWS code
// and text. What there is against a token is worded in oidc/reason.go.

// Kinds of reasons that only the STS has; the others are package decision's,
// oidc's and wire's.
const (
	// ProviderID: the parameter ProviderId goes with no OpenID Connect token.
	ProviderID = "provider-id"
	// SessionCredentials: temporary credentials may not make this call.
	SessionCredentials = "session-credentials"
	// GlobalEndpoint: the action is served by regional endpoints alone.
	GlobalEndpoint = "global-endpoint"
	// OutboundDisabled: the account makes no web identity tokens.
	OutboundDisabled = "outbound-disabled"
	// MFA: nobody has an MFA device.
	MFA = "mfa"
	// Internal: a mistake of the emulator, or a store that cannot be written.
	Internal = decision.Internal
)

// refused is a call that was not let through.
func refused(err *wire.Error, kind string) *api.Refusal {
	r := api.Refuse(kind, err)
	r.Outcome = decision.Refused
	return r
}

// failed is a call that cannot be answered, whoever asks.
func failed(err *wire.Error, kind string) *api.Refusal {
	r := refused(err, kind)
	r.Outcome = decision.Failed
	return r
}

func accessDenied(kind, format string, args ...any) *api.Refusal {
	return refused(wire.Errorf(http.StatusForbidden, "AccessDenied", format, args...), kind)
}

func invalid(format string, args ...any) *api.Refusal {
	return failed(wire.ValidationError(format, args...), decision.Parameter)
}

func invalidParameterValue(text string) *api.Refusal {
	return failed(wire.Errorf(http.StatusBadRequest, "InvalidParameterValue", "%s", text), decision.Parameter)
}

// badParameters is what wire.DecodeQuery found.
func badParameters(err error) *api.Refusal {
	var e *wire.Error
	if !errors.As(err, &e) {
		return internalFailure(err)
	}
	r := failed(e, decision.Parameter)
	if e.Reason != "" {
		r.Reason.Message = e.Reason
	}
	return r
}

func internalFailure(err error) *api.Refusal { return api.Broken(err) }

// roleARNInvalid: recorded for AssumeRole.
func roleARNInvalid(arn string) *api.Refusal { return invalid("%s is invalid", arn) }

// webIdentityDenied is the one text for a role that is missing, lies in another
// path, or whose trust policy does not allow the action (recorded).
func webIdentityDenied(action, kind string) *api.Refusal {
	return accessDenied(kind, "Not authorized to perform %s", action)
}

// assumeRoleDenied has the same text whether the role exists or not (recorded).
func assumeRoleDenied(caller, action, role, kind string) *api.Refusal {
	return accessDenied(kind, "User: %s is not authorized to perform: %s on resource: %s", caller, action, role)
}

// acrossPartitions: a partition knows no roles of another, whatever their trust
// policies say (recorded 2).
func acrossPartitions(caller, action, role string) *api.Refusal {
	own, _ := aws.SplitARN(caller)
	its, _ := aws.SplitARN(role)
	return assumeRoleDenied(caller, action, role, decision.RoleNotFound).
		Because("the role is in the partition %s and the caller in %s: AssumeRole does not reach another partition's roles", its[1], own[1]).
		Advise(hint.Hint{
			Code: "across-partitions", Message: "credentials and roles of one partition are unknown in the others",
			Fix: "call with credentials of " + its[1] + ", or exchange a token of GetWebIdentityToken for a session there, with AssumeRoleWithWebIdentity",
		})
}

// denied is the refusal of the actions that only identity policies decide.
func denied(caller *api.Principal, action, resource string, d policy.Decision) *api.Refusal {
	if resource == "*" {
		resource = ""
	}
	return accessDenied(decision.Policy, "%s", api.DenialText(caller, d, action, resource)).Explain(d)
}

// tokenRefused is a web identity token that was not accepted; package oidc has
// the texts, since they name what is in the token.
func tokenRefused(err error) *api.Refusal {
	if err == nil {
		return nil
	}
	var e *oidc.TokenError
	if !errors.As(err, &e) {
		return internalFailure(err)
	}
	kind := string(e.Reason)
	switch e.Reason {
	case oidc.ReasonNoProvider:
		kind = decision.ProviderNotFound
	case oidc.ReasonRolesClaim, oidc.ReasonRoleNotInClaim:
		kind = decision.RolesClaim
	}
	r := refused(wire.Errorf(e.Status, e.Code, "%s", e.Message), kind)
	if e.Detail != "" {
		r.Reason.Message = e.Detail
	}
	r.Reason.Advise(e.Hint)
	return r
}

// notLoginWithAmazon: recorded, for ProviderId www.amazon.com with a JWT.
func notLoginWithAmazon() *api.Refusal {
	return refused(wire.Errorf(http.StatusBadRequest, oidc.CodeInvalidIdentityToken, "Provided Token is not a Login With Amazon token"), ProviderID).
		WithHint("leave ProviderId out for OpenID Connect tokens")
}

// unknownOAuthProvider: recorded.
func unknownOAuthProvider(id string) *api.Refusal {
	return accessDenied(ProviderID, "Unrecognized OAuth provider. Do not include a provider parameter when submitting OpenIDConnect ID tokens").
		Because("ProviderId is %q; AWS knows %s and %s", id, aws.AmazonIssuer, aws.FacebookIssuer).
		WithHint("leave ProviderId out for OpenID Connect tokens")
}

func rejectedByFacebook() *api.Refusal {
	return refused(wire.Errorf(http.StatusForbidden, "IDPRejectedClaim", "graph.facebook.com: graph.facebook.com responded with HTTP/1.1 400 Bad Request"), ProviderID).
		Because("for Facebook an OpenID Connect token is not an access token").
		WithHint("leave ProviderId out for OpenID Connect tokens")
}

func durationOverRole(asked, most int) *api.Refusal {
	return refused(wire.ValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."), decision.Duration).
		Because("DurationSeconds is %d; the role's MaxSessionDuration is %d", asked, most).
		WithHint(fmt.Sprintf("ask for less, or raise MaxSessionDuration (at most %d) with UpdateRole", aws.LongestRoleSession))
}

func durationOverChaining(asked int) *api.Refusal {
	return refused(wire.ValidationError("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."), decision.Duration).
		Because("DurationSeconds is %d, and the caller's own credentials are temporary", asked).
		WithHint(fmt.Sprintf("ask for at most %d, or assume the role with long-term credentials or a web identity", aws.LongestChained))
}

// duplicateTags, transitiveNotInTags and transitiveConflict: recorded.
func duplicateTags() *api.Refusal {
	return invalidParameterValue("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
}

func transitiveNotInTags() *api.Refusal {
	return invalidParameterValue("The specified transitive tag key must be included in the requested tags.")
}

func transitiveConflict() *api.Refusal {
	return invalidParameterValue("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
}

// reservedTag: the documents forbid the prefix; AWS's text was not recorded.
func reservedTag(key string) *api.Refusal {
	return invalidParameterValue("Tag keys starting with 'aws:' are reserved for system use: " + key)
}

func malformedPolicy(err error) *api.Refusal {
	var v *policy.ValidationError
	if !errors.As(err, &v) {
		return failed(wire.Errorf(http.StatusBadRequest, "MalformedPolicyDocument", "%s", err), decision.Parameter)
	}
	r := failed(wire.Errorf(http.StatusBadRequest, v.Code, "%s", v.Message), decision.Parameter)
	if v.Line > 0 {
		r.Reason.Message = fmt.Sprintf("Policy, line %d, column %d: %s", v.Line, v.Column, v.Message)
	}
	r.Reason.Advise(v.Hint)
	return r
}

// policyMissing: AWS's text for a session policy's unknown ARN was not recorded;
// this is IAM's for the same mistake.
func policyMissing(arn string) *api.Refusal {
	return invalid("Policy %s does not exist or is not attachable.", arn)
}

// tokenTooLarge: since 2026 the text gives the token's size and the most it may
// have, in bytes (STS API reference); its wording was not recorded.
func tokenTooLarge(size int) *api.Refusal {
	return failed(wire.Errorf(http.StatusBadRequest, "PackedPolicyTooLarge",
		"The session token is %d bytes, which exceeds the maximum session token size of %d bytes. Use smaller session policies or session tags.", size, MaxSessionToken), decision.Parameter)
}

// sessionCredentials: reported verbatim by users, for both actions (aws-sdk-php 1876, vault 4108).
func sessionCredentials(action string) *api.Refusal {
	return accessDenied(SessionCredentials, "Cannot call %s with session credentials", action).
		WithHint("sign with a user's long-term access key")
}

// noMFADevice: no user here has an MFA device.
func noMFADevice(serial string) *api.Refusal {
	return accessDenied(MFA, "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.").
		Because("irsa-emu has no MFA devices, so %q is nobody's", serial)
}

func unknownAccessKey(id string) *api.Refusal {
	return invalid("The access key ID %s is not valid.", id).
		Because("%s is not a key of this emulator, and does not hold an account number as keys issued since 2019 do", id)
}

// Refusals of GetWebIdentityToken, recorded 13.

func sessionTooShort(asked int, left time.Duration) *api.Refusal {
	return refused(wire.Errorf(http.StatusForbidden, "SessionDurationEscalationException", "Requested token expiry time must be before the original session's expiry time."), decision.Duration).
		Because("DurationSeconds is %d, and the caller's session ends in %s", asked, left.Round(time.Second)).
		WithHint("ask for a shorter token, or with new credentials")
}

func outboundDisabled(account string) *api.Refusal {
	return refused(wire.Errorf(http.StatusForbidden, "OutboundWebIdentityFederationDisabledException", "OutboundWebIdentityFederation is disabled."), OutboundDisabled).
		Because("outbound web identity federation is off in account %s", account).
		WithHint("switch it on: aws iam enable-outbound-web-identity-federation")
}

func payloadTooLarge(size int) *api.Refusal {
	return failed(wire.Errorf(http.StatusBadRequest, "JWTPayloadSizeExceededException", "JWT payload exceeds maximum allowed size"), decision.Parameter).
		Because("the payload has %d bytes, the most is %d", size, outboundMost).
		WithHint("send fewer or shorter audiences and tags")
}
