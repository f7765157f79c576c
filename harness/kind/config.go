package kind

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"github.com/irsa-emu/irsa-emu/authenticator"
)

// ReadConfig reads a file of kind's own configuration: nodes, mounts, ports, CNI.
// As for kind, "-" is stdin.
func ReadConfig(path string, stdin io.Reader) (*v1alpha4.Cluster, error) {
	var content []byte
	var err error
	if path == "-" {
		path = "stdin"
		content, err = io.ReadAll(stdin)
	} else {
		content, err = os.ReadFile(path)
	}
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

// configDigest tells two configurations of kind apart.
func configDigest(config *v1alpha4.Cluster) (string, error) {
	if config == nil {
		return "", nil
	}
	content, err := json.Marshal(config)
	if err != nil {
		return "", fmt.Errorf("the configuration of kind: %w", err)
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8]), nil
}

// clusterConfig describes a cluster whose API server signs for an issuer: one
// node, or what given says. The flags are written for both of kubeadm's formats,
// a map before v1beta4 and a list from there on; kind applies what fits. A map
// cannot hold a second issuer: that is a patch of the API server's manifest
// instead, which kubeadm applies in either case.
func clusterConfig(given *v1alpha4.Cluster, issuer, folder string, ports []int32) *v1alpha4.Cluster {
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
	for i := range c.Nodes {
		c.Nodes[i].ExtraMounts = append(slices.Clone(c.Nodes[i].ExtraMounts),
			v1alpha4.Mount{HostPath: filepath.Join(folder, patchesFolder), ContainerPath: patchesOnNode, Readonly: true},
			v1alpha4.Mount{HostPath: filepath.Join(folder, authenticationFolder), ContainerPath: authenticationOnNode, Readonly: true})
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

// writeForNode writes what kubeadm and the API server read of a cluster's folder.
func writeForNode(folder string, authenticates bool) error {
	patch, err := apiServerPatch(authenticates)
	if err != nil {
		return err
	}
	var errs []error
	for file, content := range map[string][]byte{
		filepath.Join(patchesFolder, "kube-apiserver0+json.json"): patch,
		filepath.Join(authenticationFolder, authenticationFile):   []byte(authentication),
	} {
		file = filepath.Join(folder, file)
		errs = append(errs, os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, content, 0o644))
	}
	return errors.Join(errs...)
}

const (
	authenticationFile = "authenticator.yaml"
	// authentication tells the API server where its authenticator is: a pod that
	// comes later, at aws-iam-authenticator's own address. Until then, and whenever
	// it is away, the connection is refused at once and the token is nobody's; who
	// shows a certificate or a service account's token is known before it is asked.
	authentication = `apiVersion: v1
kind: Config
clusters: [{name: aws-iam-authenticator, cluster: {server: "http://` + authenticator.DefaultListen + authenticator.Path + `"}}]
users: [{name: api-server, user: {}}]
contexts: [{name: webhook, context: {cluster: aws-iam-authenticator, user: api-server}}]
current-context: webhook
`
)

// apiServerPatch is what kubeadm changes in the API server's manifest.
func apiServerPatch(authenticates bool) ([]byte, error) {
	add := func(path string, value any) map[string]any {
		return map[string]any{"op": "add", "path": path, "value": value}
	}
	const command, volume = "/spec/containers/0/command/-", "irsa-emu-authentication"
	patch := []any{add(command, "--service-account-issuer="+clusterIssuer)}
	if authenticates {
		patch = append(patch,
			add(command, "--authentication-token-webhook-config-file="+authenticationOnNode+"/"+authenticationFile),
			add(command, "--authentication-token-webhook-version=v1"),
			add(command, "--authentication-token-webhook-cache-ttl=1s"), // what is taken away is gone
			add("/spec/containers/0/volumeMounts/-", map[string]any{"name": volume, "mountPath": authenticationOnNode, "readOnly": true}),
			add("/spec/volumes/-", map[string]any{"name": volume, "hostPath": map[string]any{"path": authenticationOnNode, "type": "Directory"}}),
		)
	}
	return json.Marshal(patch)
}
