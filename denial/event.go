package denial

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/term"
)

// Event is a CloudTrail record as far as it bears on a refusal.
type Event struct {
	EventSource        string          `json:"eventSource"`
	EventName          string          `json:"eventName"`
	EventTime          string          `json:"eventTime"`
	EventID            string          `json:"eventID"`
	EventCategory      string          `json:"eventCategory"`
	AWSRegion          string          `json:"awsRegion"`
	SourceIPAddress    string          `json:"sourceIPAddress"`
	UserAgent          string          `json:"userAgent"`
	ErrorCode          string          `json:"errorCode"`
	ErrorMessage       string          `json:"errorMessage"`
	VPCEndpointID      string          `json:"vpcEndpointId"`
	RecipientAccountID string          `json:"recipientAccountId"`
	RequestParameters  json.RawMessage `json:"requestParameters"`
	Resources          []struct {
		ARN  string `json:"ARN"`
		Type string `json:"type"`
	} `json:"resources"`
	UserIdentity identity `json:"userIdentity"`

	parameters map[string]any // nil when the event has none
}

type identity struct {
	Type             string `json:"type"`
	PrincipalID      string `json:"principalId"`
	ARN              string `json:"arn"`
	AccountID        string `json:"accountId"`
	UserName         string `json:"userName"`
	IdentityProvider string `json:"identityProvider"`
	InvokedBy        string `json:"invokedBy"`
	SessionContext   struct {
		SessionIssuer struct {
			Type string `json:"type"`
			ARN  string `json:"arn"`
		} `json:"sessionIssuer"`
		WebIDFederationData struct {
			FederatedProvider string `json:"federatedProvider"`
		} `json:"webIdFederationData"`
		Attributes struct {
			MFAAuthenticated string `json:"mfaAuthenticated"`
		} `json:"attributes"`
		SourceIdentity string `json:"sourceIdentity"`
	} `json:"sessionContext"`
}

// Refused says whether AWS refused the call of the event.
func (e *Event) Refused() bool { return e.ErrorCode != "" }

// Read reads events in the forms in which people have them: one record, a list,
// a log file ({"Records": […]}), what aws cloudtrail lookup-events prints
// ({"Events": [{"CloudTrailEvent": "…"}]}), an event of EventBridge ({"detail":
// {…}}), and records that follow each other, one a line.
func Read(src []byte) ([]*Event, error) {
	decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(src, []byte("\ufeff"))))
	var events []*Event
	for n := 1; ; n++ {
		var raw json.RawMessage
		err := decoder.Decode(&raw)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			offset := int(decoder.InputOffset())
			if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
				offset += int(syntax.Offset) // counted from the start of the value
			}
			line := 1 + bytes.Count(src[:min(offset, len(src))], []byte("\n"))
			return nil, fmt.Errorf("line %d: not JSON: %w", line, term.JSON(err))
		}
		if events, err = unwrap(events, raw, 0); err != nil {
			return nil, fmt.Errorf("record %d: %w", n, err)
		}
	}
	if len(events) == 0 {
		return nil, errors.New("no CloudTrail record; give a record, a log file, or what aws cloudtrail lookup-events prints")
	}
	return events, nil
}

// unwrap takes an event out of what it was delivered in.
func unwrap(events []*Event, raw json.RawMessage, depth int) ([]*Event, error) {
	if depth > 4 {
		return nil, errors.New("nested deeper than any delivery of CloudTrail's")
	}
	all := func(list []json.RawMessage) (out []*Event, err error) {
		out = events
		for _, item := range list {
			if out, err = unwrap(out, item, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && list != nil {
		return all(list)
	}
	var w struct {
		Records, Events []json.RawMessage
		CloudTrailEvent string
		Detail          json.RawMessage `json:"detail"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return nil, fmt.Errorf("not a CloudTrail record: %w", term.JSON(err))
	}
	switch {
	case w.Records != nil:
		return all(w.Records)
	case w.Events != nil:
		return all(w.Events)
	case w.CloudTrailEvent != "":
		return unwrap(events, json.RawMessage(w.CloudTrailEvent), depth+1)
	case len(w.Detail) > 0 && string(w.Detail) != "null":
		return unwrap(events, w.Detail, depth+1)
	}
	e := new(Event)
	if err := json.Unmarshal(raw, e); err != nil {
		return nil, fmt.Errorf("not a CloudTrail record: %w", term.JSON(err))
	}
	if e.EventName == "" || e.EventSource == "" {
		return nil, errors.New("not a CloudTrail record: it has no eventName or eventSource")
	}
	if len(e.RequestParameters) > 0 && string(e.RequestParameters) != "null" {
		if err := json.Unmarshal(e.RequestParameters, &e.parameters); err != nil {
			return nil, fmt.Errorf("requestParameters is not an object: %w", term.JSON(err))
		}
	}
	return append(events, e), nil
}

// parameter is a text among the request's parameters.
func (e *Event) parameter(name string) string {
	s, _ := e.parameters[name].(string)
	return s
}

func (e *Event) time() time.Time {
	t, err := time.Parse(time.RFC3339, e.EventTime)
	if err != nil {
		return time.Time{}
	}
	return t
}

// webIdentity takes the token's claims out of the event: principalId is
// PROVIDER:AUDIENCE:SUBJECT, and all three may hold colons.
func (e *Event) webIdentity() (provider, audience, subject string) {
	provider, subject = e.UserIdentity.IdentityProvider, e.UserIdentity.UserName
	rest := strings.TrimPrefix(e.UserIdentity.PrincipalID, provider)
	if provider == "" {
		rest = e.UserIdentity.PrincipalID
	}
	return provider, strings.TrimPrefix(strings.TrimSuffix(rest, ":"+subject), ":"), subject
}

// role is the role that the call asks for.
func (e *Event) role() string {
	if arn := e.parameter("roleArn"); arn != "" {
		return arn
	}
	for _, r := range e.Resources {
		if isRole(r.ARN) {
			return r.ARN
		}
	}
	_, resource, _ := e.said()
	return resource
}
