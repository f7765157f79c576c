package scenarios_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/harness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type running struct {
	*emulator.Running
	stop func() error
}

func (r running) URL() string  { return r.Running.URL }
func (r running) Close() error { return r.stop() }

func start(ctx context.Context) (harness.Emulator, error) {
	r, stop, err := emulator.StartBackground(ctx, emulator.Config{})
	if err != nil {
		return nil, err
	}
	return running{r, stop}, nil
}

// Every scenario on the cluster that needs no cluster.
func TestScenarios(t *testing.T) {
	harness.Test(t, harness.Config{Start: harness.Local(start), Logs: t.TempDir()}, load(t))
}
