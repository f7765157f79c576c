package statefile

import "time"

// AccessEntry says who of IAM may call a cluster's API server, as whom.
type AccessEntry struct {
	Principal string            `json:"principal" jsonschema_description:"ARN of a role or user."`
	Type      string            `json:"type,omitempty" jsonschema:"enum=STANDARD,enum=EC2_LINUX,enum=EC2_WINDOWS,enum=FARGATE_LINUX,enum=EC2,enum=HYBRID_LINUX,enum=HYPERPOD_LINUX" jsonschema_description:"STANDARD when left out; the others are for nodes."`
	Username  string            `json:"username,omitempty" jsonschema_description:"The user's name for Kubernetes; EKS's own when left out."`
	Groups    []string          `json:"groups,omitempty" jsonschema_description:"The user's groups for Kubernetes."`
	Policies  []AccessPolicy    `json:"policies,omitempty" jsonschema_description:"EKS's access policies that are associated with it."`
	ID        string            `json:"id,omitempty" jsonschema_description:"A UUID; made when left out."`
	Created   time.Time         `json:"created,omitzero"`
	Modified  time.Time         `json:"modified,omitzero"`
	Tags      map[string]string `json:"tags,omitempty"`
}

// AccessPolicy is one of EKS's access policies, associated with an access entry.
type AccessPolicy struct {
	ARN        string    `json:"arn" jsonschema_description:"ARN of a policy of EKS, such as AmazonEKSViewPolicy."`
	Namespaces []string  `json:"namespaces,omitempty" jsonschema_description:"The namespaces that it is for; the whole cluster when left out."`
	Associated time.Time `json:"associated,omitzero"`
	Modified   time.Time `json:"modified,omitzero"`
}

// Addon is an add-on of a cluster.
type Addon struct {
	Name          string            `json:"name" jsonschema_description:"Such as eks-pod-identity-agent."`
	Version       string            `json:"version,omitempty" jsonschema_description:"Such as v1.3.10-eksbuild.3; the default one when left out."`
	Namespace     string            `json:"namespace,omitempty" jsonschema_description:"kube-system when left out."`
	Role          string            `json:"role,omitempty" jsonschema_description:"ARN of the role of its service account (IRSA)."`
	Configuration string            `json:"configuration,omitempty" jsonschema_description:"configurationValues, as JSON or YAML text."`
	ID            string            `json:"id,omitempty" jsonschema_description:"A UUID; made when left out."`
	Created       time.Time         `json:"created,omitzero"`
	Modified      time.Time         `json:"modified,omitzero"`
	Tags          map[string]string `json:"tags,omitempty"`
}
