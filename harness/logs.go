package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/irsa-emu/irsa-emu/control"
)

// logs is the folder that keeps what failures leave behind: a folder a
// scenario with what the emulator decided, and what commands and pods wrote.
type logs struct {
	mu     sync.Mutex
	folder string
	exists bool
}

// made is the folder if anything is in it.
func (l *logs) made() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.exists {
		return ""
	}
	return l.folder
}

// of makes a scenario's folder.
func (l *logs) of(s *Scenario) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.exists {
		var err error
		if l.folder == "" {
			l.folder, err = os.MkdirTemp("", "irsa-emu-logs-")
		} else {
			err = os.MkdirAll(l.folder, 0o755)
		}
		if err != nil {
			return "", fmt.Errorf("folder for logs: %w", err)
		}
		l.exists = true
	}
	folder := filepath.Join(l.folder, s.Metadata.Name)
	return folder, os.MkdirAll(folder, 0o755)
}

// keepDecisions writes all that a scenario's emulator decided.
func (l *logs) keepDecisions(ctx context.Context, play *stage) (string, error) {
	folder, err := l.of(play.scenario)
	if err != nil {
		return "", err
	}
	decisions, err := play.control.Decisions(ctx, control.DecisionQuery{Limit: 10_000})
	if err != nil {
		return folder, fmt.Errorf("decisions for the logs: %w", err)
	}
	text, err := json.MarshalIndent(control.Decisions{Decisions: decisions}, "", "  ")
	if err != nil {
		return folder, fmt.Errorf("decisions for the logs: %w", err)
	}
	return folder, os.WriteFile(filepath.Join(folder, "decisions.json"), text, 0o644)
}

// keepOutput writes what a failed step's command or pod wrote.
func (l *logs) keepOutput(s *Scenario, step *Step, output []file) error {
	for _, f := range output {
		folder, err := l.of(s)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("line-%d-%s.log", step.Line, f.name)
		if err := os.WriteFile(filepath.Join(folder, strings.ReplaceAll(name, "/", "-")), f.content, 0o644); err != nil {
			return fmt.Errorf("output for the logs: %w", err)
		}
	}
	return nil
}
