package harness_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/harness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// steps that pass, fail in every way there is, and are skipped for every reason.
const steps = `
    - name: right
      assume: {serviceAccount: app/app, role: "arn:aws:iam::111122223333:role/App"}
      expect: {arn: "arn:aws:sts::*:assumed-role/App/story", expiresIn: 1h}
    - name: refused as expected
      assume: {serviceAccount: other/app, role: "arn:aws:iam::111122223333:role/App"}
      expect:
        error: AccessDenied
        message: Not auth*
        because: {kind: trust-policy, policy: trust, outcome: implicitDeny, hint: service-account, operator: StringEquals, key: "a.example:sub", want: right, got: [wrong], present: true}
    - name: refused, and not expected
      assume: {serviceAccount: other/app, role: "arn:aws:iam::111122223333:role/App"}
    - name: builds on what failed
      call: {service: sts, operation: GetCallerIdentity, as: "refused, and not expected"}
    - name: refused for another reason
      assume: {serviceAccount: other/app, role: "arn:aws:iam::111122223333:role/App"}
      expect: {error: AccessDenied, because: {kind: expired, key: "a.example:aud", got: sts}}
    - name: allowed, and not expected
      assume: {serviceAccount: app/app, role: "arn:aws:iam::111122223333:role/App"}
      expect: {error: AccessDenied}
    - name: another session
      assume: {serviceAccount: app/app, role: "arn:aws:iam::111122223333:role/App"}
      expect: {arn: "arn:aws:sts::111122223333:assumed-role/Other/story", expiresIn: 2h}
    - name: manifests
      apply: {manifests: "kind: Namespace"}
    - name: no such program
      run: {command: [irsa-emu-no-such-program]}
    - name: after it
      clock: {reset: true}
`

func run(t *testing.T, c harness.Config, scenarios []harness.Scenario) *harness.Report {
	t.Helper()
	if c.Logs == "" {
		c.Logs = filepath.Join(t.TempDir(), "logs")
	}
	report, err := harness.Run(context.Background(), c, scenarios)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// steady takes out of a report what is different each time.
func steady(text string, report *harness.Report) string {
	text = strings.ReplaceAll(text, report.Logs, "LOGS")
	text = regexp.MustCompile(`\b\d+(\.\d+)?(µs|ms|s)\b`).ReplaceAllString(text, "TIME")
	text = regexp.MustCompile(`TIME *\n`).ReplaceAllString(text, "TIME\n")
	text = regexp.MustCompile(`time="[\d.]+"`).ReplaceAllString(text, `time="TIME"`)
	text = regexp.MustCompile(`timestamp="[^"]+"`).ReplaceAllString(text, `timestamp="TIME"`)
	return regexp.MustCompile(`"(started|duration)": [^,\n]+`).ReplaceAllString(text, `"$1": "TIME"`)
}

func TestReports(t *testing.T) {
	var progress bytes.Buffer
	report := run(t, harness.Config{
		Start: harness.Local(startFake(t).start), Progress: harness.Progress(&progress, 1, harness.ProgressOptions{}),
	}, parse(t, steps))
	if report.OK() {
		t.Error("the report is fine")
	}
	if _, err := os.Stat(filepath.Join(report.Logs, "story", "decisions.json")); err != nil {
		t.Error(err)
	}
	reports := map[string]func(*bytes.Buffer) error{
		"progress.txt": func(b *bytes.Buffer) error { _, err := b.Write(progress.Bytes()); return err },
		"report.txt":   func(b *bytes.Buffer) error { return report.WriteText(b, false) },
		"report.json":  func(b *bytes.Buffer) error { return report.WriteJSON(b) },
		"report.xml":   func(b *bytes.Buffer) error { return report.WriteJUnit(b) },
		"report.md":    func(b *bytes.Buffer) error { return report.WriteMarkdown(b) },
		"github.txt":   func(b *bytes.Buffer) error { return report.WriteAnnotations(b) },
	}
	for name, write := range reports {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := write(&got); err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, ".xml") {
				if err := xml.Unmarshal(got.Bytes(), new(struct{ XMLName xml.Name })); err != nil {
					t.Error(err)
				}
			}
			golden.File(t, filepath.Join("testdata", "reports", name), steady(got.String(), report))
		})
	}
}

