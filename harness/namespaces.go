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
