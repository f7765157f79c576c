package wire

import (
	"bytes"
	"net/http"
	"reflect"
	"strconv"
	"sync"
)

// answers are buffers for answers, which are sent before their writer is put back. The
// largest ones are left to the garbage collector. Without it, AssumeRoleWithWebIdentity
// allocates 6 KB more (BenchmarkHandler).
var answers = sync.Pool{New: func() any { return new(xmlWriter) }}

const largestPooled = 64 << 10

func newAnswer() *xmlWriter { return answers.Get().(*xmlWriter) }

func (x *xmlWriter) send(w http.ResponseWriter, call *Call, status int) {
	send(w, call, status, "text/xml", x.Bytes())
	if x.Cap() <= largestPooled {
		x.Reset()
		x.depth = 0
		answers.Put(x)
	}
}

// WriteQuery answers a call of the Query protocol with a result, a struct or a
// pointer to one, in the namespace of the service. A nil result is that of an
// action without output: nothing but the metadata.
func WriteQuery(w http.ResponseWriter, call *Call, namespace string, result any) {
	call.Result = result
	if call.WantJSON {
		send(w, call, http.StatusOK, "application/json", queryJSON(call, result))
		return
	}
	x := newAnswer()
	response := call.Action + "Response"
	x.tag("<", response, ` xmlns="`)
	x.tag("", namespace, "\">\n")
	x.depth++
	if result != nil {
		x.element(call.Action+"Result", reflect.ValueOf(result))
	}
	x.open("ResponseMetadata")
	x.text("RequestId", call.ID)
	x.close("ResponseMetadata")
	x.close(response)
	x.send(w, call, http.StatusOK)
}

func queryJSON(call *Call, result any) []byte {
	b := &bytes.Buffer{}
	b.WriteByte('{')
	jsonString(b, call.Action+"Response")
	b.WriteString(":{")
	if result != nil {
		jsonString(b, call.Action+"Result")
		b.WriteByte(':')
		jsonElement(b, reflect.ValueOf(result))
		b.WriteByte(',')
	}
	b.WriteString(`"ResponseMetadata":{"RequestId":`)
	jsonString(b, call.ID)
	b.WriteString("}}}")
	return b.Bytes()
}

// WriteQueryError answers a call of the Query protocol with an error.
func WriteQueryError(w http.ResponseWriter, call *Call, namespace string, err *Error) {
	status := statusOf(err)
	sender := "Sender"
	if status >= 500 {
		sender = "Receiver"
	}
	if call.WantJSON {
		b := &bytes.Buffer{}
		b.WriteString(`{"Error":{"Code":`)
		jsonString(b, err.Code)
		b.WriteString(`,"Message":`)
		jsonString(b, err.Message)
		b.WriteString(`,"Type":"` + sender + `"},"RequestId":`)
		jsonString(b, call.ID)
		b.WriteString("}")
		send(w, call, status, "application/json", b.Bytes())
		return
	}
	if err.namespace != "" {
		namespace = err.namespace
	}
	x := newAnswer()
	x.WriteString(`<ErrorResponse xmlns="` + namespace + `">` + "\n")
	x.depth++
	x.open("Error")
	x.text("Type", sender)
	x.text("Code", err.Code)
	if err.Message != "" {
		x.text("Message", err.Message)
	}
	for _, f := range err.Fields {
		x.text(f.Name, f.Value)
	}
	x.close("Error")
	x.text("RequestId", call.ID)
	x.close("ErrorResponse")
	x.send(w, call, status)
}

func statusOf(err *Error) int {
	if err.Status < 200 || err.Status > 599 {
		return http.StatusInternalServerError
	}
	return err.Status
}

// send writes an answer whose body is complete. Content types are set as they
// are: Vault takes nothing but exactly "text/xml" from STS.
func send(w http.ResponseWriter, call *Call, status int, contentType string, body []byte) {
	h := w.Header()
	h["X-Amzn-Requestid"] = []string{call.ID}
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if call.HTTP != nil && call.HTTP.Method == http.MethodHead {
		return
	}
	w.Write(body) // a client that went away is told by nobody
}
