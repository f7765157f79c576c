//go:build !unix

package harness

import (
	"os"
	"os/signal"
)

func terminate(p *os.Process) error { return p.Kill() }

func signalOf(*os.ProcessState) int { return 0 }

// catchSignals keeps an interrupt from ending us before the command, which the
// console tells by itself.
func catchSignals() (pass func(*os.Process) (stop func())) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	return func(*os.Process) func() { return func() { signal.Stop(signals) } }
}
