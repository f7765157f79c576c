package scenarios_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
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

// What an emulator exports, another one takes and exports again: nothing is
// lost, ids and signing keys included.
func TestExportRoundTrip(t *testing.T) {
	for _, s := range load(t) {
		t.Run(s.Metadata.Name, func(t *testing.T) {
			t.Parallel()
			given, err := json.Marshal(s.Spec.Given.State)
			if err != nil {
				t.Fatal(err)
			}
			first := export(t, given)
			second := export(t, []byte(first))
			if diff := cmp.Diff(first, second); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// export starts an emulator, makes it mint a token, and gives back its state.
func export(t *testing.T, given []byte) string {
	t.Helper()
	e, err := start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	request := func(method, path string, body []byte) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, e.URL()+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode >= 300 {
			t.Fatalf("%s %s: %s %v: %s", method, path, resp.Status, err, answer)
		}
		return string(answer)
	}
	request(http.MethodPost, "/_emu/state", given)
	request(http.MethodPost, "/_emu/tokens", []byte(`{"serviceAccount": "a/b", "issuer": "https://issuer.example.com"}`))
	return request(http.MethodGet, "/_emu/state", nil)
}
