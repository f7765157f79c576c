package harness

import (
	"context"

	"github.com/irsa-emu/irsa-emu/term"
)

// T is what [Test] needs of a *testing.T. It is an interface so that a program
// that runs scenarios does not link package testing.
type T[Self any] interface {
	Helper()
	Parallel()
	Run(name string, test func(Self)) bool
	Fatal(args ...any)
	Error(args ...any)
	Errorf(format string, args ...any)
	Logf(format string, args ...any)
	Skip(args ...any)
}

// Test runs scenarios inside a Go test, each as a parallel subtest of its name.
// Self is *testing.T.
//
//	scenarios, err := harness.Load("testdata/scenarios")
//	…
//	harness.Test(t, harness.Config{Start: harness.Local(start)}, scenarios)
func Test[Self T[Self]](t Self, c Config, scenarios []Scenario) {
	t.Helper()
	for i := range scenarios {
		t.Run(scenarios[i].Metadata.Name, func(t Self) {
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
