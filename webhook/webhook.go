// Package webhook is the pod identity webhook: a pod goes in, a JSON patch
// comes out that gives its containers the role of their service account.
//
// It follows amazon-eks-pod-identity-webhook (v0.6.17) annotation for
// annotation: what is added, in which order, and what is left alone. Beyond
// it, [Config.Extra] adds variables and mounts that bring SDKs to the emulator
// with no change to the app.
//
// The package is pure but for [Handler], which speaks AdmissionReview; where
// service accounts come from is the [Source]'s business.
package webhook

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Names that the webhook writes into pods.
const (
	DefaultPrefix    = "eks.amazonaws.com"
	DefaultAudience  = "sts.amazonaws.com"
	DefaultMountPath = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
	// VolumeName is the projected volume of the token.
	VolumeName = "aws-iam-token"
	// TokenFile is the token's file name in the volume.
	TokenFile = "token"
	// SkipLabel on a pod keeps the API server from calling the webhook.
	SkipLabel = "eks.amazonaws.com/skip-pod-identity-webhook"
)

// Bounds of a token's life, in seconds.
const (
	MinExpiration     = 600
	MaxExpiration     = 86400
	DefaultExpiration = 86400
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
	// Extra is what brings SDKs to the emulator.
	Extra Extra
}

// Extra is added to the containers that get a role. The upstream webhook adds nothing of it.
type Extra struct {
	// Env are variables, each added unless the container has it.
	Env []corev1.EnvVar
	// Volume is mounted at MountPath, read-only, in every such container; nil for none.
	Volume    *corev1.Volume
	MountPath string
	// Annotations are added to the pod, for Volume to read.
	Annotations map[string]string
}

func (c Config) withDefaults() Config {
	if c.Prefix == "" {
		c.Prefix = DefaultPrefix
	}
	if c.Audience == "" {
		c.Audience = DefaultAudience
	}
	if c.MountPath == "" {
		c.MountPath = DefaultMountPath
	}
	if c.Expiration == 0 {
		c.Expiration = DefaultExpiration
	}
	return c
}

// Identity is what a service account says about its role.
type Identity struct {
	RoleARN     string
	Audience    string
	RegionalSTS bool
	// Expiration is the token's life in seconds.
	Expiration int64
}

// IdentityOf reads the annotations of a service account. The second result is
// false when it has no role. What cannot be read counts as absent.
func (c Config) IdentityOf(annotations map[string]string) (Identity, bool) {
	c = c.withDefaults()
	role := annotations[c.Prefix+"/role-arn"]
	if role == "" {
		return Identity{}, false
	}
	id := Identity{RoleARN: role, Audience: c.Audience, RegionalSTS: c.RegionalSTS, Expiration: c.Expiration}
	if audience, ok := annotations[c.Prefix+"/audience"]; ok {
		id.Audience = audience
	}
	if regional, err := strconv.ParseBool(annotations[c.Prefix+"/sts-regional-endpoints"]); err == nil {
		id.RegionalSTS = regional
	}
	if seconds, ok := expiration(annotations[c.Prefix+"/token-expiration"]); ok {
		id.Expiration = seconds
	}
	return id, true
}

// expiration reads seconds; fewer than the API server takes are raised to that.
func expiration(s string) (int64, bool) {
	seconds, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, false
	}
	return max(seconds, MinExpiration), true
}

