package emulator

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/irsa-emu/irsa-emu/state"
)

// Names, help texts and units are as Prometheus' conventions want them.
func TestMetricsLint(t *testing.T) {
	emu := startTutorial(t)
	exercise(t, emu)
	problems, err := testutil.GatherAndLint(emu.metrics.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// exercise makes calls with outcomes that are known.
func exercise(t *testing.T, emu *Running) {
	t.Helper()
	good := TokenRequest{ServiceAccount: "your-namespace/your-service-account"}
	out, err := assume(t, emu, good)
	if err != nil {
		t.Fatal(err)
	}
	_, err = assume(t, emu, TokenRequest{ServiceAccount: "other/your-service-account"})
	wantCode(t, err, "AccessDenied")
	if _, err := secretsmanager.NewFromConfig(as(emu, out)).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("your-secret-name")}); err != nil {
		t.Fatal(err)
	}
	for _, action := range []string{"MadeUp1", "MadeUp2", strings.Repeat("x", 5000)} {
		resp, err := http.PostForm(emu.URL, url.Values{"Action": {action}, "Version": {"2011-06-15"}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, emu.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "madeup.Service")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	recorded(emu)
}

// recorded waits for the calls that were answered: each is recorded after its answer.
func recorded(emu *Running) {
	for emu.server.underWay.Load() > 0 {
		runtime.Gosched()
	}
}

func scrape(t *testing.T, emu *Running) string {
	t.Helper()
	resp, err := http.Get(emu.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v", resp.StatusCode, err)
	}
	return string(body)
}

func TestMetricsAfterKnownCalls(t *testing.T) {
	emu := startTutorial(t)
	exercise(t, emu)
	text := scrape(t, emu)
	for _, want := range []string{
		`irsa_emu_calls_total{action="AssumeRoleWithWebIdentity",outcome="allowed",reason="",service="sts"} 1`,
		`irsa_emu_calls_total{action="AssumeRoleWithWebIdentity",outcome="refused",reason="trust-policy",service="sts"} 1`,
		`irsa_emu_calls_total{action="GetSecretValue",outcome="allowed",reason="",service="secretsmanager"} 1`,
		`irsa_emu_calls_total{action="unknown",outcome="failed",reason="unsupported",service="sts"} 3`,
		`irsa_emu_calls_total{action="other",outcome="failed",reason="unsupported",service="other"} 1`,
		`irsa_emu_call_duration_seconds_count{service="sts"} 5`,
		`irsa_emu_issuers{kind="own"} 1`,
		`irsa_emu_signing_keys{state="signing"} 1`,
		`irsa_emu_sealing_keys 1`,
		`irsa_emu_store_up 1`,
		`irsa_emu_store_commits_total{outcome="conflict"} 0`,
		`irsa_emu_cloudtrail_records_total{outcome="lost"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the scrape lacks %s", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
	if strings.Contains(text, "MadeUp") || strings.Contains(text, "xxxx") || strings.Contains(text, "madeup") {
		t.Error("a client's own words are a label")
	}
	if strings.Contains(text, `irsa_emu_store_commits_total{outcome="ok"} 0`) || strings.Contains(text, "irsa_emu_store_revision 0\n") {
		t.Error("no commit was counted")
	}
}

// A new series must not come with a new token, session, role, issuer or agent.
func TestMetricsAreBounded(t *testing.T) {
	emu := startTutorial(t)
	exercise(t, emu)
	before := strings.Count(scrape(t, emu), "\nirsa_emu_")
	for i := range 20 {
		suffix := string(rune('a' + i))
		form := url.Values{
			"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleSessionName": {"s-" + suffix},
			"RoleArn": {tutorialRole}, "WebIdentityToken": {mintFor(t, emu, suffix)},
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, emu.URL, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("User-Agent", suffix)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	recorded(emu)
	if after := strings.Count(scrape(t, emu), "\nirsa_emu_"); after > before {
		t.Errorf("%d series before, %d after", before, after)
	}
}

func mintFor(t *testing.T, emu *Running, name string) string {
	t.Helper()
	token, err := emu.Token(t.Context(), TokenRequest{ServiceAccount: "ns-" + name + "/sa"})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// failingBackend cannot be written.
type failingBackend struct {
	state.Backend
	err atomic.Pointer[error]
}

func (b *failingBackend) fail(err error) {
	if err == nil {
		b.err.Store(nil)
		return
	}
	b.err.Store(&err)
}

func (b *failingBackend) Commit(ctx context.Context, changes []state.Change) (int64, error) {
	if err := b.Fault(); err != nil {
		return 0, err
	}
	return b.Backend.Commit(ctx, changes)
}

func (b *failingBackend) Fault() error {
	if err := b.err.Load(); err != nil {
		return *err
	}
	return nil
}

func TestStoreMetrics(t *testing.T) {
	backend := &failingBackend{Backend: state.NewMemory()}
	emu := Start(t, Config{Backend: backend})
	backend.fail(state.ErrUnavailable)
	if status := callControl(t, emu, http.MethodPut, "/_emu/issuers", `{"url":"https://issuer.example.com","jwks":{"keys":[]}}`, nil); status != http.StatusServiceUnavailable {
		t.Errorf("status %d", status)
	}
	text := scrape(t, emu)
	for _, want := range []string{`irsa_emu_store_commits_total{outcome="unavailable"} 1`, `irsa_emu_store_up 0`} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the scrape lacks %s in\n%s", want, text)
		}
	}
}

// The table in the documentation names the metrics that there are, and no others.
func TestMetricsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(irsa_emu_[a-z_]+)` \\| ([a-z]+) \\|").FindAllStringSubmatch(string(doc), -1) {
		documented = append(documented, row[1]+" "+row[2])
	}
	slices.Sort(documented)
	emu := startTutorial(t)
	exercise(t, emu)
	emu.metrics.fetchedKeys(time.Millisecond, errors.New("for the series to exist"))
	families, err := emu.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "irsa_emu_") {
			there = append(there, f.GetName()+" "+strings.ToLower(f.GetType().String()))
		}
	}
	slices.Sort(there)
	if !slices.Equal(documented, there) {
		t.Errorf("docs/observability.md has\n%s\nthe registry has\n%s", strings.Join(documented, "\n"), strings.Join(there, "\n"))
	}
}
