package incluster

import (
	"context"
	"fmt"
	"net"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/aws"
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
	// but for the cluster's own ([ofCluster]) and those of the webhook's namespace.
	LeadsAll bool
	// Authority are the variables that pods find the authority by which choose none
	// themselves; nil: [webhook.DefaultAuthority].
	Authority []string
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
	caVolume     = "irsa-emu-ca"
	caFile       = "ca.pem"
	CAAnnotation = "irsa-emu.dev/ca.pem"
)

// endpointNames are the services with an endpoint variable of their own; some
// clients read only these.
var endpointNames = []string{"STS", "IAM", "EKS", "S3", "SECRETS_MANAGER"}

// ConfigFor is the webhook's configuration for a pod of a namespace: modern SDKs
// are pointed at its emulator, all are made to trust the authority, unless the
// annotation [webhook.EndpointsAnnotation] says no.
func (r *Routes) ConfigFor(ctx context.Context, namespace string, pod *corev1.Pod) (webhook.Config, error) {
	c := r.Config
	host, region, err := r.Emulator(ctx, namespace)
	if err != nil {
		return c, err
	}
	if region != "" {
		c.Region = region
	}
	nearest, err := r.nearest(ctx, namespace, pod)
	if err != nil || wishOf(nearest) == no {
		return c, err
	}
	url := "http://" + net.JoinHostPort(host, EmulatorPort)
	endpoints := []corev1.EnvVar{{Name: aws.EnvEndpoint, Value: url}}
	for _, name := range endpointNames {
		endpoints = append(endpoints, corev1.EnvVar{Name: aws.EnvEndpoint + "_" + name, Value: url})
	}
	variables, warnings := r.authorityOf(nearest)
	c.Extra = webhook.Extra{Endpoints: endpoints, ClusterDNS: r.Intercepts, Warnings: warnings}
	return c, r.trust(&c.Extra, variables)
}
