//go:build unix

package harness

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

func signalOf(s *os.ProcessState) int {
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return int(status.Signal())
	}
	return 0
}

// catchSignals holds signals back from now on. The returned function passes
// them on to a process, until the function that it returns is called. What is
// typed at a terminal reaches the command without us, and must not twice.
func catchSignals() (pass func(*os.Process) (stop func())) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGCONT)
	typed := term.IsTerminal(int(os.Stdin.Fd()))
	return func(p *os.Process) (stop func()) {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for s := range signals {
				if p == nil || typed && (s == syscall.SIGINT || s == syscall.SIGQUIT || s == syscall.SIGWINCH) {
					continue
				}
				_ = p.Signal(s) // the command may just have ended
			}
		}()
		return func() {
			signal.Stop(signals)
			close(signals)
			<-ended
		}
	}
}
