package aws

// Claims by which a token gives its session tags, a source identity, and the roles that
// it may assume. Source: IAM user guide, "Pass session tags in AWS STS", and the API
// reference of AssumeRoleWithWebIdentity.
const (
	ClaimNamespace      = "https://aws.amazon.com/"
	ClaimTags           = ClaimNamespace + "tags"
	ClaimSourceIdentity = ClaimNamespace + "source_identity"
	ClaimRoles          = ClaimNamespace + "roles"
)
