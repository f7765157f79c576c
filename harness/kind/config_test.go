package kind

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

func TestReadConfig(t *testing.T) {
	read := func(content string) (*v1alpha4.Cluster, error) {
		path := filepath.Join(t.TempDir(), "kind.yaml")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return ReadConfig(path, nil)
	}
	const given = `
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {podSubnet: 10.1.0.0/16}
nodes:
- role: worker
  extraMounts: [{hostPath: /data, containerPath: /data}]
- role: control-plane
  extraPortMappings: [{containerPort: 80, hostPort: 8080}]
- role: worker
kubeadmConfigPatches: ["kind: KubeletConfiguration\nfailCgroupV1: false\n"]
`
	c, err := read(given)
	if err != nil {
		t.Fatal(err)
	}
	full := clusterConfig(c, "https://issuer.example", "/patches", []int32{4772})
	switch {
	case len(full.Nodes) != 3 || full.Networking.PodSubnet != "10.1.0.0/16" || len(full.Nodes[0].ExtraMounts) != 3 || len(full.KubeadmConfigPatches) != 3:
		t.Errorf("%+v", full)
	case len(full.Nodes[1].ExtraPortMappings) != 2 || full.Nodes[1].ExtraPortMappings[1].HostPort != 4772 || len(full.Nodes[2].ExtraPortMappings) != 0:
		t.Errorf("the emulator's port belongs to the control plane, beside the others: %+v", full.Nodes)
	case len(c.Nodes[1].ExtraPortMappings) != 1 || len(c.Nodes[0].ExtraMounts) != 1 || len(c.KubeadmConfigPatches) != 1:
		t.Errorf("what was given is changed: %+v", c)
	}
	for content, want := range map[string]string{
		"":                              "write kind: Cluster",
		"kind: Cluster\napiVersion: v1": "kind.x-k8s.io/v1alpha4",
		strings.Replace(given, "role:", "rôle:", 1): "line 6",
		"kind: [": "not a configuration of kind",
	} {
		if _, err := read(content); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestReadConfigOfStdin(t *testing.T) {
	c, err := ReadConfig("-", strings.NewReader("{kind: Cluster, apiVersion: kind.x-k8s.io/v1alpha4, name: piped}"))
	if err != nil || c.Name != "piped" {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := ReadConfig("-", strings.NewReader("{kind: Cluster}")); err == nil || !strings.HasPrefix(err.Error(), "stdin: ") {
		t.Errorf("the error does not say where: %v", err)
	}
}
