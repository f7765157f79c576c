package scenarios_test

import (
	"os"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/scenarios"
)

func load(t *testing.T) []harness.Scenario {
	t.Helper()
	all, err := harness.LoadFS(scenarios.FS, "scenarios")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEachScenarioIsItsFile(t *testing.T) {
	all := load(t)
	if len(all) < 20 {
		t.Errorf("%d scenarios; the library promises twenty at least", len(all))
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		name := s.Metadata.Name
		if !strings.HasPrefix(name, "kind-") && !strings.Contains(string(readme), "("+name+".yaml)") {
			t.Errorf("README.md does not list %s", name)
		}
		if want := "scenarios/" + s.Metadata.Name + ".yaml"; s.File != want {
			t.Errorf("scenario %s is in %s, not in %s", s.Metadata.Name, s.File, want)
		}
		if s.Metadata.Description == "" {
			t.Errorf("%s: no description", s.File)
		}
	}
}

// Stories that need programs of this machine or a real cluster are not in the
// binary: they run when they are asked for.
func TestOtherScenariosLoad(t *testing.T) {
	for _, folder := range []string{"clients", "kind", "slow"} {
		all, err := harness.Load(folder)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 0 {
			t.Errorf("none in %s", folder)
		}
	}
}
