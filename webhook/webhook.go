// Package webhook is the pod identity webhook: a pod goes in, a JSON patch
// comes out that gives its containers the role of their service account.
//
// It follows amazon-eks-pod-identity-webhook (v0.6.17, commit 3bf80a3) annotation
// for annotation: what is added, in which order, and what is left alone. It knows
// both mechanisms of EKS: IRSA (a role in an annotation, a token for the STS) and
// EKS Pod Identity (an association, a token for the node's agent), of which the
// second wins. Beyond upstream, [Config.Extra] adds variables and mounts that
// bring SDKs to the emulator with no change to the app.
//
// The package is pure but for [Handler], which speaks AdmissionReview; where
// service accounts come from is the [Source]'s business.
package webhook

import (
	"math/rand/v2"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Names that the webhook writes into pods.
const (
	DefaultPrefix   = aws.AnnotationPrefix
	DefaultAudience = aws.DefaultAudience
	// PodIdentityAudience is the audience of EKS Pod Identity's tokens.
	PodIdentityAudience = aws.PodIdentityService
	DefaultMountPath    = "/var/run/secrets/" + aws.AnnotationPrefix + "/serviceaccount"
	// VolumeName is the projected volume of the token.
	VolumeName = "aws-iam-token"
	// PodIdentityVolumeName is that of EKS Pod Identity's token, and its file name there.
	PodIdentityVolumeName = aws.PodIdentityTokenFile
	// PodIdentityMountPath is where it is mounted, and PodIdentityURI where the node's agent answers.
	PodIdentityMountPath = "/var/run/secrets/" + aws.PodIdentityService + "/serviceaccount"
	PodIdentityURI       = aws.PodIdentityURI
	// TokenFile is the token's file name in the volume.
	TokenFile = "token"
	// SkipLabel on a pod keeps the API server from calling the webhook.
	SkipLabel = aws.AnnotationPrefix + "/skip-pod-identity-webhook"
	// PodIdentityLabel is on every pod that gets EKS Pod Identity, with the value "enabled".
	PodIdentityLabel = aws.AnnotationPrefix + "/pod-identity"
)

// EndpointsAnnotation on a pod, its service account or its namespace, of which the
// nearest counts, says whether the pod gets the emulator's endpoints and
// authority: "true" gives them to pods without a role, "false" keeps them from all.
//
// A controller that uses other service accounts' tokens, or a pod that opens
// somebody's presigned URL, has no role, and must trust the authority that AWS's
// host names answer with.
const EndpointsAnnotation = "irsa-emu.dev/endpoints"

// Bounds of a token's life, in seconds.
const (
	MinExpiration     = int64(aws.ShortestTokenLife / time.Second)
	MaxExpiration     = DefaultExpiration
	DefaultExpiration = int64(aws.DefaultTokenLife / time.Second)
	// minJittered is the least that the default becomes in EKS Pod Identity.
	minJittered = 79200
)

// Config is what the webhook's flags set. The zero value is the upstream
// webhook without flags.
type Config struct {
	// Prefix of the annotations. Default eks.amazonaws.com.
	Prefix string
	// Audience of tokens whose service account names none. Default sts.amazonaws.com.
	Audience string
	// MountPath is where the token's volume is mounted.
	MountPath string
	// Expiration is the tokens' life in seconds. Default 86400.
	Expiration int64
	// Region is the value of AWS_REGION and AWS_DEFAULT_REGION; empty leaves
	// them alone. EKS sets the cluster's.
	Region string
	// RegionalSTS sets AWS_STS_REGIONAL_ENDPOINTS=regional where the service
	// account does not say otherwise. EKS does.
	RegionalSTS bool
	// ContainerCredentials are the settings of EKS Pod Identity.
	ContainerCredentials ContainerCredentials
	// Extra is what brings SDKs to the emulator.
	Extra Extra
	// Random gives a number in [0, n); the default is math/rand's. Tests set it.
	Random func(n int64) int64 `json:"-"`
}

// ContainerCredentials are what upstream's flags --container-credentials-… set;
// the zero value is EKS's.
type ContainerCredentials struct {
	// Audience of the tokens. Default pods.eks.amazonaws.com.
	Audience string
	// MountPath is where the token's volume is mounted.
	MountPath string
	// VolumeName is the projected volume of the token. Default eks-pod-identity-token.
	VolumeName string
	// TokenPath is the token's file name in the volume. Default eks-pod-identity-token.
	TokenPath string
	// FullURI is where the node's agent answers. Default http://169.254.170.23/v1/credentials.
	FullURI string
}

// Extra is added to the containers that get a role, and to those that are led to
// the emulator without one. The upstream webhook adds nothing of it.
type Extra struct {
	// Endpoints are the variables that lead SDKs to the emulator. A container that
	// asks for FIPS or dual-stack endpoints gets none: SDKs refuse such a wish
	// beside an endpoint (aws-sdk-go-v2: "FIPS and custom endpoint are not
	// supported"). It is led there by AWS's host names.
	Endpoints []corev1.EnvVar
	// Env are further variables. Each variable is added unless the container has it.
	Env []corev1.EnvVar
	// Volume is mounted at MountPath, read-only, in every such container; nil for none.
	Volume    *corev1.Volume
	MountPath string
	// Annotations are added to the pod, for Volume to read.
	Annotations map[string]string
	// ClusterDNS makes pods ask the cluster's DNS that would ask the node's, which
	// leads AWS's host names to AWS: those on the host's network, unless they say
	// ClusterFirstWithHostNet, and those with the policy Default.
	ClusterDNS bool
	// Warnings are for whoever makes the pod: kubectl shows them.
	Warnings []string
}

func (c Config) withDefaults() Config {
	if c.Prefix == "" {
		c.Prefix = DefaultPrefix
	}
	if c.Audience == "" {
		c.Audience = aws.DefaultAudience
	}
	if c.MountPath == "" {
		c.MountPath = DefaultMountPath
	}
	if c.Expiration == 0 {
		c.Expiration = DefaultExpiration
	}
	c.ContainerCredentials = c.ContainerCredentials.withDefaults()
	if c.Random == nil {
		c.Random = rand.Int64N
	}
	return c
}

func (c ContainerCredentials) withDefaults() ContainerCredentials {
	for value, standard := range map[*string]string{
		&c.Audience: PodIdentityAudience, &c.MountPath: PodIdentityMountPath,
		&c.VolumeName: PodIdentityVolumeName, &c.TokenPath: PodIdentityVolumeName,
		&c.FullURI: PodIdentityURI,
	} {
		if *value == "" {
			*value = standard
		}
	}
	return c
}
