package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/golden"
)

// asMain makes the test's own binary the program, so that tests can run it as a
// process and send it signals.
const asMain = "IRSA_EMU_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" || len(os.Args) > 1 && os.Args[1] == enterCommand { // exec --intercept starts itself
		main()
	}
	os.Exit(m.Run())
}

// served is an emulator in a process of its own.
type served struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string
	stdout *lines
	stderr *lines
	ended  chan error
}

// lines collects what a process prints.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	end  chan struct{}
}

func collect(r io.Reader) *lines {
	l := &lines{end: make(chan struct{})}
	go func() {
		defer close(l.end)
		for in := bufio.NewReader(r); ; {
			line, err := in.ReadString('\n')
			l.mu.Lock()
			l.text.WriteString(line)
			l.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return l
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return golden.Unworded(l.text.String())
}

// patience is for what comes soon, on a machine that may be busy.
const patience = 2 * time.Minute

// until waits for something that happens soon.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("%s: not within %v", what, patience)
}

func serve(t *testing.T, args ...string) *served {
	t.Helper()
	s := &served{t: t, cmd: exec.Command(os.Args[0], append([]string{"serve", "--listen", "127.0.0.1:0", "-v"}, args...)...), ended: make(chan error, 1)}
	s.cmd.Env = append(os.Environ(), asMain+"=1")
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.stdout, s.stderr = collect(stdout), collect(stderr)
	go func() {
		<-s.stdout.end
		<-s.stderr.end
		s.ended <- s.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it has ended where the test went well
		if t.Failed() {
			t.Logf("stdout:\n%s\nstderr:\n%s", s.stdout, s.stderr)
		}
	})
	until(t, "the ready line", func() bool { return strings.HasSuffix(s.stdout.String(), "\n") })
	line, _, _ := strings.Cut(s.stdout.String(), "\n")
	var ok bool
	if s.url, ok = strings.CutPrefix(line, "irsa-emu ready on "); !ok {
		t.Fatalf("ready line: %q", line)
	}
	return s
}

func (s *served) signal() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
}

// wantExit waits for the end.
func (s *served) wantExit(code int) {
	s.t.Helper()
	select {
	case err := <-s.ended:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			s.t.Fatal(err)
		}
		if got := s.cmd.ProcessState.ExitCode(); got != code {
			s.t.Errorf("exit code %d, want %d (%v)", got, code, s.cmd.ProcessState)
		}
	case <-time.After(patience):
		s.t.Fatal("it has not ended")
	}
}

func (s *served) get(path string) (status int, body string, err error) {
	resp, err := http.Get(s.url + path)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// slowCall is a call that takes so long, under way when slowCall returns.
func (s *served) slowCall(latency string) (answer chan string) {
	s.t.Helper()
	resp, err := http.Post(s.url+"/_emu/faults", "application/json", strings.NewReader(`{"fault":{"latency":"`+latency+`"}}`))
	if err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatal(resp, err)
	}
	resp.Body.Close()
	answer = make(chan string, 1)
	go func() {
		client := &http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		resp, err := client.PostForm(s.url, url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}})
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		answer <- resp.Status + " " + string(body)
		_ = err // a body that is cut off is not what the test wants, which it sees
	}()
	s.awaitCall()
	return answer
}

// halfCall is a call under way whose client has sent half of it; finish sends the
// rest and gives the answer.
func (s *served) halfCall() (finish func() string) {
	s.t.Helper()
	const body, half = "Action=GetCallerIdentity&Version=2011-06-15", 10
	host := strings.TrimPrefix(s.url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	head := fmt.Sprintf("POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n", host, len(body))
	if _, err := io.WriteString(conn, head+body[:half]); err != nil {
		s.t.Fatal(err)
	}
	s.awaitCall()
	return func() string {
		_, sent := io.WriteString(conn, body[half:])
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err = errors.Join(sent, err); err != nil {
			return err.Error()
		}
		answer, err := io.ReadAll(resp.Body)
		return fmt.Sprint(resp.Status, " ", string(answer), err)
	}
}

// awaitCall waits until a call is under way.
func (s *served) awaitCall() {
	s.t.Helper()
	until(s.t, "the call under way", func() bool {
		_, text, err := s.get("/metrics")
		return err == nil && strings.Contains(text, "\nirsa_emu_requests_in_flight 2\n") // with the scrape itself
	})
}

// awaitDrain waits until the end has begun.
func (s *served) awaitDrain() {
	s.t.Helper()
	until(s.t, "no new connections", func() bool { _, _, err := s.get("/healthz"); return err != nil })
}

func TestServeFinishesCalls(t *testing.T) {
	s := serve(t, "--drain-timeout", "1m")
	finish := s.halfCall()
	s.signal()
	s.awaitDrain()
	if got := finish(); !strings.HasPrefix(got, "403 ") || !strings.Contains(got, "MissingAuthenticationToken") {
		t.Errorf("the call under way was answered %s", got)
	}
	s.wantExit(0)
	if _, _, err := s.get("/healthz"); err == nil {
		t.Error("somebody still listens")
	}
	if n := strings.Count(s.stdout.String(), "\n"); n != 1 {
		t.Errorf("stdout has %d lines:\n%s", n, s.stdout)
	}
}

func TestServeIsNotReadyWhileItEnds(t *testing.T) {
	ready := filepath.Join(t.TempDir(), "ready.json")
	s := serve(t, "--drain-linger", "1m", "--ready-file", ready)
	if status, body, err := s.get("/readyz"); err != nil || status != http.StatusOK || body != "ok\n" {
		t.Fatalf("before: %d %q %v", status, body, err)
	}
	health := func() (code int, said string) {
		var stdout, stderr bytes.Buffer
		env := func(string) (string, bool) { return "", false }
		code = run(t.Context(), []string{"health", "--url", s.url}, env, strings.NewReader(""), &stdout, &stderr)
		return code, golden.Unworded(stdout.String() + stderr.String())
	}
	if code, said := health(); code != exitOK || said != "ready\n" {
		t.Errorf("health: %d %s", code, said)
	}
	s.signal()
	until(t, "/readyz says no", func() bool {
		status, _, err := s.get("/readyz")
		return err == nil && status == http.StatusServiceUnavailable
	})
	if code, said := health(); code != exitFailed || said != "irsa-emu: not ready: shutting down\n" {
		t.Errorf("health while it ends: %d %s", code, said)
	}
	if status, _, err := s.get("/healthz"); err != nil || status != http.StatusOK {
		t.Errorf("it lives: %d %v", status, err)
	}
	if status, _, err := s.get("/_emu/clock"); err != nil || status != http.StatusOK {
		t.Errorf("it still answers: %d %v", status, err)
	}
	s.signal() // the second ends it at once
	s.wantExit(0)
	if _, err := os.Stat(ready); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the ready file is still there: %v", err)
	}
}

