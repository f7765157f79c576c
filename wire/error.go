package wire

import (
	"fmt"
	"net/http"
)

// Error is a refusal as AWS words it. Code and Message go over the wire as
// they are, in whatever shape the protocol has.
type Error struct {
	Code    string
	Message string
	Status  int // HTTP
	// Fields are further elements of the answer, in order: S3's <Key>, <Region>, ….
	Fields []Field
	// Reason is for logs and decisions: what AWS would not have said. It never
	// goes over the wire.
	Reason string

	namespace string // of a Query answer, where it is not the service's own
}

// Field is one further element of an error's body.
type Field struct{ Name, Value string }

// Error is the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an Error with a formatted message.
func Errorf(status int, code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Status: status}
}

// With adds an element to the answer's body and returns e.
func (e *Error) With(name, value string) *Error {
	e.Fields = append(e.Fields, Field{name, value})
	return e
}

// InvalidAction refuses an action or a version that no service knows. It is
// answered in a namespace of its own.
// Recorded: 400 InvalidAction "Could not find operation X for version V".
func InvalidAction(action, version string) *Error {
	err := Errorf(http.StatusBadRequest, "InvalidAction", "Could not find operation %s for version %s", action, version)
	err.namespace = FaultNamespace
	return err
}

// missingAction refuses a Query call that names no action at all. AWS lists
// the code among its common errors. STS itself was seen to answer 302 to
// https://aws.amazon.com/iam (justincormack/argmin's sts_oracle, 2026), which
// would lead away from an emulator.
func missingAction() *Error {
	err := Errorf(http.StatusBadRequest, "MissingAction", "The request is missing an action or a required parameter.")
	err.namespace = FaultNamespace
	return err
}

// ValidationError is the Query protocol's answer to a parameter of the wrong shape.
func ValidationError(format string, args ...any) *Error {
	return Errorf(http.StatusBadRequest, "ValidationError", format, args...)
}
