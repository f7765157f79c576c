// Package cloudtrail writes records of calls in the shape of AWS CloudTrail's
// management events, one JSON object a line, so that what reads those of AWS
// (rules, queries, dashboards) can be tried on the emulator's.
//
// The shape follows the CloudTrail user guide, "CloudTrail record contents for
// management, data, and network activity events" and "CloudTrail userIdentity
// element", and the IAM user guide, "Logging IAM and AWS STS API calls with AWS
// CloudTrail", with its examples. Where these say nothing it follows records
// that were published: each comment says which.
//
// Two things differ from AWS on purpose. Calls that AWS does not record, because
// they are not even authenticated, are recorded too, with the identity type
// Unknown. And no record holds a session token, which AWS's do.
package cloudtrail

import (
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
)

// version is the current one of the user guide. Records of the STS were seen
// with 1.08 and those of IAM with 1.09: newer versions only add fields.
const version = "1.11"

// event is one record, its members in the order of the examples.
type event struct {
	EventVersion       string               `json:"eventVersion"`
	UserIdentity       identity             `json:"userIdentity"`
	EventTime          string               `json:"eventTime"`
	EventSource        string               `json:"eventSource"`
	EventName          string               `json:"eventName"`
	AWSRegion          string               `json:"awsRegion"`
	SourceIPAddress    string               `json:"sourceIPAddress"`
	UserAgent          string               `json:"userAgent"`
	ErrorCode          string               `json:"errorCode,omitempty"`
	ErrorMessage       string               `json:"errorMessage,omitempty"`
	RequestParameters  any                  `json:"requestParameters"`
	ResponseElements   any                  `json:"responseElements"`
	AdditionalData     map[string]any       `json:"additionalEventData,omitempty"`
	RequestID          string               `json:"requestID"`
	EventID            string               `json:"eventID"`
	ReadOnly           bool                 `json:"readOnly"`
	Resources          []api.RecordResource `json:"resources,omitempty"`
	EventType          string               `json:"eventType"`
	ManagementEvent    bool                 `json:"managementEvent"`
	RecipientAccountID string               `json:"recipientAccountId"`
	SharedEventID      string               `json:"sharedEventID,omitempty"`
	EventCategory      string               `json:"eventCategory"`
	TLSDetails         *tlsDetails          `json:"tlsDetails,omitempty"`
}

type tlsDetails struct {
	TLSVersion               string `json:"tlsVersion"`
	CipherSuite              string `json:"cipherSuite"`
	ClientProvidedHostHeader string `json:"clientProvidedHostHeader"`
}

// call is one to record, and what its service says of its records.
type call struct {
	*api.Request
	records *api.Records
}

// recorded says whether a call is one of an API that has records. A name that
// no API has is none.
func recorded(req *api.Request, service *api.Description) bool {
	return service.Records != nil && service.Knows(req.Action) && (service.Version == "" || req.Version == service.Version)
}

// eventsOf are the records of a call: one, or two when a role of another account
// was assumed, one for each account.
func (t *Trail) eventsOf(req *call) []event {
	d := req.Decision
	e := event{
		EventVersion: version, UserIdentity: identityOf(req), EventTime: req.Now.UTC().Format(time.RFC3339),
		EventSource: req.records.Source, EventName: clip(nameOf(req), 256), AWSRegion: regionOf(req),
		SourceIPAddress: sourceAddress(req), UserAgent: clip(userAgent(req), kilobyte),
		RequestParameters: parametersOf(req), ResponseElements: elementsOf(req),
		RequestID: req.ID, EventID: t.newID(), ReadOnly: readOnly(req),
		EventType: "AwsApiCall", ManagementEvent: true, RecipientAccountID: t.recipient(req), EventCategory: "Management",
	}
	if isData(req) {
		e.ManagementEvent, e.EventCategory = false, "Data"
	}
	if req.HTTP != nil && req.InvokedBy == "" {
		e.TLSDetails = tlsOf(req.HTTP)
	}
	if req.records.Additional != nil {
		e.AdditionalData = req.records.Additional(req.Request, e.AWSRegion, isGlobal(req))
	}
	if d.Error != nil {
		e.ErrorCode, e.ErrorMessage = errorCode(req), clip(errorMessage(req), kilobyte)
	}
	if req.records.Resources != nil && e.RequestParameters != nil {
		e.Resources = req.records.Resources(req.Request)
	}
	if p := req.Principal; req.records.Shared && p != nil && d.Error == nil {
		for _, r := range e.Resources {
			if r.AccountID != "" && r.AccountID != p.Account {
				return t.forBoth(e, p, r.AccountID)
			}
		}
	}
	return []event{e}
}

