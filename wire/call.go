package wire

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
)

// Namespaces of the Query protocol's answers.
const (
	STSNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"
	IAMNamespace = "https://iam.amazonaws.com/doc/2010-05-08/"
	// FaultNamespace is that of answers which no service gives: the action or
	// the version is unknown.
	FaultNamespace = "http://webservices.amazon.com/AWSFault/2005-15-09"
)

// Call is one request on an AWS API, once it is known what it asks for.
type Call struct {
	// ID is the request id: in a header of every answer, and in most bodies.
	ID      string
	Service string // the signing name: "sts", "iam", "s3", …
	Action  string
	Version string // of the API; Query protocol only
	Region  string
	HTTP    *http.Request
	Form    url.Values // Query protocol only
	Body    []byte     // not S3, whose bodies are streams
	// WantJSON asks for the JSON form of a Query answer; see WantsJSON.
	WantJSON bool
	// Input is what the action read of the parameters, and Result what it
	// answered; nil as long as there is none. See Tree.
	Input, Result any
}

// DecodeQuery reads the call's form into the input of its action, a pointer to
// a struct; see [DecodeQuery].
func (c *Call) DecodeQuery(into any, style Style) error {
	c.Input = into
	return DecodeQuery(c.Form, into, style)
}

// DecodeJSON reads the call's body into the input of its action, a pointer to a
// struct; see [DecodeJSON].
func (c *Call) DecodeJSON(into any) error {
	c.Input = into
	return DecodeJSON(c.Body, into)
}

// NewRequestID makes a request id: a random UUID.
func NewRequestID() string { return uuid.NewString() }

// WantsJSON says whether a client of the Query protocol asks for JSON, as
// aws-iam-authenticator does.
func WantsJSON(r *http.Request) bool {
	for _, accept := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(accept, ",") {
			media, _, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(media), "application/json") {
				return true
			}
		}
	}
	return false
}