// A change that was not made makes what comes after it worthless.
func TestUndoneChange(t *testing.T) {
	report := run(t, harness.Config{Start: harness.Local(startFake(t).start)}, parse(t, `
    - name: the change
      rotateKeys: {issuer: "https://the.fake/knows/no/rotation"}
    - name: what depends on it
      assume: {serviceAccount: app/app, role: "arn:aws:iam::111122223333:role/App"}
`))
	got := report.Scenarios[0].Steps
	if got[0].Status != harness.Failed || got[1].Status != harness.Skipped || !strings.Contains(got[1].Reason, `step "the change"`) {
		t.Errorf("%+v", got)
	}
}

func TestNeeds(t *testing.T) {
	scenarios := parse(t, `
    - name: a pod
      pod: {serviceAccount: app/app, image: busybox}
`)
	report := run(t, harness.Config{Start: harness.Local(startFake(t).start)}, scenarios)
	s := report.Scenarios[0]
	if s.Status != harness.Skipped || s.Steps[0].Reason != "cluster local runs no pods" || !report.OK() {
		t.Errorf("%+v", s)
	}
}

func noCluster(context.Context, harness.Target) (harness.Cluster, error) {
	return nil, errors.New("there is no cluster kind")
}

func TestUnfitCluster(t *testing.T) {
	unfit := func(_ context.Context, target harness.Target) (harness.Cluster, error) {
		return nil, &harness.UnfitError{Reason: "signs for another issuer"}
	}
	report := run(t, harness.Config{Start: unfit}, parse(t, steps))
	s := report.Scenarios[0]
	if s.Status != harness.Skipped || !report.OK() || s.Error != "" || s.Steps[1].Reason != "signs for another issuer" {
		t.Errorf("%+v", s)
	}
}

func TestNoCluster(t *testing.T) {
	report := run(t, harness.Config{Start: noCluster, Cluster: "kind"}, parse(t, steps))
	s := report.Scenarios[0]
	if s.Status != harness.Failed || !strings.Contains(s.Error, "cluster kind") || s.Counts().Skipped != len(s.Steps) {
		t.Errorf("%+v", s)
	}
}

func TestCancelledRun(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	report, err := harness.Run(ctx, harness.Config{Start: harness.Local(startFake(t).start)}, parse(t, steps))
	if err == nil || report.OK() {
		t.Errorf("%v, %+v", err, report)
	}
}

func TestStepTimeout(t *testing.T) {
	report := run(t, harness.Config{Start: harness.Local(startFake(t).start), StepTimeout: 300 * time.Millisecond}, parse(t, `
    - name: allowed to be slow
      timeout: 5m
      run: {command: [sleep, "0.4"]}
    - name: slow
      run: {command: [sleep, "600"]}
`))
	if s := report.Scenarios[0].Steps[0]; s.Status != harness.Passed {
		t.Errorf("%+v", s)
	}
	s := report.Scenarios[0].Steps[1]
	if s.Status != harness.Failed || !strings.Contains(s.Error, "the step took longer than 300ms") {
		t.Errorf("%+v", s)
	}
	if s.Duration > 5*time.Minute {
		t.Errorf("it took %s to end the command", s.Duration)
	}
}

