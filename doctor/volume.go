package doctor

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/webhook"
)

// tokenVolume looks for the token behind AWS_WEB_IDENTITY_TOKEN_FILE.
func (x *examination) tokenVolume(context.Context) Link {
	wanted, annotated := x.annotatedToken()
	x.audience = wanted.Audience
	pod := x.thisPod()
	switch {
	case pod == nil:
		return unknown("not known without a pod")
	case !hasIdentity(pod):
		return unknown("no container names a token file")
	}
	variable := aws.EnvTokenFile
	if x.podIdentity {
		variable = aws.EnvAgentTokenFile
	}
	var found *corev1.ServiceAccountTokenProjection
	var link Link
	for _, c := range containersOf(pod) {
		file := envOf(c, variable)
		if file == "" {
			continue
		}
		token, mistake := tokenAt(pod, c, variable, file)
		if mistake != "" {
			mend := "take the volume and its mount out of the pod's template: the webhook adds them"
			if x.pod == nil {
				return broken(fmt.Sprintf("container %s: %s", c.Name, mistake), note(mend))
			}
			return broken(fmt.Sprintf("container %s: %s", c.Name, mistake), x.recreate(mend)...)
		}
		if found == nil || c.Name == mainContainer(pod) {
			found, link = token, ok(fmt.Sprintf("%s, audience %s%s", file, cmp.Or(token.Audience, "of the API server"), expiry(token)))
		}
	}
	if found == nil {
		return unknown(variable + " comes from elsewhere, not from the pod itself")
	}
	x.audience = found.Audience
	if annotated && x.pod != nil && found.Audience != wanted.Audience {
		link = link.warn(fmt.Sprintf("the annotations say %s now: a new pod would have that", wanted.Audience))
	}
	if x.podIdentity {
		if found.Audience != aws.PodIdentityService {
			return broken(fmt.Sprintf("the token is for %s, and EKS takes those for %s", cmp.Or(found.Audience, "the API server"), aws.PodIdentityService),
				note("take the volume and its mount out of the pod's template: the webhook adds them"))
		}
		return link
	}
	if found.Audience != aws.DefaultAudience {
		link = link.because("it is not " + aws.DefaultAudience + ": the provider's client ids must have it, and conditions on aud too")
	}
	return link
}

// annotatedToken is what the webhook is asked for. False: only its defaults are known.
func (x *examination) annotatedToken() (webhook.Identity, bool) {
	if x.podIdentity {
		return webhook.Identity{Audience: aws.PodIdentityService, Expiration: webhook.DefaultExpiration}, false
	}
	if x.account != nil {
		if id, is := (webhook.Config{}).IdentityOf(x.account.Annotations); is {
			return id, true
		}
	}
	return webhook.Identity{Audience: aws.DefaultAudience, Expiration: webhook.DefaultExpiration}, false
}

func expiry(token *corev1.ServiceAccountTokenProjection) string {
	if token.ExpirationSeconds == nil {
		return ""
	}
	return fmt.Sprintf(", good for %d s", *token.ExpirationSeconds)
}

// tokenAt is the projected token that a container finds at a path, or what is
// wrong.
func tokenAt(pod *corev1.Pod, c corev1.Container, variable, file string) (token *corev1.ServiceAccountTokenProjection, mistake string) {
	// Windows paths of the webhook are its Linux paths, rewritten.
	file = strings.ReplaceAll(strings.TrimPrefix(file, `C:`), `\`, "/")
	var mount *corev1.VolumeMount
	for i, m := range c.VolumeMounts {
		if within(file, m.MountPath) && (mount == nil || len(m.MountPath) > len(mount.MountPath)) {
			mount = &c.VolumeMounts[i]
		}
	}
	if mount == nil {
		return nil, fmt.Sprintf("nothing is mounted at %s, where %s points", path.Dir(file), variable)
	}
	inVolume := path.Join(mount.SubPath, strings.TrimPrefix(strings.TrimPrefix(file, path.Clean(mount.MountPath)), "/"))
	for _, v := range pod.Spec.Volumes {
		if v.Name != mount.Name {
			continue
		}
		if v.Projected == nil {
			return nil, fmt.Sprintf("volume %s at %s is not a projected volume, so it holds no token", v.Name, mount.MountPath)
		}
		var paths []string
		for _, s := range v.Projected.Sources {
			if s.ServiceAccountToken == nil {
				continue
			}
			if path.Clean(s.ServiceAccountToken.Path) == inVolume {
				return s.ServiceAccountToken, ""
			}
			paths = append(paths, s.ServiceAccountToken.Path)
		}
		return nil, fmt.Sprintf("volume %s at %s has no token at %s; it has: %s", v.Name, mount.MountPath, inVolume, cmp.Or(strings.Join(paths, ", "), "none"))
	}
	return nil, fmt.Sprintf("the pod has no volume %s, which is mounted at %s", mount.Name, mount.MountPath)
}

func within(file, dir string) bool {
	dir = path.Clean(dir)
	return file == dir || strings.HasPrefix(file, strings.TrimSuffix(dir, "/")+"/")
}
