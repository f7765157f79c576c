package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy/tree"
)

// The formats of the values in Action and Resource.

// knownPartition also takes wildcards that can mean a partition.
func knownPartition(s string) bool {
	g := compileGlob(s)
	return slices.ContainsFunc(aws.PartitionIDs(), g.match)
}

// iamPaths are the beginnings of an IAM ARN's resource. "root" is not in the
// recorded text of the refusal but in that of 2026, and is accepted.
var iamPaths = []string{"user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/",
	"policy/", "sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/"}

// s3RegionalPaths are the resources of S3 that live in a region, unlike buckets.
var s3RegionalPaths = []string{"accesspoint/", "job/", "storage-lens/", "storage-lens-group/", "async-request/", "access-grants/"}

func (v identityValidator) resourceFormat() *ValidationError {
	for _, s := range v.root.Statements() {
		for _, r := range s.Either("Resource", "NotResource").List() {
			if message, hint := resourceFormat(r.Text); message != "" && r.Kind == tree.String {
				return v.refuse(r, message, hint)
			}
		}
	}
	return nil
}

// resourceFormat returns AWS's refusal of a resource, or "".
func resourceFormat(r string) (message, hint string) {
	if r == "*" {
		return "", ""
	}
	if !strings.Contains(r, ":") {
		return fmt.Sprintf(`Resource %s must be in ARN format or "*".`, r), ""
	}
	given := strings.Split(r, ":")
	// AWS shows a short ARN filled up, its first word replaced by arn.
	parts := append([]string{"arn"}, given[1:]...)
	for len(parts) < 6 {
		parts = append(parts, "*")
	}
	if !knownPartition(parts[1]) {
		return fmt.Sprintf(`Partition "%s" is not valid for resource "%s".`, parts[1], strings.Join(parts, ":")),
			"an ARN is arn:partition:service:region:account:resource; the usual partition is aws"
	}
	vendor, region, path := parts[2], parts[3], strings.Join(parts[5:], ":")
	switch {
	case len(given) == 2 || strings.ContainsAny(vendor, "*?"):
		return textVendorRegex, "name the service in the ARN's third part"
	case vendor == "iam" && region != "" && len(given) > 3:
		return fmt.Sprintf("IAM resource %s cannot contain region information.", r), "IAM ARNs have an empty region: arn:aws:iam::account:…"
	case vendor == "iam" && path != "*" && path != "root" && !startsWithAny(path, iamPaths):
		return textIAMPath, ""
	case vendor == "s3" && region != "" && len(given) > 3 && !startsWithAny(path, s3RegionalPaths):
		return fmt.Sprintf("Resource %s can not contain region information.", r), "bucket ARNs have neither region nor account: arn:aws:s3:::bucket"
	}
	return "", ""
}

func startsWithAny(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

func (v identityValidator) actionFormat() *ValidationError {
	for _, s := range v.root.Statements() {
		for _, a := range s.Either("Action", "NotAction").List() {
			if message := actionFormat(a.Text); message != "" {
				return v.refuse(a, message, `an action is written as service:Name, such as s3:GetObject`)
			}
		}
	}
	return nil
}

// actionFormat returns AWS's refusal of an action, or "".
func actionFormat(a string) string {
	if a == "*" {
		return ""
	}
	vendor, rest, found := strings.Cut(a, ":")
	switch {
	case !found || vendor == "":
		return textVendorPrefix
	case strings.Contains(rest, ":"):
		return textOneColon
	case vendor != "*" && !vendorName(vendor):
		return fmt.Sprintf("Vendor %s is not valid", vendor)
	}
	return ""
}

// vendorName: recorded are prefixes with '-' and '.' as accepted, and with a
// blank as refused.
func vendorName(s string) bool {
	for _, c := range []byte(s) {
		if c != '-' && c != '.' && c != '_' && !alphanumeric(string(rune(c))) {
			return false
		}
	}
	return true
}
