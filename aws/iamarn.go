package aws

import (
	"cmp"
	"fmt"
	"strings"
)

// RoleARN is the ARN of a role. The path is "" or begins and ends with a slash; an empty
// partition is "aws".
func RoleARN(partition, account, path, name string) string {
	return PartitionARN(partition, "iam", account, "role"+cmp.Or(path, "/")+name)
}

// PolicyARN is the ARN of a managed policy, AWS's own in the account "aws". The path is
// as [RoleARN] takes it.
func PolicyARN(partition, account, path, name string) string {
	return PartitionARN(partition, "iam", account, "policy"+cmp.Or(path, "/")+name)
}

// SessionARN is the ARN of a session of a role, which has the role's name without its path.
func SessionARN(partition, account, role, session string) string {
	return PartitionARN(partition, "sts", account, "assumed-role/"+role+"/"+session)
}

// ProviderARN is the ARN of the OIDC provider for an issuer, with or without its scheme.
// IAM strips a port of 443: see [ProviderURL].
func ProviderARN(partition, account, issuer string) string {
	return PartitionARN(partition, "iam", account, "oidc-provider/"+strings.TrimPrefix(issuer, "https://"))
}

// OIDCProvider is the issuer, without its scheme, of the OIDC provider whose ARN it is;
// false: it is none's.
func OIDCProvider(arn string) (issuer string, ok bool) {
	_, issuer, ok = strings.Cut(arn, ":oidc-provider/")
	return issuer, ok
}

// WithoutScheme is the ARN of an OIDC provider without the scheme that does not belong in
// it; had says that there was one.
func WithoutScheme(arn string) (right string, had bool) {
	before, issuer, had := strings.Cut(arn, ":oidc-provider/https://")
	if !had {
		return arn, false
	}
	return before + ":oidc-provider/" + issuer, true
}

// IAMResource is what an ARN of IAM has in every partition: ACCOUNT:RESOURCE.
func IAMResource(arn string) (rest string, ok bool) {
	_, rest, ok = strings.Cut(arn, ":iam::")
	return rest, ok
}

// NameIn is the name in an ARN, behind the last slash. A name alone is its own.
func NameIn(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// Named is what the ARN names of a service's kind, such as iam and policy, with its path;
// false: it names something else.
func (a ARN) Named(service, kind string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(a.Resource, kind)
	if !ok || a.Service != service || !strings.HasPrefix(rest, "/") {
		return "", false
	}
	return rest[1:], true
}

// Role is the name of the IAM role that the ARN names, without its path; false: it
// names something else.
func (a ARN) Role() (name string, ok bool) {
	name, ok = a.Named("iam", "role")
	return NameIn(name), ok
}

// WithoutPath is a role's ARN without the role's path. What is no role's is left as it is.
func WithoutPath(arn string) string {
	before, path, ok := strings.Cut(arn, ":role/")
	if !ok {
		return arn
	}
	return before + ":role/" + NameIn(path)
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
