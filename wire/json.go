package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
)

// Content types of the JSON protocols.
const (
	contentAWSJSON  = "application/x-amz-json-1.1"
	contentAWSJSON0 = "application/x-amz-json-1.0"
	contentRESTJSON = "application/json"
)

// awsJSON is the content type of the protocol's version that a request is in.
func awsJSON(call *Call) string {
	if call.HTTP != nil && call.HTTP.Header.Get("Content-Type") == contentAWSJSON0 {
		return contentAWSJSON0
	}
	return contentAWSJSON
}

// WriteJSON answers an awsJson call. result goes through encoding/json, so
// its members are named by json tags; a nil result is an empty body, as AWS
// sends for actions without output.
func WriteJSON(w http.ResponseWriter, call *Call, result any) {
	call.Result = result
	writeJSON(w, call, http.StatusOK, awsJSON(call), result)
}

// WriteRESTJSON answers a REST-JSON call, with status 200 where status is 0.
func WriteRESTJSON(w http.ResponseWriter, call *Call, status int, result any) {
	if status == 0 {
		status = http.StatusOK
	}
	writeJSON(w, call, status, contentRESTJSON, result)
}

func writeJSON(w http.ResponseWriter, call *Call, status int, contentType string, result any) {
	var body []byte
	if !isNil(result) {
		var err error
		if body, err = marshal(result); err != nil {
			panic(fmt.Sprintf("wire: writing a %T: %v", result, err))
		}
	}
	send(w, call, status, contentType, body)
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

// marshal is json.Marshal without the escapes for HTML, which AWS does not have.
func marshal(v any) ([]byte, error) {
	b := &bytes.Buffer{}
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// WriteJSONError answers an awsJson call with an error: __type and Message.
func WriteJSONError(w http.ResponseWriter, call *Call, err *Error) {
	send(w, call, statusOf(err), awsJSON(call), jsonError(err, "__type", "Message"))
}

// WriteRESTJSONError answers a REST-JSON call with an error: its code is in the
// header x-amzn-ErrorType.
func WriteRESTJSONError(w http.ResponseWriter, call *Call, err *Error) {
	w.Header().Set("X-Amzn-Errortype", headerText(err.Code))
	send(w, call, statusOf(err), contentRESTJSON, jsonError(err, "", "message"))
}

func jsonError(err *Error, code, message string) []byte {
	b := &bytes.Buffer{}
	b.WriteByte('{')
	member := func(name, value string) {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		jsonString(b, name)
		b.WriteByte(':')
		jsonString(b, value)
	}
	if code != "" {
		member(code, err.Code)
	}
	if err.Message != "" || code == "" {
		member(message, err.Message)
	}
	for _, f := range err.Fields {
		member(f.Name, f.Value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// headerText is text without the characters that a header cannot hold.
func headerText(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, text)
}
