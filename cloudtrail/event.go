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
	EventVersion       string         `json:"eventVersion"`
	UserIdentity       identity       `json:"userIdentity"`
	EventTime          string         `json:"eventTime"`
	EventSource        string         `json:"eventSource"`
	EventName          string         `json:"eventName"`
	AWSRegion          string         `json:"awsRegion"`
	SourceIPAddress    string         `json:"sourceIPAddress"`
	UserAgent          string         `json:"userAgent"`
	ErrorCode          string         `json:"errorCode,omitempty"`
	ErrorMessage       string         `json:"errorMessage,omitempty"`
	RequestParameters  any            `json:"requestParameters"`
	ResponseElements   any            `json:"responseElements"`
	AdditionalData     map[string]any `json:"additionalEventData,omitempty"`
	RequestID          string         `json:"requestID"`
	EventID            string         `json:"eventID"`
	ReadOnly           bool           `json:"readOnly"`
	Resources          []resource     `json:"resources,omitempty"`
	EventType          string         `json:"eventType"`
	ManagementEvent    bool           `json:"managementEvent"`
	RecipientAccountID string         `json:"recipientAccountId"`
	SharedEventID      string         `json:"sharedEventID,omitempty"`
	EventCategory      string         `json:"eventCategory"`
	TLSDetails         *tlsDetails    `json:"tlsDetails,omitempty"`
}

type resource struct {
	AccountID string `json:"accountId"`
	Type      string `json:"type"`
	ARN       string `json:"ARN"`
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
		EventSource: req.records.Source, EventName: clip(req.Action, 256), AWSRegion: regionOf(req),
		SourceIPAddress: sourceAddress(req.HTTP), UserAgent: clip(req.HTTP.UserAgent(), kilobyte),
		RequestParameters: parametersOf(req), ResponseElements: elementsOf(req), AdditionalData: additionalData(req),
		RequestID: req.ID, EventID: t.newID(), ReadOnly: readOnly(req),
		EventType: "AwsApiCall", ManagementEvent: true, RecipientAccountID: t.recipient(req), EventCategory: "Management",
		TLSDetails: tlsOf(req.HTTP),
	}
	if d.Error != nil {
		e.ErrorCode, e.ErrorMessage = errorCode(req), clip(errorMessage(req), kilobyte)
	}
	if strings.HasPrefix(req.Action, "AssumeRole") && e.RequestParameters != nil {
		if arn, err := aws.ParseARN(d.Resource); err == nil {
			e.Resources = []resource{{AccountID: arn.Account, Type: "AWS::IAM::Role", ARN: d.Resource}}
			if p := req.Principal; p != nil && d.Error == nil && arn.Account != p.Account {
				return t.forBoth(e, p, arn.Account)
			}
		}
	}
	return []event{e}
}

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
// table of regions.
func regionOf(req *call) string {
	if isGlobal(req) {
		return "us-east-1"
	}
	return req.Region
}

func isGlobal(req *call) bool { return req.records.Global != nil && req.records.Global(req.HTTP) }

// additionalData has RequestDetails, as records of the STS since 2025 do
// (ccbrown/cloud-snitch, a record of AssumeRoleWithWebIdentity in its tests), and
// for a web identity how the connection to its issuer was trusted: IAM user
// guide, "Example OIDC AWS STS API event". An issuer that the emulator stands in
// for counts as one whose root is trusted, as EKS's are.
func additionalData(req *call) map[string]any {
	if !req.records.Endpoint || req.Decision.Session == nil {
		return nil
	}
	endpoint := "regional"
	if isGlobal(req) {
		endpoint = "global"
	}
	data := map[string]any{"RequestDetails": map[string]any{"awsServingRegion": regionOf(req), "endpointType": endpoint}}
	if token := req.Decision.Token; token != nil {
		data["identityProviderConnectionVerificationMethod"] = "IAMTrustStore"
		if token.PinnedKeys {
			data["identityProviderConnectionVerificationMethod"] = "Thumbprint"
		}
	}
	return data
}

// sourceAddress is where the connection came from. Headers that claim another
// address are not believed.
func sourceAddress(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}

// readOnly is what the service says, or the name of the action.
func readOnly(req *call) bool {
	if req.records.Changes != nil {
		return !slices.Contains(req.records.Changes, req.Action)
	}
	for _, verb := range []string{"Get", "List", "Describe", "BatchGet", "Simulate", "Validate"} {
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
