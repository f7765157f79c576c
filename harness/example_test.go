package harness_test

import (
	"context"
	"fmt"

	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/harness"
)

type running struct {
	*emulator.Running
	stop func() error
}

func (r running) URL() string  { return r.Running.URL }
func (r running) Close() error { return r.stop() }

// Start an emulator for each scenario, run them, look at what came of it. In
// a Go test, [harness.Test] does the looking.
func Example() {
	start := func(ctx context.Context) (harness.Emulator, error) {
		r, stop, err := emulator.StartBackground(ctx, emulator.Config{})
		return running{r, stop}, err
	}
	scenarios, err := harness.Load("../scenarios/wrong-namespace.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := harness.Run(context.Background(), harness.Config{Start: harness.Local(start)}, scenarios)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range report.Scenarios[0].Steps {
		fmt.Println(step.Status, "-", step.Name)
	}
	// Output:
	// passed - the right service account assumes the role
	// passed - it reads the secret
	// passed - another namespace is refused, for the sub
}

// All mistakes of a file come at once, each with its place and the mend.
func ExampleParse() {
	_, err := harness.Parse("story.yaml", []byte(`apiVersion: irsa-emu.dev/v1
kind: Scenario
metadata: {name: story}
spec:
  steps:
    - name: who am I
      call: {service: sts, operation: GetCallerIdentiy}
    - name: assume
      asume: {}
`), nil)
	fmt.Println(err)
	// Output:
	// story.yaml:7:39: spec.steps[0].call.operation: sts has no operation "GetCallerIdentiy"; write GetCallerIdentity
	// story.yaml:8:7: spec.steps[1]: no action; write one of: assume, call, run, apply, pod, clock, rotateKeys, fault
	// story.yaml:9:7: spec.steps[1]: unknown field "asume"; write assume
}
