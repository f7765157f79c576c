package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// s3RequestID is the form that request ids have on S3: sixteen characters.
// It is made of call's id, so that both name the same call.
func s3RequestID(call *Call) string {
	id := strings.ToUpper(strings.ReplaceAll(call.ID, "-", ""))
	return id[:min(16, len(id))]
}

// s3HostID is S3's second request id (x-amz-id-2), made of call's id.
func s3HostID(call *Call) string {
	sum := sha256.Sum256([]byte(call.ID))
	return base64.StdEncoding.EncodeToString(append(sum[:], sum[:24]...))
}

// SetS3Headers sets the headers that every answer of S3 has.
func SetS3Headers(w http.ResponseWriter, call *Call) {
	w.Header().Set("X-Amz-Request-Id", s3RequestID(call))
	w.Header().Set("X-Amz-Id-2", s3HostID(call))
	w.Header().Set("Server", "AmazonS3")
}

// WriteS3Error answers an S3 call with an error. The answer to a HEAD has no
// body: clients see the status alone.
func WriteS3Error(w http.ResponseWriter, call *Call, err *Error) {
	SetS3Headers(w, call)
	b := &bytes.Buffer{}
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error>")
	element := func(name, value string) {
		b.WriteString("<" + name + ">")
		escapeXML(b, value)
		b.WriteString("</" + name + ">")
	}
	element("Code", err.Code)
	element("Message", err.Message)
	for _, f := range err.Fields {
		element(f.Name, f.Value)
	}
	element("RequestId", s3RequestID(call))
	element("HostId", s3HostID(call))
	b.WriteString("</Error>")

	h := w.Header()
	h.Set("Content-Type", "application/xml")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	if call.HTTP != nil && call.HTTP.Method == http.MethodHead {
		h.Del("Content-Length")
		w.WriteHeader(statusOf(err))
		return
	}
	w.WriteHeader(statusOf(err))
	w.Write(b.Bytes())
}
