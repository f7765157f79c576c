package kind

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/kube"
)

// kind writes kubeadm's v1beta3 for Kubernetes before 1.36, where extraArgs is
// a map, and v1beta4 from there on, where it is a list; it applies the patches
// of the version that it writes and passes over the others.
func TestClusterConfigForBothFormats(t *testing.T) {
	c := clusterConfig(nil, "https://issuer.example", "/cluster", []int32{4772, 4775})
	documents := map[string]string{ // the part of kind's own that is patched
		"v1beta3": `{"apiServer": {"extraArgs": {"runtime-config": ""}}}`,
		"v1beta4": `{"apiServer": {"extraArgs": [{"name": "runtime-config", "value": ""}]}}`,
	}
	byVersion := map[string]string{}
	for _, p := range c.KubeadmConfigPatchesJSON6902 {
		if p.Group != "kubeadm.k8s.io" || p.Kind != "ClusterConfiguration" {
			t.Errorf("a patch of %s %s", p.Group, p.Kind)
		}
		patch, err := jsonpatch.DecodePatch([]byte(p.Patch))
		if err != nil {
			t.Fatal(err)
		}
		patched, err := patch.Apply([]byte(documents[p.Version]))
		if err != nil {
			t.Fatalf("%s: %v", p.Version, err)
		}
		byVersion[p.Version] = string(patched)
	}
	for version, want := range map[string]string{
		"v1beta3": `"service-account-issuer":"https://issuer.example"`,
		"v1beta4": `{"name":"service-account-issuer","value":"https://issuer.example"}`,
	} {
		if !strings.Contains(byVersion[version], want) {
			t.Errorf("%s: %s", version, byVersion[version])
		}
	}
	ports := c.Nodes[0].ExtraPortMappings
	if len(ports) != 2 || ports[1].HostPort != 4775 || ports[1].ContainerPort != firstNodePort+1 || ports[1].ListenAddress != "127.0.0.1" {
		t.Errorf("%+v", ports)
	}
}

// What kubeadm applies to the API server's manifest: the old issuer second, and the
// authenticator of Up's clusters, whose configuration the API server must find.
func TestAPIServerPatch(t *testing.T) {
	const manifest = `{"spec": {"containers": [{"command": ["kube-apiserver"], "volumeMounts": [{"name": "k8s-certs"}]}], "volumes": [{"name": "k8s-certs"}]}}`
	for _, authenticates := range []bool{false, true} {
		folder := t.TempDir()
		if err := writeForNode(folder, authenticates); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(folder, patchesFolder, "kube-apiserver0+json.json"))
		if err != nil {
			t.Fatal(err)
		}
		patch, err := jsonpatch.DecodePatch(content)
		if err != nil {
			t.Fatal(err)
		}
		patched, err := patch.Apply([]byte(manifest))
		if err != nil {
			t.Fatal(err)
		}
		var pod corev1.Pod
		if err := json.Unmarshal(patched, &pod); err != nil {
			t.Fatal(err)
		}
		flags := pod.Spec.Containers[0].Command
		if !slices.Contains(flags, "--service-account-issuer="+clusterIssuer) {
			t.Error("the old issuer is not kept second")
		}
		var file string
		for _, f := range flags {
			if value, ok := strings.CutPrefix(f, "--authentication-token-webhook-config-file="); ok {
				file = value
			}
		}
		if (file != "") != authenticates {
			t.Fatalf("%t: %s", authenticates, flags)
		}
		if !authenticates {
			continue
		}
		mounted := ""
		for _, v := range pod.Spec.Volumes {
			if v.HostPath != nil && v.HostPath.Path == pod.Spec.Containers[0].VolumeMounts[1].MountPath {
				mounted = v.HostPath.Path
			}
		}
		on := ""
		for _, m := range clusterConfig(nil, "https://issuer.example", folder, nil).Nodes[0].ExtraMounts {
			if m.ContainerPath == mounted {
				on = m.HostPath
			}
		}
		config, err := clientcmd.LoadFromFile(filepath.Join(on, strings.TrimPrefix(file, mounted)))
		if err != nil {
			t.Fatal(err)
		}
		if where := config.Clusters[config.Contexts[config.CurrentContext].Cluster].Server; where != "http://127.0.0.1:21362/authenticate" {
			t.Error(where)
		}
	}
}

