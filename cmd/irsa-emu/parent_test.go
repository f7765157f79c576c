//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// suite is a shell that starts irsa-emu serve --parent-death, as a test suite
// does: $SERVE in its script.
func suite(t *testing.T, script string) (cmd *exec.Cmd, readyFile string, log *lockedBuffer) {
	t.Helper()
	dir := t.TempDir()
	readyFile = filepath.Join(dir, "ready.json")
	serve := irsaEmu(t.Context(), nil, "serve", "--parent-death", "--listen=127.0.0.1:0", "--ready-file="+readyFile)
	cmd = exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Env, cmd.Dir = append(serve.Env, "SERVE="+strings.Join(serve.Args, " ")), dir
	// The output is a pipe whose other end stays open, and so are the file
	// descriptors of who is killed: only its death ends the emulator.
	log = &lockedBuffer{}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	go func() {
		defer read.Close()
		for b := make([]byte, 4096); ; {
			n, err := read.Read(b)
			_, _ = log.Write(b[:n])
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { write.Close() })
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, readyFile, log
}

type readyNote struct {
	URL string
	PID int
}

func awaitReady(t *testing.T, file string) (ready readyNote) {
	t.Helper()
	eventually(t, "the emulator is ready", func() bool {
		content, err := os.ReadFile(file)
		return err == nil && json.Unmarshal(content, &ready) == nil
	})
	t.Cleanup(func() {
		if t.Failed() {
			_ = syscall.Kill(ready.PID, syscall.SIGKILL) // it should be gone
		}
	})
	return ready
}

func TestEndsWithItsParent(t *testing.T) {
	for name, script := range map[string]string{
		"that is killed":          `$SERVE & wait`,
		"by the process's id":     `$SERVE --parent-pid $$ & wait`,
		"of its parent":           `sh -c "$SERVE --parent-pid $$ & wait"`,
		"in a session of its own": `setsid $SERVE & wait`,
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(script, "setsid") {
				if _, err := exec.LookPath("setsid"); err != nil {
					t.Skip(err)
				}
			}
			cmd, file, log := suite(t, script)
			ready := awaitReady(t, file)
			answer, err := http.Get(ready.URL + "/healthz")
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // killed
			eventually(t, "the emulator is gone", func() bool { return dead(ready.PID) })
			if _, err := os.Stat(file); err == nil {
				t.Error("the ready file is still there")
			}
			eventually(t, "it says why", func() bool {
				return strings.Contains(log.String(), "ending: the process that started irsa-emu is gone")
			})
		})
	}
}

// A parent that has died before it can be asked for is found out.
func TestEndsWhenItsParentIsGoneAlready(t *testing.T) {
	const orphan = `( while kill -0 $$ 2>/dev/null; do sleep 0.05; done
		sh -c 'cut -d" " -f4 /proc/$PPID/stat' >adopted.by 2>/dev/null
		exec sh -c 'echo $$ >pid; exec $SERVE %' ) & exit 0`
	for flags, want := range map[string]string{
		"":                        "--parent-death: the process that started irsa-emu is gone already: process 1 has adopted this one; if it started it, write --parent-pid 1",
		"--parent-pid 2147483646": "of --parent-pid is gone already, or never was",
	} {
		cmd, file, log := suite(t, strings.Replace(orphan, "%", flags, 1))
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(file)
		if flags == "" {
			// A process in between may adopt orphans; it is the parent then, and lives.
			var by []byte
			eventually(t, "it is adopted", func() bool {
				by, _ = os.ReadFile(filepath.Join(dir, "adopted.by"))
				return bytes.HasSuffix(by, []byte("\n"))
			})
			if adopter := strings.TrimSpace(string(by)); adopter != "1" {
				t.Logf("left out: orphans are adopted by process %s here", adopter)
				_ = syscall.Kill(awaitReady(t, file).PID, syscall.SIGTERM)
				continue
			}
		}
		eventually(t, "it says why it does not start", func() bool { return strings.Contains(log.String(), want) })
		eventually(t, "it ends", func() bool {
			text, _ := os.ReadFile(filepath.Join(dir, "pid"))
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			return err == nil && dead(pid)
		})
		if strings.Contains(log.String(), "ready on") {
			t.Errorf("%q: it was ready: %s", flags, log)
		}
	}
}

func dead(pid int) bool {
	return syscall.Kill(pid, 0) != nil || zombie(pid)
}

func TestParentFlags(t *testing.T) {
	for line, want := range map[string]string{
		"--parent-pid=" + strconv.Itoa(os.Getpid()): "irsa-emu: --parent-pid: is about --parent-death; write that too\n",
		"--parent-death --parent-pid=-4":            "irsa-emu: --parent-pid -4: write the id of a process\n",
	} {
		var out bytes.Buffer
		args := append([]string{"serve", "--listen=127.0.0.1:0"}, strings.Fields(line)...)
		if code := run(t.Context(), args, func(string) (string, bool) { return "", false }, nil, &out, &out); code != exitUsage || out.String() != want {
			t.Errorf("%s: %d, %s", line, code, &out)
		}
	}
}