func TestServeSecondSignalCutsCalls(t *testing.T) {
	s := serve(t, "--drain-timeout", "1m")
	answer := s.slowCall("1m")
	s.signal()
	s.awaitDrain()
	s.signal()
	s.wantExit(0)
	if got := <-answer; strings.HasPrefix(got, "403 ") {
		t.Errorf("the call was answered: %s", got)
	}
	if !strings.Contains(s.stderr.String(), `msg="requests were cut off at the end" requests=1`) {
		t.Errorf("the log does not say what was cut off:\n%s", s.stderr)
	}
}

func TestServeDrainIsBounded(t *testing.T) {
	s := serve(t, "--drain-timeout", "100ms")
	s.slowCall("1m")
	s.signal()
	s.wantExit(0)
	if !strings.Contains(s.stderr.String(), `msg="requests were cut off at the end" requests=1`) {
		t.Errorf("the log does not say what was cut off:\n%s", s.stderr)
	}
}

func TestServeCloudTrail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trail.jsonl")
	for range 2 { // a second run appends
		s := serve(t, "--cloudtrail", path)
		if resp, err := http.PostForm(s.url, url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}}); err != nil {
			t.Fatal(err)
		} else {
			resp.Body.Close()
		}
		s.signal()
		s.wantExit(0)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wantRecords(t, string(content), 2)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}

	s := serve(t, "--cloudtrail", "-")
	if resp, err := http.PostForm(s.url, url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}}); err != nil {
		t.Fatal(err)
	} else {
		resp.Body.Close()
	}
	s.signal()
	s.wantExit(0)
	_, records, _ := strings.Cut(s.stdout.String(), "\n")
	wantRecords(t, records, 1)
}

func wantRecords(t *testing.T, text string, n int) {
	t.Helper()
	got := 0
	for line := range strings.Lines(text) {
		var record struct{ EventName, ErrorCode, SourceIPAddress string }
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if record.EventName != "GetCallerIdentity" || record.ErrorCode != "MissingAuthenticationToken" || record.SourceIPAddress != "127.0.0.1" {
			t.Errorf("record %s", line)
		}
		got++
	}
	if got != n {
		t.Errorf("%d records, want %d:\n%s", got, n, text)
	}
}

func TestServeMisused(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--cloudtrail", filepath.Join(t.TempDir(), "no", "such", "folder")}, exitFailed, "--cloudtrail: open "},
		{[]string{"--drain-timeout", "0s"}, exitUsage, "--drain-timeout 0s: write a time above 0, such as 10s"},
		{[]string{"--drain-linger", "-1s"}, exitUsage, "--drain-linger -1s: it is negative"},
	} {
		var stdout, stderr bytes.Buffer
		env := func(string) (string, bool) { return "", false }
		if code := run(t.Context(), append([]string{"serve", "--listen", "127.0.0.1:0"}, test.args...), env, strings.NewReader(""), &stdout, &stderr); code != test.code {
			t.Errorf("%v: exit code %d, want %d", test.args, code, test.code)
		}
		if !strings.Contains(stderr.String(), test.want) || stdout.Len() > 0 {
			t.Errorf("%v: stdout %q, stderr %q", test.args, &stdout, &stderr)
		}
	}
}

func TestServeBeyondLoopbackWarns(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"", `control="refused: no --control-token"`},
		{"--control-token=XTOKENX", `control="open to the control token"`},
	} {
		args := []string{"--listen", "0.0.0.0:0"}
		if test.args != "" {
			args = append(args, test.args)
		}
		s := serve(t, args...)
		until(t, "the log warns", func() bool {
			log := s.stderr.String()
			return strings.Contains(log, "level=WARN") && strings.Contains(log, test.want)
		})
		if status, body, err := s.get("/_emu/state"); err != nil || status != http.StatusForbidden || !strings.Contains(body, "--control-token") {
			t.Errorf("%v: /_emu/state: %d %s %v", args, status, body, err)
		}
		s.signal()
		s.wantExit(0)
		if log := s.stderr.String(); strings.Contains(log, "XTOKENX") {
			t.Errorf("%v: the log has the token:\n%s", args, log)
		}
	}
}
