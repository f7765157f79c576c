package s3

import (
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/irsa-emu/irsa-emu/api"
)

// fail makes a Failure whose answer has further elements: name, value, ….
func fail(status int, code, message string, fields ...string) *api.Refusal {
	f := api.Fail(status, code, "%s", message)
	for i := 0; i+1 < len(fields); i += 2 {
		f.Wire.With(fields[i], fields[i+1])
	}
	return f
}

func noSuchBucket(name string) error {
	return fail(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist", "BucketName", name)
}

func noSuchKey(key string) error {
	return fail(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.", "Key", key)
}

func methodNotAllowed(method string, at scope) error {
	kind := [...]string{"SERVICE", "BUCKET", "OBJECT"}[at]
	return fail(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.", "Method", method, "ResourceType", kind)
}

func invalidArgument(message, name, value string) error {
	return fail(http.StatusBadRequest, "InvalidArgument", message, "ArgumentName", name, "ArgumentValue", value)
}

func invalidRequest(message string) error {
	return fail(http.StatusBadRequest, "InvalidRequest", message)
}

func malformedXML() *api.Refusal {
	return fail(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
}

func preconditionFailed(condition string) error {
	return fail(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", "Condition", condition)
}

// headerNotImplemented is S3's own NotImplemented, for headers that it has but
// does not take here. Recorded with and without additionalMessage.
func headerNotImplemented(header, more string) error {
	f := fail(http.StatusNotImplemented, "NotImplemented", "A header you provided implies functionality that is not implemented", "Header", header)
	if more != "" {
		f.Wire.With("additionalMessage", more)
	}
	return f
}

const maxKeyLength = 1024

// checkKey refuses keys that S3 does not have.
func checkKey(key string) error {
	if !utf8.ValidString(key) {
		return fail(http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.")
	}
	if len(key) > maxKeyLength {
		return fail(http.StatusBadRequest, "KeyTooLongError", "Your key is too long", "Size", strconv.Itoa(len(key)), "MaxSizeAllowed", strconv.Itoa(maxKeyLength))
	}
	return nil
}
