package harness

import (
	"slices"
	"testing"

	"github.com/irsa-emu/irsa-emu/statefile"
)

func TestImagesOfAScenario(t *testing.T) {
	job := statefile.Text("kind: Job\nspec: {template: {spec: {initContainers: [{image: init:1}], containers: [{image: main:1}, {name: no image}]}}}\n---\nkind: ConfigMap\ndata: {containers: text, image: none:1}\n---\n[unreadable")
	pod := statefile.Text("kind: Pod\nspec: {containers: [{image: main:1}]}")
	s := &Scenario{}
	for _, a := range []Action{&Apply{Manifests: job}, &Pod{PodSpec: PodSpec{Manifest: &pod}}, &Pod{PodSpec: PodSpec{Image: "alone:1"}}, &Assume{}} {
		s.Spec.Steps = append(s.Spec.Steps, Step{Action: a})
	}
	if got, want := s.images(), []string{"alone:1", "init:1", "main:1"}; !slices.Equal(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}
