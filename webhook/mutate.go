package webhook

import (
	"encoding/csv"
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Patch is one operation of a JSON patch (RFC 6902).
type Patch struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// injection is what one identity adds to a pod.
type injection struct {
	Identity
	// variables are the mechanism's own pair; both are left out if the
	// container has either.
	variables []corev1.EnvVar
	volume    corev1.Volume
	mountPath string
}

// Mutate is the patch that gives a pod the identity of its service account:
// the label of EKS Pod Identity, the volume, all containers, all init
// containers. It is the same also where nothing changes, as upstream's is. The
// zero identity gives a pod no role, but what [Config.Extra] has. The pod is not
// changed.
func (c Config) Mutate(pod *corev1.Pod, id Identity) []Patch {
	c = c.withDefaults()
	if seconds, ok := expiration(pod.Annotations[c.Prefix+aws.ExpirationKey]); ok {
		id.Expiration = seconds // the pod's beats the service account's
	}
	in := c.injection(pod, id)
	skip := skippedContainers(pod.Annotations[c.Prefix+aws.SkipKey])
	mutate := func(containers []corev1.Container) []corev1.Container {
		out := make([]corev1.Container, 0, len(containers))
		for i := range containers {
			container := *containers[i].DeepCopy()
			if !skip[container.Name] {
				c.addTo(&container, in)
			}
			out = append(out, container)
		}
		return out
	}
	patches := slices.Concat(c.annotationPatches(pod), labelPatches(pod, id), c.volumePatches(pod, in), c.dnsPatches(pod))
	patches = append(patches, Patch{"add", "/spec/containers", mutate(pod.Spec.Containers)})
	if len(pod.Spec.InitContainers) > 0 {
		patches = append(patches, Patch{"add", "/spec/initContainers", mutate(pod.Spec.InitContainers)})
	}
	return patches
}

// injection is what the identity's mechanism adds.
func (c Config) injection(pod *corev1.Pod, id Identity) injection {
	switch {
	case id.none():
		return injection{Identity: id}
	case !id.PodIdentity:
		return injection{
			Identity: id, mountPath: c.MountPath, volume: tokenVolume(VolumeName, id.Audience, TokenFile, id.Expiration),
			variables: []corev1.EnvVar{
				{Name: aws.EnvRoleARN, Value: id.RoleARN},
				{Name: aws.EnvTokenFile, Value: fileIn(pod, c.MountPath, TokenFile)},
			},
		}
	}
	if id.Expiration == DefaultExpiration {
		// So that the tokens of a node's pods are not renewed all at once. Upstream
		// looks at the number, not at who wrote it.
		id.Expiration = minJittered + c.Random(DefaultExpiration-minJittered+1)
	}
	names := c.ContainerCredentials
	return injection{
		Identity: id, mountPath: names.MountPath, volume: tokenVolume(names.VolumeName, names.Audience, names.TokenPath, id.Expiration),
		variables: []corev1.EnvVar{
			{Name: aws.EnvAgentURI, Value: names.FullURI},
			{Name: aws.EnvAgentTokenFile, Value: fileIn(pod, names.MountPath, names.TokenPath)},
		},
	}
}

// OnWindows says whether a pod's node selector wants a node with Windows.
func OnWindows(selector map[string]string) bool {
	return selector["kubernetes.io/os"] == "windows" || selector["beta.kubernetes.io/os"] == "windows"
}

// fileIn is the path of a token as the pod's operating system writes it.
func fileIn(pod *corev1.Pod, folder, name string) string {
	file := path.Join(folder, name)
	if OnWindows(pod.Spec.NodeSelector) {
		return `C:` + strings.ReplaceAll(file, "/", `\`)
	}
	return file
}

// skippedContainers reads an annotation as upstream does: one line of CSV, whose
// fields are not trimmed ("a, b" skips a and " b"); one that is no CSV skips nothing.
func skippedContainers(annotation string) map[string]bool {
	skip := map[string]bool{}
	names, err := csv.NewReader(strings.NewReader(annotation)).Read()
	if err != nil {
		return skip
	}
	for _, name := range names {
		skip[name] = true
	}
	return skip
}

// addTo gives one container its variables and mounts. One that has every
// variable already is its author's own doing and is left alone, mount included.
func (c Config) addTo(container *corev1.Container, in injection) {
	has := make(map[string]bool, len(container.Env))
	for _, v := range container.Env {
		has[v.Name] = true
	}
	if !in.none() && !c.addIdentity(container, in, has) {
		return
	}
	extra := c.Extra.Env
	if RefusesEndpoints(container.Env) == "" && !(in.none() && hasEndpoint(container)) {
		extra = slices.Concat(c.Extra.Endpoints, extra)
	}
	for _, v := range extra {
		if !has[v.Name] {
			container.Env = append(container.Env, v)
		}
	}
	if c.Extra.Volume != nil {
		mount(container, c.Extra.Volume.Name, c.Extra.MountPath)
	}
}

// addIdentity is what upstream's webhook does. False: the container is left alone.
func (c Config) addIdentity(container *corev1.Container, in injection, has map[string]bool) bool {
	credentials := slices.ContainsFunc(in.variables, func(v corev1.EnvVar) bool { return has[v.Name] })
	region := has[aws.EnvRegion] || has[aws.EnvDefaultRegion]
	regional := has[aws.EnvRegionalSTS]
	if credentials && region && regional {
		return false
	}
	add := func(name, value string) {
		container.Env = append(container.Env, corev1.EnvVar{Name: name, Value: value})
	}
	if in.RegionalSTS && !regional {
		add(aws.EnvRegionalSTS, "regional")
	}
	if c.Region != "" && !region {
		add(aws.EnvDefaultRegion, c.Region)
		add(aws.EnvRegion, c.Region)
	}
	if !credentials {
		container.Env = append(container.Env, in.variables...)
	}
	mount(container, in.volume.Name, in.mountPath)
	return true
}

// RefusesEndpoints is the variable of a container, or "", beside which SDKs refuse
// an endpoint: it wants FIPS or dual-stack ones, by AWS's host names.
func RefusesEndpoints(env []corev1.EnvVar) string {
	for _, v := range env {
		if (v.Name == aws.EnvUseFIPS || v.Name == aws.EnvDualStack) && strings.EqualFold(v.Value, "true") {
			return v.Name
		}
	}
	return ""
}

// hasEndpoint says whether the container's author leads it somewhere.
func hasEndpoint(container *corev1.Container) bool {
	return slices.ContainsFunc(container.Env, func(v corev1.EnvVar) bool { return strings.HasPrefix(v.Name, aws.EnvEndpoint) })
}

// dnsPatches lead a pod to the cluster's DNS.
func (c Config) dnsPatches(pod *corev1.Pod) []Patch {
	policy := corev1.DNSClusterFirst
	if pod.Spec.HostNetwork {
		policy = corev1.DNSClusterFirstWithHostNet
	}
	asksNode := pod.Spec.DNSPolicy == corev1.DNSDefault || pod.Spec.HostNetwork && (pod.Spec.DNSPolicy == corev1.DNSClusterFirst || pod.Spec.DNSPolicy == "")
	if !c.Extra.ClusterDNS || !asksNode {
		return nil
	}
	return []Patch{{"add", "/spec/dnsPolicy", policy}}
}

func mount(container *corev1.Container, volume, path string) {
	for _, m := range container.VolumeMounts {
		if m.Name == volume {
			return
		}
	}
	container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: volume, ReadOnly: true, MountPath: path})
}

// labelPatches mark a pod of EKS Pod Identity.
func labelPatches(pod *corev1.Pod, id Identity) []Patch {
	switch {
	case !id.PodIdentity:
		return nil
	case pod.Labels == nil:
		return []Patch{{"add", "/metadata/labels", map[string]string{PodIdentityLabel: "enabled"}}}
	default:
		return []Patch{{"add", "/metadata/labels/" + jsonPointer.Replace(PodIdentityLabel), "enabled"}}
	}
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
// itself; volumes of the same name are the author's own and stay.
func (c Config) volumePatches(pod *corev1.Pod, in injection) []Patch {
	var volumes []corev1.Volume
	if !in.none() {
		volumes = append(volumes, in.volume)
	}
	if c.Extra.Volume != nil {
		volumes = append(volumes, *c.Extra.Volume)
	}
	has := make(map[string]bool, len(pod.Spec.Volumes))
	for _, v := range pod.Spec.Volumes {
		has[v.Name] = true
	}
	var patches []Patch
	listed := pod.Spec.Volumes != nil
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

func tokenVolume(name, audience, file string, expiration int64) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
		Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
			Audience: audience, ExpirationSeconds: &expiration, Path: file,
		}}},
	}}}
}