// Patch is one operation of a JSON patch (RFC 6902).
type Patch struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// Mutate is the patch that gives a pod the identity of its service account:
// the volume first, then all containers, then all init containers. It is the
// same also where nothing changes, as upstream's is. The pod is not changed.
func (c Config) Mutate(pod *corev1.Pod, id Identity) []Patch {
	c = c.withDefaults()
	if seconds, ok := expiration(pod.Annotations[c.Prefix+"/token-expiration"]); ok {
		id.Expiration = seconds // the pod's beats the service account's
	}
	skip := map[string]bool{}
	for name := range strings.SplitSeq(pod.Annotations[c.Prefix+"/skip-containers"], ",") {
		skip[strings.TrimSpace(name)] = true
	}
	tokenPath := c.MountPath + "/" + TokenFile
	if isWindows(pod) {
		tokenPath = `C:` + strings.ReplaceAll(tokenPath, "/", `\`)
	}
	mutate := func(in []corev1.Container) []corev1.Container {
		out := make([]corev1.Container, 0, len(in))
		for i := range in {
			container := *in[i].DeepCopy()
			if !skip[container.Name] {
				c.addTo(&container, id, tokenPath)
			}
			out = append(out, container)
		}
		return out
	}
	patches := append(c.annotationPatches(pod), c.volumePatches(pod, id)...)
	patches = append(patches, Patch{"add", "/spec/containers", mutate(pod.Spec.Containers)})
	if len(pod.Spec.InitContainers) > 0 {
		patches = append(patches, Patch{"add", "/spec/initContainers", mutate(pod.Spec.InitContainers)})
	}
	return patches
}

func isWindows(pod *corev1.Pod) bool {
	return pod.Spec.NodeSelector["kubernetes.io/os"] == "windows" || pod.Spec.NodeSelector["beta.kubernetes.io/os"] == "windows"
}

// addTo gives one container its variables and mounts. One that has every
// variable already is somebody's own doing and is left alone, mount included.
func (c Config) addTo(container *corev1.Container, id Identity, tokenPath string) {
	has := make(map[string]bool, len(container.Env))
	for _, v := range container.Env {
		has[v.Name] = true
	}
	webIdentity := has["AWS_ROLE_ARN"] || has["AWS_WEB_IDENTITY_TOKEN_FILE"]
	region := has["AWS_REGION"] || has["AWS_DEFAULT_REGION"]
	regional := has["AWS_STS_REGIONAL_ENDPOINTS"]
	if webIdentity && region && regional {
		return
	}
	add := func(name, value string) {
		container.Env = append(container.Env, corev1.EnvVar{Name: name, Value: value})
	}
	if id.RegionalSTS && !regional {
		add("AWS_STS_REGIONAL_ENDPOINTS", "regional")
	}
	if c.Region != "" && !region {
		add("AWS_DEFAULT_REGION", c.Region)
		add("AWS_REGION", c.Region)
	}
	if !webIdentity {
		add("AWS_ROLE_ARN", id.RoleARN)
		add("AWS_WEB_IDENTITY_TOKEN_FILE", tokenPath)
	}
	for _, v := range c.Extra.Env {
		if !has[v.Name] {
			container.Env = append(container.Env, v)
		}
	}
	mount(container, VolumeName, c.MountPath)
	if c.Extra.Volume != nil {
		mount(container, c.Extra.Volume.Name, c.Extra.MountPath)
	}
}

func mount(container *corev1.Container, volume, path string) {
	for _, m := range container.VolumeMounts {
		if m.Name == volume {
			return
		}
	}
	container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: volume, ReadOnly: true, MountPath: path})
}

// annotationPatches add the annotations that the pod does not have.
func (c Config) annotationPatches(pod *corev1.Pod) []Patch {
	if len(c.Extra.Annotations) == 0 {
		return nil
	}
	if len(pod.Annotations) == 0 {
		return []Patch{{"add", "/metadata/annotations", c.Extra.Annotations}}
	}
	var patches []Patch
	for _, name := range slices.Sorted(maps.Keys(c.Extra.Annotations)) {
		if _, has := pod.Annotations[name]; !has {
			patches = append(patches, Patch{"add", "/metadata/annotations/" + jsonPointer.Replace(name), c.Extra.Annotations[name]})
		}
	}
	return patches
}

var jsonPointer = strings.NewReplacer("~", "~0", "/", "~1") // RFC 6901

// volumePatches add the volumes at the front of the pod's list, or the list
// itself; volumes of the same name are somebody's own and stay.
func (c Config) volumePatches(pod *corev1.Pod, id Identity) []Patch {
	volumes := []corev1.Volume{tokenVolume(id)}
	if c.Extra.Volume != nil {
		volumes = append(volumes, *c.Extra.Volume)
	}
	has := make(map[string]bool, len(pod.Spec.Volumes))
	for _, v := range pod.Spec.Volumes {
		has[v.Name] = true
	}
	var patches []Patch
	listed := len(pod.Spec.Volumes) > 0
	for _, v := range volumes {
		switch {
		case has[v.Name]:
		case listed:
			patches = append(patches, Patch{"add", "/spec/volumes/0", v})
		default:
			patches = append(patches, Patch{"add", "/spec/volumes", []corev1.Volume{v}})
			listed = true
		}
	}
	return patches
}

func tokenVolume(id Identity) corev1.Volume {
	return corev1.Volume{Name: VolumeName, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
		Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
			Audience: id.Audience, ExpirationSeconds: &id.Expiration, Path: TokenFile,
		}}},
	}}}
}
