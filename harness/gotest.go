package harness

import (
	"context"
	"testing"

	"github.com/irsa-emu/irsa-emu/term"
)

// Test runs scenarios inside a Go test, each as a parallel subtest of its name.
//
//	scenarios, err := harness.Load("testdata/scenarios")
//	…
//	harness.Test(t, harness.Config{Start: harness.Local(start)}, scenarios)
func Test(t *testing.T, c Config, scenarios []Scenario) {
	t.Helper()
	for i := range scenarios {
		t.Run(scenarios[i].Metadata.Name, func(t *testing.T) {
			t.Parallel()
			report, err := Run(context.Background(), c, scenarios[i:i+1])
			if err != nil {
				t.Fatal(err)
			}
			result := &report.Scenarios[0]
			if result.Error != "" {
				t.Error(result.Error)
			}
			skipped := ""
			for j := range result.Steps {
				s := &result.Steps[j]
				switch s.Status {
				case Failed:
					t.Errorf("%s:%d: %s\n%s", result.File, s.Line, s.Name, term.Indent(failure(s), "    "))
				case Skipped:
					skipped = s.Reason
					t.Logf("%s:%d: %s: skipped: %s", result.File, s.Line, s.Name, s.Reason)
				}
			}
			if result.Status == Skipped {
				t.Skip(skipped)
			}
		})
	}
}
