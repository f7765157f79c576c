package kind

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/kind/pkg/log"
)

// Progress is what is going on: one line for people.
type Progress struct {
	What string
	// SoFar is how long What has been going on, where that is all the news; zero
	// for what was not said before. Each such line can make way for the next.
	SoFar time.Duration
}

func (p Progress) String() string {
	if p.SoFar == 0 {
		return p.What
	}
	return fmt.Sprintf("%s … %d s", p.What, int(p.SoFar.Seconds()))
}

// Logger takes progress, and kind's own messages; it is called from many
// goroutines.
type Logger func(Progress)

func (l Logger) sayf(format string, args ...any) { l(Progress{What: fmt.Sprintf(format, args...)}) }

// ticking says every two seconds that something is still going on.
func (l Logger) ticking(ctx context.Context, format string, args ...any) (stop func()) {
	started, what := time.Now(), fmt.Sprintf(format, args...)
	l(Progress{What: what})
	ctx, cancel := context.WithCancel(ctx)
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(2 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				l(Progress{What: what, SoFar: time.Since(started)})
			}
		}
	})
	return func() { cancel(); ended.Wait() }
}

func (l Logger) Warn(message string)              { l.sayf("kind: warning: %s", message) }
func (l Logger) Warnf(f string, args ...any)      { l.Warn(fmt.Sprintf(f, args...)) }
func (l Logger) Error(message string)             { l.sayf("kind: error: %s", message) }
func (l Logger) Errorf(f string, args ...any)     { l.Error(fmt.Sprintf(f, args...)) }
func (l Logger) V(level log.Level) log.InfoLogger { return infoLogger{l, level == 0} }

type infoLogger struct {
	log     Logger
	enabled bool
}

func (i infoLogger) Enabled() bool { return i.enabled }
func (i infoLogger) Info(message string) {
	if i.enabled {
		i.log.sayf("kind: %s", strings.TrimSpace(message))
	}
}
func (i infoLogger) Infof(f string, args ...any) { i.Info(fmt.Sprintf(f, args...)) }
