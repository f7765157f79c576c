package wire

import (
	"fmt"
	"net/http"
	"strings"
)

// Protocol is how the calls of an API are read and its errors worded and written.
type Protocol interface {
	// Read finds out what a call asks for: its action and, of the Query
	// protocol, its version and form. The body was read before, unless the
	// protocol is a [StreamProtocol].
	Read(*Call) error
	// UnknownAction words the refusal of an action that the API does not have.
	UnknownAction(*Call) *Error
	// AuthError words a refusal to believe who signed.
	AuthError(*AuthError) *Error
	// WriteError answers a call with an error.
	WriteError(http.ResponseWriter, *Call, *Error)
}

// StreamProtocol is a protocol whose bodies are streams: they are read by the
// service, after the request was authenticated.
type StreamProtocol interface {
	Protocol
	// RequestID is the form of the call's request id.
	RequestID(*Call) string
	// OpenBody puts in place of the request's body one that is checked against
	// the verified signature while it is read.
	OpenBody(*http.Request, *Signature) error
}

// Query is the protocol of STS and IAM.
type Query struct {
	// Namespace is that of the API's answers.
	Namespace string
}

// Read reads action, version and form.
func (Query) Read(call *Call) (err error) {
	call.Action, call.Version, call.Form, err = ReadQuery(call.HTTP, call.Body)
	return err
}

// UnknownAction is missingAction for no action at all.
func (Query) UnknownAction(call *Call) *Error {
	if call.Action == "" {
		return missingAction()
	}
	return InvalidAction(call.Action, call.Version)
}

// AuthError words the error as STS and IAM do.
func (Query) AuthError(err *AuthError) *Error { return err.Query() }

// WriteError answers in the API's namespace.
func (q Query) WriteError(w http.ResponseWriter, call *Call, err *Error) {
	WriteQueryError(w, call, q.Namespace, err)
}

// JSON is awsJson, whose requests name their action in X-Amz-Target. Answers are of
// the version that the request is in: 1.1, or 1.0 of SQS and DynamoDB.
type JSON struct{}

// Read reads the action: what stands after the dot of secretsmanager.GetSecretValue.
func (JSON) Read(call *Call) error {
	_, call.Action, _ = strings.Cut(call.HTTP.Header.Get("X-Amz-Target"), ".")
	return nil
}

// UnknownAction is what services answer to a target that they do not have: no words.
func (JSON) UnknownAction(call *Call) *Error {
	refusal := Errorf(http.StatusBadRequest, "UnknownOperationException", "")
	refusal.Reason = fmt.Sprintf("the service has no operation of X-Amz-Target %q", call.HTTP.Header.Get("X-Amz-Target"))
	return refusal
}

// AuthError words the error as JSON services do.
func (JSON) AuthError(err *AuthError) *Error { return err.JSON() }

// WriteError writes __type and Message.
func (JSON) WriteError(w http.ResponseWriter, call *Call, err *Error) { WriteJSONError(w, call, err) }

// RESTJSON is the protocol whose requests name their action by method and path.
type RESTJSON struct {
	// Action names the operation of a request, "" for none.
	Action func(*http.Request) string
}

// Read finds the action.
func (p RESTJSON) Read(call *Call) error {
	call.Action = p.Action(call.HTTP)
	return nil
}

// UnknownAction names method and path, which is all that there is.
func (RESTJSON) UnknownAction(call *Call) *Error {
	return Errorf(http.StatusNotFound, "UnknownOperationException", "There is no operation for %s %s.", call.HTTP.Method, call.HTTP.URL.EscapedPath())
}

// AuthError words the error as the front ends of REST-JSON services do.
func (RESTJSON) AuthError(err *AuthError) *Error { return err.REST() }

// WriteError has the code in the header x-amzn-ErrorType.
func (RESTJSON) WriteError(w http.ResponseWriter, call *Call, err *Error) {
	WriteRESTJSONError(w, call, err)
}

// S3 is Amazon S3's REST-XML.
type S3 struct {
	// Action names the operation of a request, as far as it can be told before
	// the bucket is known.
	Action func(*http.Request) string
}

// Read finds the action and leaves the body alone.
func (p S3) Read(call *Call) error {
	call.Action = p.Action(call.HTTP)
	return nil
}

// UnknownAction is S3's answer to a method that a resource does not have.
func (S3) UnknownAction(call *Call) *Error {
	return Errorf(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.").With("Method", call.HTTP.Method)
}

// AuthError words the error as S3 does.
func (S3) AuthError(err *AuthError) *Error { return err.S3() }

// WriteError writes S3's own XML.
func (S3) WriteError(w http.ResponseWriter, call *Call, err *Error) { WriteS3Error(w, call, err) }

// RequestID is a form of S3's own.
func (S3) RequestID(call *Call) string { return s3RequestID(call) }

// OpenBody decodes and checks what was signed of the body.
func (S3) OpenBody(r *http.Request, sig *Signature) error {
	payload, err := OpenPayload(r, sig)
	if err != nil {
		return err
	}
	r.Body, r.ContentLength = payload, payload.Length()
	return nil
}
