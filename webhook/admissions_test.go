package webhook

import (
	"encoding/json"
	"maps"
	"os"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// What EKS's own webhook made of 27 pods (testdata/eks-admissions.json says where and when that was recorded).
func TestRecordedAdmissions(t *testing.T) {
	data, err := os.ReadFile("testdata/eks-admissions.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		Cases []struct {
			Name           string
			Annotations    map[string]string
			Association    bool
			PodAnnotations map[string]string
			Spec           map[string]any
			Admitted       map[string]any
		}
	}
	if err := json.Unmarshal(data, &recorded); err != nil || len(recorded.Cases) != 27 {
		t.Fatalf("%d cases, %v", len(recorded.Cases), err)
	}
	for _, tt := range recorded.Cases {
		t.Run(tt.Name, func(t *testing.T) {
			// EKS Pod Identity's tokens have a random life between 79200 and 86400.
			life := func(int64) int64 { return int64(recordedLife(tt.Admitted)) - minJittered }
			config := Config{Region: "us-east-1", RegionalSTS: true, Random: life}
			document, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": tt.PodAnnotations}, "spec": tt.Spec})
			if err != nil {
				t.Fatal(err)
			}
			var pod corev1.Pod
			if err := json.Unmarshal(document, &pod); err != nil {
				t.Fatal(err)
			}
			id, ok := config.IdentityOf(tt.Annotations)
			if tt.Association {
				id, ok = config.PodIdentityOf(tt.Annotations), true
			}
			if ok {
				document = applied(t, document, config.Mutate(&pod, id))
			}
			var got struct {
				Metadata struct{ Labels map[string]any }
				Spec     map[string]any
			}
			if err := json.Unmarshal(document, &got); err != nil {
				t.Fatal(err)
			}
			delete(got.Spec, "automountServiceAccountToken")
			if got.Metadata.Labels != nil {
				got.Spec["labels"] = got.Metadata.Labels
			}
			asStored(got.Spec)
			if diff := cmp.Diff(tt.Admitted, got.Spec); diff != "" {
				t.Errorf("EKS -, here +:\n%s", diff)
			}
		})
	}
}

func applied(t *testing.T, document []byte, patches []Patch) []byte {
	t.Helper()
	text, err := json.Marshal(patches)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(text)
	if err != nil {
		t.Fatal(err)
	}
	out, err := patch.Apply(document)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out
}

// asStored does what the API server does when it stores a pod: it sets the mode of projected volumes, and leaves
// out what is empty; images are not in the recording.
func asStored(spec map[string]any) {
	for _, list := range []string{"containers", "initContainers"} {
		containers, _ := spec[list].([]any)
		for _, c := range containers {
			maps.DeleteFunc(c.(map[string]any), func(key string, _ any) bool { return key == "resources" || key == "image" })
		}
	}
	volumes, _ := spec["volumes"].([]any)
	for _, v := range volumes {
		if projected, ok := v.(map[string]any)["projected"].(map[string]any); ok {
			projected["defaultMode"] = 420.0
		}
	}
}

// recordedLife is the expirationSeconds of the first token volume.
func recordedLife(admitted map[string]any) float64 {
	volumes, _ := admitted["volumes"].([]any)
	for _, v := range volumes {
		projected, _ := v.(map[string]any)["projected"].(map[string]any)
		sources, _ := projected["sources"].([]any)
		for _, s := range sources {
			token, _ := s.(map[string]any)["serviceAccountToken"].(map[string]any)
			if seconds, ok := token["expirationSeconds"].(float64); ok {
				return seconds
			}
		}
	}
	return minJittered
}
