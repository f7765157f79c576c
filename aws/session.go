package aws

import (
	"slices"
	"strings"
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
