package aws

import (
	"slices"
	"strings"
)

// Lives of sessions, in seconds. Source: IAM user guide, "Compare AWS STS credentials",
// and the API references of IAM and the STS.
const (
	DefaultRoleSession = 3600 // also the shortest MaxSessionDuration
	LongestRoleSession = 43200
	LongestChained     = 3600 // of a role that another role's session assumes
	DefaultUserSession = 43200
	LongestUserSession = 129600
	LongestRootSession = 3600
)

// sessionActions are the actions whose answers have temporary credentials, of
// the STS and of EKS Auth. Source: their API references.
var sessionActions = []string{"AssumeRole", "AssumeRoleForPodIdentity", "AssumeRoleWithWebIdentity", "GetFederationToken", "GetSessionToken"}

// SessionActions are the actions whose answers have temporary credentials.
func SessionActions() []string { return slices.Clone(sessionActions) }

// IssuesSessions is whether an action's answer has temporary credentials, in
// letters of any case.
func IssuesSessions(action string) bool {
	return slices.ContainsFunc(sessionActions, func(known string) bool { return strings.EqualFold(known, action) })
}
