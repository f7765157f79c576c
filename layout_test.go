package irsaemu

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/irsa-emu/irsa-emu/"

// leaves are words and small tools that import nothing of ours, but aws its patterns, and
// that every package may use.
var leaves = []string{"aws", "hint", "lazyregexp", "spelling", "term"}

// ofServices is what every package below services may import, a new one too.
var ofServices = []string{"api", "decision", "iam", "policy", "services", "state", "statefile", "wire"}

// allowed is the picture in DEVELOPMENT.md: what each package may import of
// ours, services' beside what all of them may. A package that is not listed fails,
// so that it gets a place in it.
var allowed = map[string][]string{
	"lazyregexp":              {},
	"aws":                     {"lazyregexp"},
	"spelling":                {},
	"term":                    {},
	"hint":                    {},
	"policy/tree":             {},
	"policy":                  {"policy/tree"},
	"rewrite":                 {"policy/tree"},
	"lint":                    {"decision", "iam", "policy", "policy/tree", "rewrite", "sts"},
	"prove":                   {"policy"},
	"prove/given":             {"policy", "prove", "sources", "statefile", "statefile/strictyaml"},
	"oidc":                    {},
	"wire":                    {},
	"state":                   {},
	"webhook":                 {},
	"agent":                   {}, // speaks with EKS Auth over HTTP
	"decision":                {"policy"},
	"statefile":               {"policy", "statefile/jsonschema", "statefile/strictyaml"},
	"statefile/jsonschema":    {},
	"statefile/strictyaml":    {},
	"state/boltstore":         {"state"},
	"state/etcdstore":         {"state"},
	"state/storetest":         {"state"},
	"api":                     {"decision", "policy", "state", "statefile", "wire"},
	"iam":                     {"api", "decision", "policy", "state", "statefile", "wire"},
	"iam/maketables":          {},
	"sts":                     {"api", "decision", "iam", "oidc", "policy", "state", "statefile", "wire"},
	"services":                {"api", "decision", "iam", "policy", "prove", "state", "statefile", "wire"},
	"services/secretsmanager": {"services/kms"},
	"services/s3":             {"services/kms"},
	"services/accessanalyzer": {"prove"},
	"services/eks":            {"sts"},
	"services/eksauth":        {"oidc", "services/eks", "sts"},
	"cloudtrail":              {"api", "decision", "iam", "wire"},
	"emulator": {
		"api", "cloudtrail", "control", "decision", "iam", "oidc", "policy", "services/*", "state", "statefile", "sts", "wire",
	},
	// The types and the client of the control API.
	"control": {"decision", "statefile", "statefile/jsonschema", "statefile/strictyaml"},
	// The harness speaks with an emulator over HTTP: it needs types only.
	"harness":         {"agent", "control", "decision", "harness/clients", "iam", "intercept", "oidc", "policy", "statefile", "statefile/jsonschema", "statefile/strictyaml"},
	"harness/clients": {},
	"harness/kind":    {"authenticator", "control", "deploy", "harness", "kube", "statefile", "webhook", "webhook/incluster"},
	"scenarios":       {},
	"deploy":          {},
	"tunnel":          {},
	"intercept":       {"tunnel"},
	"kube":            {},
	// It walks a cluster that exists, and asks an emulator over HTTP.
	"doctor": {"control", "decision", "deploy", "oidc", "policy", "statefile", "sts", "webhook"},
	// The webhook in a cluster, which needs an API server.
	"webhook/incluster": {"agent", "control", "kube", "tunnel", "webhook"},
	// AWS principals as an API server's users: it asks EKS and the STS over HTTP.
	"authenticator": {"kube"},
	"sources":       {"policy", "policy/tree", "rewrite", "statefile", "statefile/strictyaml"},
	"page":          {},
	// Manifests held against roles: the evaluation is the STS's, the mutation the webhook's.
	"audit": {"api", "aws", "decision", "iam", "lint", "oidc", "page", "policy", "policy/tree", "sources", "spelling", "statefile", "statefile/strictyaml", "sts", "term", "webhook", "wire"},
	// CloudTrail's events held against the sources' policies.
	"denial": {"audit", "aws", "iam", "oidc", "policy", "prove", "prove/given", "sources", "statefile/strictyaml", "sts"},
	// Test helpers.
	"emulatortest":         {"control", "decision", "emulator", "harness", "statefile"},
	"golden":               {},
	"sts/ststest":          {},
	"sources/sourcestest":  {},
	"services/servicetest": {"sts"},
}

func TestImportsRunOneWay(t *testing.T) {
	for line := range strings.Lines(goList(t, "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./...")) {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[0], module)
		if name+"/" == module || strings.HasPrefix(name, "cmd/") || strings.HasPrefix(name, "compat/") || strings.HasPrefix(name, "images/") || fields[0]+"/" == module {
			continue // commands wire everything; clients and the pods of scenarios are no part of the product
		}
		may, listed := allowed[name]
		if strings.HasPrefix(name, "services/") {
			may, listed = append(ofServices, may...), true
		}
		if !listed {
			t.Errorf("package %s has no place in the picture: add it to DEVELOPMENT.md and here", name)
			continue
		}
		for _, imported := range fields[1:] {
			ours, is := strings.CutPrefix(imported, module)
			if is && !slices.Contains(may, ours) && !slices.Contains(may, path.Dir(ours)+"/*") && (!slices.Contains(leaves, ours) || slices.Contains(leaves, name)) {
				t.Errorf("%s imports %s, which the picture does not allow", name, ours)
			}
		}
	}
}

// A Go test that imports the emulator must not inherit etcd or Kubernetes.
func TestEmulatorIsLight(t *testing.T) {
	deps := goList(t, "-deps", "./emulator", "./harness")
	for _, heavy := range []string{"go.etcd.io/etcd", "k8s.io/client-go", "sigs.k8s.io/kind", "go.etcd.io/bbolt"} {
		if strings.Contains(deps, heavy) {
			t.Errorf("emulator or harness depends on %s", heavy)
		}
	}
}

// The program is no test: package testing and its flags stay out of it.
func TestProductLinksNoTests(t *testing.T) {
	for _, line := range strings.Fields(goList(t, "-deps", "./cmd/irsa-emu")) {
		if line == "testing" || line == "net/http/httptest" {
			t.Errorf("irsa-emu links %s", line)
		}
	}
}

func goList(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, &stderr)
	}
	return string(out)
}
