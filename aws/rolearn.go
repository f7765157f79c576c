package aws

import (
	"fmt"
	"strings"
)

// Role is the name of the IAM role that the ARN names, without its path; false: it
// names something else.
func (a ARN) Role() (name string, ok bool) {
	path, ok := strings.CutPrefix(a.Resource, "role/")
	return path[strings.LastIndexByte(path, '/')+1:], ok && a.Service == "iam"
}

// RoleARNProblem says what is wrong with what ought to be a role's ARN, and what to
// write; "" when nothing is. What passes is what the pod identity webhook expects in
// an annotation: it only warns of anything else, and the STS refuses that later.
func RoleARNProblem(s string) string {
	parts, ok := SplitARN(s)
	path, isRole := strings.CutPrefix(parts[5], "role/")
	switch {
	case strings.TrimSpace(s) != s:
		return "there is white space around it"
	case strings.ContainsAny(s, `"'`):
		return "there are quotation marks in it"
	case !ok:
		return "write arn:aws:iam::ACCOUNT:role/ROLE"
	case parts[2] == "sts":
		return "that is a session of a role; write the role itself, arn:aws:iam::ACCOUNT:role/ROLE"
	case !strings.HasPrefix(parts[1], DefaultPartition) || strings.Trim(parts[1], "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return fmt.Sprintf("%q is not a partition; write one of %s", parts[1], strings.Join(PartitionIDs(), ", "))
	case parts[2] != "iam":
		return "the service is " + parts[2] + "; a role's is iam"
	case parts[3] != "":
		return "roles have no region: leave " + parts[3] + " out"
	case !IsAccount(parts[4]):
		return fmt.Sprintf("the account is %q; account ids have twelve digits, zeroes in front included", parts[4])
	case !isRole || path == "":
		return fmt.Sprintf("%q is not a role; write role/ROLE", parts[5])
	case strings.ContainsFunc(path, notOfRole):
		return "the name has characters that a role's may not have"
	}
	return ""
}

// notOfRole says whether a character may not stand in a role's path or name.
func notOfRole(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_/.@+=,-", r))
}
