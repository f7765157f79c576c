package secretsmanager

import (
	"net/http"

	"github.com/irsa-emu/irsa-emu/api"
)

// Every client error of Secrets Manager has the status 400.

func notFound() error {
	return api.Fail(http.StatusBadRequest, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

// valueNotFound: what is "staging label" or "VersionId".
// Recorded: "…secret value for staging label: AWSPREVIOUS", "…for VersionId: …".
func valueNotFound(what, which string) error {
	return api.Fail(http.StatusBadRequest, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for %s: %s", what, which)
}

func invalidRequest(format string, args ...any) *api.Refusal {
	return api.Fail(http.StatusBadRequest, "InvalidRequestException", format, args...)
}

func invalidParameter(format string, args ...any) *api.Refusal {
	return api.Fail(http.StatusBadRequest, "InvalidParameterException", format, args...)
}

func markedForDeletion() error {
	return invalidRequest("You can't perform this operation on the secret because it was marked for deletion.")
}

// noToken: the SDKs and the CLI send a token of their own, raw callers must.
// Recorded on AWS for CreateSecret, PutSecretValue and UpdateSecret.
func noToken() error {
	return invalidRequest("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
}

// Recorded on AWS for CreateSecret, PutSecretValue and UpdateSecret.
func tokenInUse(token string, secret *Secret) error {
	return api.Fail(http.StatusBadRequest, "ResourceExistsException",
		"You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", token, secret.ARN())
}

// Recorded on AWS, from every action that takes a name.
func invalidName() error {
	return api.Fail(http.StatusBadRequest, "ValidationException",
		"Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
}
