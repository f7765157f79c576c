package deploy

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestEtcdIsTheVersionThatIsTested: what the manifests start is what the tests run against.
func TestEtcdIsTheVersionThatIsTested(t *testing.T) {
	version := regexp.MustCompile(`go\.etcd\.io/etcd/server/v3 (v[0-9.]+)`).FindStringSubmatch(read(t, "../go.mod"))
	if version == nil {
		t.Fatal("go.mod names no version of etcd's server")
	}
	for file, want := range map[string]string{
		"replicated/kustomization.yaml":    "newName: quay.io/coreos/etcd, newTag: " + version[1] + "}",
		"../docker-compose.replicated.yml": "quay.io/coreos/etcd:" + version[1] + "}",
	} {
		if !strings.Contains(read(t, file), want) {
			t.Errorf("%s does not have %q, the version in go.mod", file, want)
		}
	}
}

// TestReplicated builds the overlay as kubectl apply -k does.
func TestReplicated(t *testing.T) {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("kubectl is not installed")
	}
	base, replicated := kustomize(t, kubectl, "."), kustomize(t, kubectl, "replicated")
	emulator := document(t, replicated, "kind: Deployment", "name: irsa-emu\n")
	for _, want := range []string{"replicas: 3", "type: RollingUpdate", "--store=etcd://etcd-0.etcd:2379,etcd-1.etcd:2379,etcd-2.etcd:2379/irsa-emu", "image: irsa-emu\n"} {
		if !strings.Contains(emulator, want) {
			t.Errorf("the emulator's Deployment lacks %q:\n%s", want, emulator)
		}
	}
	if strings.Contains(emulator, "/state") || strings.Contains(emulator, "emptyDir") {
		t.Errorf("the emulator's Deployment still has a volume for its state:\n%s", emulator)
	}
	document(t, replicated, "kind: StatefulSet", "image: quay.io/coreos/etcd:")
	// All else is base's.
	for _, part := range strings.Split(base, "---\n") {
		if !strings.Contains(part, "kind: Deployment") && !strings.Contains(replicated, part) {
			t.Errorf("the overlay lacks, or changes:\n%s", part)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func kustomize(t *testing.T, kubectl, folder string) string {
	t.Helper()
	out, err := exec.Command(kubectl, "kustomize", folder).CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl kustomize %s: %v: %s", folder, err, out)
	}
	return string(out)
}

// document is the one that has all of the texts.
func document(t *testing.T, all string, texts ...string) string {
	t.Helper()
next:
	for _, part := range strings.Split(all, "---\n") {
		for _, text := range texts {
			if !strings.Contains(part, text) {
				continue next
			}
		}
		return part
	}
	t.Fatalf("there is no document with %q", texts)
	return ""
}
