package iam

import (
	"errors"
	"net/http"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// reasoned is an answer with what AWS does not say.
type reasoned struct {
	answer *wire.Error
	reason decision.Reason
}

func (r reasoned) Error() string { return r.answer.Error() }

// fail maps an error of an action to AWS's answer, and notes it in the decision.
func fail(req *api.Request, err error) *wire.Error {
	var known reasoned
	var answer *wire.Error
	var document *policy.ValidationError
	switch {
	case errors.As(err, &known):
		refuse(req, known.answer, known.reason)
		return known.answer
	case errors.As(err, &document):
		answer = fromValidation(document)
		reason := decision.Reason{Kind: decision.Parameter, Message: document.Error()}
		reason.Advise(document.Hint)
		refuse(req, answer, reason)
		return answer
	case errors.As(err, &answer):
		message := answer.Reason
		if message == "" {
			message = answer.Message
		}
		refuse(req, answer, decision.Reason{Kind: kindOf(answer), Message: message})
		return answer
	case state.Unavailable(err):
		answer = wire.Errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
	default:
		answer = wire.Errorf(http.StatusInternalServerError, "ServiceFailure", "The request processing has failed because of an unknown error, exception or failure.")
	}
	refuse(req, answer, decision.Reason{Kind: decision.Unavailable, Message: err.Error()})
	return answer
}

func kindOf(err *wire.Error) string {
	if err.Code == "NotImplemented" || err.Code == "InvalidAction" {
		return decision.Unsupported
	}
	return decision.Parameter
}

// fromValidation is the answer to a document that IAM refuses.
func fromValidation(v *policy.ValidationError) *wire.Error {
	if v.Code == "LimitExceeded" {
		return limitExceeded("%s", v.Message)
	}
	return wire.Errorf(http.StatusBadRequest, v.Code, "%s", v.Message)
}

func noSuchEntity(format string, args ...any) *wire.Error {
	return wire.Errorf(http.StatusNotFound, "NoSuchEntity", format, args...)
}

func alreadyExists(format string, args ...any) *wire.Error {
	return wire.Errorf(http.StatusConflict, "EntityAlreadyExists", format, args...)
}

func deleteConflict(format string, args ...any) *wire.Error {
	return wire.Errorf(http.StatusConflict, "DeleteConflict", format, args...)
}

func limitExceeded(format string, args ...any) *wire.Error {
	return wire.Errorf(http.StatusConflict, "LimitExceeded", format, args...)
}

func quotaExceeded(quota string, limit int) *wire.Error {
	return limitExceeded("Cannot exceed quota for %s: %d", quota, limit)
}

func invalidInput(format string, args ...any) *wire.Error {
	return wire.Errorf(http.StatusBadRequest, "InvalidInput", format, args...)
}

func unmodifiable(format string, args ...any) *wire.Error {
	return wire.Errorf(http.StatusBadRequest, "UnmodifiableEntity", format, args...)
}

func accessDenied(format string, args ...any) *wire.Error {
	return wire.Errorf(http.StatusForbidden, "AccessDenied", format, args...)
}

// notImplemented is the answer to an action that AWS has and this API has not.
func notImplemented(action string) *wire.Error {
	return wire.Errorf(http.StatusNotImplemented, "NotImplemented", "irsa-emu does not implement iam:%s", action)
}

func noRole(name string) *wire.Error {
	return noSuchEntity("The role with name %s cannot be found.", name)
}

func noUser(name string) *wire.Error {
	return noSuchEntity("The user with name %s cannot be found.", name)
}

func noGroup(name string) *wire.Error {
	return noSuchEntity("The group with name %s cannot be found.", name)
}

func noInstanceProfile(name string) *wire.Error {
	return noSuchEntity("Instance Profile %s cannot be found.", name)
}

func noPolicy(arn string) *wire.Error { return noSuchEntity("Policy %s was not found.", arn) }

func notAttachable(arn string) *wire.Error {
	return noSuchEntity("Policy %s does not exist or is not attachable.", arn)
}
