package incluster

import (
	"context"
	"fmt"
	"net"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/webhook"
)

// Routes says which emulator a namespace's pods use.
type Routes struct {
	Client *kube.Client
	// Namespace and Service are those of the default emulator.
	Namespace, Service string
	// Config is the webhook's, without what brings pods to an emulator.
	Config webhook.Config
	// CA is the certificate, PEM, that signs for AWS's host names.
	CA []byte
	// Intercepts says that AWS's host names may lead to the emulators.
	Intercepts bool
	// LeadsAll leads pods to the emulator whose service account has no role, too,
	// but for those of [exempt] namespaces and of the webhook's own.
	LeadsAll bool
}

// Emulator is the host of a namespace's emulator, and the region of its pods.
func (r *Routes) Emulator(ctx context.Context, namespace string) (host, region string, err error) {
	var found corev1.Namespace
	if err := r.Client.Get(ctx, kube.Path("namespaces", "", namespace), &found); err != nil {
		return "", "", fmt.Errorf("namespace %s: %w", namespace, err)
	}
	region = found.Annotations[RegionAnnotation]
	if host = found.Annotations[EmulatorAnnotation]; host != "" {
		return host, region, nil
	}
	host, err = r.defaultEmulator(ctx)
	return host, region, err
}

// defaultEmulator is an address rather than a name: SDKs put an S3 bucket in
// front of a name, but behind an address.
func (r *Routes) defaultEmulator(ctx context.Context) (string, error) {
	var service corev1.Service
	if err := r.Client.Get(ctx, kube.Path("services", r.Namespace, r.Service), &service); err != nil {
		return "", fmt.Errorf("the emulator's Service: %w", err)
	}
	return service.Spec.ClusterIP, nil
}

// Where pods find the authority's certificate.
const (
	CAMountPath  = "/var/run/secrets/irsa-emu.dev"
	caVolume     = "irsa-emu-ca"
	caFile       = "ca.pem"
	CAAnnotation = "irsa-emu.dev/ca.pem"
)

// endpointNames are the services with an endpoint variable of their own; some
// clients read only these.
var endpointNames = []string{"STS", "IAM", "EKS", "S3", "SECRETS_MANAGER"}

// ConfigFor is the webhook's configuration for a pod of a namespace: modern SDKs
// are pointed at its emulator, all are made to trust the authority, unless the
// annotation [EndpointsAnnotation] says no. The certificate goes with the pod, as
// an annotation, so that namespaces need nothing prepared in them.
func (r *Routes) ConfigFor(ctx context.Context, namespace string, pod *corev1.Pod) (webhook.Config, error) {
	c := r.Config
	host, region, err := r.Emulator(ctx, namespace)
	if err != nil {
		return c, err
	}
	if region != "" {
		c.Region = region
	}
	wish, err := r.wishOf(ctx, namespace, pod)
	if err != nil || wish == no {
		return c, err
	}
	url := "http://" + net.JoinHostPort(host, EmulatorPort)
	endpoints := []corev1.EnvVar{{Name: "AWS_ENDPOINT_URL", Value: url}}
	for _, name := range endpointNames {
		endpoints = append(endpoints, corev1.EnvVar{Name: "AWS_ENDPOINT_URL_" + name, Value: url})
	}
	// botocore and the AWS SDKs; OpenSSL and Go, which go on reading the
	// system's folder beside it; Node.js.
	var env []corev1.EnvVar
	for _, name := range []string{"AWS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} {
		env = append(env, corev1.EnvVar{Name: name, Value: CAMountPath + "/" + caFile})
	}
	c.Extra = webhook.Extra{
		Endpoints: endpoints, Env: env, MountPath: CAMountPath, Annotations: map[string]string{CAAnnotation: string(r.CA)}, ClusterDNS: r.Intercepts,
		Volume: &corev1.Volume{Name: caVolume, VolumeSource: corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{
			Items: []corev1.DownwardAPIVolumeFile{{
				Path: caFile, FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.annotations['" + CAAnnotation + "']"},
			}},
		}}},
	}
	return c, nil
}
