package api

import "net/http"

// Records is what CloudTrail's records of a service have of their own.
type Records struct {
	// Source is the event source: sts.amazonaws.com.
	Source string
	// Dates is the layout of dates in parameters and elements: "Apr 16, 2025,
	// 3:46:56 AM" by the STS, "Aug 1, 2024 1:37:41 PM" by IAM (records in
	// ccbrown/cloud-snitch and DataDog/stratus-red-team).
	Dates string
	// Name is what records call an action; nil: as the API does.
	Name func(action string) string
	// Data says whether an action is recorded as a data event, which is done only
	// where it was asked for; nil: all are management events.
	Data func(action string) bool
	// Global says whether a call went to the global endpoint, whose records name
	// the partition's first region; nil: there is none.
	Global func(*http.Request) bool
	// Changes names actions that are no reads; nil: the action's verb says it.
	Changes []string
	// ErrorCode is a code as records have it, ErrorMessage what they say of a
	// refused call; nil: as on the wire.
	ErrorCode    func(code string) string
	ErrorMessage func(*Request) string
	// Bare says that refused calls of principals have no parameters.
	Bare bool
	// Parameters completes those that the action read; nil: they are all.
	Parameters func(req *Request, tree map[string]any)
	// Omit are members of answers that records do not have.
	Omit []string
	// Resources are what a call concerns; nil: records do not say it.
	Resources func(*Request) []RecordResource
	// Shared says that a call which concerns another account is recorded there too.
	Shared bool
	// Additional is additionalEventData; nil: there is none. region is the record's.
	Additional func(req *Request, region string, global bool) map[string]any
	// Identities are the types of the callers of unsigned actions.
	Identities map[string]string
}

// Hidden is what AWS's records have in place of a value that they do not show.
const Hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"

// RecordResource is a resource in a record.
type RecordResource struct {
	AccountID string `json:"accountId,omitempty"`
	Type      string `json:"type"` // AWS::IAM::Role
	ARN       string `json:"ARN"`
}

// DeniedAsAccessDenied is a [Records.ErrorCode]: AccessDeniedException is recorded
// as AccessDenied. Seen of Secrets Manager (panther-labs/panther-analysis) and of
// EKS Auth (recorded 14).
func DeniedAsAccessDenied(code string) string {
	if code == "AccessDeniedException" {
		return "AccessDenied"
	}
	return code
}