func TestRunStep(t *testing.T) {
	t.Setenv("AWS_PROFILE", "production")
	report := run(t, harness.Config{Start: harness.Local(startFake(t).start)}, parse(t, `
    - name: as a service account
      run:
        command: 'echo "$AWS_ROLE_ARN $AWS_REGION $AWS_PROFILE$AWS_ACCESS_KEY_ID $MORE"; test -s "$AWS_WEB_IDENTITY_TOKEN_FILE"; cat >&2; exit 3'
        serviceAccount: app/app
        role: arn:aws:iam::111122223333:role/App
        env: {MORE: more}
        stdin: from stdin
      expect: {exitCode: 3, stdout: "arn:aws:iam::111122223333:role/App us-east-1  more", stderr: {contains: from stdin}}
    - name: as the administrator
      run: {command: 'echo "$AWS_ACCESS_KEY_ID $AWS_ENDPOINT_URL$AWS_ROLE_ARN"', account: "444455556666"}
      expect: {stdout: {matches: "^444455556666 http://127"}}
    - name: another exit code
      run: {command: [sh, -c, "echo oops >&2; exit 7"]}
`))
	got := report.Scenarios[0].Steps
	if got[0].Status != harness.Passed || got[1].Status != harness.Passed || got[2].Status != harness.Failed {
		t.Errorf("%+v", got)
	}
	if want := []harness.Mismatch{{What: "exit code", Expected: "0", Actual: "7\noops\n"}}; !cmp.Equal(got[2].Mismatches, want) {
		t.Error(cmp.Diff(want, got[2].Mismatches))
	}
}

// What a step's command prints is anybody's text: in no report does a terminal
// obey it, not even C1 controls and marks of direction, which are valid UTF-8.
func TestHostileOutput(t *testing.T) {
	var progress bytes.Buffer
	report := run(t, harness.Config{
		Start: harness.Local(startFake(t).start), Progress: harness.Progress(&progress, 1, harness.ProgressOptions{}),
	}, parse(t, `
    - name: hostile
      run: {command: "printf '\\302\\23331mRED\\342\\200\\256txet\\033]0;owned\\007\\000\\377\\r\\nlast'"}
      expect: {stdout: nothing of it}
`))
	for name, write := range map[string]func(*bytes.Buffer) error{
		"progress":    func(b *bytes.Buffer) error { _, err := b.Write(progress.Bytes()); return err },
		"text":        func(b *bytes.Buffer) error { return report.WriteText(b, false) },
		"JSON":        func(b *bytes.Buffer) error { return report.WriteJSON(b) },
		"JUnit":       func(b *bytes.Buffer) error { return report.WriteJUnit(b) },
		"Markdown":    func(b *bytes.Buffer) error { return report.WriteMarkdown(b) },
		"annotations": func(b *bytes.Buffer) error { return report.WriteAnnotations(b) },
	} {
		var out bytes.Buffer
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(out.String(), func(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x202e }) {
			t.Errorf("%s commands the terminal: %q", name, &out)
		}
		if !strings.Contains(out.String(), `\u009b31mRED\u202etxet\u001b]0;owned\u0007`) {
			t.Errorf("%s lacks what the command printed: %q", name, &out)
		}
	}
}

// working is a cluster with a workload that says one thing after the other.
type working struct {
	harness.Cluster
	says  []string
	looks int
}

// Can adds pods to what the cluster can do.
func (c *working) Can(n harness.Need) bool { return n == harness.NeedPods || c.Cluster.Can(n) }

func (c *working) RunPod(context.Context, harness.PodSpec) (harness.PodResult, error) {
	logs := strings.Join(c.says[:min(c.looks+1, len(c.says))], "")
	c.looks++
	return harness.PodResult{Pod: "app/long", Logs: logs}, nil
}

// What a workload is expected to say may be what it says next.
func TestWorkloadIsLookedAtAgain(t *testing.T) {
	c := &working{says: []string{"starting\n", "none\n", "credentials\n"}}
	local := harness.Local(startFake(t).start)
	start := func(ctx context.Context, target harness.Target) (_ harness.Cluster, err error) {
		c.Cluster, err = local(ctx, target)
		return c, err
	}
	report := run(t, harness.Config{Start: start}, parse(t, `
    - name: it has them in the end
      pod: {workload: app/pod/long}
      expect: {logs: {matches: "none\ncredentials\n$"}}
`))
	if s := report.Scenarios[0].Steps[0]; s.Status != harness.Passed || c.looks != 3 {
		t.Errorf("%d looks: %+v", c.looks, s)
	}
}