func TestNodeImage(t *testing.T) {
	c := &Clusters{config: Config{Images: []string{"kindest/node:v1.31.4@sha256:abc", "registry:5000/node:v1.34.4"}}}
	for version, want := range map[string]string{
		"": "kindest/node:v1.31.4@sha256:abc", "1.34": "registry:5000/node:v1.34.4", "1.31.4": "kindest/node:v1.31.4@sha256:abc", "1.30.2": "kindest/node:v1.30.2",
	} {
		if got, err := c.nodeImage(version); err != nil || got != want {
			t.Errorf("%s: %s, %v", version, got, err)
		}
	}
	var unfit *harness.UnfitError
	if _, err := c.nodeImage("1.3"); !errors.As(err, &unfit) {
		t.Errorf("1.3 is not 1.31: %v", err)
	}
}

func TestNoEngine(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := New(context.Background(), Config{})
	if !errors.Is(err, ErrNoEngine) || !strings.Contains(err.Error(), "install Docker") {
		t.Error(err)
	}
	// The command is there, its engine is not.
	script := "#!/bin/sh\n[ \"$1\" = -v ] && { echo 'Docker version 28'; exit 0; }\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n"
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "docker"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+":/usr/bin:/bin")
	_, err = New(context.Background(), Config{})
	if !errors.Is(err, ErrNoEngine) || !strings.Contains(err.Error(), "Cannot connect to the Docker daemon") {
		t.Error(err)
	}
}

// A host with cgroup v1 is one on which kubelets of today refuse to start.
func TestCgroupV1(t *testing.T) {
	for answer, want := range map[string]bool{"echo 1": true, "echo 2": false, "exit 1": false} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "docker"), []byte("#!/bin/sh\n"+answer+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", folder)
		if got := onCgroupV1(t.Context()); got != want {
			t.Errorf("%s: %t", answer, got)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if onCgroupV1(t.Context()) {
		t.Error("without an engine")
	}
}

func TestImageWantsAStaticLinuxBinary(t *testing.T) {
	script := filepath.Join(t.TempDir(), "irsa-emu")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := imageOf(script); err == nil || !strings.Contains(err.Error(), "--executable") {
		t.Error(err)
	}
}

func deployment(generation, observed, wanted, available, total int64) *kube.Object {
	return &kube.Object{Object: map[string]any{
		"kind": "Deployment", "metadata": map[string]any{"generation": generation}, "spec": map[string]any{"replicas": wanted},
		"status": map[string]any{"observedGeneration": observed, "availableReplicas": available, "updatedReplicas": available, "replicas": total},
	}}
}

func TestRolledOut(t *testing.T) {
	for name, c := range map[string]struct {
		o      *kube.Object
		done   bool
		reason string
	}{
		"ready":           {deployment(2, 2, 1, 1, 1), true, ""},
		"not seen yet":    {deployment(2, 1, 1, 1, 1), false, "the controller has not seen it yet"},
		"old pods left":   {deployment(2, 2, 1, 1, 2), false, "1 pods too many"},
		"scaled to none":  {deployment(2, 2, 0, 0, 0), true, ""},
		"going to none":   {deployment(2, 2, 0, 0, 1), false, "1 pods too many"},
		"none is up yet":  {deployment(1, 1, 1, 0, 1), false, ""},
		"replicas of own": {&kube.Object{Object: map[string]any{"kind": "StatefulSet", "status": map[string]any{"readyReplicas": int64(1)}}}, true, ""},
	} {
		if done, reason := rolledOut(c.o); done != c.done || reason != c.reason {
			t.Errorf("%s: %t, %q", name, done, reason)
		}
	}
}

func podWith(status corev1.ContainerStatus) corev1.Pod {
	p := corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{status}}}
	p.Name = "web"
	return p
}

