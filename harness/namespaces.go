package harness

import (
	"bytes"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/statefile"
)

// namespaces are those that the steps name, sorted.
func (s *Scenario) namespaces() []string {
	var all []string
	for i := range s.Spec.Steps {
		switch a := s.Spec.Steps[i].Action.(type) {
		case *Assume:
			all = append(all, namespaceOf(a.ServiceAccount), namespaceOf(a.PodIdentity))
		case *Call:
			all = append(all, namespaceOf(a.ServiceAccount), namespaceOf(a.PodIdentity))
		case *Command:
			all = append(all, namespaceOf(a.ServiceAccount), namespaceOf(a.PodIdentity))
		case *Apply:
			all = append(all, manifestNamespaces(a.Manifests)...)
		case *Pod:
			all = append(all, namespaceOf(a.ServiceAccount), namespaceOf(a.Workload))
			if a.Manifest != nil {
				all = append(all, manifestNamespaces(*a.Manifest)...)
			}
		}
	}
	all = nonEmpty(all...)
	slices.Sort(all)
	return slices.Compact(all)
}

// namespaceOf is the part before the first slash of NAMESPACE/NAME.
func namespaceOf(name string) string {
	namespace, _, _ := strings.Cut(name, "/")
	return namespace
}

// manifestNamespaces are those that manifests make and are in. What cannot be
// read is the API server's to refuse.
func manifestNamespaces(manifests statefile.Text) []string {
	var all []string
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(manifests)))
	for {
		var o struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
		}
		if decoder.Decode(&o) != nil {
			return all
		}
		if o.Kind == "Namespace" {
			all = append(all, o.Metadata.Name)
		}
		all = append(all, o.Metadata.Namespace)
	}
}

// images are those that the steps' pods run, sorted.
func (s *Scenario) images() []string {
	var all []string
	for i := range s.Spec.Steps {
		switch a := s.Spec.Steps[i].Action.(type) {
		case *Apply:
			all = append(all, manifestImages(a.Manifests)...)
		case *Pod:
			all = append(all, a.Image)
			if a.Manifest != nil {
				all = append(all, manifestImages(*a.Manifest)...)
			}
		}
	}
	all = nonEmpty(all...)
	slices.Sort(all)
	return slices.Compact(all)
}

// manifestImages are the images of the containers in manifests, wherever they are.
func manifestImages(manifests statefile.Text) []string {
	var all []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, value := range v {
				list, isList := value.([]any)
				if isList && (name == "containers" || name == "initContainers") {
					for _, c := range list {
						if container, ok := c.(map[string]any); ok {
							image, _ := container["image"].(string)
							all = append(all, image)
						}
					}
				} else {
					walk(value)
				}
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		}
	}
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(manifests)))
	for {
		var o map[string]any
		if decoder.Decode(&o) != nil {
			return all
		}
		walk(o)
	}
}
