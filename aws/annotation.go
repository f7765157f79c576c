package aws

// What stands on service accounts and pods for the pod identity webhook. The
// annotations' prefix can be another with a flag of the webhook; the rest of their
// names cannot. Source: github.com/aws/amazon-eks-pod-identity-webhook, README.
const (
	AnnotationPrefix = "eks.amazonaws.com"

	RoleKey       = "/role-arn"
	AudienceKey   = "/audience"
	RegionalKey   = "/sts-regional-endpoints"
	ExpirationKey = "/token-expiration"
	SkipKey       = "/skip-containers"

	RoleAnnotation       = AnnotationPrefix + RoleKey
	AudienceAnnotation   = AnnotationPrefix + AudienceKey
	ExpirationAnnotation = AnnotationPrefix + ExpirationKey
	SkipAnnotation       = AnnotationPrefix + SkipKey
)
