package aws

// The variables from which the SDKs and the AWS CLI read who they are and whom they
// call. Source: the AWS SDKs and Tools reference guide, "Environment variables".
const (
	// EnvRoleARN and EnvTokenFile are the role and the token of a web identity: IRSA.
	EnvRoleARN   = "AWS_ROLE_ARN"
	EnvTokenFile = "AWS_WEB_IDENTITY_TOKEN_FILE"
	// EnvAgentURI and EnvAgentTokenFile are where credentials of a container are asked
	// for, and the token that is sent along: EKS Pod Identity. Before it, SDKs look at
	// EnvAgentPath, which ECS sets.
	EnvAgentURI       = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	EnvAgentTokenFile = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
	EnvAgentPath      = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"

	EnvAccessKey    = "AWS_ACCESS_KEY_ID"
	EnvSecretKey    = "AWS_SECRET_ACCESS_KEY"
	EnvSessionToken = "AWS_SESSION_TOKEN"
	EnvProfile      = "AWS_PROFILE"

	// EnvDefaultRegion is what the AWS CLI, boto3 and others read; the newer SDKs read
	// EnvRegion alone.
	EnvRegion        = "AWS_REGION"
	EnvDefaultRegion = "AWS_DEFAULT_REGION"
	// EnvRegionalSTS is "regional" or "legacy".
	EnvRegionalSTS = "AWS_STS_REGIONAL_ENDPOINTS"
	EnvUseFIPS     = "AWS_USE_FIPS_ENDPOINT"
	EnvDualStack   = "AWS_USE_DUALSTACK_ENDPOINT"
	// EnvEndpoint is the endpoint of all services; with an underscore and a service's
	// name behind it, that of one.
	EnvEndpoint = "AWS_ENDPOINT_URL"
	EnvCABundle = "AWS_CA_BUNDLE"
)
