package iam

import (
	"errors"
	"net/http"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/wire"
)

// answerOf is an error of an action as [api.RefusalOf] takes it: the mistakes in
// a document have codes of IAM's.
func answerOf(err error) error {
	var document *policy.ValidationError
	if !errors.As(err, &document) {
		return err
	}
	return api.Refuse(decision.Parameter, fromValidation(document)).Because("%s", document.Error()).Advise(document.Hint)
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
