package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/irsa-emu/irsa-emu/golden"
)

// Tests that kill, partition or lock out processes need real ones. binaryVariable
// names the binary; without it the test binary itself, run again, becomes it.
const binaryVariable = "IRSA_EMU_BINARY"

// irsaEmu is the command line of irsa-emu in a process of its own, after prefix: such as ip netns exec NAME.
func irsaEmu(ctx context.Context, prefix []string, args ...string) *exec.Cmd {
	binary, env := os.Getenv(binaryVariable), os.Environ()
	if binary == "" {
		binary, env = os.Args[0], append(env, asMain+"=1")
	}
	line := append(append(append([]string{}, prefix...), binary), args...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = env
	return cmd
}

// process is irsa-emu serve.
type process struct {
	url string
	cmd *exec.Cmd
	log *lockedBuffer
}

// serveProcess starts irsa-emu serve and waits until it answers.
func serveProcess(ctx context.Context, prefix []string, args ...string) (*process, error) {
	s := &process{log: &lockedBuffer{}}
	s.cmd = irsaEmu(ctx, prefix, append([]string{"serve"}, args...)...)
	s.cmd.Stderr = s.log
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "irsa-emu ready on ")
	if err != nil || !ok {
		s.kill()
		return nil, fmt.Errorf("irsa-emu %s did not get ready: %q, %v\n%s", strings.Join(args, " "), line, err, s.log)
	}
	s.url = url
	return s, nil
}

// kill is SIGKILL; it waits until the process is gone.
func (s *process) kill() {
	_ = s.cmd.Process.Kill() // it may be gone
	_ = s.cmd.Wait()         // "signal: killed" is what is wanted
}

// awsConfig is the default account's administrator at an address, with one connection a client and no retries: what is
// answered is what happened.
func awsConfig(url string, transport *http.Transport) aws.Config {
	return aws.Config{
		Region: "us-west-2", BaseEndpoint: aws.String(url), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:  &http.Client{Transport: transport, Timeout: 2 * time.Minute},
	}
}

// lockedBuffer is what a process wrote, to be read while it writes.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return golden.Unworded(b.buffer.String())
}

// runProcess runs a command of irsa-emu to its end.
func runProcess(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := irsaEmu(ctx, nil, args...)
	var out, errors bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errors
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatalf("irsa-emu %s: %v", strings.Join(args, " "), err)
	}
	return cmd.ProcessState.ExitCode(), golden.Unworded(out.String()), golden.Unworded(errors.String())
}

// TestFileStoreOfProcesses: the file of a running emulator is refused to every other process, and one that is damaged to all.
func TestFileStoreOfProcesses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "state.db")
	s, err := serveProcess(t.Context(), nil, "--listen", "127.0.0.1:0", "--store", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.kill()
	inUse := fmt.Sprintf("irsa-emu: state file %s is in use by another irsa-emu (pid %d)\n", path, s.cmd.Process.Pid)
	export := filepath.Join(folder, "export.jsonl")
	if err := os.WriteFile(export, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"serve", "--listen", "127.0.0.1:0", "--store", "file:" + path}, {"state", "export", "file:" + path},
		{"state", "import", "file:" + path, export}, {"state", "check", path},
	} {
		if code, stdout, stderr := runProcess(t, args...); code != exitFailed || stdout != "" || stderr != inUse {
			t.Errorf("%v: exit %d, stdout %q, stderr %q; want 1 and %q", args, code, stdout, stderr, inUse)
		}
	}
	s.kill()

	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := bytes.ReplaceAll(whole, []byte(`"secret":`), []byte(`"sekret":`)) // in the sealing key, wherever it was written
	for name, content := range map[string][]byte{"broken": broken, "cut off": whole[:len(whole)/4], "empty": nil, "other": []byte("kind: State\n")} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{
			{"serve", "--listen", "127.0.0.1:0", "--store", "file:" + path}, {"state", "export", "file:" + path}, {"state", "check", path},
		} {
			code, stdout, stderr := runProcess(t, args...)
			if code != exitFailed || stdout != "" || !strings.HasPrefix(stderr, "irsa-emu: state file "+path+" cannot be used: ") ||
				!strings.Contains(stderr, "left as it is") || strings.Count(stderr, "\n") != 1 {
				t.Errorf("%s, %v: exit %d, stdout %q, stderr %q", name, args, code, stdout, stderr)
			}
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, content) {
			t.Errorf("%s: the file was changed although it was refused (%v)", name, err)
		}
	}
}
