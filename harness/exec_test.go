package harness_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/harness"
)

func execConfig(t *testing.T, f *fake, script string) (harness.ExecConfig, *bytes.Buffer) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir()) // to see what is left
	out := new(bytes.Buffer)
	return harness.ExecConfig{
		URL: f.URL(), ServiceAccount: "app/app", Role: "arn:aws:iam::111122223333:role/App", Command: []string{"sh", "-c", script}, Stdout: out, Stderr: out,
	}, out
}

func left(t *testing.T) {
	t.Helper()
	if files, _ := filepath.Glob(os.Getenv("TMPDIR") + "/*"); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
}

func TestExecEnvironment(t *testing.T) {
	f := startFake(t)
	c, out := execConfig(t, f, `env; ls -la "${AWS_WEB_IDENTITY_TOKEN_FILE%/*}"; test -f "$AWS_CONFIG_FILE" && test -f "$AWS_SHARED_CREDENTIALS_FILE" && cat "$AWS_CONFIG_FILE" "$AWS_SHARED_CREDENTIALS_FILE"`)
	c.Env = []string{
		"PATH=" + os.Getenv("PATH"), "AWS_PROFILE=production", "AWS_ACCESS_KEY_ID=AKIAREAL", "AWS_SECRET_ACCESS_KEY=real", "AWS_SESSION_TOKEN=real",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.2/x", "AWS_ENDPOINT_URL_DYNAMODB=https://real.example", "AWS_REGION=eu-west-1",
		"AWS_PAGER=less", "NO_PROXY=internal.example", "HOME=/home/me",
	}
	code, err := harness.Exec(context.Background(), c)
	if err != nil || code != 0 {
		t.Fatalf("%d, %v", code, err)
	}
	env := strings.Split(out.String(), "\n")
	for _, want := range []string{
		"AWS_ROLE_ARN=arn:aws:iam::111122223333:role/App", "AWS_REGION=us-west-2", "AWS_DEFAULT_REGION=us-west-2", "AWS_STS_REGIONAL_ENDPOINTS=regional",
		"AWS_ENDPOINT_URL=" + f.URL(), "AWS_ENDPOINT_URL_STS=" + f.URL(), "AWS_ENDPOINT_URL_SECRETS_MANAGER=" + f.URL(), "AWS_EC2_METADATA_DISABLED=true",
		"AWS_PAGER=less", "HOME=/home/me", "NO_PROXY=internal.example,127.0.0.1",
	} {
		if !slices.Contains(env, want) {
			t.Errorf("the command lacks %s", want)
		}
	}
	if text := out.String(); strings.Contains(text, "real") || strings.Contains(text, "production") || strings.Contains(text, "169.254") {
		t.Errorf("credentials or profiles of the shell reach the command:\n%s", text)
	}
	if !strings.Contains(out.String(), "token -> ..data/token") {
		t.Errorf("the token file is not laid out as the kubelet does:\n%s", out)
	}
	dropped := harness.Dropped(c.Env)
	if len(dropped) != 7 || slices.Contains(dropped, "AWS_PAGER") {
		t.Errorf("dropped: %v", dropped)
	}
	left(t)
}

func TestExecRefreshesTheToken(t *testing.T) {
	f := startFake(t)
	f.life = time.Second // refreshed after 0.8 s
	c, out := execConfig(t, f, `f=$AWS_WEB_IDENTITY_TOKEN_FILE; a=$(cat $f); for i in $(seq 1200); do sleep 0.1; b=$(cat $f) || exit 9; test -n "$b" || exit 8; test "$a" != "$b" && exit 0; done; exit 1`)
	code, err := harness.Exec(context.Background(), c)
	if err != nil || code != 0 {
		t.Errorf("%d, %v: %s", code, err, out)
	}
	left(t)
}

func TestExecComplainsWhenRefreshFails(t *testing.T) {
	f := startFake(t)
	f.life = time.Second
	f.failAfter = 1
	complained := filepath.Join(t.TempDir(), "complained")
	c, out := execConfig(t, f, `while ! test -e "$0"; do sleep 0.05; done; test -s "$AWS_WEB_IDENTITY_TOKEN_FILE"`)
	c.Command = append(c.Command, complained)
	var complaints atomic.Int32
	c.Complain = func(error) {
		if complaints.Add(1) == 1 {
			if err := os.WriteFile(complained, nil, 0o600); err != nil {
				t.Error(err)
			}
		}
	}
	code, err := harness.Exec(t.Context(), c)
	if err != nil || code != 0 || complaints.Load() == 0 {
		t.Errorf("%d, %v, %d complaints: %s", code, err, complaints.Load(), out)
	}
}

func TestExecExitCodes(t *testing.T) {
	f := startFake(t)
	for name, test := range map[string]struct {
		command []string
		want    int
		failed  bool
	}{
		"its own":        {[]string{"sh", "-c", "exit 42"}, 42, false},
		"killed":         {[]string{"sh", "-c", "kill -9 $$"}, 128 + 9, false},
		"not found":      {[]string{"irsa-emu-no-such-program"}, 127, true},
		"not found here": {[]string{"./no-such-program"}, 127, true},
		"not executable": {[]string{"./exec_test.go"}, 126, true},
		"none":           {nil, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := execConfig(t, f, "")
			c.Command = test.command
			code, err := harness.Exec(context.Background(), c)
			if code != test.want || (err != nil) != test.failed {
				t.Errorf("%d, %v; want %d", code, err, test.want)
			}
			left(t)
		})
	}
}

func TestExecWithoutEmulator(t *testing.T) {
	c, _ := execConfig(t, startFake(t), "true")
	c.URL = "http://127.0.0.1:1"
	if code, err := harness.Exec(context.Background(), c); code != 1 || err == nil || !strings.Contains(err.Error(), "start one with: irsa-emu serve") {
		t.Errorf("%d, %v", code, err)
	}
}

func TestExecEndsWithItsContext(t *testing.T) {
	c, _ := execConfig(t, startFake(t), `trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.Stdout = writes(func() { cancel() })
	if code, _ := harness.Exec(ctx, c); code != 5 {
		t.Errorf("exit code %d", code)
	}
}

// writes is called for whatever is written.
type writes func()

func (w writes) Write(p []byte) (int, error) { w(); return len(p), nil }

// The forwarding process is another one, since a signal sent to this one
// reaches all tests in it.
func TestExecForwardsSignals(t *testing.T) {
	if url := os.Getenv("HARNESS_TEST_EXEC"); url != "" {
		code, err := harness.Exec(context.Background(), harness.ExecConfig{
			URL: url, ServiceAccount: "app/app", Role: "arn:aws:iam::111122223333:role/App", ForwardSignals: true, Stdout: os.Stdout,
			Command: []string{"sh", "-c", `trap 'exit 7' TERM; trap 'exit 8' INT; echo ready; while :; do sleep 0.05; done`},
		})
		if err != nil {
			t.Log(err)
		}
		os.Exit(code)
	}
	f := startFake(t)
	for signal, want := range map[os.Signal]int{syscall.SIGTERM: 7, syscall.SIGINT: 8} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestExecForwardsSignals$")
		cmd.Env = append(os.Environ(), "HARNESS_TEST_EXEC="+f.URL())
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := stdout.Read(make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != want {
			t.Errorf("%v: %v; want exit code %d", signal, err, want)
		}
	}
}