func TestStarted(t *testing.T) {
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
	waiting := func(reason string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "because"}}
	}
	ready := podWith(corev1.ContainerStatus{})
	ready.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	for name, c := range map[string]struct {
		pods   []corev1.Pod
		done   bool
		reason string // of waiting, or the error
	}{
		"none":          {nil, false, "there is no pod"},
		"ready":         {[]corev1.Pod{ready}, true, ""},
		"has ended":     {[]corev1.Pod{podWith(corev1.ContainerStatus{State: ended})}, true, ""},
		"ends and ends": {[]corev1.Pod{podWith(corev1.ContainerStatus{State: waiting("CrashLoopBackOff"), LastTerminationState: ended})}, true, ""},
		"one of two":    {[]corev1.Pod{ready, podWith(corev1.ContainerStatus{State: waiting("ContainerCreating")})}, false, "pod web is Running, container : ContainerCreating because"},
		"image is not there": {[]corev1.Pod{podWith(corev1.ContainerStatus{State: waiting("ErrImageNeverPull")})}, false,
			"pod web, container : image : ErrImageNeverPull: because; build it, and the engine's copy is loaded into the cluster"},
	} {
		done, reason, err := started(c.pods)
		if err != nil {
			reason = err.Error()
		}
		if done != c.done || reason != c.reason {
			t.Errorf("%s: %t, %q", name, done, reason)
		}
	}
}

func TestNamespaceLocks(t *testing.T) {
	var l namespaceLocks
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(l.acquire(ctx, []string{"a", "b"}, false))
	must(l.acquire(ctx, []string{"a"}, false)) // many may share it
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := l.acquire(short, []string{"b", "c"}, true); err == nil {
		t.Fatal("b is shared, and was given to one alone")
	}
	must(l.acquire(ctx, []string{"c"}, true)) // what was not given whole is not held in part
	l.release([]string{"a", "b"})
	l.release([]string{"c"})
	must(l.acquire(ctx, []string{"b", "c"}, true))
	waited := make(chan error)
	go func() { waited <- l.acquire(ctx, []string{"c"}, false) }()
	l.release([]string{"b", "c"})
	must(<-waited)
}

// A cluster whose run lives is nobody's leftover, and one whose run has ended is.
func TestClaims(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	clusterFolder := filepath.Join(t.TempDir(), clusterFolderPrefix+"1")
	if err := os.Mkdir(clusterFolder, 0o755); err != nil {
		t.Fatal(err)
	}
	unlock, err := claim(leftoverPrefix+"1", clusterFolder)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := claimsFolder()
	if err != nil {
		t.Fatal(err)
	}
	locked := func() bool {
		file, err := os.OpenFile(filepath.Join(folder, leftoverPrefix+"1"), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		free, err := tryLock(file)
		if err != nil {
			t.Fatal(err)
		}
		return !free
	}
	if !locked() {
		t.Error("the claim of a run that lives is free")
	}
	noted, err := os.Open(filepath.Join(folder, leftoverPrefix+"1"))
	if err != nil {
		t.Fatal(err)
	}
	defer noted.Close()
	removeFolder(noted, func(p Progress) { t.Log(p) })
	if _, err := os.Stat(clusterFolder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of the cluster is still there: %v", err)
	}
	unlock()
	if locked() {
		t.Error("the claim of a run that has ended is held")
	}
}

func TestManifestsOfSlots(t *testing.T) {
	r := &running{image: "irsa-emu.dev/irsa-emu:test", region: "eu-west-1", node: &node{}}
	objects, err := r.manifests()
	if err != nil {
		t.Fatal(err)
	}
	images, region := 0, ""
	for i := range objects {
		o := &objects[i]
		switch {
		case o.GetKind() == "Deployment":
			for _, image := range imagesOf(o.Object) {
				if image != r.image {
					t.Errorf("%s has image %s", kube.Title(o), image)
				}
				images++
			}
		case o.GetKind() == "ConfigMap":
			region, _, _ = unstructured.NestedString(o.Object, "data", "region")
		case o.GetKind() == "Service" && o.GetName() == deploy.Name:
			if kind, _, _ := unstructured.NestedString(o.Object, "spec", "type"); kind != "NodePort" {
				t.Errorf("the emulator's Service is %s", kind)
			}
		}
	}
	if images != 2 || region != "eu-west-1" {
		t.Errorf("%d images, region %s", images, region)
	}
}