// nameOf is what records call the action.
func nameOf(req *call) string {
	if req.records.Name != nil {
		return req.records.Name(req.Action)
	}
	return req.Action
}

func isData(req *call) bool { return req.records.Data != nil && req.records.Data(req.Action) }

// forBoth are the records of a role assumed from another account: the caller's
// and that of the role's account, which shows no more of the caller than the
// account and the unique id. IAM user guide, "Example cross-account AWS STS API
// events"; a refused call is recorded in the caller's account only.
func (t *Trail) forBoth(e event, p *api.Principal, account string) []event {
	e.SharedEventID = t.newID()
	other := e
	other.EventID, other.RecipientAccountID = t.newID(), account
	other.UserIdentity = identity{Type: "AWSAccount", PrincipalID: p.UserID, AccountID: p.Account}
	return []event{e, other}
}

// recipient is the account that the record belongs to: the caller's, or for a
// web identity the role's. Calls of nobody go to the default account.
func (t *Trail) recipient(req *call) string {
	if req.Principal != nil {
		return req.Principal.Account
	}
	if arn, err := aws.ParseARN(req.Decision.Resource); err == nil && arn.Account != "" {
		return arn.Account
	}
	return t.account
}

// regionOf: the records of global endpoints name us-east-1. IAM user guide, the
// table of regions; in another partition it is that in which global services are.
func regionOf(req *call) string {
	if isGlobal(req) {
		return aws.PartitionOf(req.Region).GlobalRegion
	}
	return req.Region
}

func isGlobal(req *call) bool {
	return req.records.Global != nil && req.InvokedBy == "" && req.records.Global(req.HTTP)
}

// sourceAddress is where the connection came from, or the service that calls.
// Headers that claim another address are not believed.
func sourceAddress(req *call) string {
	if req.InvokedBy != "" {
		return req.InvokedBy
	}
	if host, _, err := net.SplitHostPort(req.HTTP.RemoteAddr); err == nil {
		return host
	}
	return req.HTTP.RemoteAddr
}

func userAgent(req *call) string {
	if req.InvokedBy != "" {
		return req.InvokedBy
	}
	return req.HTTP.UserAgent()
}

// readOnly is what the service says, or the name of the action.
func readOnly(req *call) bool {
	if req.records.Changes != nil {
		return !slices.Contains(req.records.Changes, req.Action)
	}
	for _, verb := range []string{"Get", "List", "Head", "Describe", "BatchGet", "Simulate", "Validate"} {
		if strings.HasPrefix(req.Action, verb) {
			return true
		}
	}
	return false
}

// tlsOf names versions and suites as AWS does: those before TLS 1.3 by OpenSSL's
// names (ECDHE-RSA-AES128-GCM-SHA256 in the record that [tokenIdentity] follows).
func tlsOf(r *http.Request) *tlsDetails {
	if r.TLS == nil {
		return nil
	}
	details := &tlsDetails{CipherSuite: tls.CipherSuiteName(r.TLS.CipherSuite), ClientProvidedHostHeader: clip(r.Host, kilobyte)}
	switch r.TLS.Version {
	case tls.VersionTLS13:
		details.TLSVersion = "TLSv1.3"
		return details
	case tls.VersionTLS12:
		details.TLSVersion = "TLSv1.2"
	default:
		details.TLSVersion = tls.VersionName(r.TLS.Version)
	}
	suite := strings.TrimPrefix(details.CipherSuite, "TLS_")
	suite = strings.NewReplacer("_WITH_", "-", "AES_", "AES", "_", "-").Replace(suite)
	if strings.Contains(suite, "CHACHA20-POLY1305") {
		suite = strings.TrimSuffix(suite, "-SHA256")
	}
	details.CipherSuite = suite
	return details
}
