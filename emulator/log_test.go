package emulator

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/state"
)

// logLine is what every line about a call has.
type logLine struct {
	Level, Msg, RequestID, Service, Action, Outcome, Code, Reason string
}

func logged(t *testing.T, log *logBuffer) []logLine {
	t.Helper()
	var lines []logLine
	for text := range strings.Lines(log.String()) {
		var line logLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		lines = append(lines, line)
	}
	return lines
}

// Without -v the log has what was refused or failed, with it every call; each
// line has the request id that the answer and the decision have.
func TestLog(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
		var log logBuffer
		emu := startTutorialWith(t, Config{Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: level}))})
		exercise(t, emu)
		want := slices.Collect(emu.decisions.Newest(0, ""))
		seen := map[string]logLine{}
		for _, line := range logged(t, &log) {
			if line.Msg != "call" || line.RequestID == "" {
				t.Errorf("line %+v", line)
			}
			seen[line.RequestID] = line
		}
		for _, d := range want {
			line, ok := seen[d.RequestID]
			if ok != (level == slog.LevelDebug || d.Outcome != decision.Allowed) {
				t.Errorf("at level %v: %s %s is logged: %v", level, d.Action, d.Outcome, ok)
			}
			if ok && (line.Outcome != string(d.Outcome) || !begins(d.Service, line.Service) || !begins(d.Action, line.Action) || (line.Reason == "") != (d.Reason == nil)) {
				t.Errorf("line %+v of %.200s %.200s", line, d.Service, d.Action)
			}
			delete(seen, d.RequestID)
		}
		if len(seen) > 0 {
			t.Errorf("lines of no call: %v", seen)
		}
	}
}

// begins compares what a decision has with a log line, which cuts long texts.
func begins(whole, logged string) bool {
	beginning, cut := strings.CutSuffix(logged, "...")
	return whole == logged || (cut && strings.HasPrefix(whole, beginning))
}

// A line of a failure inside a service carries the request id, too.
func TestLogOfAFailure(t *testing.T) {
	var log logBuffer
	backend := &failingBackend{Backend: state.NewMemory()}
	emu := startTutorialWith(t, Config{Backend: backend, Logger: textLogger(&log)})
	out, err := assume(t, emu, TokenRequest{ServiceAccount: "your-namespace/your-service-account"})
	if err != nil {
		t.Fatal(err)
	}
	backend.fail(state.ErrUnavailable)
	// A read is answered; that its day cannot be kept is logged.
	if _, err := secretsmanager.NewFromConfig(as(emu, out)).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("your-secret-name")}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(log.String()) {
		if !strings.Contains(line, "requestId=") && !strings.Contains(line, "the store is cut off") {
			t.Errorf("no request id: %s", line)
		}
	}
	if !strings.Contains(log.String(), "last access") {
		t.Errorf("the log:\n%s", &log)
	}
	if status := callControl(t, emu, http.MethodGet, "/readyz", "", nil); status != http.StatusOK {
		t.Errorf("/readyz: %d", status)
	}
}
