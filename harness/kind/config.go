package kind

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

// ReadConfig reads a file of kind's own configuration: nodes, mounts, ports, CNI.
func ReadConfig(path string) (*v1alpha4.Cluster, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := new(v1alpha4.Cluster)
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: not a configuration of kind (https://kind.sigs.k8s.io/docs/user/configuration): %w", path, err)
	}
	if c.Kind != "Cluster" || c.APIVersion != apiVersion {
		return nil, fmt.Errorf("%s: kind %q of %q; write kind: Cluster and apiVersion: %s", path, c.Kind, c.APIVersion, apiVersion)
	}
	return c, nil
}

const apiVersion = "kind.x-k8s.io/v1alpha4"

// clusterConfig describes a cluster whose API server signs for an issuer: one
// node, or what given says. The flags are written for both of kubeadm's formats,
// a map before v1beta4 and a list from there on; kind applies what fits. A map
// cannot hold a second issuer: that is a patch of the API server's manifest
// instead, which kubeadm applies in either case.
func clusterConfig(given *v1alpha4.Cluster, issuer, patches string, ports []int32) *v1alpha4.Cluster {
	flags := [][2]string{
		{"service-account-issuer", issuer},
		{"service-account-jwks-uri", issuer + "/keys"},
		// EKS's, so that a token for sts.amazonaws.com is none for the API server.
		{"api-audiences", "https://kubernetes.default.svc," + clusterIssuer},
	}
	var v1beta3, v1beta4 []string
	for _, f := range flags {
		v1beta3 = append(v1beta3, fmt.Sprintf(`{"op": "add", "path": "/apiServer/extraArgs/%s", "value": %q}`, f[0], f[1]))
		v1beta4 = append(v1beta4, fmt.Sprintf(`{"op": "add", "path": "/apiServer/extraArgs/-", "value": {"name": %q, "value": %q}}`, f[0], f[1]))
	}
	patch := func(version string, operations []string) v1alpha4.PatchJSON6902 {
		return v1alpha4.PatchJSON6902{Group: "kubeadm.k8s.io", Version: version, Kind: "ClusterConfiguration", Patch: "[" + strings.Join(operations, ",") + "]"}
	}
	c := &v1alpha4.Cluster{TypeMeta: v1alpha4.TypeMeta{APIVersion: apiVersion, Kind: "Cluster"}}
	if given != nil {
		c = given.DeepCopy()
	}
	if len(c.Nodes) == 0 {
		c.Nodes = []v1alpha4.Node{{Role: v1alpha4.ControlPlaneRole}}
	}
	const api = "kind: InitConfiguration\npatches:\n  directory: " + patchesOnNode + "\n"
	c.KubeadmConfigPatches = append(c.KubeadmConfigPatches, api, strings.Replace(api, "Init", "Join", 1))
	c.KubeadmConfigPatchesJSON6902 = append(c.KubeadmConfigPatchesJSON6902, patch("v1beta3", v1beta3), patch("v1beta4", v1beta4))
	mount := v1alpha4.Mount{HostPath: patches, ContainerPath: patchesOnNode, Readonly: true}
	for i := range c.Nodes {
		c.Nodes[i].ExtraMounts = append(slices.Clone(c.Nodes[i].ExtraMounts), mount)
	}
	first := slices.IndexFunc(c.Nodes, func(n v1alpha4.Node) bool { return n.Role == v1alpha4.ControlPlaneRole || n.Role == "" })
	for i, port := range ports {
		if first < 0 {
			break // kind says so
		}
		c.Nodes[first].ExtraPortMappings = append(c.Nodes[first].ExtraPortMappings, v1alpha4.PortMapping{
			ContainerPort: firstNodePort + int32(i), HostPort: port, ListenAddress: "127.0.0.1", Protocol: v1alpha4.PortMappingProtocolTCP,
		})
	}
	v1alpha4.SetDefaultsCluster(c)
	return c
}
