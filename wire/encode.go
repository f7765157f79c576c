package wire

import (
	"errors"
	"net/http"
)

var errSkeleton = errors.New("not written yet")

// List is a list of an answer: <X><member>…</member></X>, and <X/> when empty.
type List[T any] []T

func WriteQuery(w http.ResponseWriter, call *Call, namespace string, result any)      {}
func WriteQueryError(w http.ResponseWriter, call *Call, namespace string, err *Error) {}
func WriteJSON(w http.ResponseWriter, call *Call, result any)                         {}
func WriteJSONError(w http.ResponseWriter, call *Call, err *Error)                    {}
func WriteRESTJSON(w http.ResponseWriter, call *Call, status int, result any)         {}
func WriteRESTJSONError(w http.ResponseWriter, call *Call, err *Error)                {}
func WriteS3Error(w http.ResponseWriter, call *Call, err *Error)                      {}
