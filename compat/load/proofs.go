//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/irsa-emu/irsa-emu/sources/sourcestest"
)

// proofs measures the questions about all tokens: how who, prove and diff grow with
// the number of roles, each role for an app in twenty namespaces.
func proofs(dir, emulator string) error {
	fmt.Println("\n| roles | command | seconds | CPU seconds | resident MiB |\n|---|---|---|---|---|")
	for _, roles := range []int{100, 1000, 10000} {
		old, now := filepath.Join(dir, "old.json"), filepath.Join(dir, "new.json")
		for file, changed := range map[string]bool{old: false, now: true} {
			if err := os.WriteFile(file, []byte(accountOf(roles, changed)), 0o600); err != nil {
				return err
			}
		}
		for _, c := range []struct {
			name string
			code int // that the right answer has
			last string
			args []string
		}{
			{"who", 0, fmt.Sprintf("%d roles", roles), []string{"who", "--given", old}},
			{"who --service-account", 0, "", []string{"who", "--given", old, "--service-account", "ns3/app-7"}},
			{"prove --only", 0, fmt.Sprintf("%d answers: %d proved, 0 refuted, 0 undecided", roles, roles), []string{"prove", "--given", old, "--only", "serviceAccount=ns*/app-*"}},
			{"diff, a tenth changed", 1, fmt.Sprintf("%d gained, 0 lost, 0 undecided", roles/10), []string{"diff", old, now}},
		} {
			row, err := asked(emulator, c.code, c.last, c.args...)
			if err != nil {
				return fmt.Errorf("%s of %d roles: %w", c.name, roles, err)
			}
			fmt.Printf("| %d | %s | %s |\n", roles, c.name, row)
		}
	}
	return nil
}

// asked runs the binary once: its time, its processors' time and its memory.
func asked(emulator string, code int, last string, args ...string) (string, error) {
	cmd := exec.Command(emulator, args...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	started := time.Now()
	err := cmd.Run()
	took := time.Since(started)
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		return "", fmt.Errorf("exit %v, want %d", err, code)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if last != "" && lines[len(lines)-1] != last {
		return "", fmt.Errorf("it says %q, want %q", lines[len(lines)-1], last)
	}
	used := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	processor := time.Duration(used.Utime.Nano() + used.Stime.Nano())
	return fmt.Sprintf("%.2f | %.2f | %d", took.Seconds(), processor.Seconds(), used.Maxrss/1024), nil
}

// accountOf is such an account; changed widens the first pattern of every tenth role.
func accountOf(roles int, changed bool) string {
	return sourcestest.Account(roles, func(namespace, role int) string {
		if changed && namespace == 0 && role%10 == 0 {
			return fmt.Sprintf("system:serviceaccount:ns0*:app-%d", role)
		}
		return fmt.Sprintf("system:serviceaccount:ns%d:app-%d", namespace, role)
	})
}
