package scenarios_test

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/oidc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type running struct {
	*emulator.Running
	stop func() error
}

func (r running) URL() string  { return r.Running.URL }
func (r running) Close() error { return r.stop() }

// first is the first key of every emulator: making one takes as long as ten
// scenarios, which never meet.
var first = sync.OnceValues(func() (*oidc.SigningKey, error) { return oidc.GenerateKey("RS256", rand.Reader) })

func start(ctx context.Context) (harness.Emulator, error) {
	var made atomic.Int32
	r, stop, err := emulator.StartBackground(ctx, emulator.Config{NewKey: func(alg string) (*oidc.SigningKey, error) {
		if alg != "RS256" || made.Add(1) > 1 {
			return oidc.GenerateKey(alg, rand.Reader)
		}
		key, err := first()
		if err != nil {
			return nil, err
		}
		copied := *key
		return &copied, nil
	}})
	if err != nil {
		return nil, err
	}
	return running{r, stop}, nil
}

// Every scenario on the cluster that needs no cluster.
func TestScenarios(t *testing.T) {
	harness.Test(t, harness.Config{Start: harness.Local(start), Logs: t.TempDir()}, load(t))
}
